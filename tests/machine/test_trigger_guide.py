"""docs/triggers.md: every example is a configuration, every kind has its section, and what it says to send is what works."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analyticlens.protocol.configuration import Configuration, patched
from analyticlens.protocol.layers import KINDS
from tests.journeys.line import free_port
from tests.machine.bench import Bench
from tests.machine.test_signals import Peer, say

GUIDE = (Path(__file__).parents[2] / "docs" / "triggers.md").read_text()
SECTIONS = dict(re.findall(r"(?ms)^##+ (\w+)\n(.*?)(?=^##|\Z)", GUIDE))
EXAMPLES = {
    head: json.loads(found.group(1))
    for head, text in SECTIONS.items()
    if (found := re.search(r"```json\n(.*?)```", text, re.DOTALL))
}
Until = Callable[..., object]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_every_kind_of_trigger_and_signal_has_its_example() -> None:
    kinds = {kind.model_fields["type"].default for place in KINDS if place[0] == "trigger" for kind in KINDS[place][1]}
    assert kinds - {"external"} == set(EXAMPLES)
    assert "external" in SECTIONS


@pytest.mark.parametrize("head", EXAMPLES)
def test_an_example_is_a_configuration_of_its_kind(head: str) -> None:
    trigger: Any = patched(Configuration(), EXAMPLES[head]).trigger
    assert head in (trigger.type, getattr(getattr(trigger, "signal", None), "type", ""))


def test_every_setting_of_a_signal_is_explained() -> None:
    named = {name for kind in KINDS["trigger", "signal"][1] for name in kind.model_fields}
    assert [name for name in named if f"`{name}`" not in GUIDE and f'"{name}"' not in GUIDE] == []


def test_the_lines_of_the_guide_are_taken(bench: Bench, until: Until) -> None:
    lines = re.findall(r"(?m)^    (TRIGGER.*)$", SECTIONS["tcp"])
    signal = EXAMPLES["tcp"]["trigger"]["signal"] | {"port": free_port()}
    session = bench.hear(**signal)
    until(lambda: session.listening)
    answers = say(signal["port"], "".join(f"{line}\n" for line in lines).encode(), len(lines))
    assert (answers, bench.parts()) == (["OK 1", "OK 2"], [None, "A 17"])


def test_the_call_of_mbpoll_in_the_guide_is_taken(bench: Bench, peer: Peer, until: Until) -> None:
    port = free_port()
    session = bench.hear(type="modbus", role="server", port=port, coil=EXAMPLES["modbus"]["trigger"]["signal"]["coil"])
    until(lambda: session.listening)
    found = re.search(r"(?m)^mbpoll (.*)$", SECTIONS["modbus"])
    assert found is not None
    words = [word if word != "1502" else str(port) for word in shlex.split(found.group(1))]
    subprocess.run([str(peer("mbpoll")), *words], check=True, capture_output=True, timeout=30)
    assert bench.outbox.counters().triggered == 1
