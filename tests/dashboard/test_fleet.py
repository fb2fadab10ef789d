"""The first page: every machine, those that need someone first, with few queries and few bytes."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

import dashboard
from api import clock
from api.models import LiveEvent, VirtualMachine
from tests.dashboard.results_rows import deliver, hear
from tests.rows import make_machine, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still")]
Browser = Callable[..., Client]
STATIC = Path(dashboard.__file__).parent / "static"


def page(client: Client, address: str = "/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def tile_of(html: str, machine_id: str, part: str = "tile") -> str:
    found = re.search(rf'<article[^>]*id="{part}-{machine_id}".*?</article>', html, re.DOTALL)
    assert found, f"{machine_id} has no {part}"
    return found[0]


def many(count: int) -> list[VirtualMachine]:
    owner = make_user()
    rows = [
        VirtualMachine(
            machine_id=f"vm_{n:03d}", name=f"Machine {n}", owner=owner, django_url="http://orchestrator:8000"
        )
        for n in range(count)
    ]
    VirtualMachine.objects.bulk_create(rows)
    now = clock.wall()
    living = VirtualMachine.objects.filter(machine_id__startswith="vm_")
    living.update(status="running", connection_status="connected", last_heartbeat=now, reported={"fps": 2})
    return list(VirtualMachine.objects.filter(machine_id__startswith="vm_").order_by("machine_id"))


def test_two_hundred_machines_take_at_most_ten_queries(
    browser: Browser, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for machine in many(200)[:5]:
        deliver(machine, "ok", "nok")
    client = browser()
    with django_assert_max_num_queries(10):
        assert page(client).count("<article") == 200
    with django_assert_max_num_queries(10):
        page(client, "/fleet/tiles")


def test_the_first_load_of_two_hundred_machines_is_at_most_sixty_kilobytes(browser: Browser) -> None:
    from results.models import RecentResults

    pattern = ["ok", "ok", "nok", "ok", "undecided", "ok", "error", "ok"] * 8
    for place, machine in enumerate(many(200)):
        strip = [[1, seq, pattern[(seq + place) % 60], seq] for seq in range(1, 61)]
        RecentResults.objects.create(machine=machine, strip=strip)
    html = page(browser())
    assets = re.findall(r'(?:href|src)="/static/([^"#]+\.(?:css|js|svg))', html)
    modules = ["live.js", "connection.js", "stream.js", "ages.js"]
    files = {STATIC / name for name in assets} | {STATIC / "dashboard/js" / name for name in modules}
    size = len(gzip.compress(html.encode())) + sum(len(gzip.compress(path.read_bytes())) for path in files)
    assert size <= 60 * 1024, f"{size} bytes"


def test_a_running_machine_is_calm(browser: Browser) -> None:
    machine = hear(make_machine("vm_a", name="Coins"), fps=1.5)
    deliver(machine, "ok", "ok", "nok", "ok")
    tile = tile_of(page(browser()), "vm_a")
    for said in ("Coins", "Running", "OK", "75.0", "90/min", "4 parts"):
        assert said in tile
    assert 'class="tile running"' in tile


def test_what_needs_someone_stands_first_and_says_why(browser: Browser) -> None:
    hear(make_machine("vm_a"))
    hear(make_machine("vm_b"), status="error", error_message="camera 1 is in use")
    html = page(browser())
    assert "camera 1 is in use" in tile_of(html, "vm_b", "attention")
    assert html.index("attention-vm_b") < html.index("tile-vm_a")
    assert "attention-vm_a" not in html


def test_each_state_is_a_word_and_a_sign(browser: Browser) -> None:
    hear(make_machine("vm_b"), status="error")
    tile = tile_of(page(browser()), "vm_b")
    assert "shapes.svg#p1" in tile
    assert "icons.svg#triangle-alert" in tile
    assert "Error" in tile


def test_old_news_is_marked(browser: Browser) -> None:
    hear(make_machine("vm_a"))
    with clock.shifted(11):
        html = page(browser())
    assert " late" in tile_of(html, "vm_a")
    assert "No news for 11 s" in tile_of(html, "vm_a", "attention")


def test_the_figures_count_all_machines_whatever_is_filtered(browser: Browser) -> None:
    deliver(hear(make_machine("vm_a")), "ok", "nok")
    hear(make_machine("vm_b"), status="stopped")
    html = page(browser(), "/?q=nothing")
    figures = re.sub(r"<[^>]+>|\s+", " ", html[html.index('id="figures"') : html.index('class="finder"')])
    assert re.search(r"Machines OK\s+1\s+/\s+2", figures)
    assert re.search(r"Parts today\s+2", figures)
    assert re.search(r"Yield today\s+50\.0", figures)
    assert "No machine matches." in html


def test_simulated_results_are_no_part_of_the_yield(browser: Browser) -> None:
    machine = hear(make_machine("vm_a"))
    deliver(machine, "nok", simulated=True, mode="TESTE")
    assert "no parts today" in tile_of(page(browser()), "vm_a")


def test_the_filter_finds_names_and_ids(browser: Browser) -> None:
    make_machine("vm_a", name="Moedas")
    make_machine("vm_b", name="Placas")
    html = page(browser(), "/?q=MOED")
    assert "tile-vm_a" in html
    assert "tile-vm_b" not in html
    assert 'value="MOED"' in html


def test_the_chips_choose_states(browser: Browser) -> None:
    hear(make_machine("vm_a"))
    hear(make_machine("vm_b"), status="stopped")
    html = page(browser(), "/?state=stopped")
    assert "tile-vm_b" in html
    assert "tile-vm_a" not in html


def test_parts_hold_only_the_tiles_asked_for(browser: Browser) -> None:
    make_machine("vm_a")
    make_machine("vm_b")
    html = page(browser(), "/fleet/tiles?ids=vm_b,vm_nobody")
    assert "tile-vm_b" in html
    assert 'id="tile-vm_a"' not in html
    assert 'id="figures"' in html


def test_retired_machines_are_not_shown(browser: Browser) -> None:
    make_machine("vm_a", is_active=False)
    assert "vm_a" not in page(browser())


def test_the_empty_fleet_says_how_to_begin(browser: Browser) -> None:
    html = page(browser())
    assert "No machines yet" in html
    assert "analyticlens machine --machine-id" in html
    assert "http://testserver" in html


@pytest.mark.parametrize(("role", "told"), [("operator", False), ("engineer", True)])
def test_who_may_add_a_machine_is_told_how(browser: Browser, role: str, told: bool) -> None:
    make_machine("vm_001")
    assert ("add_machine vm_002" in page(browser(role))) == told


def test_the_counts_of_the_filter_come_with_the_tiles(browser: Browser) -> None:
    make_machine("vm_a")
    assert 'id="chips" data-part' in page(browser(), "/fleet/tiles?ids=vm_a")


def test_a_refusal_is_not_called_a_missing_page(browser: Browser) -> None:
    answer = browser("viewer").get("/admin/")
    assert answer.status_code == 403
    assert "Your role does not allow this." in answer.content.decode()


def test_a_page_view_changes_nothing(browser: Browser) -> None:
    from audit.models import AuditEntry

    machine = hear(make_machine("vm_a"))
    deliver(machine, "ok")
    client = browser("viewer")
    page(client)
    before = (LiveEvent.objects.count(), AuditEntry.objects.count(), list(VirtualMachine.objects.values()))
    for address in ("/", "/fleet/tiles", "/m/vm_a/", "/m/vm_a/tools/"):
        page(client, address)
    assert (LiveEvent.objects.count(), AuditEntry.objects.count(), list(VirtualMachine.objects.values())) == before


def test_strangers_are_sent_to_sign_in() -> None:
    answer = Client().get("/m/vm_a/?result=3")
    assert answer.status_code == 302
    address = urlsplit(answer["Location"])
    assert (address.path, parse_qs(address.query)["next"]) == ("/login/", ["/m/vm_a/?result=3"])
