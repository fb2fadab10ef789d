"""The HTTP routes of the old wire."""

from __future__ import annotations

import atexit
import logging
from typing import Any

from flask import Blueprint, Response, jsonify, request

from analyticlens.machine.oldwire.alog import pack
from analyticlens.machine.oldwire.changes import OldWire
from analyticlens.machine.oldwire.control import carry_out
from analyticlens.machine.oldwire.guard import Guard, bearer
from analyticlens.machine.oldwire.logs import LogBook, wanted
from analyticlens.machine.oldwire.messages import current_tools, result_log, status_object
from analyticlens.machine.oldwire.refusal import Refused, refusing
from analyticlens.machine.oldwire.upload import send_logs
from analyticlens.machine.station import ResultEvent, Station
from analyticlens.protocol.canonical import strict_loads
from analyticlens.protocol.configuration import Logging
from analyticlens.protocol.oldwire import logging_to_wire, source_to_wire, trigger_to_wire
from analyticlens.protocol.words import wire_status

logger = logging.getLogger(__name__)
MAX_BODY = 1_000_000
DONE = {"success": True}


def create_blueprint(station: Station) -> Blueprint:
    """Return the old wire's routes over a station, behind their guard; results are logged from now on."""
    wire = OldWire(station, LogBook(station.settings.data / "logs"))
    atexit.register(wire.book.close)
    _log_results(wire)
    blueprint = Blueprint("oldwire", __name__, url_prefix="/api")
    if station.settings.insecure_legacy:
        logger.warning("--insecure-legacy: anyone who reaches port %s can steer this machine", station.settings.port)
    _guard(blueprint, Guard(station.settings))
    _add_state_routes(blueprint, wire)
    _add_configuration_routes(blueprint, wire)
    _add_error_routes(blueprint, wire)
    return blueprint


def _log_results(wire: OldWire) -> None:
    """Write a result log of each inspection that logging wants."""

    def settings_now() -> Logging:
        return wire.station.kept.pipeline.configuration.logging

    def log(event: ResultEvent) -> None:
        settings = settings_now()
        if settings.enabled and wanted(settings.policy, event.body.verdict == "ok"):
            written = result_log(event)
            wire.book.add(written.document["id"], pack(written), settings)

    wire.station.subscribe(log, wants=lambda: settings_now().enabled)


def _guard(blueprint: Blueprint, guard: Guard) -> None:
    @blueprint.before_request
    def check() -> None:
        request.max_content_length = MAX_BODY
        if not guard.insecure:
            if not guard.token_fits(bearer(request.headers.get("Authorization", ""))):
                raise Refused(401, "This machine wants its local token as a Bearer header")
            return
        if not guard.host_known(request.host):
            raise Refused(403, "This machine does not go by that host name")
        if request.method not in ("GET", "HEAD"):
            if not guard.origin_allowed(request.headers.get("Origin"), request.environ):
                raise Refused(403, "Pages of that origin may not steer this machine")
            if request.content_length and not request.is_json:
                raise Refused(400, "A body is JSON and says so (Content-Type: application/json)")

    @blueprint.errorhandler(Refused)
    def refuse(refused: Refused) -> tuple[Response, int]:
        return jsonify({"success": False, "error": refused.sentence}), refused.status


def _body() -> dict[str, Any]:
    """Return the request's JSON object. Raises Refused for anything else."""
    with refusing(400):
        body = strict_loads(request.get_data())
    if not isinstance(body, dict):
        raise Refused(400, "The body is one JSON object")
    return body


def _by() -> str:
    return f"local:{request.remote_addr or 'unknown'}"


def _add_state_routes(blueprint: Blueprint, wire: OldWire) -> None:
    @blueprint.get("/status")
    def status() -> Response:
        return jsonify(status_object(wire.station.status(), wire.book))

    @blueprint.post("/control")
    def control() -> Response:
        return jsonify(carry_out(wire, _body(), _by()))

    @blueprint.post("/logs/sync")
    def sync() -> Response:
        given = _body().get("django_url") if request.content_length else None
        address = given or wire.station.status().django_url
        if not isinstance(address, str) or not address.strip():
            raise Refused(400, "No orchestrator address: give django_url")
        with wire.sending, refusing(500):
            sent = send_logs(wire.book, address, wire.station.settings.machine_id)
        counted = {"uploaded": sent.uploaded, "failed": sent.failed, "remaining": sent.remaining, "before": sent.before}
        return jsonify({**DONE, **counted})


def _add_configuration_routes(blueprint: Blueprint, wire: OldWire) -> None:
    @blueprint.get("/source_config")
    def source() -> Response:
        return jsonify(source_to_wire(wire.station.status().configuration.source))

    @blueprint.put("/source_config")
    def put_source() -> Response:
        wire.change_source(_body(), _by())
        return jsonify(DONE)

    @blueprint.get("/trigger_config")
    def trigger() -> Response:
        return jsonify(trigger_to_wire(wire.station.status().configuration.trigger))

    @blueprint.put("/trigger_config")
    def put_trigger() -> Response:
        wire.change_trigger(_body(), _by())
        return jsonify(DONE)

    @blueprint.get("/inspection_config")
    def inspection() -> Response:
        tools = current_tools(wire.station.status())
        return jsonify({} if tools is None else {"tools": tools})

    @blueprint.put("/inspection_config")
    def put_inspection() -> Response:
        wire.change_inspection(_body(), _by())
        return jsonify(DONE)

    @blueprint.get("/logging_config")
    def logs() -> Response:
        logging = logging_to_wire(wire.station.status().configuration.logging)
        return jsonify({**logging, "buffer_size": wire.book.buffered})

    @blueprint.put("/logging_config")
    def put_logs() -> Response:
        wire.change_logging(_body(), _by())
        return jsonify(DONE)


def _add_error_routes(blueprint: Blueprint, wire: OldWire) -> None:
    @blueprint.get("/error")
    def error() -> Response:
        status = wire.station.status()
        return jsonify({"status": wire_status(status.status), "error_msg": status.error_message})

    @blueprint.post("/error")
    def set_error() -> Response:
        message = _body().get("error_msg")
        if not isinstance(message, str) or not message.strip():
            raise Refused(400, "Falta a mensagem de erro")
        wire.station.set_error(message[:2000], _by())
        return jsonify({**DONE, "message": "A máquina está em erro"})

    @blueprint.delete("/error")
    def clear_error() -> Response:
        if not wire.station.clear_error(_by()):
            raise Refused(404, "Não há erro para limpar")
        return jsonify({**DONE, "message": "Erro retirado"})
