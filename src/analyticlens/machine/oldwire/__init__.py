"""The old wire: everything an installed Flask vision machine answers over HTTP, Socket.IO and in result logs.

It knows the station's public methods alone; the words are translated by `protocol.oldwire`.
"""

from __future__ import annotations

from analyticlens.machine.oldwire.events import attach_socketio
from analyticlens.machine.oldwire.routes import create_blueprint

__all__ = ["attach_socketio", "create_blueprint"]
