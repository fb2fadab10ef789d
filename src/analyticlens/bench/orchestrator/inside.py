"""What of the figures needs Django, in a process of its own: `python -m analyticlens.bench.orchestrator.inside TASK JOB`.

The job is JSON, and the last line of standard output is the answer in JSON. The data folder and the database stand in the environment.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ORCHESTRATOR = Path(__file__).parents[2] / "orchestrator"


def main(arguments: Sequence[str]) -> int:
    """Do one task."""
    sys.path.insert(0, str(ORCHESTRATOR))
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    from analyticlens.bench.orchestrator import ingest, lists, rows, steps

    tasks: dict[str, Callable[..., Any]] = {
        "ingest": ingest.measure,
        "steps": steps.measure,
        "batch": ingest.batch,
        "lists": lists.measure,
        "callers": rows.callers,
        "station": rows.station,
    }
    answer = tasks[arguments[0]](**json.loads(arguments[1]))
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
