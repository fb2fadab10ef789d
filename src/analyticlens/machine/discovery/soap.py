"""SOAP calls at one camera: bounded in time and size, to the one address that was checked, with a password never sent in clear.

A WS-UsernameToken digest goes with each call, and an HTTP digest where the camera asks for that; Basic is never answered.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import ssl
import threading
import xml.etree.ElementTree as ET
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult
from xml.sax.saxutils import escape

import httpx2

from analyticlens.machine import addresses, clock
from analyticlens.machine.discovery.hostile import NotXml, every, local, read, under
from analyticlens.machine.discovery.refusal import LookupFailed
from analyticlens.machine.login import Login
from analyticlens.machine.refusals import SourceRefused

CALL_SECONDS = 5.0
MOST_BYTES = 256 * 1024
PORTS = {"http": 80, "https": 443}
UNAUTHORIZED = ("NotAuthorized", "FailedAuthentication", "InvalidSecurity")
ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
    "{header}<s:Body>{body}</s:Body></s:Envelope>"
)
_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
TOKEN = (
    f'<s:Header><w:Security s:mustUnderstand="1" xmlns:w="{_WSS}wssecurity-secext-1.0.xsd" xmlns:u="{_WSS}wssecurity-utility-1.0.xsd">'
    "<w:UsernameToken><w:Username>{user}</w:Username>"
    f'<w:Password Type="{_WSS}username-token-profile-1.0#PasswordDigest">{{digest}}</w:Password>'
    f'<w:Nonce EncodingType="{_WSS}soap-message-security-1.0#Base64Binary">{{nonce}}</w:Nonce>'
    "<u:Created>{created}</u:Created></w:UsernameToken></w:Security></s:Header>"
)


class Fault(Exception):
    """The camera understood and refused, for another reason than who asks."""


class Camera:
    """One camera's services. Used by one thread."""

    def __init__(self, device: SplitResult, login: Login, allowed: tuple[str, ...] | None, seconds: float) -> None:
        """Find the camera's address, once, and see whether somebody is there. Raises LookupFailed.

        allowed: the lines of the machine's list of cameras, None where it has none. seconds: what all calls together may take.
        """
        self.host = device.hostname or ""
        self._device, self._login, self._allowed = device, login, allowed
        self.address = _address(self.host, _port(device), allowed)
        self._deadline = clock.mono() + seconds
        self.clock_offset: float | None = None
        """How many seconds the camera's clock is ahead, which the moment in a digest must be in."""
        # Cameras sign their own certificates; what is sent shows the password to nobody.
        self._client = httpx2.Client(verify=False, trust_env=False, follow_redirects=False)

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def call(self, body: str, service: SplitResult | None = None, *, signed: bool = True) -> ET.Element:
        """Return the body of the answer to one call at a service (the device's own for None).

        Raises Fault, and LookupFailed where there is no answer, no ONVIF in it, or another user wanted.
        """
        signed = signed and bool(self._login.user)
        raw = ENVELOPE.format(header=self._token() if signed else "", body=body).encode()
        status, said = self._exchange(service or self._device, raw, signed)
        if status in (401, 403):
            raise self._unauthorized()
        return self._understood(status, said)

    def _understood(self, status: int, said: bytes) -> ET.Element:
        try:
            root = read(said)
        except NotXml:
            raise self._stranger() from None
        body = under(root, "Body") if local(root) == "Envelope" else None
        if body is None:
            raise self._stranger()
        fault = under(body, "Fault")
        if fault is not None:
            codes = [(value.text or "").rpartition(":")[2].strip() for value in every(fault, "Value")]
            raise self._unauthorized() if any(code in UNAUTHORIZED for code in codes) else Fault
        if status != 200:
            raise self._stranger()
        return body

    def _token(self) -> str:
        """Return the header that proves the password without telling it, at the moment the camera believes it is."""
        moment = clock.wall() + timedelta(seconds=self.clock_offset or 0.0)
        created = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        nonce = os.urandom(16)
        digest = hashlib.sha1(
            nonce + created.encode() + self._login.password.encode()
        ).digest()  # as the standard has it
        return TOKEN.format(
            user=escape(self._login.user),
            digest=base64.b64encode(digest).decode(),
            nonce=base64.b64encode(nonce).decode(),
            created=created,
        )

    def _exchange(self, service: SplitResult, content: bytes, signed: bool) -> tuple[int, bytes]:
        """Post once, and once more where the camera asks for an HTTP digest; return status and body."""
        request = self._request(service, content)
        if not signed:
            return self._post(request)[:2]
        # A fresh one each time: it would remember a challenge it does not understand, and fail over it before the next call.
        flow = httpx2.DigestAuth(self._login.user, self._login.password).auth_flow(request)
        status, said, response = self._post(next(flow))
        try:
            again = flow.send(response)
        except StopIteration:
            return status, said
        except (KeyError, ValueError, NotImplementedError, httpx2.HTTPError):
            # What the client raises for a challenge without its parts, of another kind, or of a method it does not know.
            raise LookupFailed(
                f"{self.host} asks for the password in a way that is not known here", unauthorized=True
            ) from None
        return self._post(again)[:2]

    def _request(self, service: SplitResult, content: bytes) -> httpx2.Request:
        port = _port(service)
        if not addresses.may_reach(self.address, self.host, port, self._allowed):
            raise LookupFailed(f"{self.host}:{port} is not among the cameras this machine may reach")
        place = f"[{self.address}]" if ":" in self.address else self.address
        headers = {
            "Host": service.netloc,
            "Content-Type": "application/soap+xml; charset=utf-8",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        url = service._replace(netloc=f"{place}:{port}", fragment="").geturl()
        try:
            return self._client.build_request("POST", url, content=content, headers=headers)
        except (httpx2.InvalidURL, UnicodeError):
            raise LookupFailed("this is no address of a camera") from None

    def _post(self, request: httpx2.Request) -> tuple[int, bytes, httpx2.Response]:
        """Send a request and read its answer within the bounds. Raises LookupFailed."""
        seconds = min(CALL_SECONDS, self._deadline - clock.mono())
        if seconds <= 0:
            raise self._late()
        cut = _Cut(seconds)
        request.extensions.update(timeout=httpx2.Timeout(seconds).as_dict(), trace=cut.trace)
        try:
            with cut:
                response = self._client.send(request, stream=True)
                try:
                    return response.status_code, self._bounded(response), response
                finally:
                    response.close()
        except httpx2.ConnectError:
            raise LookupFailed(f"{self.host}:{request.url.port} cannot be reached") from None
        except httpx2.TimeoutException:
            raise self._late() from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError):
            raise (self._late() if cut.done else self._stranger()) from None

    def _bounded(self, response: httpx2.Response) -> bytes:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise self._stranger()
        content = bytearray()
        for chunk in response.iter_raw():
            content += chunk
            if len(content) > MOST_BYTES:
                raise self._stranger()
        return bytes(content)

    def _late(self) -> LookupFailed:
        return LookupFailed(f"{self.host} does not answer in time")

    def _stranger(self) -> LookupFailed:
        return LookupFailed(f"{self.host} answers, but not as an ONVIF camera does")

    def _unauthorized(self) -> LookupFailed:
        if self._login.user:
            return LookupFailed(f"{self.host} refuses this user and password", unauthorized=True)
        return LookupFailed(f"{self.host} wants a user and a password, and none is set", unauthorized=True)


class _Cut:
    """Breaks a connection off when its time is over: a camera that sends one byte now and then is never silent long enough."""

    def __init__(self, seconds: float) -> None:
        self.done = False
        self._peer: Any = None
        self._timer = threading.Timer(seconds, self._break)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Note the connection as it is made."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._peer = info["return_value"].get_extra_info("socket")

    def _break(self) -> None:
        self.done = True
        if self._peer is not None:
            with suppress(OSError):  # It may have ended by itself.
                socket.socket.shutdown(self._peer, socket.SHUT_RDWR)


def _address(host: str, port: int, allowed: tuple[str, ...] | None) -> str:
    """Return the address of a host at which somebody answers, of those this machine may reach. Raises LookupFailed."""
    try:
        with addresses.connected(host, port, allowed) as peer:
            return str(peer.getpeername()[0])
    except SourceRefused as refused:
        raise LookupFailed(refused.sentence) from None


def _port(parts: SplitResult) -> int:
    return parts.port or PORTS[parts.scheme]
