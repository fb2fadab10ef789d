"""Somebody with a password, and their browser, for the tests of two-step sign-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from user.models import User

# Imported inside the fixtures: this file is read before the settings are.


@pytest.fixture
def standing(db: None, settings: Any) -> Iterator[None]:
    """Stand the clock ten seconds into a half minute, and hash cheaply: what is asked about is not how dear a try is."""
    import time_machine

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with time_machine.travel("2026-06-01T12:00:10Z", tick=False):
        yield


@pytest.fixture
def ana(standing: None) -> User:
    """An engineer who signs in by password."""
    from tests.user.second_step_codes import somebody

    return somebody()


@pytest.fixture
def own(ana: User) -> Client:
    """Ana's browser, signed in."""
    from tests.user.second_step_codes import english, type_password

    client = english()
    type_password(client, ana.username)
    return client
