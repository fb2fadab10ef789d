"""From the child's answer to a committed verdict, and from there to counters, viewers and the live view."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from analyticlens.engine import ENGINE_VERSION
from analyticlens.machine import clock, log
from analyticlens.machine.announcer import Announcer
from analyticlens.machine.figures import Speed
from analyticlens.machine.live import Live
from analyticlens.machine.loop import Asked, Plan, Wishes
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.status import ResultEvent, RunCounters
from analyticlens.protocol.heartbeat import LastVerdict, PictureCondition
from analyticlens.protocol.records import EventBody, VerdictBody
from analyticlens.protocol.strict import first_error

SAYS = ("verdict", "reason", "message", "frame", "tools", "overlay")


@dataclass(frozen=True, slots=True)
class Finished:
    """A verdict on its way to the viewers."""

    plan: Plan
    body: VerdictBody
    counters: RunCounters


class Recorder:
    """The loop's host: commits first, shows afterwards."""

    def __init__(self, outbox: Outbox, announcer: Announcer, live: Live) -> None:
        """Record into outbox."""
        self.speed = Speed()
        self.storage_error = ""
        self.on_trouble: Callable[[str, str], None] = lambda sentence, code: None
        self.on_child_failed: Callable[[Plan, str, str], None] = lambda plan, sentence, code: None
        self.on_finished: Callable[[Plan], None] = lambda plan: None
        self._outbox, self._announcer, self._live = outbox, announcer, live
        self._mutex = threading.Lock()
        self._run = RunCounters()
        self._last: LastVerdict | None = None
        self._condition: dict[str, float] = {}
        self._ok_left = 0
        self._unstored = 0
        self._trying = threading.Lock()

    @property
    def run_counters(self) -> RunCounters:
        """Return the counters since this process started."""
        with self._mutex:
            return self._run

    @property
    def last_verdict(self) -> LastVerdict | None:
        """Return the newest verdict of this process."""
        with self._mutex:
            return self._last

    @property
    def condition(self) -> PictureCondition | None:
        """Return what the newest pictures are like; None before the first."""
        with self._mutex:
            told = self._condition
        known = PictureCondition.model_fields
        return PictureCondition.model_validate({name: told[name] for name in known if name in told}) if told else None

    def event(self, code: str, message: str = "", **details: Any) -> bool:
        """Log something worth telling and put it into the outbox; False where that is impossible and the log is all there is."""
        log.event(code, message, **details)
        body = EventBody(
            code=code, message=message[:2000], details=details, wall=clock.wall_text(), mono_ns=clock.mono_ns()
        )
        try:
            self._outbox.append("event", body)
        except (sqlite3.Error, OSError) as error:
            log.event("event_not_stored", str(error), about=code)
            return False
        return True

    def try_storage(self) -> None:
        """Write again after a failure, telling what was lost: a machine that stands still has no verdict to find out with."""
        if not self.storage_error:
            return
        with self._trying:
            lost, before = self._unstored, self.storage_error
            if before and self.event(
                "storage_failed", f"{lost} results were not kept; at last: {before}", results=lost
            ):
                self.storage_error = ""
                self._unstored -= lost
                log.event("storage_recovered")

    # --- what the loop asks ----------------------------------------------------------------------------------------

    def wishes(self, plan: Plan) -> Wishes:
        """Say which pictures the next inspection shall make."""
        every = plan.work.configuration.pictures.ok_every
        return Wishes(self._announcer.wanted, self._live.wanted, keep_ok=every > 0 and self._ok_left <= 0)

    def seen(self, plan: Plan, answer: dict[str, Any]) -> None:
        """Count OK pictures towards the next one that is kept."""
        if condition := answer.get("condition"):
            with self._mutex:
                # What only a heartbeat asks for is not measured with every picture: it is as old as that then.
                self._condition = {**self._condition, **condition}
        if answer["verdict"] == "ok":
            every = plan.work.configuration.pictures.ok_every
            self._ok_left = every - 1 if "picture" in answer else self._ok_left - 1

    def finish(self, plan: Plan, asked: Asked, answer: dict[str, Any], picture: bytes | None) -> Finished:
        """Commit the verdict. When it cannot be kept the result is an error, whatever was found."""
        body = self._body(plan, asked, answer, self._outbox.grow("cycle"))
        try:
            self._outbox.append("verdict", body, picture)
            self.try_storage()
        except (sqlite3.Error, OSError) as error:
            sentence = f"the result could not be stored: {error}"
            self._unstored += 1
            self._outbox.grow("missed")
            if not self.storage_error:
                log.event("storage_failed", sentence)
            self.storage_error = sentence
            body = body.model_copy(
                update={"verdict": "error", "reason": "outbox_failed", "message": sentence, "picture": None}
            )
        self._count(body)
        self.on_finished(plan)
        return Finished(plan, body, self.run_counters)

    def show(self, finished: object, answer: dict[str, Any], views: dict[str, bytes]) -> None:
        """Tell viewers, after the commit."""
        assert isinstance(finished, Finished)
        body, plan = finished.body, finished.plan
        if "live" in views:
            self._live.offer(views["live"], body)
        width, height = answer.get("resolution") or (0, 0)
        self._announcer.announce(
            ResultEvent(
                body=body,
                details={int(tool): detail for tool, detail in answer.get("details", {}).items()},
                processed_jpeg=views.get("processed"),
                resolution=(width, height),
                recipe=plan.work.recipe,
                wire_tools=plan.wire_tools,
                source_type=plan.work.configuration.source.type,
                duration_ms=body.durations_ms.total,
                aprovados=finished.counters.aprovados,
                reprovados=finished.counters.reprovados,
                frame=finished.counters.frame,
            )
        )

    def trouble(self, sentence: str, code: str) -> None:
        """Hand on why no inspection is possible now."""
        self.on_trouble(sentence, code)

    def child_failed(self, plan: Plan, sentence: str, code: str) -> None:
        """Tell of a child that was lost."""
        self.event("child_lost", sentence, cause=code)
        self.on_child_failed(plan, sentence, code)

    # --- the record ------------------------------------------------------------------------------------------------

    def _body(self, plan: Plan, asked: Asked, answer: dict[str, Any], cycle: int) -> VerdictBody:
        """Return the record. An answer that is no sound record is an error, not a verdict."""
        data = {key: answer[key] for key in SAYS if answer.get(key) is not None}
        durations = {**answer.get("durations_ms", {}), "total": (clock.mono() - asked.trigger.at) * 1000}
        if (captured := answer.get("captured_mono")) is not None:
            durations["age"] = max(0.0, (clock.mono() - captured) * 1000)
        if picture := answer.get("picture"):
            kept_one_of = plan.work.configuration.pictures.ok_every if answer["verdict"] == "ok" else 1
            data["picture"] = {**picture, "weight": max(1, kept_one_of)}
        try:
            return VerdictBody.model_validate({**data, "durations_ms": durations, **_frame_of(plan, asked, cycle)})
        except ValidationError as error:
            problem = {"verdict": "error", "reason": "tool_error", "message": first_error(error)[:2000]}
            return VerdictBody.model_validate({**problem, **_frame_of(plan, asked, cycle)})

    def _count(self, body: VerdictBody) -> None:
        good = body.verdict == "ok"
        with self._mutex:
            run = self._run
            self._run = RunCounters(run.aprovados + good, run.reprovados + (not good), run.frame + 1)
            self._last = LastVerdict(cycle=body.cycle, verdict=body.verdict, reason=body.reason, wall=body.wall)
        self.speed.add(body.durations_ms.total)


def _frame_of(plan: Plan, asked: Asked, cycle: int) -> dict[str, Any]:
    """Return what surrounds every verdict: who, when, under which plan."""
    return {
        "cycle": cycle,
        "generation": asked.generation,
        "trigger_count": asked.trigger.count,
        "part_id": asked.trigger.part_id,
        "mode": plan.mode,
        "simulated": plan.mode != "PRODUCAO",
        "recipe_sha256": plan.recipe_sha256,
        "config_version": plan.config_version,
        "engine_version": ENGINE_VERSION,
        "wall": clock.wall_text(),
        "mono_ns": clock.mono_ns(),
    }
