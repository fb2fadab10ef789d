"""Speaks for machines while browser tests run: each line it reads, `machine_id JSON`, becomes a heartbeat; then it says `done`.

python -m tests.browser.reporter        (AL_DATA names the data folder)
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Read lines until there are no more."""
    import django

    django.setup()
    from api.models import VirtualMachine
    from tests.browser.rows_of_a_line import heartbeat

    for line in sys.stdin:
        machine_id, _space, said = line.partition(" ")
        machine = VirtualMachine.objects.get(machine_id=machine_id)
        values = {"recipe_sha256": machine.published_recipe or None, "hb_seq": machine.hb_seq + 1, **json.loads(said)}
        machine.receive_heartbeat(heartbeat(int(machine.epoch, 16), **values))
        print("done", flush=True)


if __name__ == "__main__":
    main()
