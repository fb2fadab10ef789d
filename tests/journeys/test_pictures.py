"""Pictures at a server that is killed: no row says stored unless its file is there, whole; nothing is left behind."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
from pathlib import Path

import httpx2

from tests.journeys.line import Line

KILLS = 6


def picture(draw: random.Random) -> bytes:
    """Return the bytes of a picture, as far as the door looks at them."""
    return b"\xff\xd8\xff\xe0" + draw.randbytes(draw.randint(200_000, 2_000_000))


def stored_files(line: Line) -> dict[str, Path]:
    """Return the picture files by name."""
    return {path.name: path for path in (line.data / "media" / "pictures").rglob("*") if path.is_file()}


def test_kill_in_the_middle_of_uploads(line: Line, seed: int) -> None:
    draw = random.Random(seed)
    token = line.enrol("vm_001", line.add_machine("vm_001"))
    headers = {"Authorization": f"Bearer {token}"}
    web = line.processes["web"]
    acknowledged: set[str] = set()
    left = [picture(draw) for _ in range(4)]
    for _ in range(KILLS):
        left += [picture(draw) for _ in range(4)]
        timer = threading.Timer(draw.uniform(0.0, 0.15), web.kill)
        timer.start()
        with httpx2.Client(base_url=line.url, headers=headers, timeout=30) as client:
            for data in list(left):
                name = hashlib.sha256(data).hexdigest()
                try:
                    answer = client.put(f"/edge/v1/images/{name}", content=data, headers={"Content-Type": "image/jpeg"})
                except httpx2.HTTPError:
                    break
                assert answer.status_code in {200, 201}
                acknowledged.add(name)
                left.remove(data)
        timer.join()
        assert not web.alive()
        line.start_orchestrator()
    rows = {row["sha256"]: row["size"] for row in line.rows("SELECT * FROM results_storedpicture")}
    files = stored_files(line)
    for name, size in rows.items():
        assert files[name].stat().st_size == size
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == name
    assert acknowledged <= set(rows)
    print(f"{KILLS} kills, {len(acknowledged)} pictures acknowledged, {len(left)} were not")
    line.shell("from api import clock\nfrom results import pictures\nwith clock.shifted(7200): pictures.sweep()")
    assert list((line.data / "media" / "incoming").iterdir()) == []


def test_a_body_cut_short_is_no_picture(line: Line) -> None:
    token = line.enrol("vm_001", line.add_machine("vm_001"))
    data = picture(random.Random(1))
    name = hashlib.sha256(data).hexdigest()
    head = f"PUT /edge/v1/images/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(data)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", line.port)) as wire:
        wire.sendall(head.encode() + data[: len(data) // 2])
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "image/jpeg"}
    answer = httpx2.put(f"{line.url}/edge/v1/images/{name}", content=data, headers=headers, timeout=30)
    assert answer.status_code == 201
    assert set(stored_files(line)) == {name}
