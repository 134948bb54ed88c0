from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from talkpath.bridge.api.access import Gate
from talkpath.bridge.config.api import ApiConfig
from talkpath.bridge.daemon.phone_desk import PhoneAnswered, PhoneRefusedError
from talkpath.bridge.observe.metrics import Metrics
from talkpath.bridge.phone.web import guarded_phone

if TYPE_CHECKING:
    from talkpath.bridge.daemon.phone_desk import PhoneDesk

FILES = ("page.js", "page.css", "phone.js", "phone.css", "transcript.js", "icon.svg")
OPERATE, READ = "a-token-that-may-operate", "a-token-that-may-read"
TOKEN = {"Authorization": f"Bearer {OPERATE}"}


class Desk:
    """Answers what it was told to answer."""

    agents = ("reception",)

    def __init__(self, refusal: PhoneRefusedError | None = None) -> None:
        self.refusal = refusal
        self.did: list[tuple[str, str]] = []

    async def offer(self, agent: str, sdp: str) -> PhoneAnswered:
        self.did.append((agent, sdp))
        if self.refusal:
            raise self.refusal
        return PhoneAnswered("c-1", "v=1")

    def hang_up(self, call: str) -> bool:
        self.did.append(("hang_up", call))
        return call == "c-1"

    def press(self, call: str, key: str) -> bool:
        self.did.append((key, call))
        return call == "c-1"


def client(desk: Desk | None, host: str = "127.0.0.1") -> TestClient:
    config = ApiConfig.model_validate({"operate": {"alice": OPERATE}, "read": {"wall": READ}})

    def found() -> PhoneDesk | None:
        return desk  # type: ignore[return-value]  # a double

    app = Starlette()
    app.mount("/phone", guarded_phone(found, Gate(lambda: config), Metrics()))
    return TestClient(app, client=(host, 40_000))


def test_an_offer_is_answered_and_the_call_can_be_steered() -> None:
    desk = Desk()
    web = client(desk)
    body = {"sdp": "v=0", "agent": "reception"}
    answer = web.post("/phone/offer", json=body, headers=TOKEN)
    assert (answer.status_code, answer.json()) == (200, {"call": "c-1", "sdp": "v=1"})
    assert web.post("/phone/calls/c-1/keys", json={"key": "#"}, headers=TOKEN).status_code == 204
    assert web.delete("/phone/calls/c-1", headers=TOKEN).status_code == 204
    assert web.delete("/phone/calls/c-2", headers=TOKEN).status_code == 404
    assert desk.did[:3] == [("reception", "v=0"), ("#", "c-1"), ("hang_up", "c-1")]


@pytest.mark.parametrize(("sip", "http"), [(400, 400), (404, 404), (486, 503), (503, 503), (504, 504)])
def test_a_refusal_has_its_reason_and_a_status_that_http_knows(sip: int, http: int) -> None:
    web = client(Desk(PhoneRefusedError(sip, "because")))
    answer = web.post("/phone/offer", json={"sdp": "v=0", "agent": "reception"}, headers=TOKEN)
    assert (answer.status_code, answer.json()["detail"]) == (http, "because")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {OPERATE}", f"Bearer {OPERATE}x"])
def test_nobody_calls_without_a_token(header: str) -> None:
    desk = Desk()
    web = client(desk)
    headers = {"Authorization": header}
    assert web.get("/phone/agents", headers=headers).status_code == 401
    assert web.post("/phone/offer", json={"sdp": "", "agent": ""}, headers=headers).status_code == 401
    assert web.delete("/phone/calls/c-1", headers=headers).status_code == 401
    assert not desk.did


def test_who_may_only_read_may_not_call() -> None:
    desk = Desk()
    headers = {"Authorization": f"Bearer {READ}"}
    body = {"sdp": "v=0", "agent": "reception"}
    assert client(desk).post("/phone/offer", json=body, headers=headers).status_code == 403
    assert not desk.did


def test_another_machine_is_refused_like_by_the_api() -> None:
    web = client(Desk(), "192.0.2.7")
    assert web.get("/phone/agents", headers=TOKEN).status_code == 403
    assert web.get("/phone/").status_code == 403


def test_an_offer_that_is_too_long_never_gets_far() -> None:
    desk = Desk()
    answer = client(desk).post("/phone/offer", json={"sdp": "x" * 30_000, "agent": "a"}, headers=TOKEN)
    assert answer.status_code == 422
    assert not desk.did


def test_a_daemon_that_is_starting_says_so() -> None:
    assert client(None).get("/phone/agents", headers=TOKEN).status_code == 503


@pytest.mark.parametrize(
    "path", ["", "/page.js", "/page.css", "/phone.js", "/phone.css", "/transcript.js", "/icon.svg"]
)
def test_the_page_and_its_files_are_served_under_a_strict_policy(path: str) -> None:
    answer = client(Desk()).get(f"/phone{path}")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in policy
    assert "http" not in answer.text.replace("http://www.w3.org/2000/svg", "")
