"""The link to the orchestrator. The machine always dials out; an orchestrator that is down changes nothing for the inspecting."""

from __future__ import annotations

from analyticlens.machine.link.link import Link

__all__ = ["Link"]
