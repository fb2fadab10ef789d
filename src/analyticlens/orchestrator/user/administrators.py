"""Somebody is left who administers this, whoever takes the right from whom."""

from __future__ import annotations

from user.models import Role, User


def locked_administrators() -> list[int]:
    """Return the numbers of those who administer and may sign in; until the transaction ends nobody else makes them less."""
    rows = User.objects.select_for_update(no_key=True).filter(role=Role.ADMIN, is_active=True)
    # In one order: two who lock several never wait for each other.
    return [user.pk for user in rows.order_by("pk")]


def is_last_administrator(user: User) -> bool:
    """Tell whether nobody would be left without this person. Within a transaction it stays so until the end."""
    return locked_administrators() == [user.pk]
