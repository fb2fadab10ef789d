"""Bring the Portuguese catalogue up to date: new texts join django.po empty, old ones leave it, and django.mo is compiled.

analyticlens manage translations
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from dashboard import catalog


class Command(BaseCommand):
    """analyticlens manage translations"""

    help = "Collect texts into the Portuguese catalogue and compile it."

    def handle(self, *args: Any, **options: Any) -> None:
        known = catalog.read_po(catalog.PO.read_text()) if catalog.PO.exists() else {}
        current = catalog.updated(known, catalog.texts())
        catalog.PO.parent.mkdir(parents=True, exist_ok=True)
        catalog.PO.write_text(catalog.write_po(current))
        catalog.MO.write_bytes(catalog.compile_mo(current))
        missing = sum(not any(said) for said in current.values())
        self.stdout.write(f"{len(current)} texts, {missing} without a translation")
