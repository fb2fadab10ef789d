"""The kept token of the orchestrator's door."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyticlens.machine.link.credential import kept_token


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"alm_one\nalm_two\n"])
def test_a_file_that_holds_no_token_is_a_trouble_the_link_tries_again_after(tmp_path: Path, content: bytes) -> None:
    """Anything but an OSError would end the link's thread for good."""
    path = tmp_path / "door_token"
    path.write_bytes(content)
    with pytest.raises(OSError, match="holds no token"):
        kept_token(path)
