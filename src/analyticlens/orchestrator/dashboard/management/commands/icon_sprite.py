"""Make the icon sprite from an unpacked `lucide-static` package: the icons named in icons.txt, one symbol each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

ROOM = Path(__file__).resolve().parents[2]
SPRITE = ROOM / "static" / "dashboard" / "vendor" / "icons.svg"
OUTLINE = 'viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'


def names() -> list[str]:
    """Return the icons the pages use."""
    return (ROOM / "icons.txt").read_text().split()


def symbol(name: str, svg: str) -> str:
    """Return one icon file as a symbol of that name."""
    inside = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
    if inside is None:
        raise ValueError(f"{name} is no icon")
    return f'<symbol id="{name}" {OUTLINE}>{"".join(line.strip() for line in inside[1].splitlines())}</symbol>'


class Command(BaseCommand):
    """analyticlens manage icon_sprite PACKAGE"""

    help = "Write the icon sprite from an unpacked lucide-static package."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("package", type=Path, help="folder of the unpacked package, with icons/ inside")

    def handle(self, *args: Any, **options: Any) -> None:
        icons: Path = options["package"] / "icons"
        symbols = [symbol(name, (icons / f"{name}.svg").read_text()) for name in names()]
        SPRITE.write_text('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n")
        self.stdout.write(f"{SPRITE.name}: {len(symbols)} icons")
