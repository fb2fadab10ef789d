"""Secrets at rest: opened with the right key for the right purpose, and by nothing else."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from tests.rows import make_user
from user.models import AppKey
from user.sealing import CannotOpen, seal, unseal


def key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@pytest.fixture
def keys(tmp_path: Path, settings: Any) -> Path:
    kept = tmp_path / "sealing_key"
    kept.write_text(key())
    settings.SEALING_KEY = kept
    return kept


def test_what_was_sealed_is_opened(keys: Path) -> None:
    for secret in (b"", b"x", os.urandom(1000)):
        assert unseal(seal(secret, "one"), "one") == secret


def test_a_sealed_text_says_nothing_and_is_never_the_same(keys: Path) -> None:
    sealed = {seal(b"the password of the camera", "one") for _ in range(20)}
    assert len(sealed) == 20
    assert not any("password" in text or b"password" in base64.urlsafe_b64decode(text) for text in sealed)


def test_another_purpose_another_key_or_a_change_opens_nothing(keys: Path) -> None:
    sealed = seal(b"secret", "machine:1:source_password")
    with pytest.raises(CannotOpen):
        unseal(sealed, "machine:2:source_password")
    raw = bytearray(base64.urlsafe_b64decode(sealed))
    for place in range(len(raw)):
        raw[place] ^= 1
        with pytest.raises(CannotOpen):
            unseal(base64.urlsafe_b64encode(raw).decode(), "machine:1:source_password")
        raw[place] ^= 1
    for nonsense in ("", "é", "AAAA", sealed[:20], "!" * 64):
        with pytest.raises(CannotOpen):
            unseal(nonsense, "machine:1:source_password")
    keys.write_text(key())
    with pytest.raises(CannotOpen):
        unseal(sealed, "machine:1:source_password")


def test_a_new_first_key_seals_and_the_old_one_still_opens(keys: Path) -> None:
    old = keys.read_text()
    sealed = seal(b"secret", "one")
    new = key()
    keys.write_text(f"{new}\n{old}\n")
    os.utime(keys, ns=(1, 1))
    assert unseal(sealed, "one") == b"secret"
    fresh = seal(b"secret", "one")
    keys.write_text(new)
    os.utime(keys, ns=(2, 2))
    assert unseal(fresh, "one") == b"secret"
    with pytest.raises(CannotOpen):
        unseal(sealed, "one")


def test_a_file_without_a_key_is_no_key_file(keys: Path) -> None:
    for text in ("", "c2hvcnQ="):
        keys.write_text(text)
        os.utime(keys, ns=(3, len(text)))
        with pytest.raises(ValueError, match="sealing key"):
            seal(b"x", "one")


@pytest.mark.django_db
def test_the_key_of_a_persons_app_is_not_in_the_database() -> None:
    person = make_user()
    made = AppKey.fresh(person)
    clear = made.bin_key
    assert len(clear) == 20
    stored = AppKey.objects.get().key
    assert clear.hex() not in stored
    assert base64.b32encode(clear).decode() not in stored
    made.user = make_user()
    with pytest.raises(CannotOpen):
        _ = made.bin_key
