"""WS-Discovery: one question to everybody on the networks at hand, and the cameras that answer. No connection is made."""

from __future__ import annotations

import selectors
import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import unquote, urlsplit

import psutil

from analyticlens.machine import clock
from analyticlens.machine.discovery.hostile import NotXml, read, text, words
from analyticlens.machine.discovery.refusal import LookupFailed
from analyticlens.protocol.discovery import MOST_ADDRESS, MOST_FOUND, FoundCamera

GROUP = ("239.255.255.250", 3702)
# Asked once more after this time, since a datagram may be lost.
AGAIN_SECONDS = 0.5
# The most that one question reads, whoever sends: a flood ends the wait early.
MOST_DATAGRAMS = 2000
MOST_BYTES = 16 * 1024
MOST_XADDRS = 16
SCOPE = "onvif://www.onvif.org/"
QUESTION = """<?xml version="1.0" encoding="UTF-8"?>\
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" \
xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">\
<e:Header><w:MessageID>{number}</w:MessageID><w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>\
<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>\
<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"""


def probe(seconds: float, interfaces: list[str] | None = None, group: tuple[str, int] = GROUP) -> list[FoundCamera]:
    """Return the cameras that answer within `seconds`, one more than can be listed where there are more.

    interfaces: IPv4 addresses of this computer to ask from; None: from every network it is in. Raises LookupFailed where none can be asked.
    """
    deadline = clock.mono() + seconds
    number = f"urn:uuid:{uuid.uuid4()}"
    found: dict[str, FoundCamera] = {}
    with ExitStack() as stack:
        sockets = [stack.enter_context(peer) for peer in _sockets(own_networks() if interfaces is None else interfaces)]
        for raw, sender in _answers(sockets, QUESTION.format(number=number).encode(), group, deadline):
            camera = understood(raw, sender, number)
            if camera is not None:
                found.setdefault(camera.host, camera)
            if len(found) > MOST_FOUND:
                break
    return list(found.values())


def own_networks() -> list[str]:
    """Return this computer's IPv4 addresses in networks where others may be."""
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    entries = (entry for name, entries in psutil.net_if_addrs().items() if name in up for entry in entries)
    return [
        entry.address for entry in entries if entry.family == socket.AF_INET and not entry.address.startswith("127.")
    ]


def _sockets(interfaces: list[str]) -> list[socket.socket]:
    """Return a socket on each interface that takes one. Raises LookupFailed."""
    made = []
    for address in interfaces[:32]:
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            peer.setblocking(False)
            peer.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
            peer.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            peer.bind((address, 0))
        except OSError:
            peer.close()
            continue
        made.append(peer)
    if not made:
        raise LookupFailed("this machine is in no network in which it could look for cameras")
    return made


def _answers(
    sockets: list[socket.socket], question: bytes, group: tuple[str, int], deadline: float
) -> Iterator[tuple[bytes, str]]:
    """Ask, twice, and yield each datagram that comes with its sender's address, until the deadline. Raises LookupFailed."""
    again = clock.mono() + AGAIN_SECONDS
    if not _ask(sockets, question, group):
        raise LookupFailed("this machine is in no network in which it could look for cameras")
    left = MOST_DATAGRAMS
    with selectors.DefaultSelector() as selector:
        for peer in sockets:
            selector.register(peer, selectors.EVENT_READ)
        while left > 0 and (now := clock.mono()) < deadline:
            if now >= again:
                _ask(sockets, question, group)
                again = deadline
            for key, _ in selector.select(min(deadline, again) - now):
                left -= 1
                yield from _received(key.fileobj)


def _ask(sockets: list[socket.socket], question: bytes, group: tuple[str, int]) -> int:
    """Send the question from each socket; return from how many it went."""
    sent = 0
    for peer in sockets:
        try:
            peer.sendto(question, group)
        except OSError:
            continue
        sent += 1
    return sent


def _received(peer: object) -> Iterator[tuple[bytes, str]]:
    assert isinstance(peer, socket.socket)
    try:
        # One byte more than is read: what is cut off is too long.
        raw, sender = peer.recvfrom(MOST_BYTES + 1)
    except OSError:
        return
    if len(raw) <= MOST_BYTES:
        yield raw, str(sender[0])


def understood(raw: bytes, sender: str, number: str) -> FoundCamera | None:
    """Return the camera an answer to question `number` tells of; None for what is no such answer.

    Of the addresses it names only one at the sender's own address counts, so that nobody sends the machine elsewhere.
    """
    try:
        root = read(raw)
    except NotXml:
        return None
    if text(root, "RelatesTo") != number:
        return None
    scopes = text(root, "ProbeMatch", "Scopes").split()[:100]
    if not (any(scope.startswith(SCOPE) for scope in scopes) or "NetworkVideoTransmitter" in text(root, "Types")):
        return None
    own = next((one for one in text(root, "XAddrs").split()[:MOST_XADDRS] if at_host(one, sender)), "")
    return FoundCamera(
        kind="onvif",
        name=_scope(scopes, "name"),
        hardware=_scope(scopes, "hardware"),
        host=sender,
        address=own,
        problem="" if own else "it answers, but names an address that is not its own",
    )


def at_host(url: str, *hosts: str) -> bool:
    """Whether a URL is a plain HTTP or HTTPS address at one of these hosts, without user and password."""
    if len(url) > MOST_ADDRESS or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "@" not in parts.netloc and parts.hostname in hosts


def _scope(scopes: list[str], kind: str) -> str:
    """Return what the scopes say under name or hardware."""
    head = f"{SCOPE}{kind}/"
    return words(next((unquote(scope.removeprefix(head)) for scope in scopes if scope.startswith(head)), ""))
