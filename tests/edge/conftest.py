"""A machine with a token, and its side of the door."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from api.models import VirtualMachine
    from tests.edge.caller import Door
    from user.models import User

# Imported inside the fixtures: this file is read before the settings are.


@pytest.fixture
def owner(db: None) -> User:
    """Return somebody who may own machines."""
    from user.models import User

    return User.objects.create(username="dona")


@pytest.fixture
def make(owner: User) -> Callable[[str], VirtualMachine]:
    """Return a maker of machines by name."""
    from api.models import VirtualMachine

    def make_one(machine_id: str) -> VirtualMachine:
        return VirtualMachine.objects.create(
            machine_id=machine_id, name=machine_id, owner=owner, django_url="http://orchestrator:8000"
        )

    return make_one


@pytest.fixture
def machine(make: Callable[[str], VirtualMachine]) -> VirtualMachine:
    """Return a machine."""
    return make("vm_001")


@pytest.fixture
def door(machine: VirtualMachine) -> Door:
    """Return the machine's side of its door."""
    from edge.models import MachineToken
    from tests.edge.caller import Door

    return Door(MachineToken.issue(machine).text)


@pytest.fixture(autouse=True)
def _nobody_looks() -> None:
    """Begin without live pictures: the cache knows nothing of a test's transaction."""
    from django.core.cache import cache

    cache.clear()
