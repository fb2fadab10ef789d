"""The link's threads: each does one thing on its own connection, so that a slow picture never delays a heartbeat."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from analyticlens.machine import clock, log
from analyticlens.machine.link.asked import Listener, Registrar
from analyticlens.machine.link.commands import Commands
from analyticlens.machine.link.credential import enrol, kept_token, token_path
from analyticlens.machine.link.door import ANSWER_SECONDS, Door, DoorDown, DoorRefused
from analyticlens.machine.link.heart import Heart
from analyticlens.machine.link.logins import Logins
from analyticlens.machine.link.rotation import Rotation
from analyticlens.machine.link.trust import NotTrusted, authority_path, believed, learn
from analyticlens.machine.link.upload import LiveSender, PictureUploader, Uploader
from analyticlens.machine.link.worker import Worker
from analyticlens.protocol.canonical import sha256_text
from analyticlens.protocol.fingerprint import parted
from analyticlens.protocol.heartbeat import HEARTBEAT_SECONDS

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

GOODBYE_SECONDS = 2.0
TRY_TRUST_AGAIN_SECONDS = 60.0
# The hash of the code the kept token was bought with: the same command line starts the machine the next time too.
ENROLLED_WITH = "enrolled_with"


class Link:
    """Everything that speaks with the orchestrator. Without a token it enrols first, and tries for as long as it takes."""

    def __init__(self, station: Station) -> None:
        """Prepare for station; `open` begins."""
        self._station = station
        self._settings = station.settings
        self._path = token_path(self._settings.data, self._settings.token_file)
        self._authority = authority_path(self._settings.data, self._settings.authority)
        self._token = ""
        self._heart = Heart(station)
        self._commands = Commands(station)
        self._enroller = Worker("enrol", self._enrol, self._door)
        self._workers: dict[str, Worker] = {}
        self._closing = threading.Event()

    def open(self) -> None:
        """Begin: with the kept token, or by enrolling."""
        self._commands.recover()
        self._enroller.start()

    def close(self, reason: str = "") -> None:
        """Say goodbye if the orchestrator is there, and end the threads."""
        self._closing.set()
        self._enroller.stop()
        for worker in self._workers.values():
            worker.stop()
        deadline = clock.mono() + GOODBYE_SECONDS
        if self._workers:
            self._workers["heart"].close(GOODBYE_SECONDS)
            self._goodbye(reason)
        for name, worker in self._workers.items():
            # The long poll cannot be hurried; its thread is a daemon and has nothing to lose.
            if name != "listen":
                worker.close(deadline - clock.mono())

    def _goodbye(self, reason: str) -> None:
        door = self._door(GOODBYE_SECONDS)
        try:
            self._heart.goodbye(door, reason)
        except (DoorDown, DoorRefused) as problem:
            log.event("goodbye_unheard", str(problem))
        finally:
            door.close()

    def _door(self, seconds: float = ANSWER_SECONDS) -> Door:
        url = self._settings.django_url
        return Door(url, lambda: self._token, seconds, believed(url, self._authority))

    def _enrol(self, door: Door) -> float:
        """Get the token and start the other threads; ends itself."""
        station = self._station
        station.connection = "connecting"
        self._token = kept_token(self._path)
        code = self._settings.enrol_code
        if not self._token and not code:
            station.connection = "disconnected"
            station.link_warning = f"not enrolled: {self._path} holds no token and no --enrol code was given"
            return 5.0
        if code and (not self._token or station.outbox.word(ENROLLED_WITH) != sha256_text(code)):
            self._use_code(door, code)
        station.link_warning = ""
        self._start()
        self._enroller.stop()
        return 0.0

    def _use_code(self, door: Door, code: str) -> None:
        """Buy a token with a code not used before; a kept one serves on when the code is refused. Raises DoorDown, DoorRefused."""
        station = self._station
        try:
            self._token = self._enrolled(door, code)
        except NotTrusted as problem:
            log.event("not_trusted", str(problem))
            station.connection = "error"
            station.link_warning = str(problem)
            raise DoorDown(str(problem), TRY_TRUST_AGAIN_SECONDS) from None
        except DoorRefused as refused:
            log.event("enrolment_refused", refused.message)
            if self._token:
                return
            station.connection = "error"
            station.link_warning = f"the orchestrator refuses to enrol this machine: {refused.message}"
            raise
        station.outbox.keep_word(ENROLLED_WITH, sha256_text(code))
        log.event("enrolled", machine_id=self._settings.machine_id)

    def _enrolled(self, door: Door, text: str) -> str:
        """Use the code at the server whose authority it names. Raises NotTrusted, DoorDown, DoorRefused."""
        settings = self._settings
        try:
            code, fingerprint = parted(text)
        except ValueError as problem:
            raise NotTrusted(str(problem)) from None
        if not fingerprint:
            return enrol(door, settings.machine_id, code, self._path)
        if not settings.django_url.startswith("https:"):
            raise NotTrusted("this code is for a server over TLS: its address begins with https://")
        learn(settings.django_url, fingerprint, self._authority)
        trusted = self._door()
        try:
            return enrol(trusted, settings.machine_id, code, self._path)
        finally:
            trusted.close()

    def _start(self) -> None:
        station = self._station
        steps = {
            "heart": Worker("heart", self._beat, self._door, HEARTBEAT_SECONDS),
            "missed": Worker("missed", self._heart.missed.step, self._door),
            "listen": Worker("listen", Listener(station, self._commands).step, self._door),
            "register": Worker("register", Registrar(station).step, self._door),
            "upload": Worker("upload", Uploader(station).step, self._door),
            "pictures": Worker("pictures", PictureUploader(station).step, self._door),
            "live": Worker("live", LiveSender(station).step, self._door, 5.0),
            "commands": Worker("commands", self._commands.step, self._door),
            "looking": Worker("looking", self._commands.step_slow, self._door),
            "secrets": Worker("secrets", Logins(station).step, self._door),
        }
        # A file that was given is whoever's who gave it.
        if self._settings.token_file is None:
            rotation = Rotation(station, self._path, lambda: self._token, self._take)
            steps["token"] = Worker("token", rotation.step, self._door)
        steps["heart"].failed = self._lost
        station.changes.heartbeat_soon = steps["heart"].wake
        self._heart.missed.news = steps["missed"].wake
        station.changes.wake = steps["register"].wake
        station.outbox.appended = steps["upload"].wake
        station.live.changed = steps["live"].wake
        self._commands.news = steps["commands"].wake
        self._commands.slow_news = steps["looking"].wake
        self._workers = steps
        for worker in steps.values():
            worker.start()

    def _take(self, token: str) -> None:
        self._token = token

    def _beat(self, door: Door) -> float:
        """Send a heartbeat; nothing is uploaded or asked before the first is answered."""
        seconds = self._heart.step(door)
        self._station.connection = "connected"
        self._station.link_warning = ""
        if self._heart.missed:
            self._heart.missed.news.set()
        return seconds

    def _lost(self, problem: DoorDown | DoorRefused) -> None:
        refused = isinstance(problem, DoorRefused) and problem.credential
        self._station.connection = "error" if refused else "disconnected"
        self._station.link_warning = (
            f"the orchestrator refuses this machine's token: {problem}" if refused else f"no orchestrator: {problem}"
        )
