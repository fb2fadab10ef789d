"""Who the machine's camera is asked as, fetched from the orchestrator: nobody reads it there, and it never travels back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyticlens.machine.link.door import Door, DoorDown
from analyticlens.machine.login import Login

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

# A password that was set is in force within this time.
LOOK_AGAIN_SECONDS = 15.0
# The word in the outbox that tells that the kept login came from the orchestrator, so that it may take it away again.
CAME = "login_from_orchestrator"


class Logins:
    """Fetches, keeps, and has the camera opened anew when something changed. One thread."""

    def __init__(self, station: Station) -> None:
        """Fetch for station."""
        self._station = station

    def step(self, door: Door) -> float:
        """Fetch once; return the seconds until the next time."""
        login = fetched(door)
        station = self._station
        # What somebody set at a machine holds until the orchestrator has something to say.
        if login != Login() or station.outbox.word(CAME):
            station.outbox.keep_word(CAME, "yes" if login != Login() else "")
            station.set_login(login, "orchestrator")
        return LOOK_AGAIN_SECONDS


def fetched(door: Door) -> Login:
    """Return what the orchestrator says of it now; nobody where nothing is set. Raises DoorDown, DoorRefused."""
    secrets = door.call("GET", "secrets").get("secrets")
    if not isinstance(secrets, dict):
        raise DoorDown("an answer that is not the orchestrator's")
    return Login(str(secrets.get("source_user", "")), str(secrets.get("source_password", "")))
