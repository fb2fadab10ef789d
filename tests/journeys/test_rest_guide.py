"""The guide to REST: its examples, in their order, against a server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.rows import SYSTEM, make_machine, make_tool, make_user

GUIDE = Path(__file__).parents[2] / "docs" / "rest.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.django_db(transaction=True)
def test_its_examples_run_and_say_what_they_promise(live_server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from api.models import VirtualMachine
    from recipes.publishing import publish
    from user.models import ApiToken

    machine = make_machine("vm_001")
    make_tool(machine)
    publish(machine, SYSTEM, "first")
    VirtualMachine.objects.filter(pk=machine.pk).update(status="running", connection_status="connected")
    _row, token = ApiToken.issue(make_user("engineer"), "guide", "engineer")
    names: dict[str, Any] = {"SERVER": live_server.url, "TOKEN": token.text}
    for example in EXAMPLES:
        exec(compile(example, str(GUIDE), "exec"), names)
    told = capsys.readouterr().out.splitlines()
    assert told[0].split()[1] == "guide"
    assert told[1] == "vm_001 TESTE 0 of 1"
    assert told[2] == "1 stopped"
    assert told[3].startswith("412 {'code': 'stale_version'")
    assert told[4:8] == ["[('vm_001', 202), ('vm_999', 404)]", "1 machines", "202", "202"]
    told = told[4:]
    assert re.fullmatch(r"engineer_\d+ \(alp_\w+\) has control for (30|2\d)\.\d+ s", told[4])
    told = told[1:]
    assert told[4] == "configuration / trigger / interval_ms 1000 -> 2000"
    assert told[5:9] == [
        "[('vm_001', 200), ('vm_002', 404)]",
        "vm_001 pictures / jpeg_quality 90 -> 85",
        "version 2 [('vm_001', 202)]",
        "vm_001 pictures / ok_every 10 instead of 20",
    ]
    told = told[4:]
    assert told[5:8] == ["['Count']", "version 2", "version 3"]
    assert told[8:10] == [
        "queued discover {'seconds': 3.0}",
        "queued camera_lookup {'address': '10.0.0.5'}",
    ]
    assert told[10].startswith("vm_001 asked as version ")
    assert len(EXAMPLES) == 11
