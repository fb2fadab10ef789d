"""The event stream and the long poll, at a real server: what is told arrives, at once, and ends with the service."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.journeys.line import Browser, Line

MAKE_MACHINES = """
from api.models import VirtualMachine
from edge.models import issue_code
from user.models import User
for number in range(12):
    name = f"vm_{number:03d}"
    made = VirtualMachine.objects.create(machine_id=name, name=name, owner=User.objects.get(), django_url=given)
    print(name, issue_code(made))
"""
BIRTH = {
    "epoch": "ab" * 16,
    "epoch_no": 1,
    "hb_seq": 1,
    "birth": True,
    "wall": "2026-01-01T00:00:00+00:00",
    "status": "stopped",
    "mode": "TESTE",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Return a line with its orchestrator serving, for all tests here."""
    with Line(tmp_path_factory.mktemp("line")) as made:
        made.start_orchestrator()
        yield made


@pytest.fixture(scope="module")
def codes(shared: Line) -> list[tuple[str, str]]:
    """Return machines nobody is yet, with their codes: one for each test that wants one."""
    printed = shared.shell(MAKE_MACHINES, shared.url)
    return [(words[0], words[1]) for words in map(str.split, printed.splitlines())]


@pytest.fixture
def door(shared: Line, codes: list[tuple[str, str]]) -> Iterator[httpx2.Client]:
    """Return the HTTP client of a machine of its own, enrolled."""
    machine_id, code = codes.pop()
    token = shared.enrol(machine_id, code)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=f"{shared.url}/edge/v1", headers=headers, timeout=40) as client:
        client.machine_id = machine_id  # type: ignore[attr-defined]
        yield client


def beat(door: httpx2.Client, number: int, **more: object) -> httpx2.Response:
    """Send heartbeat number."""
    answer = door.post("/heartbeat", json={**BIRTH, "hb_seq": number, **more})
    assert answer.status_code == 200, answer.text
    return answer


def ask(shared: Line, door: httpx2.Client, code: str) -> None:
    """Do something to the door's machine, in another process, as the bus' other side."""
    machine_id = door.machine_id  # type: ignore[attr-defined]
    prelude = f"from api.models import *; from audit import Actor; vm = VirtualMachine.objects.get(machine_id='{machine_id}'); "
    shared.manage("shell", "-v", "0", "-c", prelude + code)


def test_a_heartbeat_is_told_to_an_open_stream(shared: Line, door: httpx2.Client) -> None:
    with shared.browser().events() as events:
        assert events.response.headers["content-type"].startswith("text/event-stream")
        assert events.next()["event"] == "hello"
        beat(door, 1)
        told = events.next()
        assert told["data"]["topic"] == f"machine:{door.machine_id}"  # type: ignore[attr-defined]


def test_a_stream_without_a_session_is_refused(shared: Line) -> None:
    answer = httpx2.get(f"{shared.url}/live/", timeout=30)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_signed_in"


def test_a_stream_for_a_host_that_is_not_served_is_refused(shared: Line) -> None:
    assert httpx2.get(f"{shared.url}/live/", headers={"Host": "evil.example"}, timeout=30).status_code == 400


def test_a_returning_reader_gets_what_it_missed(shared: Line, door: httpx2.Client) -> None:
    browser = shared.browser()
    topic = f"/live/?topics=machine:{door.machine_id}"  # type: ignore[attr-defined]
    with browser.events(topic) as events:
        last = events.next()["id"]
    beat(door, 1)
    beat(door, 2)
    with browser.events(topic, **{"Last-Event-ID": last}) as events:
        missed = [events.next() for _ in range(3)]
    assert sorted({event["data"]["what"] for event in missed}) == ["state", "transition"]
    assert [int(event["id"]) for event in missed] == sorted(int(event["id"]) for event in missed)


def test_a_reader_whose_place_is_gone_is_told_to_read_anew(shared: Line) -> None:
    with shared.browser().events("/live/", **{"Last-Event-ID": "999999999"}) as events:
        assert events.next()["event"] == "reset"


def test_a_stream_ends_when_its_session_does(shared: Line) -> None:
    browser = shared.browser()
    with browser.events() as events:
        assert events.next()["event"] == "hello"
        browser.post("/admin/logout/")
        assert [event["event"] for event in iter(events.next, {"event": "end"})] == []


def test_a_poll_is_answered_at_once_when_the_version_is_another(shared: Line, door: httpx2.Client) -> None:
    began = time.monotonic()
    answer = door.get("/desired", params={"after": 5, "wait": 25})
    assert (answer.status_code, answer.json()["version"]) == (200, 0)
    assert time.monotonic() - began < 15


def test_a_poll_is_answered_at_once_when_the_number_is_of_something_else(shared: Line, door: httpx2.Client) -> None:
    """As it is for a machine that was away while a database was restored and the number used anew."""
    change = {"body": {"run_state": "running"}, "author": "local:test"}
    asked = door.put("/desired", json=change, headers={"If-Match": "0"}).json()
    began = time.monotonic()
    answer = door.get("/desired", params={"after": 1, "sha256": "0" * 64, "wait": 25})
    assert answer.json()["sha256"] == asked["sha256"]
    assert time.monotonic() - began < 15
    began = time.monotonic()
    door.get("/desired", params={"after": 1, "sha256": asked["sha256"], "wait": 1})
    assert time.monotonic() - began > 0.9


def test_a_waiting_poll_gets_what_another_process_asks(shared: Line, door: httpx2.Client) -> None:
    beat(door, 1)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(door.get, "/desired", params={"after": 0, "wait": 25})
        ask(shared, door, "vm.want(by=Actor('system', 'test'), reason='go', run_state='running')")
        document = waiting.result(40).json()
    assert (document["version"], document["body"]["run_state"]) == (1, "running")


def test_a_waiting_poll_gets_a_command(shared: Line, door: httpx2.Client) -> None:
    beat(door, 1, status="running")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(door.get, "/desired", params={"after": 0, "wait": 25})
        ask(shared, door, "vm.command('trigger', Actor('system', 'test'), {}, 10)")
        commands = waiting.result(40).json()["commands"]
    assert [command["kind"] for command in commands] == ["trigger"]
    assert 0 < commands[0]["ttl_ms_left"] <= 10_000


def test_a_waiting_poll_ends_when_its_machine_is_retired(shared: Line, door: httpx2.Client) -> None:
    beat(door, 1)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(door.get, "/desired", params={"after": 0, "wait": 25})
        began = time.monotonic()
        ask(shared, door, "vm.retire(by=Actor('system', 'test'), reason='gone')")
        answer = waiting.result(40)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "retired")
    assert time.monotonic() - began < 20


def test_a_poll_ends_after_its_wait(door: httpx2.Client) -> None:
    began = time.monotonic()
    answer = door.get("/desired", params={"after": 0, "wait": 1})
    assert (answer.status_code, answer.json()["version"]) == (200, 0)
    assert 0.9 < time.monotonic() - began < 20


@pytest.mark.parametrize("token", ["", "Bearer nonsense", "Bearer alm_000000000000_" + "a" * 43 + "_00000000"])
def test_a_poll_without_a_good_token_is_refused(shared: Line, token: str) -> None:
    answer = httpx2.get(f"{shared.url}/edge/v1/desired?wait=20", headers={"Authorization": token}, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "bad_token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_waiting_polls_hold_no_thread(shared: Line, door: httpx2.Client) -> None:
    def poll() -> dict[str, object]:
        with httpx2.Client(headers=dict(door.headers), timeout=40) as client:
            answer: dict[str, object] = client.get(f"{shared.url}/edge/v1/desired?after=0&wait=25").json()
            return answer

    with ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(poll) for _ in range(40)]
        for number in range(1, 6):
            beat(door, number)
        assert not any(poll.done() for poll in waiting)
        change = {"body": {"run_state": "running"}, "author": "local:test"}
        assert door.put("/desired", json=change, headers={"If-Match": "0"}).status_code == 200
        assert {poll.result()["version"] for poll in waiting} == {1}


def test_sigterm_ends_streams_polls_and_the_service_quickly(tmp_path: Path) -> None:
    with Line(tmp_path) as line:
        web = line.start_orchestrator()
        token = line.enrol("vm_001", line.add_machine("vm_001"))
        ended = threading.Event()

        def stream(browser: Browser) -> None:
            with browser.events() as events:
                for _event in iter(events.next, {"event": "end"}):
                    pass
            ended.set()

        reader = threading.Thread(target=stream, args=[line.browser()], daemon=True)
        reader.start()
        with ThreadPoolExecutor(1) as pool:
            headers = {"Authorization": f"Bearer {token}"}
            polling = pool.submit(httpx2.get, f"{line.url}/edge/v1/desired?wait=25", headers=headers, timeout=40)
            line.until(lambda: line.rows("SELECT 1 FROM edge_machinetoken WHERE last_used_at IS NOT NULL"), "polling")
            assert web.stop() == 0
            # They ended by themselves: none had to be cut off when the server's time for them was over.
            assert "Cancel" not in web.log.read_text()
            assert polling.result(20).status_code == 200
        assert ended.wait(20)


def test_a_port_in_use_is_said_in_one_sentence(shared: Line) -> None:
    second = shared.process("second", "manage", "serve")
    second.start()
    assert second.running is not None
    assert second.running.wait(60) == 1
    assert second.log.read_text().strip().count("\n") == 0
    assert f"port {shared.port} on 127.0.0.1 is in use" in second.log.read_text()
