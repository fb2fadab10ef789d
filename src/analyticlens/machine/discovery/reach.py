"""Which addresses a look-up may connect to. The check is on the address that is connected to, and before anything is sent there."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

import psutil

from analyticlens.machine.discovery.refusal import LookupFailed

Reach = Callable[[str, str, int], bool]
"""Whether an address, which the host's name stands for, may be connected to at a port: `(address, host, port)`."""


def private_only(address: str, host: str, port: int) -> bool:
    """Allow cameras in private networks: no address of this computer, no link-local one and none of the internet."""
    plain = ipaddress.ip_address(address.partition("%")[0])
    plain = getattr(plain, "ipv4_mapped", None) or plain
    if plain.is_loopback or plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        return False
    return plain.is_private and str(plain) not in _own()


def _own() -> set[str]:
    return {entry.address.partition("%")[0] for entries in psutil.net_if_addrs().values() for entry in entries}


def looked_up(host: str, port: int, reach: Reach) -> str:
    """Return the first address of a host that may be reached; the name is looked up this once. Raises LookupFailed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise LookupFailed(f"the camera's name {host} is not known in this network") from None
    for entry in found:
        address = str(entry[4][0])
        if reach(address, host, port):
            return address
    raise LookupFailed(f"{host}:{port} is not among the cameras this machine may reach")
