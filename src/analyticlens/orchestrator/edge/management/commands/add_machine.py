"""`analyticlens manage add_machine vm_004 --name "Press 4"`: a machine, its enrolment code, and the command to run where it stands."""

from __future__ import annotations

from argparse import ArgumentParser
from io import StringIO
from typing import Any

import segno
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from analyticlens.protocol.configuration import Configuration, FolderSource
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.words import Mode
from api.models import VirtualMachine
from audit import Actor, acting, current_actor
from edge.models import CODE_LIFE, carried, enrol_command, issue_code
from recipes.publishing import publish
from user.models import Role, User


def add_machine(
    machine_id: str,
    *,
    name: str,
    owner: User,
    django_url: str,
    by: Actor,
    reason: str,
    description: str = "",
    configuration: Configuration | None = None,
    recipe: Recipe | None = None,
    mode: Mode | None = None,
) -> VirtualMachine:
    """Make a machine, all or nothing: its configuration and mode asked for, its recipe published.

    Raises ValidationError for values no machine could have, BadInput for a recipe that cannot be published.
    """
    with transaction.atomic(), acting(by, reason):
        machine = VirtualMachine(
            machine_id=machine_id, name=name, description=description, owner=owner, django_url=django_url
        )
        if configuration is not None:
            machine.set_configuration(configuration)
        machine.save()
        if recipe is not None:
            machine.set_tools(recipe, by=by, reason=reason)
            publish(machine, by, reason)
        if mode is not None or configuration is not None:
            machine.want(by=by, reason=reason, mode=mode, configuration=configuration)
    return machine


class Command(BaseCommand):
    """Make a machine, or find it, and print a code that lets one computer become it."""

    help = "Add a machine (or find it) and print its one-time enrolment code and the command to run there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take who the machine is."""
        parser.add_argument("machine_id", help="its name to the world, such as vm_004")
        parser.add_argument("--name", default="", help="what people call it")
        parser.add_argument("--owner", default="", help="user name of its owner (default: the first administrator)")
        parser.add_argument("--folder", default=None, help="picture folder at the machine, as its source")
        parser.add_argument("--qr", action="store_true", help="show the command as a QR code too")
        parser.add_argument("--url", default="", help="this orchestrator's address as the machine reaches it")

    def handle(self, *args: Any, machine_id: str, url: str, **options: Any) -> None:
        """Make the machine and print its code."""
        address = url or settings.ADDRESS
        with transaction.atomic():
            machine = VirtualMachine.objects.filter(machine_id=machine_id).first()
            code = carried(issue_code(machine or _make(machine_id, address, options)))
        self.stdout.write(f"enrolment code: {code}")
        self.stdout.write(f"good for {CODE_LIFE.seconds // 60} minutes and one use; run at the machine:")
        command = enrol_command(machine_id, address, code)
        self.stdout.write(command)
        if options["qr"]:
            drawn = StringIO()
            segno.make(command, micro=False).terminal(drawn, compact=True)
            self.stdout.write(drawn.getvalue())


def _make(machine_id: str, address: str, options: dict[str, Any]) -> VirtualMachine:
    folder = options["folder"]
    try:
        return add_machine(
            machine_id,
            name=options["name"] or machine_id,
            owner=_owner(options["owner"]),
            django_url=address,
            by=current_actor(),
            reason="add_machine",
            configuration=None if folder is None else Configuration(source=FolderSource(folder_path=folder)),
        )
    except ValidationError as error:
        raise CommandError("; ".join(error.messages)) from None


def _owner(name: str) -> User:
    wanted = User.objects.filter(username=name) if name else User.objects.filter(role=Role.ADMIN, is_active=True)
    owner = wanted.order_by("pk").first()
    if owner is None and name:
        raise CommandError(f"there is no user {name!r}")
    if owner is None:
        raise CommandError("there is no administrator yet; make one with: analyticlens manage createsuperuser")
    return owner
