"""A person at a browser, and a machine with results."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.test import Client

# Imported inside the fixtures: this file is read before the settings are.


@pytest.fixture
def browser(db: None) -> Callable[..., Client]:
    """Return a maker of signed-in browsers: `browser("operator", language="en")`."""
    from django.conf import settings
    from django.test import Client

    from tests.rows import make_user

    def sign_in(role: str = "engineer", language: str = "en") -> Client:
        client = Client()
        client.force_login(make_user(role))
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        return client

    return sign_in
