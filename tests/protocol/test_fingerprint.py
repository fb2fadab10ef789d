"""The string a person carries to a machine."""

from __future__ import annotations

import base64
import hashlib
import ssl

import pytest

from analyticlens.protocol.fingerprint import fingerprint_of, joined, parted, same

DER = b"\x30\x82 not much of a certificate"
PEM = ssl.DER_cert_to_PEM_cert(DER)
PRINT = base64.b32encode(hashlib.sha256(DER).digest()).decode().rstrip("=")


def test_a_fingerprint_is_the_sha_256_of_the_certificate_wherever_it_stands() -> None:
    assert fingerprint_of(f"# mine\n{PEM}\n{ssl.DER_cert_to_PEM_cert(b'another')}") == PRINT
    assert same(PEM, PRINT)
    assert not same(ssl.DER_cert_to_PEM_cert(b"another"), PRINT)
    with pytest.raises(ValueError, match="no certificate"):
        fingerprint_of("nothing")


def test_code_and_fingerprint_are_one_string() -> None:
    assert parted(joined("AAAA-BBBB", PRINT)) == ("AAAA-BBBB", PRINT)
    assert parted(joined("AAAA-BBBB", "")) == ("AAAA-BBBB", "")


def test_how_it_was_typed_does_not_matter() -> None:
    typed = f" AAAA-BBBB.{PRINT[:10].lower()}-{PRINT[10:]}\n"
    assert parted(typed) == ("AAAA-BBBB", PRINT)


@pytest.mark.parametrize("rest", ["", "ABC", PRINT[:-1], PRINT + "A", PRINT[:-1] + "1"])
def test_one_that_was_cut_or_mistyped_is_noticed(rest: str) -> None:
    with pytest.raises(ValueError, match="not whole"):
        parted(f"AAAA-BBBB.{rest}")
