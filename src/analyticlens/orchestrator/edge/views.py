"""The calls of the door, one function each: a machine says something, or asks what it shall be."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from pydantic import TypeAdapter, ValidationError

from analyticlens.protocol.canonical import loads_for_model, strict_loads
from analyticlens.protocol.desired import CommandReport, EnrolRequest, LocalChange, TokenAnswer
from analyticlens.protocol.heartbeat import Goodbye, Heartbeat, LateHeartbeats
from analyticlens.protocol.live import LiveFrame
from analyticlens.protocol.records import Seq
from analyticlens.protocol.strict import first_error
from api.known import version_in
from api.models import Command, Instance, VirtualMachine
from api.turn import writing
from edge import desired, heartbeats, late, live
from edge.door import KIB, DoorError, answer, by_method, door, loads_shown, read_body, reader
from edge.models import MachineToken
from edge.models import enrol as use_code
from edge.secrets import opened as opened_secrets
from recipes.blobs import named_by
from results import ingest as results
from results import pictures
from results.models import RAW_KEPT, MachineEpoch
from results.parcel import Parcel, opened

MIB = 1024 * KIB
BATCH = 1 * MIB
PICTURE = 20 * MIB
LIVE = 8 * MIB
CHUNK = 64 * KIB
NUMBER = TypeAdapter[int](Seq)


@door("POST", reader(EnrolRequest), enrolled=False)
def enrol(request: HttpRequest, asked: EnrolRequest) -> HttpResponse:
    """Turn a one-time code into a machine token."""
    token = use_code(asked.machine_id, asked.code)
    if token is None:
        sentence = "this code does not fit this machine, was used, or is too old; ask for a new one"
        raise DoorError(HTTPStatus.FORBIDDEN, "code_refused", sentence)
    return answer(
        TokenAnswer(machine_id=asked.machine_id, token=token.text, instance_id=Instance.current().instance_id)
    )


@door("GET", enrolled=False)
def authority(request: HttpRequest) -> HttpResponse:
    """Show our authority's certificate. It is no secret, and nobody believes it but who knows its fingerprint."""
    if not settings.TLS_AUTHORITY:
        raise DoorError(HTTPStatus.NOT_FOUND, "no_authority", "this server has no authority of its own")
    pem = Path(settings.TLS_AUTHORITY).read_text(encoding="ascii")
    return HttpResponse(pem, content_type="application/x-pem-file", headers={"Cache-Control": "no-store"})


@door("POST")
def token(request: HttpRequest, machine: VirtualMachine) -> HttpResponse:
    """Hand out a new token; the old one stays good for a day or until the new one is used."""
    old = MachineToken.find(request.headers["Authorization"].removeprefix("Bearer ").strip())
    fresh = old.rotate() if old is not None else None
    if fresh is None:
        raise DoorError(HTTPStatus.UNAUTHORIZED, "bad_token", "this machine token was revoked meanwhile")
    return answer(
        TokenAnswer(machine_id=machine.machine_id, token=fresh.text, instance_id=Instance.current().instance_id)
    )


@door("POST", reader(Heartbeat, loads_shown), limit=256 * KIB)
def heartbeat(request: HttpRequest, machine: VirtualMachine, said: Heartbeat) -> HttpResponse:
    """Take a sign of life."""
    return answer(heartbeats.receive(machine, said, request.META.get("REMOTE_ADDR") or ""))


@door("POST", limit=BATCH)
def late_heartbeats(request: HttpRequest, machine: VirtualMachine) -> HttpResponse:
    """Keep what a machine that was cut off would have said."""
    # Each of them is checked by a closed model.
    said = read_body(request, reader(LateHeartbeats, loads_for_model), BATCH)
    return answer(late.keep(machine, said))


@door("GET")
def secrets(request: HttpRequest, machine: VirtualMachine) -> HttpResponse:
    """Give the machine its own secrets, in clear: over TLS, or to this computer itself."""
    return answer({"secrets": opened_secrets(machine)})


@door("POST", reader(Goodbye, loads_shown))
def goodbye(request: HttpRequest, machine: VirtualMachine, said: Goodbye) -> HttpResponse:
    """Take a planned leave."""
    heartbeats.know_epoch(machine, said)
    with writing():
        taken = machine.receive_goodbye(said)
    return answer({"stale": not taken})


@door("GET")
def read_desired(request: HttpRequest, machine: VirtualMachine) -> HttpResponse:
    """Answer the newest document at once. Under `config.asgi` the long poll stands before this."""
    return answer(desired.document(machine))


@door("PUT", reader(LocalChange), limit=1 * MIB)
def change_desired(request: HttpRequest, machine: VirtualMachine, change: LocalChange) -> HttpResponse:
    """Register a change made at the machine, if nobody asked for something else meanwhile."""
    version = version_in(request.headers.get("If-Match", ""))
    if version is None:
        raise DoorError(HTTPStatus.PRECONDITION_REQUIRED, "no_version", "say with If-Match which version was changed")
    return answer(desired.register(machine, change, version, request.META.get("REMOTE_ADDR")))


@door("POST", opened, limit=BATCH)
def batches(request: HttpRequest, machine: VirtualMachine, parcel: Parcel) -> HttpResponse:
    """Store a batch and answer the mark."""
    return answer(results.deliver(machine, parcel))


@door("POST", limit=PICTURE)
def quarantine(request: HttpRequest, machine: VirtualMachine) -> HttpResponse:
    """Keep one record that the batch door cannot read."""
    try:
        seq = NUMBER.validate_python(request.GET.get("seq", ""))
    except ValidationError as error:
        raise DoorError(HTTPStatus.BAD_REQUEST, "bad_input", first_error(error)) from None
    epoch = MachineEpoch.objects.filter(machine=machine, epoch=request.GET.get("epoch", "")).first()
    if epoch is None:
        raise DoorError(
            HTTPStatus.NOT_FOUND, "unknown_epoch", "this epoch was never heard of; send its heartbeat first"
        )
    digest, size, kept = hashlib.sha256(), 0, b""
    while chunk := request.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
        kept += chunk[: RAW_KEPT - len(kept)]
    reason = "the batch door cannot read this record"
    return answer(results.set_aside(machine, epoch, seq, kept, size, reason, digest.hexdigest()))


@door("PUT", limit=PICTURE)
def image(request: HttpRequest, machine: VirtualMachine, sha256: str) -> HttpResponse:
    """Store a picture; once more is as good."""
    known = pictures.stored(sha256)
    row = known or pictures.store_picture(machine, sha256, iter(lambda: request.read(CHUNK), b""))
    return answer({"sha256": row.sha256, "size": row.size}, HTTPStatus.OK if known else HTTPStatus.CREATED)


@door("GET")
def blob(request: HttpRequest, machine: VirtualMachine, sha256: str) -> StreamingHttpResponse:
    """Give a template, golden picture or model that one of this machine's own recipes names."""
    row = named_by(machine, sha256)
    if row is None:
        raise DoorError(HTTPStatus.NOT_FOUND, "unknown_blob", "no recipe of this machine names such a file")
    response = FileResponse(default_storage.open(row.path, "rb"), content_type=row.mime)
    response["Content-Length"] = str(row.size)
    response["Cache-Control"] = "private, immutable, max-age=31536000"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@door("PUT", limit=LIVE)
def live_frame(request: HttpRequest, machine: VirtualMachine) -> HttpResponse:
    """Take the newest live picture: a JPEG, or a form of it (`frame`) and what to draw over it (`live`)."""
    if not live.watched(machine):
        return answer({"watched": False})
    jpeg, frame = _live_parts(request)
    if not jpeg.startswith(b"\xff\xd8\xff"):
        raise DoorError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_jpeg", "a live picture is a JPEG")
    return answer({"watched": True, "number": live.put(machine, jpeg, frame)})


def _live_parts(request: HttpRequest) -> tuple[bytes, LiveFrame]:
    if request.content_type != "multipart/form-data":
        return request.body, LiveFrame()
    try:
        # Django reads forms by itself only from a POST.
        fields, files = MultiPartParser(request.META, request, request.upload_handlers).parse()
        sent = files.get("frame")
        said = LiveFrame.model_validate(strict_loads(str(fields.get("live", "{}"))))
    except ValidationError as error:
        raise DoorError(HTTPStatus.BAD_REQUEST, "bad_input", first_error(error)) from None
    except (MultiPartParserError, ValueError) as error:
        raise DoorError(HTTPStatus.BAD_REQUEST, "bad_input", f"the form cannot be read: {error}") from None
    return (sent.read() if sent is not None else b""), said


@door("POST", reader(CommandReport, loads_shown), limit=256 * KIB)
def command(request: HttpRequest, machine: VirtualMachine, said: CommandReport, command_id: UUID) -> HttpResponse:
    """Take what became of a command. A report after the one that settled it changes nothing and says so."""
    row = Command.objects.select_related("machine").filter(pk=command_id, machine=machine).first()
    if row is None:
        raise DoorError(HTTPStatus.NOT_FOUND, "unknown_command", "this machine was given no such command")
    taken = row.report(said)
    return answer({"state": row.state, "taken": taken})


desired_state = by_method(GET=read_desired, PUT=change_desired)
