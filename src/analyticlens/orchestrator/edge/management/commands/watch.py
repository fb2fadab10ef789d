"""`analyticlens manage watch`: finds machines that fell silent, closes commands nobody took, forgets what need not be kept."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from api import bus, clock
from api.lifetime import Lifetime
from api.models import Command as MachineCommand
from api.models import VMHeartbeat
from api.silence import Watch
from edge.models import EnrolmentCode
from results import pictures

log = logging.getLogger(__name__)
PERIOD_SECONDS = 2.0
TIDY_SECONDS = 60.0


class Command(BaseCommand):
    """Look every two seconds until SIGTERM or Ctrl-C. Any number of watchers may run."""

    help = "Find machines that fell silent and commands that were not taken, until Ctrl-C or SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        """Watch until told to stop."""
        stop = threading.Event()
        numbers = {signal.SIGTERM, signal.SIGINT}
        # Waited for in a thread: a handler would run in the one that waits for the event, which may hold the event's lock just then.
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        for number in numbers:
            # One that is ignored, as in a shell's background, would never be waited for.
            signal.signal(number, signal.SIG_DFL)
        threading.Thread(target=_stop_when_told, args=(numbers, stop), name="signals", daemon=True).start()
        watch(stop)


def _stop_when_told(numbers: Collection[signal.Signals], stop: threading.Event) -> None:
    signal.sigwait(numbers)
    stop.set()


def watch(stop: threading.Event) -> None:
    """Do every duty in turn, again and again, until stop is set."""
    silence, lifetime = Watch(), Lifetime()
    often: list[Callable[[], object]] = [silence.look, MachineCommand.expire]
    seldom: list[Callable[[], object]] = [bus.prune, pictures.sweep, lambda: forget_old(lifetime.now())]
    tidied = clock.mono() - TIDY_SECONDS
    while not stop.is_set():
        for duty in often:
            attempt(duty)
        if clock.mono() - tidied >= TIDY_SECONDS:
            tidied = clock.mono()
            for duty in seldom:
                attempt(duty)
        stop.wait(PERIOD_SECONDS)


def attempt(duty: Callable[[], object]) -> None:
    """Do one duty; a failure is told and does not keep the others from theirs."""
    try:
        close_old_connections()
        duty()
    except Exception:
        log.exception("a duty of the watcher failed; it is tried again")


def forget_old(now: datetime) -> None:
    """Forget what is too old by then."""
    forget_heartbeats(now)
    forget_codes(now)


def forget_heartbeats(now: datetime) -> int:
    """Delete heartbeats older than the setting keeps them; return how many."""
    return VMHeartbeat.objects.filter(timestamp__lt=now - timedelta(days=settings.HEARTBEAT_DAYS)).delete()[0]


def forget_codes(now: datetime) -> int:
    """Delete enrolment codes that have been no good for a day; return how many."""
    return EnrolmentCode.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()[0]
