"""F20: every one-shot act ends once, as done, refused, expired or unknown, and is carried out at most once, whoever is killed between.

A real orchestrator with its watcher, and a machine that is killed while it stands at each place between `started` and the report.
AL_TRIGGERS=5000 makes the run longer.
"""

from __future__ import annotations

import json
import os
import random
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection

import pytest

from tests.faults.line import FaultLine

BURST, A_SECOND = 50, 50
# Where the machine is killed, burst by burst: nowhere (its inspecting process is held still instead, so that triggers pile up);
# `started` on the disk and nothing done; done and not written; written and not told.
PLACES = ("", "begun", "over", "kept")
ENDS = {"done", "refused", "expired", "unknown"}
# Most acts have time enough for a machine to come back; some have not.
LIVES = (20.0, 20.0, 20.0, 0.2)
HELD_SECONDS = 0.7
ASK_A_TOKEN = """
from user.models import ApiToken, User
print("token:", ApiToken.issue(User.objects.get(), "test", "admin", 1)[1].text)
"""


@pytest.fixture
def triggers() -> int:
    """Return how many acts a run asks for: AL_TRIGGERS, else 200."""
    return int(os.environ.get("AL_TRIGGERS", "200"))


@dataclass(frozen=True)
class Asked:
    """One call of the REST door under a key, and what it answered: the act it is."""

    key: str
    at: float
    ttl: float
    status: int = 0
    id: str = ""


def ask(line: FaultLine, token: str, began: float, asked: Asked) -> Asked:
    """Ask for a trigger under a key, at its moment of the burst."""
    while time.monotonic() < began + asked.at:
        time.sleep(0.002)  # noqa: TID251  a burst has a pace
    connection = HTTPConnection("127.0.0.1", line.port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": asked.key}
    connection.request("POST", "/api/v1/machines/vm_001/trigger/", json.dumps({"ttl": asked.ttl}), headers)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    assert answer.status in {202, 409}, told
    return Asked(asked.key, asked.at, asked.ttl, answer.status, told.get("id", ""))


def draw_burst(draw: random.Random, past: list[str]) -> list[Asked]:
    """Return a burst: new keys at a steady pace, a fifth of them twice at once, and a few of earlier bursts again."""
    keys = [f"press {draw.getrandbits(128):x}" for _ in range(BURST)]
    burst = [Asked(one, number / A_SECOND, draw.choice(LIVES)) for number, one in enumerate(keys)]
    burst += draw.sample(burst, BURST // 5)
    burst += [Asked(one, draw.random(), 20.0) for one in draw.sample(past, min(len(past), 5))]
    return sorted(burst, key=lambda asked: asked.at)


def fire(line: FaultLine, pool: ThreadPoolExecutor, token: str, burst: list[Asked]) -> list[Asked]:
    """Ask for all of a burst; the machine is killed when it stands still at an act, and started again."""
    held = len([words for words in line.lines() if words[0] == "held"])
    began = time.monotonic()
    calls = [pool.submit(ask, line, token, began, asked) for asked in burst]
    if (hold := line.folder / "hold").exists():
        line.until(lambda: len([words for words in line.lines() if words[0] == "held"]) > held, "an act stands still")
        hold.unlink()
        line.vm.kill()
        line.vm.start()
    else:
        inspector = line.until(line.inspectors, "it inspects")[0]
        inspector.suspend()
        time.sleep(HELD_SECONDS)  # noqa: TID251  how long it is held is what is tried
        inspector.resume()
    answers = [call.result(120) for call in calls]
    line.until(lambda: not open_acts(line), "every act ended", 90)
    line.until(lambda: line.backlog() == 0, "the machine is back", 60)
    return answers


def open_acts(line: FaultLine) -> list[str]:
    """Return the acts that have not ended at the orchestrator."""
    return [row["id"] for row in line.rows("SELECT id FROM api_command WHERE state IN ('queued', 'started')")]


@pytest.mark.timeout(3600)
def test_f20_every_act_ends_once_and_is_done_at_most_once(fault_line: FaultLine, seed: int, triggers: int) -> None:
    line, draw = fault_line, random.Random(seed)
    line.vm.env["AL_HOLD"] = str(line.folder / "hold")
    line.add_running(trigger={"type": "manual"})
    token = line.shell(ASK_A_TOKEN).split()[-1]
    line.start_watcher()
    line.enrol_machine()
    line.until(lambda: line.machine("vm_001")["status"] == "running", "the machine runs", 60)
    asked: list[Asked] = []
    told: dict[int, str] = {}
    with ThreadPoolExecutor(8) as pool:
        for number in range(triggers // BURST):
            burst = draw_burst(draw, sorted({one.key for one in asked if one.status == 202}))
            if place := PLACES[number % len(PLACES)]:
                (line.folder / "hold").write_text(f"{place} {draw.randrange(5)}")
            asked += fire(line, pool, token, burst)
            told |= ends_told(line)
    judge(line, asked, Counter(told.values()))


def judge(line: FaultLine, asked: list[Asked], told: Counter[str]) -> None:
    """Compare what was asked, what the orchestrator says became of it, and what the witness saw done."""
    taken = {one.id for one in asked if one.status == 202}
    turned_away = {one.key for one in asked} - {one.key for one in asked if one.status == 202}
    acts = {(one.key, one.id) for one in asked if one.status == 202}
    assert len(acts) == len(taken) == len({key for key, _id in acts})
    stored = {str(uuid.UUID(row["id"])): row for row in line.rows("SELECT * FROM api_command")}
    ends = Counter(row["state"] for row in stored.values())
    begun = Counter(words[1] for words in line.lines() if words[0] == "begun")
    over = {words[1]: words[2:] for words in line.lines() if words[0] == "over"}
    killed = Counter(words[2] for words in line.lines() if words[0] == "held")
    print(
        f"F20 {len(asked)} calls of {len(taken) + len(turned_away)} acts: {dict(ends)}, {len(turned_away)} turned away"
    )
    print(f"F20 {len(begun)} begun, {len(over)} carried out; killed at {dict(killed)}")
    assert set(stored) == taken
    assert set(ends) <= ENDS
    assert set(begun.values()) == {1}
    # What the machine never began is not done, and what it was killed in is unknown, whether or not it was done.
    assert {one for one, row in stored.items() if row["state"] == "expired"}.isdisjoint(begun)
    held = {words[1]: words[2] for words in line.lines() if words[0] == "held"}
    assert {one for one, row in stored.items() if row["state"] == "unknown"} == {
        one for one, place in held.items() if place != "kept"
    }
    assert all(stored[one]["state"] == over[one][0] for one, place in held.items() if place == "kept")
    assert set(told.values()) == {1}
    assert {one for one, row in stored.items() if row["state"] != "expired"} <= set(told)
    count_triggers(line, stored, over)


def ends_told(line: FaultLine) -> dict[int, str]:
    """Return which acts' ends pages were told of, by the number of the event; these are not kept for long."""
    events = {row["id"]: json.loads(row["data"]) for row in line.rows("SELECT id, data FROM api_liveevent")}
    return {n: said["id"] for n, said in events.items() if said.get("what") == "command" and said["state"] in ENDS}


def count_triggers(line: FaultLine, stored: dict[str, dict[str, str]], over: dict[str, list[str]]) -> None:
    """Each trigger has a number of its own: those that were taken are inspected once or counted as missed, the others as refused."""
    done = [json.loads(row["result"])["trigger_count"] for row in stored.values() if row["state"] == "done"]
    taken = sorted(int(count) for state, count in over.values() if state == "done")
    assert len(set(done)) == len(done)
    assert set(done) <= set(taken)
    assert len(set(taken)) == len(taken)
    judged = [row["trigger_count"] for row in line.rows("SELECT trigger_count FROM results_inspectionresult")]
    names = "'triggered', 'inspected', 'missed', 'refused'"
    counters = dict(line.outbox(f"SELECT name, value FROM numbers WHERE name IN ({names})"))
    missed, refused = counters.get("missed", 0), counters.get("refused", 0)
    print(
        f"F20 {len(done)} done; {len(taken)} triggers taken: {len(judged)} results, {missed} missed; {refused} refused"
    )
    assert len(set(judged)) == len(judged)
    assert set(judged) <= set(taken)
    assert len(judged) + missed == len(taken)
    assert len(taken) + refused == counters["triggered"]
    assert set(taken) <= set(range(1, counters["triggered"] + 1))
    assert missed < len(taken) / 2
