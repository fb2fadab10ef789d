"""The second step of signing in: a code from an app on the person's phone (TOTP), or one of ten recovery codes.

`User.second_step_at` says whether a code is asked for; the key and what was used of it are django-otp's rows. What is typed is tried with
the row locked, so that of two calls with one code one is refused; after each wrong code that row waits twice as long as before.
Recovery codes are stored as keyed hashes. No key and no code is ever in an entry, a log or an exception.
"""

from __future__ import annotations

import base64
import math
import re
import secrets
from datetime import datetime
from typing import Literal

from django.db import transaction
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken

from audit import clock
from audit.models import record, record_refusal
from user.models import AppKey, User

Kind = Literal["app", "recovery"]
RECOVERY_CODES = 10
APP, RECOVERY = re.compile(r"[0-9]{6}"), re.compile(r"[0-9]{20}")
# What people put between groups of digits.
BETWEEN = re.compile(r"[\s.\-‐-―]+")


class Refused(Exception):
    """What was typed does not count."""


class WrongCode(Refused):
    """No code of this person, or one that was used before."""


class TooSoon(Refused):
    """After wrong codes nothing is tried for a while: `seconds` more."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"{seconds} s")
        self.seconds = seconds


def begin(person: User) -> None:
    """Give a person a fresh key, which counts for nothing before a code of it was typed. Raises ValueError where one counts already."""
    with transaction.atomic():
        if User.objects.select_for_update(no_key=True).get(pk=person.pk).second_step_at is not None:
            raise ValueError("the second step is on")
        AppKey.objects.filter(user=person).delete()
        AppKey.fresh(person)


def being_set_up(person: User) -> AppKey | None:
    """Return the key that waits for its first code."""
    found: AppKey | None = AppKey.objects.filter(user=person, confirmed=False).first()
    return found


def secret_of(device: AppKey) -> str:
    """Return a key as people type it: base32 in groups of four."""
    text = base64.b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def turn_on(person: User, said: str) -> list[str]:
    """Have a first code make the fresh key count, and return the recovery codes: they are known in clear here and now alone.

    Other sessions of the person end. Raises WrongCode or TooSoon.
    """
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        refused = _tried(AppKey, person, _app_code(said), confirmed=False)
        codes = [] if refused else _turned_on(person)
    if refused:
        raise refused
    return codes


def check(person: User, said: str) -> Kind:
    """Use up a code of a person's app, or a recovery code, and return which of the two it was. Raises WrongCode or TooSoon."""
    code = BETWEEN.sub("", said)
    recovery = RECOVERY.fullmatch(code) is not None
    with transaction.atomic():
        refused = _tried(StaticDevice, person, _stored(code)) if recovery else _tried(AppKey, person, _app_code(code))
        if recovery and not refused:
            record("recovery code used", person, left=codes_left(person))
    # Raised only now: the wrong code stays counted, and its entry written.
    if refused:
        raise refused
    return "recovery" if recovery else "app"


def renew_recovery_codes(person: User) -> list[str]:
    """Return new recovery codes, known in clear here and now alone; the old ones are dead."""
    with transaction.atomic():
        record("recovery codes renewed", person)
        return _new_recovery_codes(person)


def codes_left(person: User) -> int:
    """Return how many recovery codes are not used yet."""
    left: int = StaticToken.objects.filter(device__user=person).count()
    return left


def turn_off(person: User) -> None:
    """Forget key and recovery codes; the password alone signs in again. Other sessions of the person end."""
    _forget(person, "second step turned off")


def reset(person: User, reason: str) -> bool:
    """Take the second step from somebody who lost theirs, and end their sessions. Return whether there was one."""
    if person.second_step_at is None and being_set_up(person) is None:
        return False
    _forget(person, "second step reset", reason)
    return True


def _forget(person: User, verb: str, reason: str = "") -> None:
    with transaction.atomic():
        AppKey.objects.filter(user=person).delete()
        StaticDevice.objects.filter(user=person).delete()
        _since(person, None)
        record(verb, person, reason=reason)


def _since(person: User, when: datetime | None) -> None:
    person.second_step_at = when
    person.save(update_fields=["second_step_at"])


def _turned_on(person: User) -> list[str]:
    AppKey.objects.filter(user=person).update(confirmed=True)
    _since(person, clock.wall())
    record("second step turned on", person)
    return _new_recovery_codes(person)


def _new_recovery_codes(person: User) -> list[str]:
    StaticDevice.objects.filter(user=person).delete()
    device = StaticDevice.objects.create(user=person, name="recovery codes")
    codes = [f"{secrets.randbelow(10**20):020d}" for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=_stored(code)) for code in codes)
    return ["-".join(code[at : at + 5] for at in range(0, 20, 5)) for code in codes]


def _stored(code: str) -> str:
    """Return what is kept of a recovery code: as much of its keyed hash as django-otp has room for, 96 bits."""
    digest = salted_hmac("user.second_step", code, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest)[:16].decode()


def _app_code(said: str) -> str:
    """Return what is tried at an app's key; "" is no code of any, and is counted as a wrong one."""
    code = BETWEEN.sub("", said)
    return code if APP.fullmatch(code) else ""


def _tried(kind: type[AppKey | StaticDevice], person: User, code: str, confirmed: bool = True) -> Refused | None:
    """Try a code at a person's row, and return why it does not count, if it does not."""
    device = kind.objects.select_for_update().filter(user=person, confirmed=confirmed).first()
    allowed, why = device.verify_is_allowed() if device is not None else (True, {})
    if not allowed:
        assert why is not None
        seconds = (why["locked_until"] - clock.wall()).total_seconds()
        record_refusal("second step", person, "too soon after wrong codes")
        return TooSoon(max(1, math.ceil(seconds)))
    if device is not None and device.verify_token(code):
        return None
    record_refusal("second step", person, "wrong code")
    return WrongCode()
