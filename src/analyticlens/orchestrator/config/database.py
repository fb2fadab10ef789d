"""Where rows are kept: SQLite in the data folder, or the PostgreSQL that DATABASE_URL names.

What is acknowledged is committed, power cut included, in both.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SCHEMES = ("postgres", "postgresql")
# Longer than any statement of ours takes; a lock nobody lets go is an error then, not a thread that is gone.
STATEMENT_MS, LOCK_MS = 60_000, 10_000
CONNECT_SECONDS = 5


def databases(data: Path, url: str) -> dict[str, dict[str, Any]]:
    """Return Django's DATABASES. Raises ImproperlyConfigured with one sentence, without the password in it."""
    return {"default": _postgresql(url) if url else _sqlite(data)}


def _sqlite(data: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": data / "db.sqlite3",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # A transaction that reads first and writes later would otherwise meet "database is locked".
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
        # A file here as well: threads of a test then meet the same locks as those of a server.
        "TEST": {"NAME": data / "test.sqlite3"},
    }


def _postgresql(url: str) -> dict[str, Any]:
    try:
        scheme, name = urlsplit(url).scheme, urlsplit(url).path.strip("/")
        found: dict[str, Any] = dict(dj_database_url.parse(url)) if scheme in SCHEMES else {}
    except ValueError:
        found, name = {}, ""
    if not found or not name:
        raise ImproperlyConfigured("DATABASE_URL is no address such as postgres://user:password@host:5432/analyticlens")
    if find_spec("psycopg") is None:
        raise ImproperlyConfigured(
            "DATABASE_URL names a PostgreSQL, and psycopg is missing: install analyticlens[postgres]"
        )
    options = {
        **found.get("OPTIONS", {}),
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "analyticlens",
        "options": f"-c synchronous_commit=on -c statement_timeout={STATEMENT_MS} -c lock_timeout={LOCK_MS}",
    }
    # A connection the server dropped is noticed before it is used, not by who uses it.
    return {**found, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}
