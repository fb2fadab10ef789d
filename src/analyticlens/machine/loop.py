"""The inspecting loop: one thread for ever, so that two loops can never run. Callers change its plan; it converges to the newest.

A session is one generation: it inspects under one plan until the plan changes or the child is lost. A child that blocks is killed at the
deadline, one that dies is replaced, both with back-off and for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from analyticlens.engine import RecipeRefused
from analyticlens.machine import clock, log
from analyticlens.machine.backoff import BackOff
from analyticlens.machine.cradle import Cradle
from analyticlens.machine.inspector import BEGINNING, ChildDied, ChildLate, Inspector, Resume, Woken, Work
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.refusals import NotNow, SourceRefused
from analyticlens.machine.triggers import Pacer, Timetable, Triggered, TriggerQueue, forget_timetable
from analyticlens.machine.wakepipe import WakePipe
from analyticlens.machine.watch import PULSE_ANSWER_SECONDS, CameraWatch, is_live
from analyticlens.protocol.configuration import AskedTrigger, ContinuousTrigger, ScheduledTrigger
from analyticlens.protocol.configuration import Source as SourceConfig
from analyticlens.protocol.words import Mode

# How long a frame that was begun may still take after somebody said stop.
GRACE_SECONDS = 0.5
IDLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What the loop shall do. `rebuilds` grows when source and engine must be made anew although the work is the same."""

    revision: int
    running: bool
    rebuilds: int
    work: Work
    mode: Mode
    recipe_sha256: str | None
    config_version: int
    wire_tools: tuple[dict[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """Which pictures the next inspection makes besides its verdict."""

    processed: bool = False
    live: bool = False
    keep_ok: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """An inspection the child was asked for."""

    trigger: Triggered
    sent_at: float
    wishes: Wishes
    generation: int


class Host(Protocol):
    """Whom the loop tells. All calls come from the loop's thread."""

    def wishes(self, plan: Plan) -> Wishes:
        """Say which pictures the next inspection shall make."""

    def seen(self, plan: Plan, answer: dict[str, Any]) -> None:
        """Note what the child found, before the next inspection's pictures are wished for."""

    def finish(self, plan: Plan, asked: Asked, answer: dict[str, Any], picture: bytes | None) -> object:
        """Commit the verdict and return what `show` wants of it."""

    def show(self, finished: object, answer: dict[str, Any], views: dict[str, bytes]) -> None:
        """Tell viewers, after the commit."""

    def trouble(self, sentence: str, code: str) -> None:
        """Note why no inspection is possible now; "" when it is again."""

    def event(self, code: str, message: str = "", **details: Any) -> bool:
        """Keep something worth telling."""

    def child_failed(self, plan: Plan, sentence: str, code: str) -> None:
        """Note that a child had to be killed or died."""


class Loop:
    """The thread, its plan and its child."""

    def __init__(self, outbox: Outbox, cradle: Cradle, host: Host, plan: Plan) -> None:
        """Prepare the thread; `start` runs it."""
        self.queue = TriggerQueue(outbox)
        self.camera = CameraWatch()
        self.generation = outbox.number("generation")
        self._outbox, self._cradle, self._host = outbox, cradle, host
        self._plan = plan
        self._candidate: Inspector | None = None
        self._mutex = threading.Condition()
        self._pipe = WakePipe()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loop", daemon=True)
        # Owned by the thread.
        self._child: Inspector | None = None
        self._built: tuple[Any, ...] | None = None
        self._timetable: Timetable | None = None
        self._resume = BEGINNING
        self._resume_of: SourceConfig | None = None
        # Read by others under the mutex.
        self._back_off = BackOff()
        self._in_session: int | None = None
        self._seen = -1
        self._ready = False
        self._quiet_at = -1
        self._errands: list[Callable[[Inspector], None]] = []

    # --- from any thread -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Run."""
        self._thread.start()

    def submit(self, plan: Plan, candidate: Inspector | None = None, *, quiet: bool = False) -> None:
        """Replace the plan; `candidate` is a child already opened with its work, swapped in between two frames.

        With `quiet` nothing is tried, nor complained of, until the plan changes: somebody cleared the error of a stopped machine.
        """
        with self._mutex:
            self._plan = plan
            if quiet:
                self._quiet_at = plan.revision
            if candidate is not None:
                stale, self._candidate = self._candidate, candidate
                if stale is not None:
                    self._cradle.end(stale)
        self._pipe.wake()

    def settle(self, revision: int, seconds: float) -> bool:
        """Wait until no session of a plan older than revision runs; return whether that is so."""
        deadline = clock.mono() + seconds
        with self._mutex:
            while self._seen < revision or (self._in_session is not None and self._in_session < revision):
                left = deadline - clock.mono()
                if left <= 0 or not self._thread.is_alive():
                    return not self._thread.is_alive()
                self._mutex.wait(left)
        return True

    def await_session(self, seconds: float) -> None:
        """Wait until the newest plan is being run, if it is to run: between two plans there is a moment without a session."""
        deadline = clock.mono() + seconds
        with self._mutex:
            while self._plan.running and self._in_session != self._plan.revision:
                left = deadline - clock.mono()
                if left <= 0 or not self._thread.is_alive():
                    return
                self._mutex.wait(left)

    def resume_for(self, work: Work) -> Resume:
        """Return where a new child of this work goes on: past what the present one judged, if its source is the same."""
        with self._mutex:
            return self._resume if self._resume_of == work.configuration.source else BEGINNING

    def retry_now(self) -> None:
        """Try again at once instead of at the end of the back-off."""
        with self._mutex:
            self._back_off.at_once()
            self._quiet_at = -1
        self._pipe.wake()

    @property
    def work_key(self) -> tuple[Any, ...]:
        """Return what the newest plan's child is opened with."""
        with self._mutex:
            return self._plan.work.key

    @property
    def ready(self) -> bool:
        """Whether a child with an open source is there."""
        with self._mutex:
            return self._ready

    @property
    def waiting_for_trigger(self) -> bool:
        """Whether the loop runs and waits for somebody to ask."""
        with self._mutex:
            return self._in_session is not None and isinstance(self._plan.work.configuration.trigger, AskedTrigger)

    def trigger(self, part_id: str | None, *, delay: float = 0.0, by_hand: bool = True) -> int:
        """Queue one trigger, to be inspected `delay` seconds from now, and return its count.

        Raises NotNow, and counts it as refused, when the loop cannot take it.
        """
        with self._mutex:
            if self._in_session is None:
                raise self.queue.refuse("the machine is not ready to inspect")
            count = self.queue.put(part_id, delay=delay, by_hand=by_hand)
        self._pipe.wake()
        return count

    def errand(self, act: Callable[[Inspector], None]) -> None:
        """Have the loop's thread do something with the child between two frames. Raises NotNow when there is none."""
        with self._mutex:
            if not self._ready:
                raise NotNow("the picture source is not open")
            self._errands.append(act)
        self._pipe.wake()

    def close(self) -> None:
        """Finish the frame, end the thread and the children."""
        self._closed.set()
        self._pipe.wake()
        self._thread.join(GRACE_SECONDS + 1.0)
        self._cradle.close()
        self._thread.join(5.0)
        self._cradle.reap()
        self._pipe.close()

    # --- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._step()
            except Exception as error:  # noqa: BLE001  the inspecting loop's guard: whatever breaks, it begins again
                log.event("loop_broken", f"{type(error).__name__}: {error}")
                self._fail(self._plan, f"internal error: {type(error).__name__}: {error}", "internal_error")
        self._drop()

    def _step(self) -> None:
        """Take the newest plan and do the next thing it needs: build, inspect, or rest."""
        plan = self._adopt()
        if not self._make_ready(plan):
            return
        if plan.running:
            self._session(plan)
        else:
            self._rest(plan)

    def _adopt(self) -> Plan:
        with self._mutex:
            plan, candidate = self._plan, self._candidate
            self._candidate = None
            self._seen = plan.revision
            self._mutex.notify_all()
        self._heed(plan)
        wanted = (plan.work.key, plan.rebuilds)
        if candidate is not None:
            self._drop()
            if candidate.work is not None and candidate.work.key == plan.work.key:
                self._take_over(candidate, wanted)
            else:
                self._cradle.end(candidate)
        elif self._built != wanted:
            self._drop()
            with self._mutex:
                self._back_off.at_once()
        return plan

    def _heed(self, plan: Plan) -> None:
        """Have the queue and the timetable that the plan's trigger wants."""
        trigger = plan.work.configuration.trigger
        if isinstance(trigger, AskedTrigger):
            self.queue.most = trigger.queue
        if not isinstance(trigger, ScheduledTrigger):
            if self._timetable is not None or plan.revision == 0:
                forget_timetable(self._outbox)
            self._timetable = None
        elif self._timetable is None or not self._timetable.is_of(trigger):
            self._timetable = Timetable(trigger, self._outbox, self._host.event)

    def _take_over(self, child: Inspector, built: tuple[Any, ...]) -> None:
        self._child, self._built = child, built
        if child.work is not None:
            self.camera.opened(child.work.configuration.source)
        with self._mutex:
            self._ready = True
        self._host.trouble("", "")
        self._cradle.warm()

    def _make_ready(self, plan: Plan) -> bool:
        """Return whether a child is open; else build one, or wait for the moment to try again."""
        if self._child is not None:
            if self._child.alive:
                return True
            self._fail(plan, self._child.epitaph(), "child_died")
        self._pass_over()
        with self._mutex:
            quiet = self._quiet_at == plan.revision
            left = self._back_off.seconds_left
        if quiet or left > 0:
            self._pipe.wait(IDLE_SECONDS if quiet or self._timetable is not None else left)
            return False
        self._built = (plan.work.key, plan.rebuilds)
        try:
            child = self._cradle.build(plan.work, self.resume_for(plan.work))
        except (SourceRefused, RecipeRefused) as refused:
            self._not_opened(plan, refused)
        except ChildLate as late:
            self._fail(plan, f"the picture source did not open: {late}", "child_died", source=True)
        except ChildDied as died:
            self._fail(plan, f"the picture source did not open: {died}", "child_died")
        else:
            self._take_over(child, self._built)
        return False

    def _rest(self, plan: Plan) -> None:
        """Wait for a new plan with the child at hand."""
        self.queue.forget()
        self._pass_over()
        self._run_errands()
        self._watch(IDLE_SECONDS)

    def _pass_over(self) -> None:
        """Miss what the timetable wants now: nothing can be inspected."""
        if self._timetable is not None:
            self._timetable.pass_over()

    def _session(self, plan: Plan) -> None:
        """Inspect under one plan, as one generation."""
        generation = self._outbox.grow("generation", durable=True)
        with self._mutex:
            self.generation = generation
            self._in_session = plan.revision
            self._mutex.notify_all()
        try:
            self._cycles(plan, generation)
        finally:
            if self._must_end(plan):
                self.queue.forget()
            self.queue.settle()
            with self._mutex:
                self._in_session = None
                self._mutex.notify_all()

    def _cycles(self, plan: Plan, generation: int) -> None:
        trigger = plan.work.configuration.trigger
        pacer = Pacer(trigger, self._outbox) if isinstance(trigger, ContinuousTrigger) else None
        by_frames = isinstance(trigger, ContinuousTrigger) and trigger.pace == "frames"
        asked: Asked | None = None
        while self._child is not None:
            if asked is None:
                self._run_errands()
                triggered = self._next_trigger(plan, pacer)
                if triggered is None:
                    return
                asked = self._ask(plan, triggered, generation)
            if (got := self._answer(plan, asked)) is None:
                return
            following = None
            if by_frames and pacer is not None and self._current(plan) and not self._errands:
                # The child works on the next frame while this verdict is being committed.
                following = self._ask(plan, pacer.take(), generation)
            self._settle(plan, asked, *got)
            asked = following
        if asked is not None:
            # The child was lost over the views of the frame before, so this one will have no answer.
            self._judge_unanswered(plan, asked, "child_died", "the inspecting process ended before it answered")

    def _next_trigger(self, plan: Plan, pacer: Pacer | None) -> Triggered | None:
        """Wait for the next trigger; None when the plan changed, an errand waits, or the child is gone."""
        beat = pacer or self._timetable
        while self._current(plan) and self._child is not None:
            if beat is not None and (due := beat.due()) is not None:
                return due
            if (asked := self.queue.take()) is not None:
                return asked
            longest = pacer.seconds_left if pacer is not None else IDLE_SECONDS
            self._watch(min(longest, self.queue.seconds_left, beat.seconds_left if beat else IDLE_SECONDS))
            self._run_errands()
        return None

    def _ask(self, plan: Plan, triggered: Triggered, generation: int) -> Asked:
        wishes = self._host.wishes(plan)
        pictures = plan.work.configuration.pictures
        asked = Asked(triggered, clock.mono(), wishes, generation)
        message = {
            "do": "inspect",
            "keep_ok": wishes.keep_ok,
            "keep_not_ok": pictures.keep_not_ok,
            "quality": pictures.jpeg_quality,
            "details": wishes.processed,
            "processed": wishes.processed,
            "live": wishes.live,
            "since": triggered.at,
            "asked": not isinstance(plan.work.configuration.trigger, ContinuousTrigger),
        }
        assert self._child is not None
        # Waiting for the answer tells that the child is gone: by then the frame before is committed, so cycles keep their order.
        with suppress(ChildDied):
            self._child.send(message)
        return asked

    def _answer(self, plan: Plan, asked: Asked) -> tuple[dict[str, Any], dict[str, bytes]] | None:
        """Return the child's answer; None when there is none and its verdict, an error, is committed already."""
        assert self._child is not None
        deadline = asked.sent_at + plan.work.configuration.inspection_timeout_ms / 1000
        hurried = False
        while True:
            try:
                answer, blobs = self._child.receive(deadline - clock.mono(), self._pipe.reader)
            except Woken:
                self._pipe.drain()
                if not hurried and self._must_end(plan):
                    hurried, deadline = True, min(deadline, clock.mono() + GRACE_SECONDS)
                continue
            except ChildLate:
                self._give_up(plan, asked, hurried)
                return None
            except ChildDied as died:
                self._judge_failure(plan, asked, "child_died", str(died))
                return None
            if answer["did"] == "inspecting":
                deadline = min(deadline, clock.mono() + plan.work.engine_seconds)
                continue
            if answer["did"] == "lost":
                self._lose_source(plan, asked, answer)
                return None
            self._host.seen(plan, answer)
            return answer, blobs

    def _settle(self, plan: Plan, asked: Asked, answer: dict[str, Any], blobs: dict[str, bytes]) -> None:
        """Commit first; then fetch the views the child made meanwhile and show them."""
        with self._mutex:
            self._back_off.worked()
        self._resume, self._resume_of = Resume(str(answer.get("position", ""))), plan.work.configuration.source
        if (captured := answer.get("captured_mono")) is not None:
            self.camera.heard(answer.get("facts"), clock.mono() - float(captured))
        finished = self._host.finish(plan, asked, answer, blobs.get("stored"))
        views: dict[str, bytes] = {}
        if (asked.wishes.processed or asked.wishes.live) and self._child is not None:
            try:
                told, views = self._child.receive(plan.work.configuration.inspection_timeout_ms / 1000)
                answer = {**answer, "resolution": told.get("resolution")}
            except (ChildDied, ChildLate) as problem:
                self._fail(plan, str(problem), "child_died")
        self._host.show(finished, answer, views)

    # --- when something is wrong -----------------------------------------------------------------------------------

    def _give_up(self, plan: Plan, asked: Asked, hurried: bool) -> None:
        """The child did not answer in time: kill it. A frame given up because of a stop is missed; else it is an error."""
        if hurried:
            self._outbox.grow("missed")
            self._drop()
            return
        took = round((clock.mono() - asked.sent_at) * 1000)
        self._judge_failure(plan, asked, "timeout", f"the inspection was ended after {took} ms")

    def _judge_failure(self, plan: Plan, asked: Asked, reason: str, sentence: str) -> None:
        self._judge_unanswered(plan, asked, reason, sentence)
        self._fail(plan, sentence, reason)

    def _judge_unanswered(self, plan: Plan, asked: Asked, reason: str, sentence: str) -> None:
        """Commit the error; the picture has its verdict, so the next child goes past it: one that ends each child stops no line."""
        source = plan.work.configuration.source
        before = self._resume if self._resume_of == source else BEGINNING
        self._resume, self._resume_of = Resume(before.after, before.skip + 1), source
        self._judge(plan, asked, reason, sentence)

    def _judge(self, plan: Plan, asked: Asked, reason: str, sentence: str) -> None:
        """Commit an inspection that came to nothing as the error it is."""
        answer = {"verdict": "error", "reason": reason, "message": sentence}
        self._host.show(self._host.finish(plan, asked, answer, None), answer, {})

    def _not_opened(self, plan: Plan, refused: SourceRefused | RecipeRefused) -> None:
        """Wait for a source or recipe that was refused."""
        if isinstance(refused, RecipeRefused):
            self._wait_for(plan, str(refused), "recipe_refused", source=True)
        elif is_live(plan.work.configuration.source) and not refused.lasting:
            self._lose_camera(plan, "source_refused", refused.sentence, refused.pause)
        else:
            self._wait_for(plan, refused.sentence, "source_refused", source=True)

    def _lose_camera(self, plan: Plan, code: str, sentence: str, pause: float) -> None:
        """End the child of a live source, whose reading may block for ever, and open it anew after a pause."""
        code, sentence, pause = self.camera.lost(code, sentence, pause)
        self._drop()
        self._wait_for(plan, sentence, code, source=True, pause=pause)

    def _lose_source(self, plan: Plan, asked: Asked, lost: dict[str, Any]) -> None:
        code = str(lost.get("code", "source_lost"))
        self._judge(plan, asked, code, str(lost["sentence"]))
        if is_live(plan.work.configuration.source):
            self._lose_camera(plan, code, str(lost["sentence"]), float(lost.get("pause", 0.0)))
            return
        child, self._child = self._child, None
        if child is not None:
            self._cradle.give_back(child)
        self._wait_for(plan, str(lost["sentence"]), "source_lost", source=True)

    def _fail(self, plan: Plan, sentence: str, code: str, *, source: bool = False) -> None:
        """Kill the child and build another one after the back-off."""
        self._drop()
        self._host.child_failed(plan, sentence, code)
        self._wait_for(plan, sentence, code, source=source)

    def _wait_for(self, plan: Plan, sentence: str, code: str, *, source: bool, pause: float = 0.0) -> None:
        """Tell what is missing and let the next try wait, no less than `pause`; `source` when it is the pictures."""
        with self._mutex:
            self._ready = False
            self._back_off.failed(source=source, pause=pause)
        self.queue.forget()
        if self._current(plan):
            self._host.trouble(sentence, code)

    def _drop(self) -> None:
        child, self._child = self._child, None
        with self._mutex:
            self._ready = False
        if child is not None:
            self._cradle.end(child)

    # --- waiting ---------------------------------------------------------------------------------------------------

    def _current(self, plan: Plan) -> bool:
        with self._mutex:
            return self._plan.revision == plan.revision and not self._closed.is_set()

    def _must_end(self, plan: Plan) -> bool:
        """Whether this session shall not even finish slowly: stop, restart, closing."""
        with self._mutex:
            newest = self._plan
        return self._closed.is_set() or not newest.running or newest.rebuilds != plan.rebuilds

    def _watch(self, seconds: float) -> None:
        """Sleep, but notice a child that dies while it has nothing to do."""
        assert self._child is not None
        live = self._child.work is not None and is_live(self._child.work.configuration.source)
        if live:
            seconds = min(seconds, self.camera.seconds_left)
        if self._child.pipe in self._pipe.wait(seconds, [self._child.pipe]):
            self._fail(self._plan, self._child.epitaph(), "child_died")
        elif live and self.camera.seconds_left <= 0:
            self._feel_pulse(self._plan)

    def _feel_pulse(self, plan: Plan) -> None:
        """Ask a live source that nobody wants a frame of how it is: its silence is noticed all the same."""
        assert self._child is not None
        try:
            self._child.send({"do": "pulse"})
            told, _ = self._child.receive(PULSE_ANSWER_SECONDS)
        except ChildLate:
            self._lose_camera(plan, "camera_stalled", "the camera's process does not answer", 1.0)
        except ChildDied as died:
            self._fail(plan, str(died), "child_died")
        else:
            self.camera.heard(told.get("facts"), told.get("age"))
            if problem := told.get("problem"):
                self._lose_camera(plan, str(told["code"]), str(problem), 1.0)

    def _run_errands(self) -> None:
        with self._mutex:
            errands, self._errands = self._errands, []
        for errand in errands:
            if self._child is None:
                return
            try:
                errand(self._child)
            except (ChildDied, ChildLate) as problem:
                self._fail(self._plan, str(problem), "child_died")
