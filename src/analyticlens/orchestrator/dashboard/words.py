"""Words of the contract as people say them, in the page's language. Every word a page can show passes through here."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, gettext_lazy, pgettext, pgettext_lazy

from analyticlens.protocol.reasons import REASONS
from api import clock
from dashboard import sentences

Text = str | Promise

VERDICTS: dict[str, Text] = {
    "ok": pgettext_lazy("verdict", "OK"),
    "nok": pgettext_lazy("verdict", "NOK"),
    "undecided": pgettext_lazy("verdict", "Undecided"),
    "error": pgettext_lazy("verdict", "Error"),
}
NO_VERDICT = gettext_lazy("No verdict yet")

STATES: dict[str, Text] = {
    "offline": gettext_lazy("Offline"),
    "error": pgettext_lazy("state", "Error"),
    "refused": gettext_lazy("Change refused"),
    "late": gettext_lazy("No news"),
    "maintenance": gettext_lazy("Maintenance"),
    "new": gettext_lazy("Not heard yet"),
    "left": gettext_lazy("Signed off"),
    "stopped": gettext_lazy("Stopped"),
    "running": gettext_lazy("Running"),
}

MODES: dict[str, Text] = {
    "PRODUCAO": gettext_lazy("Production"),
    "TESTE": gettext_lazy("Test"),
    "DESENVOLVIMENTO": gettext_lazy("Development"),
}
MODE_MEANINGS: dict[str, Text] = {
    "PRODUCAO": gettext_lazy("Runs published recipes only; results count."),
    "TESTE": gettext_lazy("Runs published recipes; results are marked simulated and do not count."),
    "DESENVOLVIMENTO": gettext_lazy("Runs each saved edit at once; results are simulated and do not count."),
}
SHORT_MODES: dict[str, Text] = {
    "TESTE": pgettext_lazy("pill", "TEST"),
    "DESENVOLVIMENTO": pgettext_lazy("pill", "DEV"),
}

# Sentences of the engine that are said in other words beside their reason, in English as well.
DETAILS: dict[re.Pattern[str], Text] = {
    re.compile(r"it follows (?P<name>.+), which was not found"): gettext_lazy("It follows {name}."),
    re.compile(r"(?P<name>.+) could not prepare the picture"): gettext_lazy("{name} could not prepare the picture."),
    re.compile(r"no edge on the arrow"): gettext_lazy("No edge on the arrow."),
}
# Reasons whose message repeats, in the contract's keys, the value and the limits that stand beside it.
SEEN_IN_THE_ROW = {"limit", "guard_band", "value_missing"}


# Words of which a page of many machines says the same few hundreds of times are kept by language.


def verdict(word: str | None) -> str:
    """Return the word of a verdict."""
    return _verdict(word or "", get_language())


@lru_cache(maxsize=256)
def _verdict(word: str, language: str | None) -> str:
    return str(VERDICTS.get(word, NO_VERDICT))


def state(word: str) -> str:
    """Return the word of a display state."""
    return _state(word, get_language())


@lru_cache(maxsize=256)
def _state(word: str, language: str | None) -> str:
    return str(STATES.get(word, word))


def mode(word: str) -> str:
    """Return the word of a mode."""
    return str(MODES.get(word, word))


def mode_meaning(word: str) -> str:
    """Return what a mode means for the results."""
    return str(MODE_MEANINGS.get(word, ""))


def short_mode(word: str) -> str:
    """Return what the pill beside a machine says; production, the normal, has none."""
    return str(SHORT_MODES.get(word, ""))


def reason(word: str | None) -> str:
    """Return a reason as a sentence; an unknown word is shown with spaces, for it is all that is known."""
    if not word:
        return ""
    return schema(REASONS[word]) if word in REASONS else word.replace("_", " ")


def detail(reason_word: str | None, message: str) -> str:
    """Return what a tool's message adds to its reason, in the page's language where it is a known sentence."""
    if reason_word in SEEN_IN_THE_ROW:
        return ""
    for pattern, said in DETAILS.items():
        if found := pattern.fullmatch(message):
            return str(said).format(**found.groupdict())
    return sentences.said(message)


def schema(text: str) -> str:
    """Return a title, description or unit of the contract in the page's language."""
    return pgettext("schema", text) if text else ""


def unit(word: str) -> str:
    """Return a unit as it is printed."""
    return "°" if word == "deg" else schema(word)


def moment(when: datetime | None) -> str:
    """Print a moment in the plant's time zone: time alone today, day and time before."""
    if when is None:
        return "–"
    local = timezone.localtime(when)
    if local.date() == timezone.localtime(clock.wall()).date():
        return date_format(local, "H:i:s")
    return date_format(local, gettext("j M H:i"))


def span(seconds: float) -> str:
    """Print a length of time in its largest whole unit."""
    whole = max(0, int(seconds))
    if whole < 120:
        return gettext("{n} s").format(n=whole)
    if whole < 7200:
        return gettext("{n} min").format(n=whole // 60)
    if whole < timedelta(days=2).total_seconds():
        return gettext("{n} h").format(n=whole // 3600)
    return gettext("{n} d").format(n=whole // 86400)


def age(seconds: float | None) -> str:
    """Print how long ago."""
    if seconds is None:
        return "–"
    return _age(int(seconds), get_language())


@lru_cache(maxsize=1024)
def _age(seconds: int, language: str | None) -> str:
    return gettext("{age} ago").format(age=span(seconds))
