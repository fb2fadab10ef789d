"""The doctor finds what is wrong with a computer, and says what to do."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from analyticlens.doctor import Finding, examine, main


def findings(data: Path, host: str = "127.0.0.1", port: int = 0) -> dict[str, Finding]:
    """Return subject -> finding."""
    return {finding.subject: finding for finding in examine(data, host, port)}


def test_a_good_computer_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "data"), "--port", "0"]) == 0
    shown = capsys.readouterr().out
    assert "FAIL" not in shown
    assert all(word in shown for word in ("Python", "OpenCV", "machine", "orchestrator", "disk", "clock"))


def test_looking_makes_nothing(tmp_path: Path) -> None:
    findings(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_found(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        found = findings(tmp_path, port=busy.getsockname()[1])["port"]
    assert found.level == "WARN"
    assert "--port" in found.advice


def test_a_data_folder_that_is_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert findings(tmp_path / "data")["data folder"].level == "FAIL"
    assert main(["--data", str(tmp_path / "data"), "--port", "0"]) == 1


def test_a_data_folder_others_can_read_is_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert "chmod 700" in findings(tmp_path)["data folder"].advice


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_folder_that_cannot_be_written_is_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert findings(tmp_path / "data")["data folder"].level == "FAIL"
