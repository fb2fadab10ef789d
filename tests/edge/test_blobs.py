"""GET blobs: a machine has what its own recipes name, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from audit import Actor
from recipes.blobs import store_blob
from recipes.models import RecipeVersion
from tests.edge.caller import Door

if TYPE_CHECKING:
    from api.models import VirtualMachine

pytestmark = pytest.mark.django_db
CONTENT = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300
NAME = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _stored(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    store_blob([CONTENT], "template.png", Actor("user", "ana"))


def names_it(machine: VirtualMachine) -> None:
    """Give the machine a version that names the file."""
    from analyticlens.protocol.canonical import canonical_json
    from analyticlens.protocol.recipe import Recipe

    recipe = Recipe.model_validate(
        {"tools": [{"type": "match", "id": 1, "name": "Logo", "params": {"template": NAME}}]}
    )
    RecipeVersion.objects.create(machine=machine, number=1, canonical=canonical_json(recipe), sha256=recipe.sha256)


def test_a_machine_gets_what_its_recipe_names_byte_for_byte(machine: VirtualMachine, door: Door) -> None:
    names_it(machine)
    status, headers, content = door.fetch(f"blobs/{NAME}")
    assert (status, content) == (200, CONTENT)
    assert headers["Content-Length"] == str(len(CONTENT))
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_what_no_recipe_of_its_own_names_is_not_there(
    machine: VirtualMachine, make: Callable[[str], VirtualMachine], door: Door
) -> None:
    assert door.call("GET", f"blobs/{NAME}")[0] == 404
    names_it(make("vm_other"))
    status, said = door.call("GET", f"blobs/{NAME}")
    assert (status, said["error"]["code"]) == (404, "unknown_blob")


def test_a_hash_that_only_stands_in_the_text_of_a_recipe_names_nothing(machine: VirtualMachine, door: Door) -> None:
    from analyticlens.protocol.canonical import canonical_json
    from analyticlens.protocol.recipe import Recipe

    recipe = Recipe.model_validate({"tools": [{"type": "blob", "id": 1, "name": NAME}]})
    RecipeVersion.objects.create(machine=machine, number=1, canonical=canonical_json(recipe), sha256=recipe.sha256)
    assert door.call("GET", f"blobs/{NAME}")[0] == 404


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_nobody_writes_there(machine: VirtualMachine, door: Door, method: str) -> None:
    names_it(machine)
    assert door.call(method, f"blobs/{NAME}")[0] == 405


def test_without_a_token_nothing_is_said(machine: VirtualMachine) -> None:
    names_it(machine)
    assert Door("alm_wrong").call("GET", f"blobs/{NAME}")[0] == 401
