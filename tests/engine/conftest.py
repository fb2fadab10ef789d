"""What may be missing on a computer that runs these tests."""

from __future__ import annotations

import importlib.util
import os

import pytest

from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.tools.ocr import _data


def _missing() -> str:
    """Return what is missing to read text here, or ""."""
    if importlib.util.find_spec("tesserocr") is None:
        return "tesserocr"
    try:
        _data("eng")
    except CannotBuild:
        return "tesseract-ocr-eng"
    return ""


@pytest.fixture
def tesseract() -> None:
    """Skip where there is no Tesseract; with REQUIRE_PEERS=1 fail."""
    missing = _missing()
    if missing and os.environ.get("REQUIRE_PEERS") == "1":
        pytest.fail(f"{missing} is not installed and REQUIRE_PEERS=1 wants it", pytrace=False)
    if missing:
        pytest.skip(f"{missing} is not installed")
