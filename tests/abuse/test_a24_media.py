"""A24: pictures and files are had through their pages alone: no folder is served, and no number or name that is guessed finds one.

tests/edge/test_records.py holds names at the door that are no hash, tests/abuse/test_a03_foreign_ids.py pictures of another site.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from recipes.blobs import store_blob
from results.models import picture_name
from tests.abuse.plant import Yard, person_at, session, yard
from tests.rows import SYSTEM, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(settings: Any, tmp_path: Path) -> Yard:
    """A machine with a picture."""
    settings.MEDIA_ROOT = tmp_path
    return yard("own")


def guesses(own: Yard, seed: int) -> list[str]:
    """Return addresses where a careless server would have files."""
    draw, name = random.Random(seed), picture_name(own.picture)
    roots = [
        "/media/",
        "/static/",
        "/static/../",
        "/data/",
        "/pictures/",
        "/",
        "/m/vm_own/pictures/",
        "/api/v1/pictures/",
    ]
    names = [
        name,
        own.picture[:-1],
        own.picture.upper(),
        f"../{own.picture}",
        "..%2f..%2fdb.sqlite3",
        "db.sqlite3",
        "secret_key",
    ]
    names += ["%2e%2e/%2e%2e/etc/passwd", "....//db.sqlite3", "../../../../etc/passwd", "/etc/passwd", "tls/server.key"]
    found = [root + name for root in roots for name in names]
    found += [f"/m/vm_own/pictures/{draw.randbytes(32).hex()}" for _ in range(10)]
    found += ["/media", "/media/", "/static/", "/static/dashboard/", "/m/vm_own/pictures/"]
    return [*found, "/api/v1/pictures/", "/edge/v1/images/"]


@pytest.mark.parametrize("who", ["stranger", "admin"])
def test_no_guessed_address_gives_a_file_or_a_list(own: Yard, who: str, seed: int) -> None:
    assert default_storage.exists(picture_name(own.picture))
    client = Client() if who == "stranger" else session(make_user("admin"))
    for address in guesses(own, seed):
        answer = client.get(address)
        if answer.status_code == 301:
            # One with a slash too few is told the right one.
            assert answer["Location"].startswith("/api/v1/pictures/")
            answer = client.get(answer["Location"])
        # A stranger is sent to sign in wherever there is a page at all.
        assert answer.status_code in ({404} if who == "admin" else {404, 302, 401}), (address, answer.status_code)
        body = answer.content
        assert b"\xff\xd8\xff" not in body
        assert b"root:" not in body
        assert b"<title>Index of" not in body


def test_a_picture_is_shown_to_no_stranger(own: Yard) -> None:
    for address in (f"/m/vm_own/pictures/{own.picture}", "/m/vm_own/frame.jpg", f"/api/v1/pictures/{own.picture}/"):
        assert Client().get(address).status_code in {302, 401}


def test_a_file_of_a_recipe_is_no_picture_of_a_result(own: Yard) -> None:
    blob = store_blob([b"\x89PNG\r\n\x1a\nsecret template"], "template.png", SYSTEM)
    client = session(person_at(own.line, "engineer"))
    for address in (f"/m/vm_own/pictures/{blob.sha256}", f"/api/v1/pictures/{blob.sha256}/"):
        assert client.get(address).status_code == 404


def test_a_retired_machines_pictures_go_with_its_page(own: Yard) -> None:
    own.machine.retire(by=SYSTEM, reason="sold")
    assert session(make_user("admin")).get(f"/m/vm_own/pictures/{own.picture}").status_code == 404
