"""Fills a data folder with a line as it would be after some minutes: real pictures, judged by the engine, delivered as batches.

    python -m tests.browser.rows_of_a_line DATA [MACHINES]

A process of its own, because a server of its own reads the folder afterwards. It needs an empty folder; it migrates it.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from analyticlens.demo.line import STATIONS
from analyticlens.demo.station import DemoStation
from analyticlens.engine import ENGINE_VERSION, inspect, prepare
from analyticlens.protocol.heartbeat import Heartbeat
from analyticlens.protocol.records import BatchEnvelope, VerdictBody
from analyticlens.protocol.strict import plain

if TYPE_CHECKING:
    from api.models import VirtualMachine

PASSWORD = "a quite long password"
PEOPLE = {"ana": "engineer", "vera": "viewer", "otto": "operator", "adam": "admin", "nina": "quality"}
HOSTILE = '<img src=x onerror="window.__owned=1">'
HOSTILE_ERROR = "</script><script>window.__owned=1</script><svg onload=window.__owned=1>"
# The first three machines have enough results for a look at the page; the others just some.
MANY, FEW = 24, 6


def people() -> dict[str, Any]:
    """Make one person of each role the pages know."""
    from user.models import User

    made = {}
    for name, role in PEOPLE.items():
        made[name] = User.objects.create_user(username=name, password=PASSWORD, role=role, is_staff=role == "admin")
    return made


def bodies(station: DemoStation, seed: int, recipe_sha256: str, count: int) -> Iterator[tuple[VerdictBody, bytes]]:
    """Yield what a machine of that station would deliver, with its pictures; the pictures that cannot be decoded are left out."""
    prepared = prepare(station.recipe)
    drawn = station.draw(np.random.default_rng(seed), count)
    for cycle, item in enumerate(drawn, start=1):
        encoded = item.encoded()
        frame = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED) if encoded else None
        if frame is None:
            continue
        found = inspect(frame, prepared)
        height, width = frame.shape[:2]
        sha256 = hashlib.sha256(encoded).hexdigest()
        body = {
            "verdict": found.verdict,
            "reason": found.reason,
            "message": found.message,
            "cycle": 8000 + cycle,
            "generation": 1,
            "trigger_count": 8000 + cycle,
            "mode": "PRODUCAO",
            "simulated": False,
            "recipe_sha256": recipe_sha256,
            "config_version": 2,
            "engine_version": ENGINE_VERSION,
            "frame": {
                "number": cycle,
                "name": f"{station.machine_id}_{cycle:03d}.jpg",
                "width": width,
                "height": height,
            },
            "durations_ms": {"capture": 1.5, "inspect": found.ms, "total": found.ms + 2},
            "tools": [plain(tool) for tool in found.tools],
            "overlay": [plain(shape) for shape in found.overlay],
            "picture": {"sha256": sha256, "size": len(encoded)},
            "wall": f"2026-01-01T10:00:{cycle:02d}+00:00",
        }
        yield VerdictBody.model_validate(body), encoded


def heartbeat(number: int, **more: Any) -> Heartbeat:
    """Return a heartbeat of a healthy machine, or what `more` makes of it."""
    values: dict[str, Any] = {
        "epoch": f"{number:032x}",
        "epoch_no": 1,
        "hb_seq": 1,
        "wall": "2026-01-01T10:00:00+00:00",
        "status": "running",
        "mode": "PRODUCAO",
        "uptime_seconds": 15_300,
        "app_version": "0.1.0",
        "engine_version": ENGINE_VERSION,
        "applied": {"version": 2, "running_version": 2, "state": "applied"},
        "fps": 1.8,
        "latency_p50_ms": 4.2,
        "latency_p99_ms": 9.8,
        "frame_age_seconds": 0.4,
        "health": {"cpu_usage": 23, "memory_usage": 41, "disk_free_mb": 51_200, "temperature_c": 54},
        **more,
    }
    return Heartbeat.model_validate(values)


def deliver(machine: VirtualMachine, station: DemoStation, number: int) -> None:
    """Deliver a station's verdicts and pictures in the machine's name."""
    from results.ingest import ingest
    from results.pictures import store_picture

    records = []
    for seq, (body, encoded) in enumerate(
        bodies(station, number, machine.published_recipe, MANY if number <= 3 else FEW), start=1
    ):
        store_picture(machine, hashlib.sha256(encoded).hexdigest(), [encoded])
        records.append({"seq": seq, "kind": "verdict", "body": plain(body)})
    ingest(machine, BatchEnvelope.model_validate({"epoch": f"{number:032x}", "epoch_no": 1, "records": records}))


# What makes each machine of the line different, beside its station.
STATES: list[dict[str, Any]] = [
    {},
    {},
    {},
    {"status": "error", "error_message": "camera 1 is in use by another program"},
    {"status": "stopped"},
    {"mode": "TESTE", "insecure_legacy": True, "warnings": ["The old wire answers without a token."]},
    {
        "applied": {
            "version": 3,
            "running_version": 2,
            "state": "rejected",
            "error": "the folder 'parts' is not below the allowed roots",
        }
    },
]


def make_line(owner: Any, by: Any, count: int) -> None:
    """Make count machines: the demonstration stations over and over, each in one of the states, and one that never reported."""
    from api.models import VirtualMachine
    from recipes.publishing import publish

    names = [
        "Moedas",
        "Placas",
        "Discos",
        "Lacre da tampa",
        "Contagem de pinos",
        "Posição do rótulo",
        "Superfície da placa",
    ]
    for number in range(1, count + 1):
        station = STATIONS[(number - 1) % len(STATIONS)]
        machine = VirtualMachine.objects.create(
            machine_id=f"L{1 + (number - 1) // 6}-CAM-{number:02d}",
            name=names[(number - 1) % len(names)],
            owner=owner,
            django_url="http://orchestrator:8000",
        )
        machine.want(by=by, reason="first configuration", configuration=station.configuration)
        machine.set_tools(station.recipe, by=by, reason="demonstration")
        publish(machine, by=by, reason="first recipe of the line")
        machine.want(by=by, reason="to production", mode="PRODUCAO")
        state = STATES[(number - 1) % len(STATES)]
        machine.receive_heartbeat(heartbeat(number, recipe_sha256=machine.published_recipe, **state))
        deliver(machine, station, number)
    VirtualMachine.objects.create(
        machine_id="L9-CAM-NEW", name="Recém-chegada", owner=owner, django_url="http://orchestrator:8000"
    )


def make_hostile(owner: Any, by: Any) -> None:
    """Make a machine all of whose texts try to run a script."""
    from api.models import VirtualMachine
    from results.ingest import ingest

    machine = VirtualMachine.objects.create(
        machine_id="hostile", name=HOSTILE, description=HOSTILE, owner=owner, django_url="http://orchestrator:8000"
    )
    station = STATIONS[0]
    tools = [tool.model_copy(update={"name": f"{HOSTILE}{place}"}) for place, tool in enumerate(station.recipe.tools)]
    machine.set_tools(station.recipe.model_copy(update={"tools": tuple(tools)}), by=by, reason=HOSTILE)
    machine.want(by=by, reason=HOSTILE_ERROR, configuration=station.configuration)
    machine.receive_heartbeat(
        heartbeat(
            99,
            status="error",
            error_message=HOSTILE_ERROR,
            warnings=[HOSTILE, HOSTILE_ERROR],
            applied={"version": 1, "running_version": 0, "state": "rejected", "error": HOSTILE_ERROR},
        )
    )
    outcome = {
        "id": 1,
        "name": HOSTILE,
        "type": "blob",
        "status": "error",
        "verdict": "error",
        "message": HOSTILE_ERROR,
    }
    body = {
        "verdict": "error",
        "reason": "tool_error",
        "message": HOSTILE_ERROR,
        "part_id": HOSTILE,
        "cycle": 1,
        "generation": 1,
        "trigger_count": 1,
        "mode": "TESTE",
        "simulated": True,
        "frame": {"number": 1, "name": HOSTILE, "width": 100, "height": 100},
        "tools": [outcome],
        "wall": "2026-01-01T10:00:00+00:00",
    }
    records = [{"seq": 1, "kind": "verdict", "body": plain(VerdictBody.model_validate(body))}]
    ingest(machine, BatchEnvelope.model_validate({"epoch": f"{99:032x}", "epoch_no": 1, "records": records}))


def main(data: str, count: int) -> None:
    """Migrate the folder's database and fill it."""
    os.environ["AL_DATA"] = data
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from django.core.management import call_command

    from audit import Actor

    call_command("migrate", verbosity=0)
    by = Actor("user", "ana")
    owner = people()["ana"]
    make_line(owner, by, count)
    make_hostile(owner, by)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7)
