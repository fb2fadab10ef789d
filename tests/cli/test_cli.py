"""The command line hands on, says what it cannot do, and imports nothing that was not asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analyticlens import __version__
from analyticlens.cli import COMMANDS, main


def run(*words: str, block: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `analyticlens` in a process of its own, where the blocked packages cannot be imported."""
    code = (
        "import sys\n"
        f"for name in {block!r}: sys.modules[name] = None\n"
        "from analyticlens.cli import main\n"
        f"sys.exit(main({list(words)!r}))\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_without_a_command_it_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"AnalyticLens {__version__}"


def test_an_unknown_command_is_named_and_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspekt"]) == 2
    assert "no command 'inspekt'" in capsys.readouterr().err


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower() or "help" in done.stdout.lower()


def test_a_machine_needs_no_django() -> None:
    assert run("machine", "--help", block=("django",)).returncode == 0


def test_a_missing_extra_is_said_in_one_sentence() -> None:
    done = run("machine", "--help", block=("cv2", "flask", "numpy"))
    assert done.returncode == 1
    assert "pip install 'analyticlens[machine]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_line_alone_imports_neither_numpy_nor_django() -> None:
    code = "import sys, analyticlens.cli as c; c.main(['--version']); print([n for n in ('numpy', 'django') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_one_blas_thread_is_settled_before_numpy(tmp_path: Path) -> None:
    code = (
        "import os, analyticlens.cli as c; os.environ.pop('OPENBLAS_NUM_THREADS', None); c.main([]);"
        "print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "1"
