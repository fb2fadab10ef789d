"""The fingerprint of an authority, and the one string a person carries to a machine: its code, with the fingerprint behind a dot."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import ssl

# Base32 of SHA-256, without its padding.
FINGERPRINT = re.compile(r"[A-Z2-7]{52}")


def fingerprint_of(pem: str) -> str:
    """Return the SHA-256 of the first certificate in a PEM text, in base32. Raises ValueError where there is none."""
    begin, end = ssl.PEM_HEADER, ssl.PEM_FOOTER
    start = pem.find(begin)
    stop = pem.find(end, start)
    if start < 0 or stop < 0:
        raise ValueError("this is no certificate")
    der = ssl.PEM_cert_to_DER_cert(pem[start : stop + len(end)])
    return base64.b32encode(hashlib.sha256(der).digest()).decode().rstrip("=")


def joined(code: str, fingerprint: str) -> str:
    """Return the string a person carries; without a fingerprint it is the code alone."""
    return f"{code}.{fingerprint}" if fingerprint else code


def parted(text: str) -> tuple[str, str]:
    """Return the code and the fingerprint of what a person carried; the fingerprint is "" where none is there.

    Raises ValueError for a fingerprint that was cut or mistyped.
    """
    code, dot, rest = text.strip().partition(".")
    fingerprint = re.sub(r"[\s-]", "", rest).upper()
    if dot and FINGERPRINT.fullmatch(fingerprint) is None:
        raise ValueError("the fingerprint behind the dot of the code is not whole")
    return code, fingerprint


def same(pem: str, fingerprint: str) -> bool:
    """Return whether a certificate has that fingerprint."""
    return hmac.compare_digest(fingerprint_of(pem), fingerprint)
