"""What a person does with the pages, in a real browser: starting, stopping, looking back, editing, and staying up to date."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.looking import Site, without

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
Look = Callable[..., Any]
Until = Callable[..., object]


def test_hostile_texts_run_nowhere(look: Look, site: Site) -> None:
    page = look("/")
    pages = ("/", "/m/hostile/", "/m/hostile/tools/", "/m/hostile/tools/1/")
    with without(page, "404"):  # a part that is opened as a page has no icon of its own
        for address in (*pages, "/fleet/tiles", "/m/hostile/now"):
            page.goto(site.address + address)
            assert page.evaluate("window.__owned") is None, address
            assert page.locator("img[src=x]").count() == 0, address


def test_stop_and_start_by_clicks(look: Look, site: Site) -> None:
    site.report("L1-CAM-01")
    page = look("/m/L1-CAM-01/", person="otto")
    page.click("[popovertarget=sure-stop]:not([popovertargetaction])")
    assert page.locator("#sure-stop").is_visible()
    page.click("#sure-stop form button")
    page.wait_for_selector("#messages .success")
    assert "Parada pedida" in page.inner_text("#messages")
    site.report("L1-CAM-01", status="stopped")
    page.goto(page.url)
    page.click("form[action$='/start'] button")
    page.wait_for_selector("#messages .success")
    assert "Início pedido" in page.inner_text("#messages")


def test_keeping_on_running_asks_nothing(look: Look, site: Site) -> None:
    site.report("L1-CAM-03")
    page = look("/m/L1-CAM-03/", person="otto")
    page.click("[popovertarget=sure-stop]:not([popovertargetaction])")
    page.keyboard.press("Escape")
    assert not page.locator("#sure-stop").is_visible()
    assert page.locator("#messages .note").count() == 0


def test_a_mode_is_asked_and_what_is_typed_meanwhile_stays(look: Look, site: Site) -> None:
    site.report("L1-CAM-05", status="stopped")
    page = look("/m/L1-CAM-05/", person="ana")
    page.click("#mode-form summary")
    page.check("#mode-form input[value=DESENVOLVIMENTO]")
    page.fill("#mode-form input[name=reason]", "ensinar outra peça")
    with page.expect_response("**/m/L1-CAM-05/now*", timeout=30_000):
        site.report("L1-CAM-05", status="stopped")
    page.wait_for_function("document.querySelector('#live').dataset.state !== 'late'")
    assert page.input_value("#mode-form input[name=reason]") == "ensinar outra peça"
    page.click("#mode-form button")
    page.wait_for_selector("#messages .success")
    assert "Modo Desenvolvimento pedido" in page.inner_text("#messages")
    assert "ensinar outra peça" in page.inner_text("#part-asked")


def test_what_cannot_be_done_now_is_a_sentence(look: Look, site: Site) -> None:
    site.report("L1-CAM-05", status="stopped")
    page = look("/m/L1-CAM-05/", person="otto")
    page.evaluate("document.querySelector('form[action$=\"/trigger\"] button').disabled = false")
    page.click("form[action$='/trigger'] button")
    page.wait_for_selector("#messages .error")
    assert "não está rodando" in page.inner_text("#messages")


def test_an_earlier_result_is_a_click_away_and_so_is_the_way_back(look: Look) -> None:
    page = look("/m/L1-CAM-02/")
    page.click(".mark.nok >> nth=0")
    page.wait_for_url("**result=*")
    assert "Reprovada" in page.inner_text("#part-verdict")
    page.click("text=Voltar ao vivo")
    page.wait_for_url("**/m/L1-CAM-02/")


def test_everything_but_live_works_without_scripts(look: Look, site: Site) -> None:
    site.report("L1-CAM-01", status="stopped")
    page = look("/?q=moedas", javascript=False)
    page.click("#tile-L1-CAM-01 h3 a")
    page.click("form[action$='/start'] button")
    assert "Início pedido" in page.inner_text("#messages")
    page.click("text=Ferramentas >> nth=0")
    page.click(".tool-item h3 a >> nth=0")
    assert page.locator("[name=name]").is_visible()


def test_a_comma_typed_in_the_form_stores_the_number(look: Look) -> None:
    page = look("/m/L1-CAM-02/tools/6/")
    page.fill("[name='limit.mean.min']", "1,5")
    page.click(".bar button")
    page.wait_for_url("**/tools/")
    page.click(".tool-item h3 a:text('Luz')")
    assert page.input_value("[name='limit.mean.min']") == "1,5"


def test_only_the_chosen_shape_is_asked_for(look: Look) -> None:
    page = look("/m/L1-CAM-02/tools/4/")
    assert page.locator(".shape.rect").is_visible()
    page.select_option("[name='region.shape']", "circle")
    assert page.locator(".shape.circle").is_visible()
    assert not page.locator(".shape.rect").is_visible()


def test_news_arrive_by_themselves(look: Look, site: Site, until: Until) -> None:
    site.report("L1-CAM-03")
    page = look("/", person="vera")
    assert "Rodando" in page.inner_text("#tile-L1-CAM-03")
    page.mouse.move(2, 2)
    site.report("L1-CAM-03", status="error", error_message="a lente caiu")
    page.wait_for_selector("#attention-L1-CAM-03")
    assert "a lente caiu" in page.inner_text("#attention-L1-CAM-03")
    site.report("L1-CAM-03")
    until(lambda: page.locator("#attention-L1-CAM-03").count() == 0 or page.wait_for_timeout(100), 45)


def test_the_order_stands_still_under_the_pointer(look: Look, site: Site) -> None:
    site.report("L1-CAM-01")
    page = look("/", person="vera")
    page.hover("#machines-title")
    site.report("L1-CAM-01", status="error", error_message="parou")
    page.wait_for_selector("#resort:not([hidden])")
    assert page.locator("#attention-L1-CAM-01").count() == 0
    assert "1 mudou, reordenar" in page.inner_text("#resort") or "mudaram" in page.inner_text("#resort")
    page.click("#resort")
    page.wait_for_selector("#attention-L1-CAM-01")
    site.report("L1-CAM-01")


def test_the_filter_narrows_while_one_types_and_news_still_arrive(look: Look, site: Site) -> None:
    site.report("L1-CAM-03")
    page = look("/", person="vera")
    page.fill("[name=q]", "disc")
    page.wait_for_selector("#tile-L1-CAM-01", state="detached")
    assert page.url.endswith("q=disc")
    assert "q=disc" in page.get_attribute("#chips a >> nth=1", "href")
    page.mouse.move(2, 2)
    site.report("L1-CAM-03", status="error", error_message="sem luz")
    page.wait_for_selector("#attention-L1-CAM-03")
    site.report("L1-CAM-03")


def test_a_machines_page_follows_it(look: Look, site: Site) -> None:
    site.report("L1-CAM-05", status="stopped")
    page = look("/m/L1-CAM-05/")
    page.click("#all-values summary")
    site.report("L1-CAM-05", status="error", error_message="o disco encheu")
    page.locator("#part-notes", has_text="o disco encheu").wait_for()
    assert page.locator("#all-values[open]").count() == 1
    assert "Erro" in page.text_content("#part-said")
    site.report("L1-CAM-05", status="stopped")


def test_seven_tabs_share_one_stream(look: Look, until: Until) -> None:
    first = look("/", person="vera")
    streams: list[str] = []
    first.context.on("request", lambda request: streams.append(request.url) if "/live/" in request.url else None)
    tabs = [first.context.new_page() for _ in range(6)]
    for tab in tabs:
        tab.goto(first.url)
    until(lambda: tabs[-1].get_attribute("#live", "data-state") == "live" or tabs[-1].wait_for_timeout(100), 45)
    assert tabs[-1].locator(".tile").count() > 3
    assert len(streams) <= 1


def test_a_lost_orchestrator_is_told_and_found_again(look: Look, site: Site) -> None:
    site.report("L1-CAM-01")
    page = look("/m/L1-CAM-01/", person="vera")
    current = page.eval_on_selector(".big", "block => getComputedStyle(block).backgroundImage")
    with without(page, "ERR_INTERNET_DISCONNECTED"):
        page.context.set_offline(True)
        page.wait_for_selector("#live[data-state=late]", timeout=30_000)
        assert "Sem notícias há" in page.inner_text("#live")
        assert "O servidor não responde." in page.inner_text("#no-news")
        assert page.eval_on_selector(".big", "block => getComputedStyle(block).backgroundImage") != current
        page.context.set_offline(False)
        page.wait_for_selector("#live[data-state=live]", timeout=30_000)
        assert not page.is_visible("#no-news")
