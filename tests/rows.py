"""Rows the orchestrator's tests begin with: people of a role, machines, heartbeats."""

from __future__ import annotations

import itertools
from typing import Any

from analyticlens.protocol.heartbeat import Goodbye, Heartbeat
from api.models import VirtualMachine, VMInspectionTool
from audit import Actor
from recipes.models import RecipeVersion
from user.models import User

EPOCH = "0" * 31 + "1"
SYSTEM = Actor("system", "test")

_numbers = itertools.count(1)


def make_user(role: str = "engineer", **more: Any) -> User:
    """Return a person of that role who cannot sign in by password: hashing one takes longer than most tests."""
    user = User(username=f"{role}_{next(_numbers)}", role=role, **more)
    user.set_unusable_password()
    user.save()
    return user


def make_machine(machine_id: str = "", **more: Any) -> VirtualMachine:
    """Return a machine nobody heard of yet."""
    values = {
        "machine_id": machine_id or f"vm_t{next(_numbers)}",
        "name": "Machine",
        "owner": more.pop("owner", None) or make_user(),
        "django_url": "http://orchestrator:8000",
        **more,
    }
    return VirtualMachine.objects.create(**values)


def make_tool(machine: VirtualMachine, name: str = "Count", **more: Any) -> VMInspectionTool:
    """Return a blob tool with a limit on its count, or what `more` makes of it."""
    values = {
        "tool_type": "blob",
        "method": "threshold",
        "tool_config": {"th_min": 100, "limits": [{"feature": "blob_count", "min": 1, "max": 3}]},
        **more,
    }
    return VMInspectionTool.objects.create(virtual_machine=machine, name=name, **values)


def make_version(machine: VirtualMachine, sha256: str, origin: str = "published") -> RecipeVersion:
    """Return a recipe version of which only the hash matters; unless it is a draft, production runs it."""
    number = machine.recipe_versions.count() + 1
    version = RecipeVersion.objects.create(machine=machine, number=number, canonical="{}", sha256=sha256, origin=origin)
    if origin != "draft":
        machine.published_recipe = sha256
        machine.save(update_fields=["published_recipe"])
    return version


def heartbeat(hb_seq: int = 1, **more: Any) -> Heartbeat:
    """Return a heartbeat of the first epoch of a machine that stands still."""
    values = {
        "epoch": EPOCH,
        "epoch_no": 1,
        "hb_seq": hb_seq,
        "wall": "2026-01-01T00:00:00+00:00",
        "status": "stopped",
        "mode": "TESTE",
        **more,
    }
    return Heartbeat.model_validate(values)


def goodbye(hb_seq: int) -> Goodbye:
    """Return a planned leave in the first epoch."""
    return Goodbye(epoch=EPOCH, epoch_no=1, hb_seq=hb_seq, reason="shutdown")
