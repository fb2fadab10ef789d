"""The machine's own page and what guards it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from analyticlens.machine.station import Station
from analyticlens.machine.web import create_app
from tests.machine.conftest import MakeStation
from tests.machine.helpers import fill
from tests.machine.test_station import BY, ready

LAN = {"REMOTE_ADDR": "192.168.7.7"}


def client_of(station: Station) -> FlaskClient:
    app, _ = create_app(station)
    return app.test_client()


def test_the_page_says_state_verdict_and_counters_in_the_readers_language(
    make_station: MakeStation, tmp_path: Path, until: Callable[..., Any]
) -> None:
    fill(tmp_path / "pictures", [2])
    station = ready(make_station())
    station.start(BY)
    until(lambda: station.status().counters.nok)
    client = client_of(station)
    portuguese = client.get("/", headers={"Accept-Language": "pt-BR,pt;q=0.9"}).text
    english = client.get("/", headers={"Accept-Language": "en"}).text
    assert "Em execução" in portuguese
    assert "Reprovada" in portuguese
    assert "Running" in english
    assert "NOK" in english
    assert 'lang="en"' in english


def test_the_page_shows_errors_and_warnings_as_text(make_station: MakeStation) -> None:
    station = make_station(insecure_legacy=True)
    station.set_error("<script>alert(1)</script>", BY)
    page = client_of(station).get("/", headers={"Accept-Language": "en"}).text
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "--insecure-legacy" in page


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/status", "/static/page.css"])
def test_a_foreign_host_is_refused_everywhere(make_station: MakeStation, path: str) -> None:
    client = client_of(make_station(insecure_legacy=True))
    for host in ("evil.example", "evil.example:5000", "127.0.0.1.evil.example", ""):
        with client.get(path, headers={"Host": host}) as refused:
            assert refused.status_code in (400, 403)
    with client.get(path, headers={"Host": "localhost:5000"}) as answered:
        assert answered.status_code == 200


def test_a_name_that_was_allowed_is_answered(make_station: MakeStation) -> None:
    client = client_of(make_station(allowed_hosts=("station-7.plant",)))
    assert client.get("/healthz", headers={"Host": "station-7.plant:5000"}).status_code == 200


def test_another_computer_does_not_see_the_page(make_station: MakeStation) -> None:
    client = client_of(make_station())
    assert client.get("/", environ_base=LAN).status_code == 403
    assert client.get("/").status_code == 200
    assert client.get("/healthz", environ_base=LAN).status_code == 200


def test_every_answer_is_hardened_and_nobody_else_may_read_it(make_station: MakeStation) -> None:
    client = client_of(make_station(insecure_legacy=True))
    for path in ("/", "/healthz", "/api/status", "/nowhere"):
        response = client.get(path, headers={"Origin": "http://evil.example"})
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in response.headers
