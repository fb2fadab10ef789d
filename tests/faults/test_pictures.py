"""F17, A15: bad pictures in the folder of a real machine process. They are errors, never verdicts; the machine goes on, and stays small."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from analyticlens.engine import inspect, prepare
from analyticlens.machine.decode import Undecodable, decode
from analyticlens.protocol.records import VerdictBody
from tests.faults.pictures import EXTENSIONS, Mutated, by_pillow, chunk, coloured, mutate, png, progressive, two_pages
from tests.faults.solo import Solo
from tests.machine.helpers import THREE, configuration, discs, encode

Until = Callable[..., object]
MIB = 1024 * 1024
LONG_AGO = 1_600_000_000


def put(folder: Path, name: str, raw: bytes) -> None:
    """Put a file that is not just being written into a folder, whole."""
    draft = folder.parent / "draft"
    draft.write_bytes(raw)
    os.utime(draft, (LONG_AGO, LONG_AGO))
    draft.rename(folder / name)


def expected(file: Mutated) -> VerdictBody | None:
    """Return what the engine says of the decoded array; None for a file that is no whole picture."""
    try:
        frame = decode(file.raw)
    except Undecodable:
        return None
    found = inspect(frame, prepare(THREE))
    return VerdictBody(
        **{name: getattr(found, name) for name in ("verdict", "reason", "tools")},
        **{"cycle": 1, "generation": 1, "trigger_count": 1, "mode": "TESTE", "simulated": True, "wall": ""},
    )


def test_f17_two_hundred_mutated_pictures(tmp_path: Path, until: Until, rng: np.random.Generator) -> None:
    """The loop lives, nothing undecodable is judged, what decodes is judged as it is, memory stays, the next good one is right."""
    files = [mutate(index, rng) for index in range(200)]
    with Solo(tmp_path) as solo:
        for index, extension in enumerate(EXTENSIONS):
            put(solo.parts, f"a{index}{extension}", encode(coloured(3), extension))
        solo.is_to_be()
        solo.process.start()
        until(lambda: solo.count() > 300, 120)
        before = solo.memory()
        for file in files:
            put(solo.parts, file.name, file.raw)
        put(solo.parts, "z.png", encode(discs(3)))
        names = {file.name for file in files} | {"z.png"}
        until(lambda: names <= solo.names(), 180, 0.5)
        growth = (solo.memory() - before) / MIB
        judged = check(files, {body.frame.name: body for body in solo.verdicts()})
        print(f"F17 200 files, {judged} of them judged; memory grew by {growth:.1f} MiB")
        assert growth < 50
        assert not [event for event in solo.records("event") if event["code"] == "child_lost"]


def check(files: list[Mutated], found: dict[str, VerdictBody]) -> int:
    """Compare each file's verdict with what must be; return how many were judged."""
    judged = 0
    for file in files:
        body, truth = found[file.name], expected(file)
        assert file.judged in (None, truth is not None), f"{file.name} {'was' if truth else 'was not'} decoded"
        if truth is None:
            assert (body.verdict, body.tools) == ("error", ()), file.name
            assert body.reason in ("decode_failed", "frame_refused")
            assert body.message
        else:
            judged += 1
            assert body.verdict == truth.verdict, file.name
            assert [tool.features for tool in body.tools] == [tool.features for tool in truth.tools], file.name
    assert found["z.png"].verdict == "ok"
    return judged


# A picture that is refused, and a word of the sentence that says why.
BMP = encode(coloured(3), ".bmp")
REFUSED: dict[str, tuple[bytes, str]] = {
    "a whole PNG of 30000x30000": (png(30000, 30000, b"\0" * (30000 // 8 + 1) * 30000, depth=1), "million pixels"),
    "a tiny PNG that claims 30000x30000": (png(30000, 30000, b"\0"), "million pixels"),
    "a tiny JPEG that claims 65500x65500": (
        encode(coloured(3), ".jpg").replace(b"\x00\xc8\x01\x40", b"\xff\xdc\xff\xdc", 1),
        "million pixels",
    ),
    "a tiny BMP that claims 30000x30000": (BMP[:18] + (30000).to_bytes(4, "little") * 2 + BMP[26:], "million pixels"),
    "a TIFF of several pages": (two_pages(), "pages"),
    "a GIF": (by_pillow(discs(3), "GIF"), "no PNG"),
    "a WebP": (encode(coloured(3), ".webp"), "no PNG"),
    "a JPEG of a thousand scans": (progressive(coloured(3), 1000), "scans"),
    "a file of 21 MB": (encode(discs(3)) + b"\0" * 21 * MIB, "larger than"),
}


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Solo]:
    """Return a machine that inspects a good picture ten times a second, and whatever is put beside it."""
    with Solo(tmp_path_factory.mktemp("a15")) as solo:
        put(solo.parts, "good.png", encode(discs(3)))
        solo.is_to_be(configuration("parts", trigger={"type": "continuous", "interval_ms": 100}))
        solo.process.start()
        until(lambda: solo.count() > 20, 60)
        yield solo


def judge_beside(solo: Solo, raw: bytes, until: Until) -> tuple[VerdictBody, float]:
    """Put a picture into the folder for one turn; return its verdict and by how many MiB the child grew at most."""
    child = at_work(solo)
    # 5: the kernel forgets the highest mark so far.
    Path(f"/proc/{child.pid}/clear_refs").write_text("5")
    before = peak(child)
    began = solo.count()
    put(solo.parts, "bomb.png", raw)
    until(lambda: "bomb.png" in solo.names(began), 60)
    (solo.parts / "bomb.png").unlink()
    said = next(body for body in solo.verdicts(began) if body.frame.name == "bomb.png")
    grown = peak(child) - before
    until(lambda: solo.verdicts(began)[-1].frame.name == "good.png")
    assert solo.verdicts(began)[-1].verdict == "ok"
    assert at_work(solo).pid == child.pid, "the child had to be replaced"
    return said, grown


def at_work(solo: Solo) -> psutil.Process:
    """Return the inspecting process at work: the oldest, for a spare is made after it and takes its place when it is gone."""
    found = [process for process in solo.processes() if any(word.endswith(".child") for word in process.cmdline())]
    return min(found, key=lambda process: process.create_time())


def peak(process: psutil.Process) -> float:
    """Return the most memory a process held since its mark was cleared, in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


@pytest.mark.parametrize("kind", REFUSED)
def test_a15_it_is_refused_before_it_is_decoded(beside: Solo, until: Until, kind: str) -> None:
    raw, why = REFUSED[kind]
    said, grown = judge_beside(beside, raw, until)
    print(f"A15 {kind}: {said.message}; {said.durations_ms.total:.0f} ms, at most {grown:.1f} MiB")
    assert (said.verdict, said.tools) == ("error", ())
    assert why in said.message
    assert grown <= 64
    assert said.durations_ms.total <= 2000


def test_a15_a_progressive_jpeg_is_judged_as_the_picture_it_is(beside: Solo, until: Until) -> None:
    said, grown = judge_beside(beside, progressive(discs(4)), until)
    assert (said.verdict, said.tools[0].features["blob_count"]) == ("nok", 4)
    assert grown <= 64


def test_a15_text_in_a_png_that_would_fill_the_memory_does_not(beside: Solo, until: Until) -> None:
    """A small picture with a comment that unpacks to 300 MB: whether it is judged or refused, the comment is not unpacked."""
    rows = b"".join(b"\0" + row.tobytes() for row in discs(3))
    raw = png(320, 200, rows, chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b" " * 300 * MIB)))
    said, grown = judge_beside(beside, raw, until)
    print(f"A15 text: {said.verdict} {said.message}; at most {grown:.1f} MiB")
    assert said.verdict in ("ok", "error")
    assert grown <= 64
    assert said.durations_ms.total <= 2000
