"""The faults by number, long: `make soak` runs all, `make soak ID=F16` one of them; the tests of `make test` are the same, shorter."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NamedTuple

# Longer than any of these takes on a slow computer.
SECONDS = 6 * 3600


class Run(NamedTuple):
    """What a number stands for: the tests, and how long they are made."""

    tests: str
    longer: dict[str, str]


RUNS: dict[str, Run] = {
    "F01": Run("tests/faults/test_run.py", {"AL_FAULTS": "1000"}),
    "F02": Run("tests/faults/test_run_postgresql.py", {"AL_FAULTS": "1000"}),
    "F16": Run("tests/faults/test_cameras.py", {"AL_FAULTS": "400"}),
    "F17": Run("tests/faults/test_pictures.py", {}),
    "F19": Run("tests/faults/test_hands.py", {}),
    "F20": Run("tests/faults/test_commands.py", {"AL_TRIGGERS": "5000"}),
    "day": Run("tests/machine/test_timetable.py", {"AL_TRIGGER_HOURS": "24"}),
}


def main(wanted: str) -> int:
    """Run what was asked for, everything where nothing was; return 1 when something failed, 2 for a number that is none."""
    if wanted and wanted not in RUNS:
        print(f"there is no {wanted}; there are {', '.join(RUNS)}", file=sys.stderr)
        return 2
    failed = []
    for name, run in RUNS.items():
        if wanted in ("", name):
            print(f"{name}: {run.tests} {run.longer}", flush=True)
            command = [sys.executable, "-m", "pytest", "-s", "-o", f"timeout={SECONDS}", "--seed", "fresh", run.tests]
            if subprocess.run(
                command, env={**os.environ, "AL_FAULT_SECONDS": str(SECONDS), **run.longer}, check=False
            ).returncode:
                failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "none failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
