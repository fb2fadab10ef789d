"""The Portuguese catalogue is whole, current and compiled; the contract's texts are in it."""

from __future__ import annotations

import gettext
import io
import re
import string

from dashboard import catalog, contract_words, tool_words, words
from dashboard.catalog import Text
from dashboard.management.commands.contract_words import TARGET, source


def translations() -> catalog.Translations:
    return catalog.read_po(catalog.PO.read_text())


def test_every_text_of_the_orchestrator_is_in_it_and_no_other() -> None:
    wanted, known = catalog.texts(), set(translations())
    assert wanted - known == set(), "run: analyticlens manage translations"
    assert known - wanted == set(), "run: analyticlens manage translations"


def test_every_text_has_its_translation() -> None:
    missing = [text for text, said in translations().items() if len(said) != (2 if text.plural else 1) or not all(said)]
    assert missing == []


def test_the_compiled_file_is_what_the_edited_one_says() -> None:
    assert catalog.MO.read_bytes() == catalog.compile_mo(translations()), "run: analyticlens manage translations"


def test_the_compiled_file_is_read_by_pythons_own_gettext() -> None:
    said = gettext.GNUTranslations(io.BytesIO(catalog.MO.read_bytes()))
    assert said.pgettext("verdict", "NOK") == "Reprovada"
    assert said.gettext("Fleet") == "Painel"
    plural = "%(n)s parts"
    assert [said.ngettext("%(n)s part", plural, number) for number in (0, 1, 2)] == [
        "%(n)s peça",
        "%(n)s peça",
        "%(n)s peças",
    ]


def places(text: str) -> set[str]:
    """Return the placeholders of a text, in either style."""
    braces = {name for _text, name, _spec, _kind in string.Formatter().parse(text.replace("%(", "(")) if name}
    return braces | set(re.findall(r"%\(\w+\)s", text))


def test_translations_keep_the_placeholders() -> None:
    for text, said in translations().items():
        if text.context not in {"schema", "choice"}:
            originals = (text.singular, text.plural) if text.plural else (text.singular,)
            assert [places(form) for form in said] == [places(original) for original in originals], text


def test_the_contracts_texts_were_collected_anew() -> None:
    assert TARGET.read_text() == source(), "run: analyticlens manage contract_words"
    assert contract_words.WORDS


def test_every_verdict_and_state_has_a_word() -> None:
    from analyticlens.protocol.tools import TOOL_CLASSES
    from analyticlens.protocol.words import MODES, VERDICTS
    from dashboard.display import ICONS, PRIORITY

    assert set(words.VERDICTS) == set(VERDICTS)
    assert set(words.STATES) == set(PRIORITY) == set(ICONS)
    assert set(words.MODES) == set(MODES)
    assert set(tool_words.TOOL_TYPES) == set(TOOL_CLASSES)
    assert sorted(kind for _family, kinds in tool_words.TOOL_FAMILIES for kind in kinds) == sorted(TOOL_CLASSES)


def test_texts_are_found_in_python_and_templates() -> None:
    code = 'a = gettext("one")\nb = pgettext_lazy("c", "two")\nd = ngettext("three", "threes", n)\ne = _(variable)'
    assert set(catalog.in_python(code)) == {Text("", "one"), Text("c", "two"), Text("", "three", "threes")}
    template = '{% load i18n %}{% translate "it\'s" context "c" %}{% blocktranslate with n=m %}say {{ n }}{% endblocktranslate %}'
    assert set(catalog.in_template(template)) == {Text("c", "it's"), Text("", "say %(n)s")}


def test_a_written_catalogue_is_read_back() -> None:
    said: catalog.Translations = {Text("c", 'a "b"\n\\'): ("x\ty",), Text("", "one", "many"): ("um", "uns")}
    assert catalog.read_po(catalog.write_po(said)) == said
