#!/usr/bin/env python
"""Django's manage.py; `analyticlens manage` does the same from an installed package."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from config.manage_cli import main

    sys.exit(main(sys.argv[1:]))
