"""Which cameras on the network this machine may reach: by a list that lies at the machine, checked on the address that is connected to."""

from __future__ import annotations

import errno
import ipaddress
import socket
from pathlib import Path

import psutil

from analyticlens.machine.refusals import SourceRefused

FILE = "camera_addresses"
CONNECT_SECONDS = 5.0
MOST_LINES = 1000
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def lines(path: Path) -> tuple[str, ...] | None:
    """Return the list's lines, None where there is no list. Raises OSError: a list that cannot be read allows nothing."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    said = (line.partition("#")[0].strip() for line in text.splitlines()[:MOST_LINES])
    return tuple(line for line in said if line)


def connected(host: str, port: int, allowed: tuple[str, ...] | None) -> socket.socket:
    """Return a connection to a camera at an address this machine may reach. Raises SourceRefused with what went wrong.

    The name is looked up once and the connection goes to the very address that was checked. An address that is not allowed is refused
    before anything is sent there, in the same words whoever listens.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SourceRefused(f"the camera's name {host} is not known in this network") from None
    addresses = [entry for entry in found if may_reach(str(entry[4][0]), host, port, allowed)]
    if not addresses:
        raise SourceRefused(f"{host}:{port} is not among the cameras this machine may reach")
    problem: OSError | None = None
    for family, kind, protocol, _name, address in addresses[:4]:
        peer = socket.socket(family, kind, protocol)
        peer.settimeout(CONNECT_SECONDS)
        try:
            peer.connect(address)
        except OSError as error:
            peer.close()
            problem = error
            continue
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return peer
    raise SourceRefused(_sentence(host, port, problem))


def may_reach(text: str, host: str, port: int, allowed: tuple[str, ...] | None) -> bool:
    """Whether the address `text`, which the name `host` stands for, may be connected to at this port.

    With a list, whoever a line of it names; without one, addresses of private networks that are not this computer's own.
    """
    address = _plain(ipaddress.ip_address(text.partition("%")[0]))
    if allowed is not None:
        return any(_named(line, address, host, port) for line in allowed)
    if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return address.is_private and str(address) not in _own()


def _named(line: str, address: Address, host: str, port: int) -> bool:
    """Whether a line of the list (an address, a network or a name, with or without a port) names this peer."""
    place, only = _split(line)
    if only is not None and only != port:
        return False
    try:
        return address in ipaddress.ip_network(place, strict=False)
    except ValueError:
        return place.lower().rstrip(".") == host.lower().rstrip(".")


def _split(line: str) -> tuple[str, int | None]:
    if line.startswith("["):
        place, _, rest = line[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        place, port = line, ""
        if line.count(":") == 1:
            place, _, port = line.partition(":")
    if not port:
        return place, None
    return (place, int(port)) if port.isascii() and port.isdigit() and len(port) < 6 else ("", -1)


def _plain(address: Address) -> Address:
    """Return an IPv4 address that hides in an IPv6 one as itself."""
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address


def _own() -> set[str]:
    return {entry.address.partition("%")[0] for entries in psutil.net_if_addrs().values() for entry in entries}


def _sentence(host: str, port: int, problem: OSError | None) -> str:
    number = problem.errno if problem is not None else 0
    if isinstance(problem, TimeoutError):
        return f"{host}:{port} does not answer: wrong address, no power, or a firewall between"
    if number == errno.ECONNREFUSED:
        return f"{host} is there but nothing answers at port {port}"
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return f"there is no way to {host}: wrong address, or its network is not connected"
    return f"{host}:{port} cannot be reached"
