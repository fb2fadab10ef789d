"""`analyticlens manage add_blob template.png`: store a template, golden picture or model, and print the name recipes use for it."""

from __future__ import annotations

from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from api.errors import BadInput
from audit import current_actor
from recipes.blobs import MIB, store_blob


class Command(BaseCommand):
    """Store files that recipes name by their SHA-256."""

    help = "Store templates, golden pictures or models, and print each one's SHA-256, by which recipes name it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Files to store."""
        parser.add_argument("files", nargs="+", type=Path, help="the files")

    def handle(self, *args: Any, files: list[Path], **options: Any) -> None:
        """Store each; the first that cannot be stored ends the command in words."""
        for path in files:
            try:
                with path.open("rb") as file:
                    row = store_blob(iter(partial(file.read, MIB), b""), path.name, current_actor())
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror or error}") from None
            except BadInput as error:
                raise CommandError(f"{path}: {error}") from None
            self.stdout.write(f"{row.sha256}  {path.name}")
