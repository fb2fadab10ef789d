"""Takes the second step from somebody who lost theirs, where no administrator can sign in to do it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from user import second_step
from user.models import User


class Command(BaseCommand):
    """analyticlens manage reset_second_step USERNAME --reason WHY"""

    help = "Take the second step of signing in from somebody who lost theirs; they sign in by password alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the person, and why."""
        parser.add_argument("username")
        parser.add_argument("--reason", required=True, help="why, for the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reset it."""
        person = User.objects.filter(username=options["username"]).first()
        if person is None:
            raise CommandError(f"There is nobody named {options['username']!r}.")
        done = second_step.reset(person, options["reason"])
        self.stdout.write("Reset; all their sessions ended." if done else "They had none.")
