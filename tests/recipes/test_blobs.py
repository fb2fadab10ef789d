"""What recipes name beside themselves: stored once by content, checked at publishing, unchangeable."""

from __future__ import annotations

import hashlib
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from analyticlens.engine.pattern.teach import teach_match
from api.errors import BadInput
from api.models import VirtualMachine
from audit import Actor
from audit.models import AuditEntry
from recipes import blobs
from recipes.blobs import StoredBlobs, named_by, store_blob
from recipes.models import Blob
from recipes.publishing import publish
from tests.rows import make_machine

pytestmark = pytest.mark.django_db
ANA = Actor("user", "ana", "192.0.2.7")


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    """Store files in a folder of the test's own."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def template() -> bytes:
    """Return a template with structure, as a PNG."""
    _tool, named = teach_match(_drawn())
    return next(iter(named.values()))


def _drawn() -> np.ndarray[Any, np.dtype[np.uint8]]:
    picture = np.full((48, 64), 60, np.uint8)
    picture[10:30, 12:40] = 180
    picture[18:40, 30:52] = 110
    return picture


def matching(name: str = "match") -> VirtualMachine:
    """Return a machine whose one tool finds the drawn template."""
    tool, _named = teach_match(_drawn(), name=name)
    machine = make_machine()
    from analyticlens.protocol.recipe import Recipe

    machine.set_tools(Recipe(tools=(tool,)), by=ANA, reason="taught")
    return machine


def test_a_file_is_named_by_its_content_and_stored_once(template: bytes, media: Path) -> None:
    first = store_blob([template[:100], template[100:]], " a\nname.png ", ANA)
    again = store_blob([template], "another name", Actor("user", "bia"))
    assert first.sha256 == hashlib.sha256(template).hexdigest()
    assert (again.pk, again.name, again.author, again.mime) == (first.pk, "a name.png", "ana", "image/png")
    assert StoredBlobs()[first.sha256] == template
    assert not list((media / "incoming").iterdir())
    assert AuditEntry.objects.filter(actor_name="ana", object_type__icontains="blob").count() == 1


def test_nothing_and_too_much_are_refused_and_leave_nothing(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "LARGEST", 10)
    for chunks in ([b""], [b"12345678", b"9abc"]):
        with pytest.raises(BadInput):
            store_blob(chunks, "x", ANA)
    assert not Blob.objects.exists()
    assert not list((media / "incoming").iterdir())


def test_a_stored_file_never_changes_and_is_never_deleted(template: bytes) -> None:
    row = store_blob([template], "x", ANA)
    with pytest.raises(TypeError):
        row.save()
    with pytest.raises(TypeError):
        row.delete()


def test_a_file_that_went_missing_is_stored_anew(template: bytes, media: Path) -> None:
    row = store_blob([template], "x", ANA)
    (media / row.path).unlink()
    assert row.sha256 not in StoredBlobs()
    assert store_blob([template], "x", ANA).pk == row.pk
    assert StoredBlobs()[row.sha256] == template


def test_a_recipe_is_published_only_when_all_it_names_is_stored(template: bytes) -> None:
    machine = matching("Logo")
    with pytest.raises(BadInput, match="Logo"):
        publish(machine, ANA, "first")
    store_blob([template], "logo.png", ANA)
    assert publish(machine, ANA, "first").number == 1


def test_a_machine_gets_only_what_its_own_recipes_name(template: bytes) -> None:
    machine, other = matching(), make_machine()
    row = store_blob([template], "x", ANA)
    assert named_by(machine, row.sha256) is None
    publish(machine, ANA, "first")
    assert named_by(machine, row.sha256) == row
    assert named_by(other, row.sha256) is None


def test_the_command_prints_the_name_recipes_use(template: bytes, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(template)
    out = StringIO()
    call_command("add_blob", str(tmp_path / "logo.png"), stdout=out)
    assert out.getvalue().split() == [hashlib.sha256(template).hexdigest(), "logo.png"]
    with pytest.raises(CommandError, match="nowhere"):
        call_command("add_blob", str(tmp_path / "nowhere.png"))
