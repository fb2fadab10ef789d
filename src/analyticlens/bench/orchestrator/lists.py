"""The list of machines over REST: its queries and its server time, however many there are. Runs with Django set up."""

from __future__ import annotations

import statistics
from time import perf_counter
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analyticlens.bench.orchestrator.rows import BENCH, key, machine
from api.models import DesiredVersion, VirtualMachine
from audit import acting
from user.models import Line, Site

R = TypeVar("R", bound=Model)

PAGE = 500
WARM_UP = 3


def measure(sizes: list[int], rounds: int) -> list[dict[str, Any]]:
    """Return for each number of machines how many a page shows, its queries, and the median of its server time."""
    client = Client(SERVER_NAME="127.0.0.1", headers={"Authorization": f"Bearer {key()}"})
    found = []
    for size in sizes:
        _fill(size)
        times = []
        for _ in range(WARM_UP + rounds):
            start = perf_counter()
            answer = client.get(f"/api/v1/machines/?limit={PAGE}")
            times.append((perf_counter() - start) * 1000)
        assert answer.status_code == 200, answer.content
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/api/v1/machines/?limit={PAGE}")
        row = {"machines": size, "shown": len(answer.json()["results"]), "queries": len(queries)}
        found.append({**row, "ms": statistics.median(times[WARM_UP:])})
    return found


def _fill(size: int) -> None:
    """Have so many machines in all: copies of one that people made, each at a line, with tags and a version asked for."""
    with transaction.atomic(), acting(BENCH, "figures"):
        first = machine("listed")
        have = VirtualMachine.objects.count()
        assert have <= size, f"there are {have} machines already"
        asked = first.desired_versions.latest("version")
        site, _ = Site.objects.get_or_create(code="plant", defaults={"name": "Plant"})
        line, _ = Line.objects.get_or_create(site=site, code="line", defaults={"name": "Line"})
        rows = [_copy(first, machine_id=f"listed_{number:04d}", line=line) for number in range(have, size)]
        for number, row in enumerate(rows):
            row.set_tags(["figures", f"row-{number % 7}"])
        made = VirtualMachine.objects.bulk_create(rows)
        DesiredVersion.objects.bulk_create([_copy(asked, machine=row) for row in made])


def _copy(row: R, **changes: Any) -> R:
    """Return a row not yet stored that differs from another in these columns alone."""
    fields = {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key
    }
    copy = type(row)(**fields)
    for name, value in changes.items():
        setattr(copy, name, value)
    return copy
