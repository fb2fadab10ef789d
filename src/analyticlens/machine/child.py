"""The child: the process that owns the source and the engine, so that a camera that blocks or a tool that hangs can be killed.

It answers one message at a time and never decides anything that outlives it. It ends when its parent does, whichever way.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import os
import resource
import signal
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analyticlens.engine import ENGINE_VERSION, Inspection, Prepared, RecipeRefused, inspect, prepare
from analyticlens.engine.condition import Condition, Watch
from analyticlens.engine.errors import CannotBuild
from analyticlens.engine.inspection import refused as refused_frame
from analyticlens.engine.levels import depth_of
from analyticlens.machine import clock, wire
from analyticlens.machine.blobs import BlobFiles
from analyticlens.machine.decode import Undecodable, check_frame
from analyticlens.machine.inspector import LEAST_ENGINE_SECONDS, Resume, Work
from analyticlens.machine.login import Login
from analyticlens.machine.refusals import SourceRefused
from analyticlens.machine.sources import Grabbed, Place, Source, Wanted, open_source
from analyticlens.machine.sources.frames import FROZEN
from analyticlens.protocol.configuration import Configuration
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.strict import plain

# Address space beyond what the libraries took: room for the largest picture and a tool's work on it.
WORK_BYTES = 3 * 1024**3
PROCESSED_QUALITY = 70
# Every heartbeat tells the newest condition of the pictures; measured oftener only where a limit asks for it.
CONDITION_SECONDS = 4.0
FACTS_SECONDS = 1.0
PR_SET_PDEATHSIG = 1


class Bench:
    """The open source and the built recipe, and the answers to the parent's messages."""

    def __init__(self, pipe: Connection) -> None:
        """Answer over pipe."""
        self.pipe = pipe
        self.source: Source | None = None
        self.recipe: Prepared | None = None
        self.watch: Watch | None = None
        self.told_at = -math.inf
        self.facts_at = -math.inf
        self.engine_seconds = LEAST_ENGINE_SECONDS

    def answer(self, message: dict[str, Any]) -> None:
        """Carry out one message and send its answer."""
        match message["do"]:
            case "open":
                self._open(message)
            case "inspect":
                self._inspect(message)
            case "snapshot":
                self._snapshot(message)
            case "pulse":
                self._pulse()
            case other:
                raise ValueError(f"unknown message {other!r}")

    def _open(self, message: dict[str, Any]) -> None:
        """Build the recipe and try it, then open the source; say which of the two failed, if one did."""
        configuration = Configuration.model_validate(message["configuration"])
        recipe = Recipe.model_validate(message["recipe"] or {})
        self.engine_seconds = Work(configuration, recipe).engine_seconds
        try:
            self.recipe = _prepared(recipe, configuration, Path(message["data"]))
            failed = self._self_test(configuration)
        except RecipeRefused as refused:
            failed = {"tool_id": refused.tool_id, "tool_name": refused.tool_name, "sentence": refused.sentence}
        if failed:
            wire.send(self.pipe, {"did": "open", "recipe_refused": failed})
            return
        try:
            self.watch = Watch(configuration.health, BlobFiles(Path(message["data"])))
        except CannotBuild as unbuilt:
            told = {"sentence": str(unbuilt), "lasting": True, "pause": 0.0}
            wire.send(self.pipe, {"did": "open", "source_refused": told, "engine_version": ENGINE_VERSION})
            return
        cameras = message.get("cameras")
        place = Place(
            Path(message["data"]),
            tuple(map(Path, message["roots"])),
            Resume(*message["resume"]),
            Login(*message.get("login", ())),
            None if cameras is None else tuple(cameras),
        )
        try:
            self.source = open_source(configuration.source, place)
        except SourceRefused as refused:
            problem = {"sentence": refused.sentence, "lasting": refused.lasting, "pause": refused.pause}
            wire.send(self.pipe, {"did": "open", "source_refused": problem, "engine_version": ENGINE_VERSION})
            return
        wire.send(self.pipe, {"did": "open", "engine_version": ENGINE_VERSION})

    def _self_test(self, configuration: Configuration) -> dict[str, Any] | None:
        """Inspect drawn pictures once, grey and in colour: a tool that breaks on them would break on every frame.

        Neither verdicts nor what a tool says of these very pictures (that they are grey, or not of the taught size) matter here.
        """
        assert self.recipe is not None
        width, height = configuration.source.resolution
        ramp = np.linspace(0, 255, min(width, 2000), dtype=np.uint8)
        grey = np.repeat(ramp[None, :], min(height, 2000), axis=0)
        for picture in (grey, np.dstack((grey, grey[::-1], grey[:, ::-1]))):
            for tool in inspect(picture, self.recipe).tools:
                if tool.status == "error" and tool.reason == "tool_broke":
                    return {"tool_id": tool.id, "tool_name": tool.name, "sentence": tool.message or "it cannot run"}
        return None

    def _pulse(self) -> None:
        """Say how the source is."""
        assert self.source is not None
        pulse = self.source.pulse()
        told = {"age": pulse.age, "code": pulse.code, "problem": pulse.problem, "facts": pulse.facts}
        wire.send(self.pipe, {"did": "pulse", **told})

    def _grab(self, wanted: Wanted) -> Grabbed | None:
        """Return the next frame; None when pictures can no longer be had, and the parent was told."""
        assert self.source is not None
        try:
            return self.source.grab(wanted)
        except SourceRefused as refused:
            why = {
                "sentence": refused.sentence,
                "lasting": refused.lasting,
                "code": refused.code,
                "pause": refused.pause,
            }
            wire.send(self.pipe, {"did": "lost", **why})
            return None

    def _inspect(self, message: dict[str, Any]) -> None:
        """Grab, inspect, answer; then, when wanted, the pictures only viewers need, which the verdict does not wait for."""
        began = clock.mono_ns()
        grabbed = self._grab(Wanted(message.get("since", 0.0), message.get("asked", False)))
        if grabbed is None:
            return
        captured = clock.mono_ns()
        if self.recipe is not None and self.recipe.recipe.foreign:
            # From here on the parent counts the time the tools may take: one that hangs is ended with this process.
            wire.send(self.pipe, {"did": "inspecting"})
        condition = self._condition(grabbed)
        found = None if condition and condition.reason else self._judge(grabbed)
        inspected = clock.mono_ns()
        answer = _answer_of(grabbed, found, condition)
        answer["durations_ms"] = {"capture": (captured - began) / 1e6, "inspect": (inspected - captured) / 1e6}
        answer["position"] = self.source.position if self.source else ""
        if grabbed.mono is not None:
            answer["captured_mono"] = grabbed.mono
            if self.source is not None and clock.mono() - self.facts_at >= FACTS_SECONDS:
                # A source that is kept busy is never asked by itself how it is.
                self.facts_at = clock.mono()
                answer["facts"] = self.source.pulse().facts
        stored = self._stored(answer, grabbed, message)
        if message["details"] and found is not None:
            answer["details"] = {str(tool): _json_ready(detail) for tool, detail in found.details.items()}
        wire.send(self.pipe, answer, {"stored": stored} if stored else None)
        if message["processed"] or message["live"]:
            self._send_views(grabbed, found, message)

    def _condition(self, grabbed: Grabbed) -> Condition | None:
        """Return the picture's condition when a limit or the next heartbeat asks for it."""
        assert self.watch is not None
        if grabbed.image is None or refused_frame(grabbed.image, grabbed.bits):
            return None
        due = clock.mono() - self.told_at >= CONDITION_SECONDS
        if not (due or self.watch.limited):
            return None
        self.told_at = clock.mono() if due else self.told_at
        return self.watch.measure(grabbed.image, grabbed.bits, whole=due)

    def _judge(self, grabbed: Grabbed) -> Inspection | None:
        assert self.recipe is not None
        if grabbed.image is None or grabbed.reason == FROZEN:
            return None
        return inspect(grabbed.image, self.recipe, bits=grabbed.bits, deadline_ms=self.engine_seconds * 1000)

    def _stored(self, answer: dict[str, Any], grabbed: Grabbed, message: dict[str, Any]) -> bytes | None:
        """Return the picture to keep, if this verdict's picture is kept, and name it in the answer."""
        wanted = message["keep_ok"] if answer["verdict"] == "ok" else message["keep_not_ok"]
        if not wanted or grabbed.image is None:
            return None
        jpeg = encode_jpeg(grabbed.image, message["quality"], grabbed.bits)
        answer["picture"] = {"sha256": hashlib.sha256(jpeg).hexdigest(), "mime": "image/jpeg", "size": len(jpeg)}
        return jpeg

    def _send_views(self, grabbed: Grabbed, found: Inspection | None, message: dict[str, Any]) -> None:
        blobs: dict[str, bytes] = {}
        size = [0, 0]
        processed = found.image if found is not None and message["processed"] else None
        if processed is not None and _viewable(processed):
            blobs["processed"] = encode_jpeg(processed, PROCESSED_QUALITY, grabbed.bits)
            size = [processed.shape[1], processed.shape[0]]
        if message["live"] and grabbed.image is not None:
            blobs["live"] = encode_jpeg(grabbed.image, message["quality"], grabbed.bits)
        wire.send(self.pipe, {"did": "views", "resolution": size}, blobs)

    def _snapshot(self, message: dict[str, Any]) -> None:
        """Grab one frame and send it, inspecting nothing."""
        grabbed = self._grab(Wanted(clock.mono(), asked=True))
        if grabbed is None:
            return
        answer: dict[str, Any] = {"did": "snapshot", "name": grabbed.name, "message": grabbed.message}
        if grabbed.image is None:
            wire.send(self.pipe, answer)
            return
        answer["resolution"] = [grabbed.image.shape[1], grabbed.image.shape[0]]
        wire.send(self.pipe, answer, {"picture": encode_jpeg(grabbed.image, message["quality"], grabbed.bits)})


def _prepared(recipe: Recipe, configuration: Configuration, data: Path) -> Prepared:
    """Return the recipe built for the source's pictures, with what it names from the data folder. Raises RecipeRefused."""
    width, height = configuration.source.resolution
    return prepare(recipe, BlobFiles(data), size=(height, width), tool_ms=configuration.tool_timeout_ms)


def encode_jpeg(image: NDArray[Any], quality: int, bits: int | None = None) -> bytes:
    """Return image, uint8 or uint16 of so many bits, (H, W) or (H, W, 3) BGR, as a JPEG: what is deeper is shown by its upper 8 bits."""
    shown = image
    if image.dtype == np.uint16:
        # What is brighter than its bits allow was refused to be judged; it is shown white.
        shown = np.minimum(image >> (depth_of(image.dtype, bits).bits - 8), 255).astype(np.uint8)
    done, jpeg = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("the picture could not be encoded")
    return jpeg.tobytes()


def _viewable(image: NDArray[Any]) -> bool:
    try:
        check_frame(image)
    except Undecodable:
        return False
    return True


def _answer_of(grabbed: Grabbed, found: Inspection | None, condition: Condition | None) -> dict[str, Any]:
    """Return the child's part of the verdict record.

    A frame that could not be read is an error; one of a frozen camera, or in no condition to be judged, is undecided, and nothing was
    measured of either.
    """
    height, width = grabbed.image.shape[:2] if grabbed.image is not None else (0, 0)
    frame = {"number": grabbed.number, "name": grabbed.name[:200], "captured_at": grabbed.captured_at}
    answer: dict[str, Any] = {"did": "inspect", "frame": {**frame, "width": width, "height": height}}
    if condition is not None:
        answer["condition"] = condition.features
        if condition.reason:
            return {**answer, "verdict": "undecided", "reason": condition.reason, "message": condition.message}
    if found is None:
        verdict = "undecided" if grabbed.reason == FROZEN else "error"
        return {**answer, "verdict": verdict, "reason": grabbed.reason, "message": grabbed.message[:2000]}
    return {
        **answer,
        "verdict": found.verdict,
        "reason": found.reason,
        "message": found.message,
        "tools": [plain(tool) for tool in found.tools],
        "overlay": [plain(shape) for shape in found.overlay],
    }


def _json_ready(value: Any) -> Any:
    """Return value with numpy's numbers and arrays as Python's."""
    if isinstance(value, dict):
        return {str(key): _json_ready(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_ready(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


def _bind_to_parent(parent: int) -> None:
    """Die with the parent even while blocked: by signal where the kernel has one, by a thread's watch everywhere."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        never = threading.Event()
        while os.getppid() == parent:
            clock.wait(never, 1.0)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _bound_memory() -> None:
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + WORK_BYTES, used + WORK_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    """Serve the pipe whose descriptor is the first argument, for the parent whose process id is the second."""
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    # Ctrl-C in a terminal reaches the whole group: the parent finishes the frame first, then ends its child.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bind_to_parent(parent)
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    _bound_memory()
    pipe = Connection(descriptor)
    bench = Bench(pipe)
    wire.send(pipe, {"did": "hello"})
    while True:
        try:
            message, _ = wire.receive(pipe)
        except (EOFError, OSError):
            return 0
        bench.answer(message)


if __name__ == "__main__":
    sys.exit(main())
