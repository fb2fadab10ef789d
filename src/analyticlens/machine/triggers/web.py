"""Signals over the machine's own web server: POST /api/trigger, with a token that can do nothing else."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from flask import Flask, Response, jsonify, request

from analyticlens.machine.oldwire.guard import bearer, local_token
from analyticlens.machine.refusals import NotNow
from analyticlens.machine.triggers.secret import trigger_token
from analyticlens.protocol.canonical import strict_loads
from analyticlens.protocol.external import HttpSignal, part_of

if TYPE_CHECKING:
    from analyticlens.machine.station import Station

MOST_BYTES = 4096
Answer = tuple[Response, int]


def add_trigger_route(app: Flask, station: Station) -> None:
    """Answer POST /api/trigger. The tokens are read once."""
    tokens = [trigger_token(station.settings.data).encode(), local_token(station.settings.data).encode()]

    @app.post("/api/trigger")
    def trigger() -> Answer:
        """Ask for one inspection; the body, if any, is {"part_id": "…"}."""
        request.max_content_length = MOST_BYTES
        given = bearer(request.headers.get("Authorization", "")).encode()
        # Every comparison is made: which token fits, or nearly does, takes no other time.
        fits = [bool(token) and hmac.compare_digest(given, token) for token in tokens]
        if not any(fits):
            return _no(401, "this call wants the token in trigger_token as a Bearer header")
        session = station.listening.session
        if session is None or not isinstance(session.signal_config, HttpSignal):
            return _no(409, "the trigger of this machine is not HTTP")
        try:
            part = _part(request.get_data())
        except ValueError as problem:
            session.refuse(str(problem))
            return _no(400, str(problem))
        try:
            count = session.signal(part)
        except NotNow as refused:
            return _no(409, refused.sentence)
        return jsonify(success=True, trigger_count=count), 200


def _part(raw: bytes) -> str | None:
    """Return the part a body names. Raises ValueError with one sentence."""
    if not raw.strip():
        return None
    body = strict_loads(raw)
    if not isinstance(body, dict) or set(body) - {"part_id"}:
        raise ValueError('the body is {"part_id": "…"}')
    part = body.get("part_id")
    if part is not None and not isinstance(part, str):
        raise ValueError("a part is printable text")
    return part_of(part) if part else None


def _no(status: int, sentence: str) -> Answer:
    return jsonify(success=False, error=sentence), status
