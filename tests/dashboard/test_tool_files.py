"""Files in a tool's form: a picture chosen there is stored by its content, and the tool names it."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import AuditEntry
from recipes import blobs
from recipes.models import Blob
from tests.dashboard.tool_forms import complaints, page, save
from tests.rows import make_machine

pytestmark = pytest.mark.django_db
Browser = Callable[..., Client]


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    """Store files in a folder of the test's own."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def png(level: int = 180) -> bytes:
    picture = np.full((48, 64), 60, np.uint8)
    picture[10:30, 12:40] = level
    picture[18:40, 30:52] = 110
    return bytes(cv2.imencode(".png", picture)[1])


def upload(name: str = "screw.png", data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, png() if data is None else data, "image/png")


def with_match(client: Client) -> Any:
    machine = make_machine("vm_a")
    client.post("/m/vm_a/tools/add", {"type": "match"})
    return machine


def test_an_uploaded_picture_is_stored_and_named(browser: Browser) -> None:
    client = browser()
    machine = with_match(client)
    assert save(client, **{"params.template.upload": upload()}).status_code == 302
    blob = Blob.objects.get()
    assert (blob.name, blob.mime) == ("screw.png", "image/png")
    assert machine.tools.get().as_tool().params.template == blob.sha256
    assert AuditEntry.objects.filter(object_type__icontains="blob").count() == 1


def test_what_is_stored_can_be_chosen_again(browser: Browser) -> None:
    client = browser()
    machine = with_match(client)
    save(client, **{"params.template.upload": upload()})
    save(client, **{"params.template": ""})
    assert machine.tools.get().as_tool().params.template is None
    blob = Blob.objects.get()
    assert f'<option value="{blob.sha256}">screw.png ({blob.sha256[:8]})</option>' in page(client, "/m/vm_a/tools/1/")
    save(client, **{"params.template": blob.sha256})
    assert machine.tools.get().as_tool().params.template == blob.sha256


def test_an_upload_goes_before_what_is_chosen(browser: Browser) -> None:
    client = browser()
    machine = with_match(client)
    save(client, **{"params.template.upload": upload()})
    save(client, **{"params.template.upload": upload("other.png", png(200))})
    assert machine.tools.get().as_tool().params.template == Blob.objects.get(name="other.png").sha256


@pytest.mark.parametrize(
    ("language", "empty", "large"),
    [
        ("en", "The submitted file is empty.", "A recipe file may have at most"),
        ("pt-br", "O arquivo enviado está vazio.", "Um arquivo de receita pode ter no máximo"),
    ],
)
def test_empty_and_too_large_files_are_refused_in_words(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, language: str, empty: str, large: str
) -> None:
    client = browser(language=language)
    machine = with_match(client)
    assert complaints(save(client, **{"params.template.upload": upload(data=b"")})) == [empty]
    monkeypatch.setattr(blobs, "LARGEST", 20)
    answer = save(client, **{"params.template.upload": upload()})
    assert answer.status_code == 400
    assert [said.startswith(large) for said in complaints(answer)] == [True]
    assert not Blob.objects.exists()
    assert machine.tools.get().as_tool().params.template is None


def test_an_operator_stores_nothing(browser: Browser) -> None:
    with_match(browser())
    client = browser("operator")
    assert client.post("/m/vm_a/tools/1/save", {"params.template.upload": upload()}).status_code == 403
    assert not Blob.objects.exists()


def test_a_file_that_is_not_stored_cannot_be_chosen(browser: Browser) -> None:
    client = browser()
    with_match(client)
    answer = save(client, **{"params.template": "0" * 64})
    assert answer.status_code == 400
    assert "Select a valid choice" in unescape(answer.content.decode())


def test_a_taught_template_is_published(browser: Browser) -> None:
    client = browser()
    machine = with_match(client)
    save(client, **{"params.template.upload": upload()})
    assert client.post("/m/vm_a/publish", {"reason": "taught"}).status_code == 302
    assert machine.recipe_versions.count() == 1


def test_a_file_that_is_no_picture_is_told_when_publishing(browser: Browser) -> None:
    client = browser(language="pt-br")
    machine = with_match(client)
    save(client, **{"params.template.upload": upload(data=b"no picture at all")})
    answer = client.post("/m/vm_a/publish", {"reason": "taught"})
    assert answer.status_code == 400
    assert "não é imagem de 8 ou 16 bits" in unescape(answer.content.decode())
    assert not machine.recipe_versions.exists()
