"""A fourth machine added by hand, exactly as README says: its commands in a shell, its clicks in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.line.line import Up, free_port

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("up"), pytest.mark.timeout(900)]

Until = Callable[..., object]
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def here(commands: str, up: Up) -> str:
    """Return README's commands for a line whose folder is elsewhere, and whose program is this one."""
    said = commands.strip().replace(".venv/bin/analyticlens", f"{sys.executable} -m analyticlens")
    return said.replace("data/machines", f"{up.data}/machines").replace("--data data ", f"--data {up.data} ")


def clean() -> dict[str, str]:
    """Return an environment without the test run's settings."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("AL_", "DJANGO_"))}


@pytest.fixture
def fourth(up: Up) -> Iterator[None]:
    """README's commands, carried out; the machine runs as long as the test."""
    section = README.split("<!-- fourth machine")[1].split("<!-- end of fourth machine -->")[0]
    prepare, run = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    told = subprocess.run(["sh", "-ec", here(prepare, up)], capture_output=True, text=True, check=True, env=clean())
    code = re.search(r"enrolment code: (\S+)", told.stdout)
    assert code is not None
    command = (
        here(run, up).replace("CODE", code.group(1)).replace("8000", str(up.port)).replace("5044", str(free_port()))
    )
    with subprocess.Popen(["sh", "-c", f"exec {command}"], env=clean(), stderr=subprocess.DEVNULL) as machine:
        yield
        machine.terminate()
        assert machine.wait(60) == 0


def test_it_is_added_taught_published_and_started(fourth: None, fleet: Page, up: Up, until: Until) -> None:
    """And judges: eight discs and the bar are nine blobs."""
    until(
        lambda: up.rows(
            "SELECT status FROM api_virtualmachine WHERE machine_id = 'vm_004' AND connection_status = 'connected'"
        ),
        120,
    )
    fleet.reload()
    fleet.get_by_role("link", name="Gaveta").first.click()
    fleet.get_by_role("link", name="Ferramentas").first.click()
    fleet.get_by_label("Tipo de ferramenta").select_option(label="Blobs")
    fleet.get_by_role("button", name="Adicionar ferramenta").click()
    fleet.get_by_label("Contagem: Mínimo").fill("9")
    fleet.get_by_label("Contagem: Máximo").fill("9")
    fleet.get_by_role("button", name="Salvar").first.click()
    fleet.get_by_label("Por quê").fill("primeira receita")
    fleet.get_by_role("button", name="Publicar e rodar").click()
    expect(fleet.locator("body")).to_contain_text("A versão 1 está publicada")
    fleet.get_by_role("link", name="Ir para a máquina").click()
    fleet.get_by_role("button", name="Iniciar", exact=True).click()
    until(lambda: {row[2] for row in up.results(["vm_004"])} >= {"ok", "nok", "error"}, 180)
    assert {(row[4], row[5]) for row in up.results(["vm_004"])} == {("TESTE", 1)}
