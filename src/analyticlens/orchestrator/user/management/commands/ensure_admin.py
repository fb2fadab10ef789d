"""Makes the first administrator, with a random password shown once."""

from __future__ import annotations

import os
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from audit import Actor, acting
from user.models import Role, User


class Command(BaseCommand):
    """Does nothing where an active administrator exists already."""

    help = "Create an administrator with a random password, unless there is one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the account and the file that keeps its password."""
        parser.add_argument("--username", default="admin")
        parser.add_argument("--password-file", type=Path, required=True, help="new file (mode 0600) for the password")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the account and its file, or neither."""
        if User.objects.filter(role=Role.ADMIN, is_active=True).exists():
            self.stdout.write("There is an administrator already.")
            return
        username, path = options["username"], Path(options["password_file"])
        if User.objects.filter(username=username).exists():
            raise CommandError(f"An account named {username!r} exists and is no active administrator; name another.")
        password = secrets.token_urlsafe(15)
        with transaction.atomic(), acting(Actor("system", "ensure_admin"), "first administrator"):
            User.objects.create_superuser(username, password=password)
            _write_once(path, password)
        self.stdout.write(f"Administrator: {username}\nPassword (shown this once, kept in {path}): {password}")


def _write_once(path: Path, password: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(password + "\n")
