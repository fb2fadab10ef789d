"""What the project's texts never hold: one computer's paths, and addresses of package registries."""

from __future__ import annotations

import os
import re

import pytest

from tests.house.tree import ROOT, texts

# Written in pieces, so that this file does not hold them either.
REGISTRIES = [
    "pypi" + ".org",
    "python" + "hosted",
    "npm" + "js.org",
    "unpkg" + ".com",
    "jsdelivr" + ".net",
    "extra-" + "index-url",
]
PATHS = re.compile(r"(?<![\w.])(/ho" + r"me/[a-z]\w*/|/ro" + r"ot/\.|/wo" + r"rk/|/tmp/br" + r"ief)")


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Return where a pattern occurs: file, line, words."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_registry_address() -> None:
    assert lines_with(re.compile("|".join(map(re.escape, REGISTRIES)))) == []


def test_no_path_of_one_computer() -> None:
    assert lines_with(PATHS) == []


def test_not_even_the_path_of_this_clone() -> None:
    if not ROOT.parts[1:]:
        pytest.skip("the clone is the whole file system")
    assert lines_with(re.compile(re.escape(str(ROOT)) + r"\b")) == []


def test_text_files_end_with_a_line_and_carry_no_carriage_returns() -> None:
    own = [
        (path, text) for path, text in texts() if path.suffix in {".py", ".md", ".toml", ".txt", ".html", ".css", ".js"}
    ]
    own = [(path, text) for path, text in own if "vendor" not in path.parts]
    assert [path.name for path, text in own if text and not text.endswith("\n")] == []
    assert [path.name for path, text in own if "\r" in text] == []


def test_what_starts_with_an_interpreter_can_be_started() -> None:
    scripts = [path for path, text in texts() if text.startswith("#!")]
    assert ROOT / ".ci" / "run" in scripts
    assert [path.name for path in scripts if not os.access(path, os.X_OK)] == []
