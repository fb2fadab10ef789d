"""`analyticlens manage [--data DIR] …`: Django's manage.py on one data folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str]) -> int:
    """Run a management command; `--data DIR` before or after it names the data folder (else AL_DATA, else ./data)."""
    # What is kept in the data folder is its owner's, whoever made the folder.
    os.umask(0o077)
    words = _take_data_folder(list(argv))
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Imported late: the settings read the environment set above.
    from django.core.management import execute_from_command_line

    execute_from_command_line(["analyticlens manage", *words])
    return 0


def _take_data_folder(words: list[str]) -> list[str]:
    """Take `--data DIR` or `--data=DIR` out of words and into the environment."""
    rest: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--data":
            if not words:
                raise SystemExit("--data wants a folder")
            os.environ["AL_DATA"] = words.pop(0)
        elif word.startswith("--data="):
            os.environ["AL_DATA"] = word.removeprefix("--data=")
        else:
            rest.append(word)
    return rest
