"""One machine's page: verdict, picture, values against limits, what was asked and what runs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from analyticlens.protocol.live import LiveFrame
from api import clock
from audit import Actor
from dashboard.station import Station
from edge import live
from results.pictures import store_picture
from tests.dashboard.results_rows import COUNT, deliver, hear
from tests.rows import make_machine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still")]
Browser = Callable[..., Client]
ANA = Actor("user", "ana")
JPEG = b"\xff\xd8\xff\xe0 a picture"
SHA256 = hashlib.sha256(JPEG).hexdigest()
PICTURE = {"sha256": SHA256, "size": len(JPEG)}


@pytest.fixture(autouse=True)
def _nobody_looked_before() -> None:
    cache.clear()


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def html_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_newest_verdict_stands_with_its_cause(browser: Browser) -> None:
    deliver(hear(make_machine("vm_a")), "ok", "nok", tools=[COUNT], reason="limit")
    said = text_of(browser(), "/m/vm_a/")
    assert "NOK Count: Count 23 (allowed: 24) No. 2" in said


def test_a_value_stands_beside_its_limits(browser: Browser) -> None:
    deliver(hear(make_machine("vm_a")), "nok", tools=[COUNT])
    html = html_of(browser(), "/m/vm_a/")
    assert '<td class="num strong">23' in html
    assert 'class="at outside"' in html
    assert "1,305.5 px²" in html


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("OK", "NOK", "Undecided", "Error")), ("pt-br", ("Aprovada", "Reprovada", "Indefinida", "Erro"))],
)
def test_the_four_verdicts_have_their_words_and_shapes(browser: Browser, language: str, words: tuple[str, ...]) -> None:
    client = browser(language=language)
    for verdict, word in zip(("ok", "nok", "undecided", "error"), words, strict=True):
        deliver(hear(make_machine(f"vm_{verdict}")), verdict)
        html = html_of(client, f"/m/vm_{verdict}/")
        block = html[html.index('<section class="big') :]
        assert f'<section class="big {verdict}' in block
        assert f'shapes.svg#{verdict}"' in block[:600]
        assert f'<p class="word">{word}</p>' in block[:900]


def test_reasons_are_sentences_in_the_language_of_the_page(browser: Browser) -> None:
    deliver(hear(make_machine("vm_a")), "error", reason="decode_failed")
    assert "The picture could not be read." in text_of(browser(), "/m/vm_a/")
    assert "A imagem não pôde ser lida." in text_of(browser(language="pt-br"), "/m/vm_a/")


def test_asked_and_running_are_never_shown_as_one_another(browser: Browser) -> None:
    machine = hear(make_machine("vm_a"), applied={"version": 0, "running_version": 0, "state": "applied"})
    machine.want(by=ANA, reason="first", run_state="stopped")
    said = text_of(browser(), "/m/vm_a/")
    assert "asked 1 · running 0" in said
    hear(machine, 2, applied={"version": 1, "running_version": 1, "state": "applied"})
    assert "asked 1 · running 1" in text_of(browser(), "/m/vm_a/")


def test_a_refused_change_is_told_in_the_machines_words(browser: Browser) -> None:
    refused = {"version": 2, "running_version": 1, "state": "rejected", "error": "the folder is empty"}
    machine = hear(make_machine("vm_a"), applied=refused)
    machine.want(by=ANA, reason="first", run_state="stopped")
    said = text_of(browser(), "/m/vm_a/")
    assert "Refused a change: the folder is empty" in said
    assert "It goes on with its last good configuration." in said


def test_warnings_of_the_machine_are_shown(browser: Browser) -> None:
    hear(make_machine("vm_a"), insecure_legacy=True, warnings=["The disk is nearly full."])
    said = text_of(browser(), "/m/vm_a/")
    assert "This machine answers the old protocol without a password." in said
    assert "The disk is nearly full." in said


def test_an_error_says_since_when(browser: Browser) -> None:
    machine = hear(make_machine("vm_a"))
    hear(machine, 2, status="error", error_message="no camera")
    assert re.search(r"no camera since \d\d:\d\d:\d\d", text_of(browser(), "/m/vm_a/"))


def test_the_stored_picture_has_its_overlay(browser: Browser) -> None:
    machine = hear(make_machine("vm_a"))
    overlay = [
        {"tool_id": 1, "role": "region", "verdict": "nok", "shape": {"shape": "circle", "cx": 9, "cy": 9, "r": 5}}
    ]
    deliver(machine, "nok", tools=[COUNT], overlay=overlay, picture=PICTURE)
    store_picture(machine, SHA256, [JPEG])
    client = browser()
    html = html_of(client, "/m/vm_a/")
    assert f'src="/m/vm_a/pictures/{SHA256}"' in html
    assert 'viewBox="0 0 752 480"' in html
    assert 'class="line region nok"' in html
    assert b"".join(client.get(f"/m/vm_a/pictures/{SHA256}")) == JPEG


def test_only_pictures_of_the_machines_own_results_can_be_had(browser: Browser) -> None:
    machine = make_machine("vm_a")
    store_picture(machine, SHA256, [JPEG])
    client = browser()
    for address in (f"/m/vm_a/pictures/{SHA256}", "/m/vm_a/pictures/..%2f..%2fsecret_key", "/m/vm_a/pictures/x"):
        assert client.get(address).status_code == 404


def test_an_earlier_result_can_be_looked_at(browser: Browser) -> None:
    machine = hear(make_machine("vm_a"))
    first, *_rest = deliver(machine, "nok", "ok", "ok")
    client = browser()
    html = html_of(client, f"/m/vm_a/?result={first.pk}")
    assert '<section class="big nok' in html
    assert "Back to live" in html
    assert f'data-live="/m/vm_a/now?result={first.pk}"' in html
    assert f'href="/m/vm_a/?result={first.pk}"' in html_of(client, "/m/vm_a/")


def test_another_machines_result_is_not_shown_here(browser: Browser) -> None:
    (theirs,) = deliver(make_machine("vm_b"), "ok")
    make_machine("vm_a")
    client = browser()
    for wrong in (str(theirs.pk), "abc", "-1", "٣", "9" * 30):
        assert client.get("/m/vm_a/", {"result": wrong}).status_code == 404


def test_a_picture_that_has_not_come_yet_is_not_promised(browser: Browser) -> None:
    machine = hear(make_machine("vm_a"))
    [earlier] = deliver(machine, "nok", tools=[COUNT], picture=PICTURE)
    store_picture(machine, SHA256, [JPEG])
    [newest] = deliver(machine, "nok", tools=[COUNT], picture={"sha256": "0" * 64, "size": 9}, start=2)
    html = html_of(browser(), "/m/vm_a/")
    assert f"/m/vm_a/pictures/{SHA256}" in html
    assert "not the picture of No. 2" in html
    assert "/pictures/0000" not in html + html_of(browser("viewer"), f"/m/vm_a/?result={newest.pk}")
    assert "not the picture of" not in html_of(browser("operator"), f"/m/vm_a/?result={earlier.pk}")


def test_the_picture_never_runs_ahead_of_the_verdict(browser: Browser) -> None:
    machine = hear(make_machine("vm_a"))
    deliver(machine, "ok")
    station = Station(machine)
    assert station.result is not None
    deliver(machine, "nok", tools=[COUNT], picture=PICTURE, start=2)
    store_picture(machine, SHA256, [JPEG])
    assert station.shown is None


def test_a_tools_message_says_nothing_in_the_contracts_keys(browser: Browser) -> None:
    outside = {**COUNT, "message": "blob_count 23 is below 24"}
    lost = {"id": 2, "name": "Holes", "type": "blob", "status": "not_found", "reason": "datum_not_found"}
    lost["message"] = "it follows Upper edge, which was not found"
    deliver(hear(make_machine("vm_a")), "nok", tools=[outside, lost])
    said = text_of(browser(language="pt-br"), "/m/vm_a/")
    assert "blob_count" not in said
    assert "Ela acompanha Upper edge." in said


def test_a_picture_that_was_not_kept_says_so(browser: Browser) -> None:
    (result,) = deliver(hear(make_machine("vm_a")), "ok")
    assert "The picture of this result was not kept." in text_of(browser(), f"/m/vm_a/?result={result.pk}")


def test_a_live_picture_comes_with_its_overlay(browser: Browser) -> None:
    machine = hear(make_machine("vm_a"))
    overlay = [{"tool_id": 1, "role": "region", "shape": {"shape": "rect", "x": 1, "y": 2, "w": 3, "h": 4}}]
    frame = LiveFrame.model_validate({"cycle": 7, "verdict": "ok", "width": 20, "height": 10, "overlay": overlay})
    number = live.put(machine, JPEG, frame)
    client = browser()
    html = html_of(client, "/m/vm_a/")
    assert f'src="/m/vm_a/frame.jpg?v={number}"' in html
    assert 'viewBox="0 0 20 10"' in html
    answer = client.get("/m/vm_a/frame.jpg")
    assert (answer.content, answer["Content-Type"]) == (JPEG, "image/jpeg")
    assert client.get("/m/vm_a/frame.jpg", headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_a_page_gets_the_very_picture_its_overlay_belongs_to(browser: Browser) -> None:
    machine = hear(make_machine("vm_a"))
    frame = LiveFrame.model_validate({"cycle": 7, "width": 20, "height": 10})
    first = live.put(machine, JPEG, frame)
    with clock.shifted(1):
        second = live.put(machine, JPEG + b"second", frame)
    client = browser()
    assert client.get("/m/vm_a/frame.jpg", {"v": first}).content == JPEG
    assert client.get("/m/vm_a/frame.jpg", {"v": second}).content == JPEG + b"second"
    assert client.get("/m/vm_a/frame.jpg", {"v": second + 1}).status_code == 204


def test_only_a_page_that_stays_open_makes_the_machine_send_live_pictures(browser: Browser) -> None:
    machine = hear(make_machine("vm_a"))
    client = browser()
    html_of(client, "/m/vm_a/")
    assert not live.watched(machine)
    html_of(client, "/m/vm_a/now")
    assert live.watched(machine)


def test_a_machine_without_results_says_so(browser: Browser) -> None:
    make_machine("vm_a")
    said = text_of(browser(), "/m/vm_a/")
    for sentence in ("No verdict yet", "No picture yet.", "No results yet.", "It has not reported yet."):
        assert sentence in said


def test_counters_of_today(browser: Browser) -> None:
    deliver(hear(make_machine("vm_a")), "ok", "ok", "nok", "undecided", "error")
    said = text_of(browser(language="pt-br"), "/m/vm_a/")
    for line in (
        "Inspecionadas hoje 5",
        "Aprovação hoje 40,0 %",
        "Reprovadas 1",
        "Seguidas não aprovadas 3",
        "Indefinidas 1",
    ):
        assert line in said


def test_retired_and_unknown_machines_have_no_page(browser: Browser) -> None:
    make_machine("vm_a", is_active=False)
    client = browser()
    assert [client.get(f"/m/{name}/").status_code for name in ("vm_a", "vm_b")] == [404, 404]


def test_what_a_tool_read_stands_beside_its_name(browser: Browser) -> None:
    machine = hear(make_machine("vm_a"))
    code = {**COUNT, "type": "code", "texts": {"text": "PART-004711", "format": "qr_code"}}
    math = {**COUNT, "type": "math", "features": {"result": 12.5}, "limits": [], "texts": {"unit": "mm"}}
    deliver(machine, "ok", tools=[code, math])
    said = text_of(browser(), "/m/vm_a/")
    assert "PART-004711" in said
    assert "qr_code" not in said
    assert "12.5 mm" in said


def hostile_row() -> dict[str, Any]:
    row = {**COUNT, "name": "<script>bad()</script>", "message": '"><img src=x onerror=bad()>'}
    return {**row, "texts": {"text": "<em>read</em>"}}


def test_what_machines_and_people_wrote_is_never_markup(browser: Browser) -> None:
    machine = hear(
        make_machine("vm_a", name="<b>bold</b>"),
        status="error",
        error_message="</script><script>bad()</script>",
        warnings=["<i>slanted</i>"],
    )
    deliver(machine, "nok", tools=[hostile_row()], part_id="<u>under</u>", message="<s>struck</s>")
    html = html_of(browser(), "/m/vm_a/") + html_of(browser(), "/")
    for markup in ("<b>bold", "<script>bad", "<img src=x", "<i>slanted", "<u>under", "<s>struck", "<em>read"):
        assert markup not in html
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
