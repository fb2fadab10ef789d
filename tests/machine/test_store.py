"""The configuration file: whole or as before, readable by old programs, mended from its copy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from analyticlens.machine.store import Kept, Pipeline, Store
from analyticlens.machine.whole import write_whole
from tests.machine.helpers import THREE, configuration

OLD_FILE = {
    "machine_id": "vm_001",
    "django_url": "http://localhost:8000",
    "status": "running",
    "mode": "RUN",
    "connection_status": "disconnected",
    "inspection_config": {
        "tools": [
            {
                "id": 2,
                "name": "placa",
                "type": "blob",
                "ROI": {"x": 0, "y": 0, "w": 752, "h": 480},
                "th_min": 60,
                "th_max": 255,
                "blob_count_test": True,
                "test_blob_count_min": 1,
                "test_blob_count_max": 1,
                "inspec_pass_fail": True,
            }
        ]
    },
    "source_config": {
        "type": "pasta",
        "camera_id": 9,
        "resolution": [640, 480],
        "fps": 30,
        "folder_path": "./x",
        "rtsp_url": "",
    },
    "trigger_config": {"type": "continuous", "interval_ms": 200},
    "logging": {
        "enabled": True,
        "mode": "keep_last",
        "max_logs": 50,
        "policy": "ALL",
        "batch_size": 1,
        "batch_ms": 100,
    },
    "error_msg": "",
    "websocket_update_RUN_mode": 2.5,
    "last_saved": "2026-11-22T11:12:52.014394",
}


def store(folder: Path) -> Store:
    return Store(folder / "vm_config.json", "vm_test", "http://localhost:8000")


def save(folder: Path, kept: Kept) -> None:
    store(folder).save(kept, status="idle", error_message="", connection_status="connected")


def kept(recipe: object = THREE) -> Kept:
    pipeline = Pipeline.model_validate({"configuration": configuration(), "recipe": recipe, "mode": "PRODUCAO"})
    return Kept(configured=True, pipeline=pipeline, run_state="running", run_generation=3)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save(tmp_path, kept())
    assert store(tmp_path).load().kept == kept()


def test_a_machine_without_a_file_is_stopped_and_not_configured(tmp_path: Path) -> None:
    loaded = store(tmp_path).load()
    assert (loaded.kept, loaded.complaint) == (Kept(), "")


def test_the_file_has_the_old_layout(tmp_path: Path) -> None:
    save(tmp_path, kept())
    data = json.loads((tmp_path / "vm_config.json").read_text())
    assert set(OLD_FILE) < set(data)
    assert (data["mode"], data["source_config"]["type"], data["trigger_config"]["type"]) == (
        "RUN",
        "pasta",
        "continuous",
    )
    assert data["inspection_config"]["tools"][0]["name"] == "discs"


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    save(tmp_path, kept())
    assert (tmp_path / "vm_config.json").stat().st_mode & 0o777 == 0o600


def test_an_old_machines_file_is_understood(tmp_path: Path) -> None:
    (tmp_path / "vm_config.json").write_text(json.dumps(OLD_FILE))
    loaded = store(tmp_path).load()
    pipeline = loaded.kept.pipeline
    assert (pipeline.mode, loaded.kept.run_state, loaded.kept.configured) == ("PRODUCAO", "running", True)
    assert pipeline.configuration.source.folder_path == "./x"
    assert pipeline.recipe is not None
    assert pipeline.recipe.tools[0].limits[0].feature == "blob_count"
    assert loaded.websocket_update_seconds == 2.5


def test_what_a_person_edits_in_the_old_words_counts(tmp_path: Path) -> None:
    save(tmp_path, kept())
    path = tmp_path / "vm_config.json"
    data = json.loads(path.read_text())
    data["source_config"]["folder_path"] = "elsewhere"
    path.write_text(json.dumps(data))
    loaded = store(tmp_path).load()
    assert loaded.kept.pipeline.configuration.source.folder_path == "elsewhere"
    assert loaded.kept.run_generation == 3
    assert "by hand" in loaded.complaint


def test_the_websocket_period_of_a_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "vm_config.json").write_text(json.dumps(OLD_FILE))
    same = store(tmp_path)
    same.save(same.load().kept, status="idle", error_message="", connection_status="connected")
    assert json.loads((tmp_path / "vm_config.json").read_text())["websocket_update_RUN_mode"] == 2.5


@pytest.mark.parametrize("share", [0.0, 0.001, 0.2, 0.5, 0.9, 0.999])
def test_a_torn_file_is_mended_from_its_copy(tmp_path: Path, share: float) -> None:
    save(tmp_path, kept())
    path = tmp_path / "vm_config.json"
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    loaded = store(tmp_path).load()
    assert loaded.kept == kept()
    assert "last good" in loaded.complaint


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b'{"a": NaN}',
        b"[" * 5000,
        b'{"analyticlens": {"format": 9}}',
        b'{"analyticlens": []}',
        b'{"inspection_config": [1]}',
        b'{"inspection_config": {"tools": {"a": 1}}}',
    ],
)
def test_nonsense_in_both_files_is_a_new_beginning_with_a_word(tmp_path: Path, content: bytes) -> None:
    for name in ("vm_config.json", "vm_config.json.last-good"):
        (tmp_path / name).write_bytes(content)
    loaded = store(tmp_path).load()
    assert loaded.kept.run_state == "stopped"
    assert content == b"{}" or "anew" in loaded.complaint


CRASHING = """
import json, os, sys
from pathlib import Path
from tests.machine.helpers import FOUR, THREE
from tests.machine.test_store import kept, save, store

def save_and_die_at(folder, step):
    steps = 0
    def counted(real):
        def call(*arguments, **options):
            nonlocal steps
            steps += 1
            if steps == step:
                os._exit(9)
            return real(*arguments, **options)
        return call
    for name in ("open", "fsync", "replace", "close", "rename"):
        setattr(os, name, counted(getattr(os, name)))
    save(folder, kept(FOUR))
    os._exit(0)

folder, seen = Path(sys.argv[1]), []
for step in range(1, 100):
    save(folder, kept(THREE))
    child = os.fork() or save_and_die_at(folder, step)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    loaded = store(folder).load()
    seen.append([loaded.complaint, loaded.kept == kept(THREE), loaded.kept == kept(FOUR)])
    if code == 0:
        break
print(json.dumps(seen))
"""


def test_a_crash_at_any_step_of_a_write_leaves_old_or_new(tmp_path: Path) -> None:
    """The writer dies at each system call that changes a file; what is read afterwards is one of the two, whole."""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    command = [sys.executable, "-c", CRASHING, str(tmp_path)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=100)
    seen = json.loads(ran.stdout)
    assert all(complaint == "" and old != new for complaint, old, new in seen)
    is_new = [new for _, _, new in seen]
    assert is_new == sorted(is_new), "once the new state is there it stays"
    assert set(is_new) == {False, True}
    assert len(seen) >= 8


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_file_that_cannot_be_read_is_never_overwritten(tmp_path: Path) -> None:
    strange = json.dumps({**OLD_FILE, "inspection_config": {"tools": [{"id": 1, "name": "x", "type": "barcode"}]}})
    for _ in range(2):
        (tmp_path / "vm_config.json").write_text(strange)
        loaded = store(tmp_path).load()
        assert "broken-" in loaded.complaint
        save(tmp_path, loaded.kept)
        (tmp_path / "vm_config.json.last-good").unlink()
    kept_aside = sorted(tmp_path.glob("vm_config.json.broken-*"))
    assert [path.read_text() for path in kept_aside] == [strange, strange]
