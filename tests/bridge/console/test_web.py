from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from talkpath.bridge.api.access import Gate
from talkpath.bridge.console.web import HEADERS, INDEX, TYPES, files, guarded_console
from tests.bridge.api.daemon_double import OPERATE, DaemonDouble

FILES = files()
SCRIPTS = sorted(name for name in FILES if name.endswith(".js"))


def client(host: str = "127.0.0.1") -> TestClient:
    daemon = DaemonDouble()
    app = guarded_console(Gate(lambda: daemon.config.api), daemon.metrics)
    return TestClient(app, client=(host, 1))


def test_the_page_and_all_that_it_names_is_served_with_a_strict_policy() -> None:
    page = client().get("/")
    assert page.content == FILES[INDEX]
    names = re.findall(r'(?:href|src)="([^"#]+)"', page.text)
    assert "main.js" in names
    for name in ("", *names, *FILES):
        answer = client().get(f"/{name}")
        assert answer.status_code == 200, name
        for header, value in HEADERS.items():
            assert answer.headers[header] == value


def test_every_module_that_is_imported_is_there() -> None:
    for name in SCRIPTS:
        for other in re.findall(r'from "\./([\w.]+)"', FILES[name].decode()):
            assert other in FILES, f"{name} imports {other}"


def test_the_policy_lets_nothing_run_that_is_not_ours() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_reads_text_as_html_or_code(name: str) -> None:
    text = FILES[name].decode()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
    )
    assert "http://" not in text
    assert "https://" not in text


def test_the_page_has_neither_scripts_nor_styles_nor_handlers_inside() -> None:
    text = FILES[INDEX].decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)


def test_files_have_a_type_and_a_size_that_loads_at_once() -> None:
    assert {name[name.rindex(".") :] for name in FILES} <= set(TYPES)
    assert sum(map(len, FILES.values())) < 100_000


def test_nothing_else_is_served_and_not_to_other_machines() -> None:
    assert client().get("/secret").status_code == 401
    assert client("192.0.2.9").get("/").status_code == 403


def test_the_console_comes_and_goes_with_its_switch() -> None:
    daemon = DaemonDouble(api={"operate": {"alice": OPERATE}, "console": False})
    page = TestClient(
        guarded_console(Gate(lambda: daemon.config.api), daemon.metrics), client=("127.0.0.1", 1)
    )
    answer = page.get("/")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "There is no console: api.console is false.",
    )
    daemon.config = DaemonDouble().config
    assert page.get("/").status_code == 200
