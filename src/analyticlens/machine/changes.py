"""Desired documents and local changes: what the orchestrator asks becomes what runs, what is changed here becomes what it asks.

A document is built beside what runs and swapped in between two frames; one that cannot be built is rejected in words, one whose child
dies again and again in its first minute is rolled back. A local change acts at once and is registered later; if the orchestrator moved
on meanwhile, its version wins and both sides say so.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyticlens.engine import RecipeRefused
from analyticlens.machine import clock
from analyticlens.machine.inspector import Inspector, Work
from analyticlens.machine.loop import Plan
from analyticlens.machine.refusals import NotNow, SourceRefused
from analyticlens.machine.store import Kept, PendingChange, Pipeline
from analyticlens.machine.triggers import refuse_unknown
from analyticlens.protocol.desired import DesiredBody, DesiredDocument, LocalChange
from analyticlens.protocol.heartbeat import Applied

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

BY = "orchestrator"
PROBATION_SECONDS = 60.0
PROBATION_FRAMES = 20
PROBATION_DEATHS = 3
RETRY_SECONDS = 5.0


@dataclass(slots=True)
class Probation:
    """A new pipeline's first frames."""

    version: int
    until: float
    frames: int = 0
    deaths: int = 0


class Rejected(Exception):
    """A document that is not taken. `later` when the cause may go away by itself."""

    def __init__(self, sentence: str, *, later: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.later = later


class Changes:
    """What the station does with documents and with changes made at it. The caller of `apply` and `registered` holds `acting`."""

    def __init__(self, station: Station, *, reconsider: bool) -> None:
        """Work for station; `reconsider` the version it refused before it was restarted, which may be possible by now."""
        self.wake = threading.Event()
        self.heartbeat_soon = threading.Event()
        self.warning = ""
        self._station = station
        self._probation: Probation | None = None
        self._again: tuple[float, DesiredDocument] | None = None
        self._sent: PendingChange | None = None
        # The refused document itself was not kept: it is asked for once more.
        self._reconsiders = reconsider
        # The loop's thread tells of deaths and must not wait for whoever waits for it.
        self._rescuer = ThreadPoolExecutor(1, thread_name_prefix="rescuer")

    def close(self) -> None:
        """End."""
        self._rescuer.shutdown(wait=False, cancel_futures=True)

    # --- changes made here -----------------------------------------------------------------------------------------

    def pending(self, kept: Kept, by: str) -> PendingChange:
        """Return the note that kept holds a change the orchestrator has to hear of."""
        before = kept.pending
        base = before.base if before else kept.applied.version
        return PendingChange(
            base=base, author=by[:106], reason="changed at the machine", serial=before.serial + 1 if before else 1
        )

    def local_change(self) -> tuple[LocalChange, PendingChange] | None:
        """Return the change to register, None when there is none."""
        kept = self._station.kept
        if kept.pending is None:
            return None
        pipeline = kept.pipeline
        change = LocalChange(
            body=body_of(kept),
            recipe=pipeline.recipe,
            recipe_origin=pipeline.recipe_origin,
            author=kept.pending.author,
            reason=kept.pending.reason,
        )
        self._sent = kept.pending
        return change, kept.pending

    def registered(self, document: DesiredDocument, sent: PendingChange) -> None:
        """Take note that the orchestrator made our change its version, and become what that version says where it says more.

        One made since then waits for its own turn.
        """
        kept = self._station.kept
        if kept.pending is None:
            # The long poll brought this version, or a newer one, before the answer came.
            return
        pending = None if kept.pending.serial == sent.serial else kept.pending
        if pending is not None:
            pending = pending.model_copy(update={"base": document.version})
        elif not _says_what_is(document, kept):
            self.apply(document)
            return
        self.warning = ""
        self._station.change(
            BY,
            f"local change registered as version {document.version}",
            pipeline=kept.pipeline.model_copy(
                update={"config_version": document.version, "recipe_origin": document.recipe_origin}
                if pending is None
                else {"config_version": document.version}
            ),
            applied=Applied(version=document.version, running_version=document.version, state="applied"),
            applied_sha256=document.sha256 or "",
            run_generation=document.body.run_generation if document.body else kept.run_generation,
            pending=pending,
        )

    # --- what the orchestrator asks --------------------------------------------------------------------------------

    @property
    def known(self) -> tuple[int, str]:
        """Return number and hash of the newest version that was looked at; (0, "") while any is to be looked at."""
        kept = self._station.kept
        return (0, "") if self._reconsiders else (kept.applied.version, kept.applied_sha256)

    def knows(self, document: DesiredDocument) -> bool:
        """Return whether a document was looked at already. The same number with another hash is another version."""
        version, sha256 = self.known
        return document.version == version and (not sha256 or document.sha256 in (None, sha256))

    def apply(self, document: DesiredDocument) -> None:
        """Make the machine what the document asks, or say why not."""
        kept = self._station.kept
        body = document.body
        if body is None or self.knows(document):
            return
        self._reconsiders = False
        if kept.pending is not None and document.version == kept.pending.base:
            return
        if kept.pending is not None and _says_what_is(document, kept):
            self.registered(document, kept.pending)
            return
        sent = self._sent
        if sent is not None and kept.pending is not None and kept.pending.serial != sent.serial and _is(sent, document):
            # The long poll brought our own version before the answer to it came; what was changed here since waits for its turn.
            self.registered(document, sent)
            return
        if kept.pending is not None:
            self.warning = f"a change made at this machine gave way to version {document.version} of the orchestrator"
            self._station.recorder.event("local_change_overruled", self.warning, version=document.version)
        self._try(kept, document, body)

    def retry(self) -> None:
        """Try a document again that was rejected for a cause that may be gone by now."""
        with self._station.acting:
            if self._again is not None and clock.mono() >= self._again[0]:
                document = self._again[1]
                kept = self._station.kept
                if self.knows(document) and kept.pending is None and document.body is not None:
                    self._try(kept, document, document.body)

    def _try(self, kept: Kept, document: DesiredDocument, body: DesiredBody) -> None:
        """Take a document, or reject it; a rejection that was told already is not told, nor written, again."""
        self._again = None
        try:
            pipeline = self._pipeline(kept, document, body)
            candidate = self._candidate(kept, pipeline, body)
        except Rejected as rejected:
            if rejected.later:
                self._again = (clock.mono() + RETRY_SECONDS, document)
            said = kept.applied
            if not self.knows(document) or (said.state, said.error) != ("rejected", rejected.sentence[:2000]):
                self._reject(document, rejected)
            return
        self._take(kept, document, body, pipeline, candidate)

    def _pipeline(self, kept: Kept, document: DesiredDocument, body: DesiredBody) -> Pipeline:
        """Return what the document wants to run. Raises Rejected."""
        try:
            refuse_unknown(body.configuration)
        except NotNow as refused:
            raise Rejected(refused.sentence) from None
        own = kept.pipeline
        recipe, spelling = document.recipe, None
        if body.recipe_sha256 is None:
            recipe = None
        elif own.recipe is not None and own.recipe.sha256 == body.recipe_sha256:
            recipe, spelling = own.recipe, own.wire_tools
        elif recipe is None or recipe.sha256 != body.recipe_sha256:
            raise Rejected(f"the recipe {body.recipe_sha256[:12]} of this version did not come with it")
        return Pipeline(
            configuration=body.configuration,
            recipe=recipe,
            wire_tools=spelling,
            recipe_origin=document.recipe_origin,
            mode=body.mode,
            config_version=document.version,
        )

    def _candidate(self, kept: Kept, pipeline: Pipeline, body: DesiredBody) -> Inspector | None:
        """Return the new pipeline's child, opened and tried; None when the present one will do. Raises Rejected.

        A source that works is never given up for one that does not open; where none works anyway, the new one may be waited for.
        """
        station = self._station
        same = work_of(pipeline).key == work_of(kept.pipeline).key
        if same and body.run_generation == kept.run_generation:
            return None
        try:
            return station.build(pipeline)
        except RecipeRefused as refused:
            raise Rejected(str(refused)) from None
        except SourceRefused as refused:
            source_same = pipeline.configuration.source == kept.pipeline.configuration.source
            if source_same or (not refused.lasting and not station.loop.ready):
                return None
            raise Rejected(refused.sentence, later=not refused.lasting) from None

    def _take(
        self, kept: Kept, document: DesiredDocument, body: DesiredBody, pipeline: Pipeline, candidate: Inspector | None
    ) -> None:
        new_work = work_of(pipeline).key != work_of(kept.pipeline).key
        if body.run_generation > kept.run_generation:
            self._station.rebuild()
        updates: dict[str, Any] = {"error_text": ""} if body.run_state == "running" else {}
        if new_work and kept.configured:
            updates["last_good"] = kept.pipeline
            self._probation = Probation(document.version, clock.mono() + PROBATION_SECONDS)
        self._station.change(
            BY,
            f"version {document.version}",
            candidate,
            configured=True,
            pipeline=pipeline,
            run_state=body.run_state,
            run_generation=body.run_generation,
            applied=Applied(version=document.version, running_version=document.version, state="applied"),
            applied_sha256=document.sha256 or "",
            pending=None,
            **updates,
        )
        self._station.settle()
        self.heartbeat_soon.set()

    def _reject(self, document: DesiredDocument, rejected: Rejected) -> None:
        kept = self._station.kept
        applied = Applied(
            version=document.version,
            running_version=kept.pipeline.config_version,
            state="rejected",
            error=rejected.sentence[:2000],
        )
        if kept.applied.error != applied.error:
            self._station.recorder.event("version_rejected", rejected.sentence, version=document.version)
        self._station.change(
            BY,
            f"version {document.version} rejected",
            applied=applied,
            applied_sha256=document.sha256 or "",
            pending=None,
        )
        self.heartbeat_soon.set()

    # --- probation -------------------------------------------------------------------------------------------------

    def frame_done(self, plan: Plan) -> None:
        """Count a frame of a new pipeline; after enough of them, or time, it is good."""
        probation = self._probation
        if probation is None or plan.config_version != probation.version:
            return
        probation.frames += 1
        if (probation.frames >= PROBATION_FRAMES and probation.deaths == 0) or clock.mono() > probation.until:
            self._probation = None

    def child_failed(self, plan: Plan, sentence: str, code: str) -> None:
        """Count a child's death in its pipeline's probation; the third sends the machine back to the last good one."""
        probation = self._probation
        if probation is None or plan.config_version != probation.version or clock.mono() > probation.until:
            return
        probation.deaths += 1
        if probation.deaths >= PROBATION_DEATHS:
            self._probation = None
            self._rescuer.submit(self._roll_back, probation.version, sentence)

    def _roll_back(self, version: int, sentence: str) -> None:
        station = self._station
        with station.acting:
            kept = station.kept
            if kept.last_good is None or kept.pipeline.config_version != version:
                return
            good = kept.last_good
            words = f"rolled back: the new pipeline broke {PROBATION_DEATHS} times; at last: {sentence}"
            station.recorder.event("rolled_back", words, version=version)
            applied = Applied(
                version=version, running_version=good.config_version, state="rolled_back", error=words[:2000]
            )
            station.change(BY, words, pipeline=good, last_good=None, applied=applied)
            self.heartbeat_soon.set()


def _is(sent: PendingChange, document: DesiredDocument) -> bool:
    """Whether a version is the change sent: the one above its base, by its author. Compare-and-set lets nobody else have that."""
    return (document.version, document.author) == (sent.base + 1, sent.author)


def _says_what_is(document: DesiredDocument, kept: Kept) -> bool:
    """Return whether a document asks for what the machine is, but for how often it was restarted."""
    body = document.body
    return body is None or body == body_of(kept.model_copy(update={"run_generation": body.run_generation}))


def body_of(kept: Kept) -> DesiredBody:
    """Return the desired body that would ask for exactly what kept is."""
    pipeline = kept.pipeline
    return DesiredBody(
        configuration=pipeline.configuration,
        run_state=kept.run_state,
        run_generation=kept.run_generation,
        mode=pipeline.mode,
        recipe_sha256=pipeline.recipe.sha256 if pipeline.recipe else None,
    )


def work_of(pipeline: Pipeline) -> Work:
    """Return what a child of this pipeline is opened with."""
    return Work(pipeline.configuration, pipeline.recipe)
