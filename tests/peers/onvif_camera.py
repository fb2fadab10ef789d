"""An ONVIF camera of our own: it answers WS-Discovery and SOAP over HTTP, checks digests itself, and does worse when a test says so.

As a program it serves at one address until it is ended: `python -m tests.peers.onvif_camera ADDRESS --user U --password P`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import secrets
import socket
import struct
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from analyticlens.machine import clock

GROUP = "239.255.255.250"
Twist = Callable[[BaseHTTPRequestHandler], None]
SOAP = "http://www.w3.org/2003/05/soap-envelope"
SCOPES = "onvif://www.onvif.org/name/Press%20camera onvif://www.onvif.org/hardware/AL-1 onvif://www.onvif.org/Profile/Streaming"


def enveloped(body: str, header: str = "") -> bytes:
    """Return a SOAP message."""
    return f'<?xml version="1.0"?><s:Envelope xmlns:s="{SOAP}"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>'.encode()


def probe_match(number: str, xaddrs: str, scopes: str = SCOPES, more: str = "") -> bytes:
    """Return the answer to a probe of that number."""
    header = f'<a:RelatesTo xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing">{number}</a:RelatesTo>'
    body = (
        '<d:ProbeMatches xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><d:ProbeMatch>'
        '<d:Types xmlns:dn="http://www.onvif.org/ver10/network/wsdl">dn:NetworkVideoTransmitter</d:Types>'
        f"<d:Scopes>{scopes}</d:Scopes><d:XAddrs>{xaddrs}</d:XAddrs>{more}</d:ProbeMatch></d:ProbeMatches>"
    )
    return enveloped(body, header)


def says(content: bytes, status: int = 200, **headers: str) -> Twist:
    """Return a twist that answers these bytes."""

    def twist(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return twist


class OnvifCamera:
    """The camera. `calls` are the names of the calls that came, `twists` what is done instead of an honest answer."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        user: str = "",
        password: str = "",
        ahead: float = 0.0,
        http_digest: bool = False,
        udp_port: int = 0,
        http_port: int = 0,
    ) -> None:
        """Take the ports. ahead: seconds its clock is ahead. http_digest: it wants the password in HTTP instead of SOAP."""
        self.host, self.user, self.password, self.ahead, self.http_digest = host, user, password, ahead, http_digest
        self.calls: list[str] = []
        self.bodies: list[bytes] = []
        self.twists: dict[str, Twist] = {}
        self.versions = ["http://www.onvif.org/ver10/media/wsdl"]
        self.stream_host = ""
        self.answers: Callable[[str], Iterable[bytes]] = lambda number: [probe_match(number, self.address)]
        self.nonce = secrets.token_hex(8)
        handler = type("Handler", (_Handler,), {"camera": self})
        self._http = ThreadingHTTPServer((host, http_port), handler)
        self._http.daemon_threads = True
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._udp.bind(("", udp_port))
        membership = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(host))
        self._udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        self._udp.settimeout(0.1)
        self.group = (GROUP, int(self._udp.getsockname()[1]))
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True),
            threading.Thread(target=self._discovery, daemon=True),
        ]

    @property
    def address(self) -> str:
        """Where its device service is."""
        return f"http://{self.host}:{self._http.server_address[1]}/onvif/device_service"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        for thread in self._threads:
            thread.join()
        self._http.server_close()
        self._udp.close()

    def _discovery(self) -> None:
        answered: set[str] = set()
        while not self._closing.is_set():
            try:
                raw, sender = self._udp.recvfrom(65_535)
            except TimeoutError:
                continue
            number = next((e.text or "" for e in ET.fromstring(raw).iter() if e.tag.endswith("}MessageID")), "")
            if number not in answered:
                answered.add(number)
                for answer in self.answers(number):
                    self._udp.sendto(answer, sender)

    # --- what it answers -------------------------------------------------------------------------------------------

    def honest(self, name: str, call: ET.Element, token: str) -> str:
        """Return the body of its answer to a call."""
        return str(getattr(self, f"_{name}")(call, token))

    def now(self) -> datetime:
        """Return the time by its clock."""
        return clock.wall() + timedelta(seconds=self.ahead)

    def _GetSystemDateAndTime(self, call: ET.Element, token: str) -> str:  # noqa: N802  # the call's own name
        now = self.now()
        return (
            "<UTCDateTime>"
            f"<Time><Hour>{now.hour}</Hour><Minute>{now.minute}</Minute><Second>{now.second}</Second></Time>"
            f"<Date><Year>{now.year}</Year><Month>{now.month}</Month><Day>{now.day}</Day></Date></UTCDateTime>"
        )

    def _GetServices(self, call: ET.Element, token: str) -> str:  # noqa: N802
        media = self.address.replace("device_service", "media")
        return "".join(
            f"<Service><Namespace>{version}</Namespace><XAddr>{media}</XAddr></Service>" for version in self.versions
        )

    def _GetCapabilities(self, call: ET.Element, token: str) -> str:  # noqa: N802
        return f"<Capabilities><Media><XAddr>{self.address.replace('device_service', 'media')}</XAddr></Media></Capabilities>"

    def _GetDeviceInformation(self, call: ET.Element, token: str) -> str:  # noqa: N802
        return "<Manufacturer>AnalyticLens</Manufacturer><Model>AL-1</Model><SerialNumber>7</SerialNumber>"

    def _GetProfiles(self, call: ET.Element, token: str) -> str:  # noqa: N802
        newer = "ver20" in call.tag
        tag = "VideoEncoder" if newer else "VideoEncoderConfiguration"
        found = ""
        for name, width, height, fps in (("main", 1920, 1080, 25), ("sub &amp; small", 640, 360, 10)):
            coded = (
                f"<{tag}><Encoding>{'H265' if newer else 'H264'}</Encoding>"
                f"<Resolution><Width>{width}</Width><Height>{height}</Height></Resolution>"
                f"<RateControl><FrameRateLimit>{fps}</FrameRateLimit></RateControl></{tag}>"
            )
            coded = f"<Configurations>{coded}</Configurations>" if newer else coded
            found += f'<Profiles token="{name}"><Name>{name}</Name>{coded}</Profiles>'
        return found

    def _GetStreamUri(self, call: ET.Element, token: str) -> str:  # noqa: N802
        uri = f"<Uri>rtsp://{self.stream_host or self.host}:554/stream?profile={len(token)}</Uri>"
        return uri if "ver20" in call.tag else f"<MediaUri>{uri}</MediaUri>"

    def _GetSnapshotUri(self, call: ET.Element, token: str) -> str:  # noqa: N802
        return f"<Uri>http://{self.host}/snapshot.jpg</Uri>"

    # --- whom it answers -------------------------------------------------------------------------------------------

    def token_is_good(self, root: ET.Element) -> bool:
        """Tell whether a message proves the password, at about this moment of the camera's clock."""
        said = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
        created = said.get("Created", "")
        if said.get("Username") != self.user or not created:
            return False
        raw = base64.b64decode(said["Nonce"]) + created.encode() + self.password.encode()
        right = base64.b64encode(hashlib.sha1(raw).digest()).decode()
        late = abs((datetime.fromisoformat(created) - self.now()).total_seconds())
        return said["Password"] == right and late < 30

    def digest_is_good(self, header: str) -> bool:
        """Tell whether an HTTP Authorization header proves the password."""
        said = dict(part.strip().partition("=")[::2] for part in header.removeprefix("Digest ").split(","))
        said = {name: value.strip('"') for name, value in said.items()}

        def md5(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode()).hexdigest()

        if said.get("username") != self.user or said.get("nonce") != self.nonce:
            return False
        who, what = md5(self.user, "camera", self.password), md5("POST", said["uri"])
        return said["response"] == md5(who, self.nonce, said["nc"], said["cnonce"], said["qop"], what)


class _Handler(BaseHTTPRequestHandler):
    camera: OnvifCamera

    def do_POST(self) -> None:
        camera = self.camera
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        root = ET.fromstring(raw)
        call = root[-1][0]
        name = call.tag.rpartition("}")[2]
        camera.calls.append(name)
        camera.bodies.append(raw)
        if name in camera.twists:
            camera.twists[name](self)
        elif name != "GetSystemDateAndTime" and camera.user and not self._known(root):
            self._refuse()
        else:
            token = next((e.text or "" for e in call.iter() if e.tag.endswith("}ProfileToken")), "")
            says(enveloped(f"<r:{name}Response xmlns:r='urn:r'>{camera.honest(name, call, token)}</r:{name}Response>"))(
                self
            )

    def _known(self, root: ET.Element) -> bool:
        if self.camera.http_digest:
            return self.camera.digest_is_good(self.headers.get("Authorization", ""))
        return self.camera.token_is_good(root)

    def _refuse(self) -> None:
        if self.camera.http_digest:
            challenge = f'Digest realm="camera", nonce="{self.camera.nonce}", qop="auth"'
            says(b"who?", 401, WWW_Authenticate=challenge)(self)
            return
        value = '<s:Value xmlns:t="http://www.onvif.org/ver10/error">t:NotAuthorized</s:Value>'
        says(enveloped(f"<s:Fault><s:Code><s:Subcode>{value}</s:Subcode></s:Code></s:Fault>"), 400)(self)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until standard input ends; say the address when it can be asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--ahead", type=float, default=0.0)
    given = parser.parse_args()
    with OnvifCamera(given.host, given.user, given.password, given.ahead, udp_port=3702, http_port=80) as camera:
        print(camera.address, flush=True)
        input()


if __name__ == "__main__":
    main()
