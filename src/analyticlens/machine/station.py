"""The station: the parent that owns store, outbox, loop and link, and the only thing the wires and pages talk to.

Every method is thread-safe. `by` says who acts: "local:<address>" for the old wire and the local page, "orchestrator" for the link.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from analyticlens.engine import RecipeRefused
from analyticlens.machine import clock, log
from analyticlens.machine.announcer import Announcer
from analyticlens.machine.blobs import BlobFiles
from analyticlens.machine.changes import Changes, work_of
from analyticlens.machine.cradle import Cradle
from analyticlens.machine.inspector import CHILD_MODULE, ChildDied, ChildLate, Inspector, Nest
from analyticlens.machine.keeping import Keeper
from analyticlens.machine.ledger import OutboxBusy
from analyticlens.machine.link import Link
from analyticlens.machine.live import Live
from analyticlens.machine.login import Login, keep, parted
from analyticlens.machine.loop import Loop, Plan
from analyticlens.machine.outbox import Outbox
from analyticlens.machine.recorder import Recorder
from analyticlens.machine.refusals import NotNow, SourceRefused
from analyticlens.machine.status import ResultEvent, RunCounters, StationStatus
from analyticlens.machine.store import Kept, Pipeline, Store
from analyticlens.machine.triggers import Listening, refuse_unknown, upcoming
from analyticlens.machine.watch import is_live
from analyticlens.protocol.configuration import Configuration, ScheduledTrigger
from analyticlens.protocol.desired import DesiredDocument
from analyticlens.protocol.heartbeat import TriggerState
from analyticlens.protocol.recipe import Recipe
from analyticlens.protocol.records import StateBody
from analyticlens.protocol.words import ConnectionStatus, Mode, wire_status

__all__ = [
    "NotNow",
    "OutboxBusy",
    "RecipeRefused",
    "ResultEvent",
    "RunCounters",
    "SourceRefused",
    "Station",
    "StationSettings",
    "StationStatus",
]

STOP_SECONDS = 3.0
# How long a stop lets another act finish before it breaks it off.
PATIENCE_SECONDS = 1.0
# A recipe or configuration is swapped in between two frames: a start or trigger asked for just then waits for it, not longer.
BEGIN_SECONDS = 2.0
# So many moments of a timetable are told.
TOLD_MOMENTS = 5
Status = Literal["stopped", "running", "error"]


@dataclass(frozen=True, slots=True)
class StationSettings:
    """What the command line says: who the machine is, where its files are, whom it reports to."""

    machine_id: str
    data: Path
    config_file: Path
    django_url: str = ""
    allowed_roots: tuple[Path, ...] = ()
    insecure_legacy: bool = False
    host: str = "127.0.0.1"
    port: int = 5000
    token_file: Path | None = None
    enrol_code: str = ""
    authority: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    child_module: str = CHILD_MODULE
    camera_list: Path | None = None


class Station:
    """One vision machine."""

    def __init__(self, settings: StationSettings) -> None:
        """Open the store and the outbox. Raises OutboxBusy when another process has this data folder, OSError, sqlite3.Error."""
        self.settings = settings
        self.live = Live()
        self.connection: ConnectionStatus = "disconnected"
        self.link_warning = ""
        settings.data.mkdir(parents=True, exist_ok=True)
        self.outbox = Outbox(settings.data)
        self.blobs = BlobFiles(settings.data)
        self._store = Store(settings.config_file, settings.machine_id, settings.django_url)
        self._loaded = self._store.load()
        self._kept = self._loaded.kept
        self._announcer = Announcer()
        self.recorder = Recorder(self.outbox, self._announcer, self.live)
        self.recorder.on_trouble = self._note_trouble
        nest = Nest(settings.data.resolve(), settings.allowed_roots, settings.child_module, settings.camera_list)
        self.cradle = Cradle(nest)
        self.changes = Changes(self, reconsider=self._kept.applied.state == "rejected")
        self.recorder.on_child_failed = self.changes.child_failed
        self.recorder.on_finished = self.changes.frame_done
        self._rebuilds = 0
        self._revision = 0
        self._trouble = ""
        self._noted: tuple[Any, ...] = ()
        self._save_complaint = ""
        self._closed = False
        # Acts come one after another; the mutex only guards what status() reads and is never held while something waits.
        self.acting = threading.RLock()
        self._mutex = threading.RLock()
        self.link = Link(self) if settings.django_url else None
        self._keeper = Keeper(self)
        self.listening = Listening(self)
        self.loop = Loop(self.outbox, self.cradle, self.recorder, self._plan())

    def open(self) -> None:
        """Start the threads and the child, and go back to the run state the machine had."""
        if self.outbox.was_broken:
            self.recorder.event("outbox_lost", "the outbox could not be read and was set aside; a new one was begun")
        if self._loaded.complaint:
            self.recorder.event("configuration_file", self._loaded.complaint)
        if (
            self.link is not None
            and self._kept.configured
            and not self._kept.applied.version
            and not self._kept.pending
        ):
            # It was set up here before it had an orchestrator, which hears of it like of any local change.
            self._kept = self._kept.model_copy(update={"pending": self.changes.pending(self._kept, "local:file")})
        self.save()
        self.loop.start()
        self.listening.use(self._kept.pipeline.configuration.trigger)
        self._keeper.start()
        if self.link is not None:
            self.link.open()
        log.event("station_open", machine_id=self.settings.machine_id, run_state=self._kept.run_state)

    def close(self, reason: str = "") -> None:
        """Say goodbye, finish the frame, stop everything. The run state stays what it is, so that the next start returns to it."""
        if self._closed:
            return
        self._closed = True
        self.listening.close()
        self.loop.close()
        self._keeper.close()
        if self.link is not None:
            self.link.close(reason)
        self._announcer.close()
        self.changes.close()
        self.outbox.close()
        log.event("station_closed", machine_id=self.settings.machine_id)

    @property
    def closed(self) -> bool:
        """Tell whether it was closed: what is asked of it from then on is the next start's."""
        return self._closed

    # --- what it is ------------------------------------------------------------------------------------------------

    @property
    def kept(self) -> Kept:
        """Return what survives a restart."""
        with self._mutex:
            return self._kept

    def status(self) -> StationStatus:
        """Return one consistent look at the station."""
        with self._mutex:
            kept, pipeline, error = self._kept, self._kept.pipeline, self.error_message
        return StationStatus(
            machine_id=self.settings.machine_id,
            status=self._status(kept, error),
            mode=pipeline.mode,
            connection_status=self.connection,
            error_message=error,
            configuration=pipeline.configuration,
            recipe=pipeline.recipe,
            recipe_sha256=pipeline.recipe.sha256 if pipeline.recipe else None,
            wire_tools=pipeline.wire_tools,
            counters=self.outbox.counters(),
            run_counters=self.recorder.run_counters,
            waiting_for_trigger=self.loop.waiting_for_trigger,
            source_available=self.loop.ready,
            generation=self.loop.generation,
            config_version=pipeline.config_version,
            django_url=self.settings.django_url,
            websocket_update_seconds=self._loaded.websocket_update_seconds,
            applied=kept.applied,
            last_verdict=self.recorder.last_verdict,
            warnings=self._warnings(),
            trigger=self._trigger_state(kept),
        )

    def _trigger_state(self, kept: Kept) -> TriggerState:
        trigger, session = kept.pipeline.configuration.trigger, self.listening.session
        return TriggerState(
            waiting=len(self.loop.queue),
            listening=session is not None and session.listening,
            ignored=session.ignored if session else 0,
            by_hand=self.outbox.number("by_hand"),
            error=session.error if session else "",
            next=upcoming(trigger, TOLD_MOMENTS) if isinstance(trigger, ScheduledTrigger) else [],
        )

    @property
    def error_message(self) -> str:
        """Return the error in force, "" when there is none: one somebody set, else what keeps the machine from inspecting."""
        with self._mutex:
            return self._kept.error_text or self._trouble or self.recorder.storage_error

    def frame_age(self) -> float | None:
        """Return the age of a live source's newest frame in seconds, else the time since the last inspection; None before the first."""
        age = self.loop.camera.frame_age
        return self.recorder.speed.frame_age() if age is None else age

    def set_login(self, login: Login, by: str) -> None:
        """Keep who the camera is asked as, and ask again as that one. Raises OSError when it cannot be kept."""
        with self.acting:
            if keep(self.settings.data, login):
                log.event("login_changed", by=by)
                if is_live(self.kept.pipeline.configuration.source):
                    self.rebuild()
                    with self._mutex:
                        self._revision += 1
                        plan = self._plan()
                    self.loop.submit(plan)

    def _warnings(self) -> tuple[str, ...]:
        session = self.listening.session
        deaf = f"signals cannot be heard: {session.error}" if session and session.error else ""
        warnings = [deaf, self.link_warning, self.changes.warning, self._save_complaint]
        if self.settings.insecure_legacy:
            warnings.append("the old routes answer without a token (--insecure-legacy)")
        return tuple(warning for warning in warnings if warning)

    @staticmethod
    def _status(kept: Kept, error: str) -> Status:
        return "error" if error else kept.run_state

    # --- what people do --------------------------------------------------------------------------------------------

    def start(self, by: str) -> bool:
        """Start inspecting; False when it was running already.

        Raises NotNow while an error is active, SourceRefused or RecipeRefused when it cannot be made ready.
        """
        with self.acting:
            if error := self.error_message:
                raise NotNow(f"an error is active: {error}")
            if self.kept.run_state == "running":
                return False
            refuse_unknown(self.kept.pipeline.configuration)
            candidate = None if self.loop.ready else self.build(self.kept.pipeline)
            self.change(by, "start", candidate, run_state="running")
            self.loop.await_session(BEGIN_SECONDS)
            return True

    def stop(self, by: str) -> None:
        """Stop inspecting. Always works; no verdict comes after it returns."""
        if not self.acting.acquire(timeout=PATIENCE_SECONDS):
            # Somebody waits for a source that does not open: a stop does not.
            self.cradle.abort()
            self.acting.acquire()
        try:
            if self.kept.run_state != "stopped":
                self.change(by, "stop", run_state="stopped")
            self.settle()
        finally:
            self.acting.release()

    def restart(self, by: str) -> None:
        """Rebuild source and engine and inspect. Raises NotNow when the machine neither runs nor is in error."""
        with self.acting:
            if self.kept.run_state != "running" and not self.error_message:
                raise NotNow("the machine is stopped: start it instead")
            self._rebuilds += 1
            generation = self.kept.run_generation + 1
            self.change(by, "restart", run_state="running", run_generation=generation, error_text="")

    def trigger(self, by: str, part_id: str | None = None) -> int:
        """Ask by hand for one inspection, whatever else asks for them; return the trigger count.

        Raises NotNow: the trigger is continuous; or, counted as refused, not running, an error, or too many wait already.
        """
        return self._ask(part_id, 0.0, by_hand=True)

    def signalled(self, part_id: str | None, delay: float) -> int:
        """Take a signal from outside, inspected `delay` seconds from now; return the trigger count. Raises NotNow as `trigger`."""
        return self._ask(part_id, delay, by_hand=False)

    def _ask(self, part_id: str | None, delay: float, *, by_hand: bool) -> int:
        kept = self.kept
        if kept.pipeline.configuration.trigger.type == "continuous":
            raise NotNow("the trigger is continuous: inspections come by themselves")
        if kept.run_state != "running":
            raise self.loop.queue.refuse("the machine is not running")
        if error := self.error_message:
            raise self.loop.queue.refuse(f"an error is active: {error}")
        self.loop.await_session(BEGIN_SECONDS)
        return self.loop.trigger(part_id, delay=delay, by_hand=by_hand)

    def set_mode(self, mode: Mode, by: str) -> None:
        """Change the mode; the machine stops and its error is cleared. Production leaves a development edit behind."""
        with self.acting:
            pipeline = self.kept.pipeline.in_mode(mode)
            self.change(by, f"mode {mode}", quiet=True, run_state="stopped", error_text="", pipeline=pipeline)
            self.settle()
            self._forgive()

    def set_configuration(self, configuration: Configuration, by: str) -> None:
        """Take a configuration. It is kept even when its source does not open: then SourceRefused, and the status is error.

        Raises NotNow, and keeps the old one, for a trigger this machine does not have.
        """
        refuse_unknown(configuration)
        configuration, login = parted(configuration)
        if login is not None:
            self.set_login(login, by)
        with self.acting:
            old = self.kept.pipeline
            pipeline = old.model_copy(update={"configuration": configuration})
            candidate, refused = None, None
            if work_of(pipeline).key != work_of(old).key or not self.loop.ready:
                try:
                    candidate = self.build(pipeline)
                except SourceRefused as problem:
                    refused = problem
            good_source = refused is None and configuration.source != old.configuration.source
            cleared: dict[str, Any] = {"error_text": ""} if good_source else {}
            self.change(by, "configuration", candidate, pipeline=pipeline, configured=True, **cleared)
            if refused is not None:
                self._note_trouble(refused.sentence, "source_refused")
                raise refused

    def set_recipe(self, recipe: Recipe, by: str, wire_tools: list[dict[str, Any]] | None = None) -> None:
        """Take a recipe whole, or raise RecipeRefused and keep the old one. `wire_tools` is its spelling on the old wire."""
        with self.acting:
            spelling = None if wire_tools is None else tuple(wire_tools)
            pipeline = self.kept.pipeline.with_recipe(recipe, spelling)
            try:
                candidate = self.build(pipeline)
            except SourceRefused:
                candidate = None  # The recipe was built and tried before the source was opened.
            self.change(by, "recipe", candidate, pipeline=pipeline, configured=True)

    def set_error(self, text: str, by: str) -> None:
        """Stop and enter `error` with this text, until cleared."""
        with self.acting:
            self.change(by, "error set", run_state="stopped", error_text=text[:2000])
            self.settle()

    def clear_error(self, by: str) -> bool:
        """Leave `error`; False when there was none. A local hand leaves it for `stopped`; else what the machine shall be stays."""
        with self.acting:
            if not self.error_message:
                return False
            stopped: dict[str, Any] = {"run_state": "stopped"} if by.startswith("local:") else {}
            quiet = bool(stopped) or self.kept.run_state == "stopped"
            self.change(by, "error cleared", quiet=quiet, error_text="", **stopped)
            self._forgive()
            return True

    def subscribe(self, callback: Callable[[ResultEvent], None], *, wants: Callable[[], bool] = lambda: True) -> None:
        """Call callback after each committed inspection, in order, on one thread of its own.

        `wants` is asked before each inspection whether this subscriber wants the processed picture and the details; without them the
        event comes with `processed_jpeg` None and `details` {}.
        """
        self._announcer.subscribe(callback, wants)

    def apply(self, document: DesiredDocument) -> None:
        """Make the machine what the document asks, or keep the last good state and report `rejected` with words.

        A station that is closed stays as it was: its files may be another's by now, which asks for the document itself.
        """
        with self.acting:
            if not self._closed:
                self.changes.apply(document)

    # --- how it changes --------------------------------------------------------------------------------------------

    def change(
        self, by: str, reason: str, candidate: Inspector | None = None, *, quiet: bool = False, **updates: Any
    ) -> None:
        """Take a new state: into the file, into the loop's plan, into the outbox. The caller holds `acting`.

        With `quiet` the loop does not look for what was wrong until something changes.
        """
        with self._mutex:
            kept = self._kept.model_copy(update=updates)
            if by.startswith("local:") and self.settings.django_url:
                kept = kept.model_copy(update={"pending": self.changes.pending(kept, by)})
            self._kept = kept
            self._revision += 1
            plan = self._plan()
        # Before the plan changes hands: a port that is wanted no more is free when this returns.
        self.listening.use(kept.pipeline.configuration.trigger)
        log.event("changed", reason, by=by, run_state=kept.run_state, config_version=kept.pipeline.config_version)
        self.loop.submit(plan, candidate, quiet=quiet)
        if candidate is not None:
            self._note_trouble("", "")
        self.save()
        self._note_state()
        if kept.pending is not None:
            self.changes.wake.set()

    def rebuild(self) -> None:
        """Have source and engine made anew with the next change."""
        self._rebuilds += 1

    def build(self, pipeline: Pipeline) -> Inspector:
        """Return a child opened beside the old one. Raises RecipeRefused, SourceRefused."""
        work = work_of(pipeline)
        try:
            return self.cradle.build(work, self.loop.resume_for(work), abortable=True)
        except (ChildDied, ChildLate) as problem:
            raise SourceRefused(f"the picture source did not open: {problem}") from None

    def _plan(self) -> Plan:
        pipeline = self._kept.pipeline
        return Plan(
            revision=self._revision,
            running=self._kept.run_state == "running" and not self._kept.error_text,
            rebuilds=self._rebuilds,
            work=work_of(pipeline),
            mode=pipeline.mode,
            recipe_sha256=pipeline.recipe.sha256 if pipeline.recipe else None,
            config_version=pipeline.config_version,
            wire_tools=pipeline.wire_tools,
        )

    def settle(self) -> None:
        """Wait until what runs is of the newest plan; a child that blocks is killed on the way, so this ends."""
        self.loop.settle(self._revision, STOP_SECONDS)

    def _forgive(self) -> None:
        """Forget the present trouble. A stopped machine does not look for it again until something changes; another tries at once."""
        with self._mutex:
            self._trouble = ""
            running = self._kept.run_state == "running"
        if running:
            self.loop.retry_now()
        self._note_state()

    def _note_trouble(self, sentence: str, code: str) -> None:
        """Keep why no inspection is possible; told once when it comes and once when it goes."""
        with self._mutex:
            # A machine nobody configured yet has no source to miss.
            hidden = not self._kept.configured and self._kept.run_state == "stopped"
            before, self._trouble = self._trouble, "" if hidden else sentence
            now = self._trouble
        if now != before:
            self.recorder.event(code if now else "recovered", now or before)
            self._note_state()

    def _note_state(self) -> None:
        """Put a state record into the outbox when the machine's state is another than the last one noted."""
        status = self.status()
        noted = (status.status, status.mode, status.error_message, status.config_version, status.recipe_sha256)
        with self._mutex:
            if noted == self._noted:
                return
            self._noted = noted
        body = StateBody(
            status=status.status,
            mode=status.mode,
            error_message=status.error_message[:2000],
            config_version=status.config_version,
            recipe_sha256=status.recipe_sha256,
            generation=status.generation,
            wall=clock.wall_text(),
            mono_ns=clock.mono_ns(),
        )
        try:
            self.outbox.append("state", body)
        except (sqlite3.Error, OSError) as error:
            log.event("state_not_stored", str(error))
        self.changes.heartbeat_soon.set()

    def save(self) -> None:
        """Write the file. A full disk must not keep anybody from stopping the machine: it is told, and the state holds until the end."""
        with self._mutex:
            kept, error = self._kept, self.error_message
        try:
            self._store.save(
                kept,
                status=wire_status(self._status(kept, error)),
                error_message=error,
                connection_status=self.connection,
            )
            complaint = ""
        except OSError as problem:
            complaint = f"the configuration could not be saved: {problem}"
            log.event("not_saved", complaint)
        self._save_complaint = complaint
