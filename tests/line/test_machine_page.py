"""docs/machine.md names every option of `analyticlens machine`, with its environment variable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analyticlens.machine.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "machine.md").read_text(encoding="utf-8")


def test_every_option_is_there_with_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}
    options = {option for option in shown if not option.startswith("--no-")}
    assert len(options) >= 10
    variables = {"ID" if option == "--machine-id" else option[2:].upper().replace("-", "_") for option in options}
    assert sorted(word for word in options | variables if f"`{word}`" not in PAGE) == []
