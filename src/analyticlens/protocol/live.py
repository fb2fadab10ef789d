"""PUT live: the newest picture of a machine somebody looks at, and what to draw over it."""

from __future__ import annotations

from analyticlens.protocol.overlay import Overlay
from analyticlens.protocol.strict import Count, ShortText, Strict, WallTime
from analyticlens.protocol.words import Verdict


class LiveFrame(Strict):
    """What comes beside the JPEG, as the part `live` of a form whose part `frame` is the JPEG. The JPEG alone is a frame too."""

    cycle: Count = 0
    """The inspection it belongs to; 0 for a picture nobody inspected."""
    verdict: Verdict | None = None
    """That inspection's verdict."""
    reason: ShortText | None = None
    """Why it is not ok."""
    width: Count = 0
    """Columns of the inspected picture: the overlay's coordinates, whatever size the JPEG has."""
    height: Count = 0
    """Rows of the inspected picture."""
    overlay: tuple[Overlay, ...] = ()
    """What to draw over the picture."""
    wall: WallTime = ""
