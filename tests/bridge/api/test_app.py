from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from talkpath.bridge.api.door import MAX_BODY
from talkpath.sip import messages as m
from tests.bridge.api.daemon_double import OPERATE, READ, DaemonDouble
from tests.bridge.api.told import began, said, state

if TYPE_CHECKING:
    from pathlib import Path


def with_a_call(**config: Any) -> DaemonDouble:
    daemon = DaemonDouble(**config)
    for message in (began(), state("talking"), said("Hello.", final=True)):
        daemon.control.message("worker-0", message)
    return daemon


def test_live_calls_are_listed_and_one_is_told_with_its_words() -> None:
    daemon = with_a_call()
    (call,) = daemon.reader.get("/calls").json()["calls"]
    assert (call["id"], call["state"], call["caller"]) == ("c-1", "talking", "+4930901820")
    whole = daemon.reader.get("/calls/c-1").json()
    assert [line["text"] for line in whole["transcript"]] == ["Hello."]


def test_a_call_that_is_not_there_is_a_problem_with_a_sentence() -> None:
    answer = DaemonDouble().reader.get("/calls/c-none")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "title": "Not Found",
        "status": 404,
        "detail": 'There is no live call "c-none". See the records.',
    }


@pytest.mark.parametrize(
    ("path", "body", "order"),
    [
        ("hangup", None, m.EndCall(call="c-1", request=1)),
        ("hold", None, m.HoldCaller(call="c-1", request=1, on=True)),
        ("resume", None, m.HoldCaller(call="c-1", request=1, on=False)),
        (
            "message",
            {"text": "He is a friend.", "respond": False},
            m.TellAgent(call="c-1", request=1, text=m.Secret("He is a friend."), respond=False),
        ),
        ("dtmf", {"digits": "12#"}, m.PressKeys(call="c-1", request=1, digits=m.Secret("12#"))),
        (
            "transfer",
            {"target": "sales", "summary": "A bicycle."},
            m.TransferCall(call="c-1", request=1, target="sales", summary=m.Secret("A bicycle.")),
        ),
    ],
)
def test_orders_reach_the_worker_of_the_call(path: str, body: Any, order: m.CallOrder) -> None:
    daemon = with_a_call()
    answer = daemon.http.post(f"/calls/c-1/{path}", json=body)
    assert answer.status_code in {202, 204}, answer.text
    assert daemon.told == [order]


@pytest.mark.parametrize(("body", "on"), [({}, True), ({"on": True}, True), ({"on": False}, False)])
def test_a_live_call_is_logged_in_full_and_no_longer(body: dict[str, bool], on: bool) -> None:
    daemon = with_a_call()
    assert daemon.http.post("/calls/c-1/debug", json=body).status_code == 204
    assert daemon.told == [m.DebugCall(call="c-1", on=on)]


def test_everybody_sees_which_calls_are_logged_in_full() -> None:
    daemon = with_a_call()
    assert [daemon.reader.get("/calls/c-1").json()["debug"]] == [False]
    daemon.http.post("/calls/c-1/debug", json={})
    assert daemon.reader.get("/calls/c-1").json()["debug"]
    daemon.control.message("worker-0", began("c-2", debug=True))
    assert daemon.reader.get("/calls/c-2").json()["debug"], "its caller is one of log.debug_callers"


def test_a_call_that_is_over_is_not_logged() -> None:
    daemon = with_a_call()
    assert daemon.http.post("/calls/c-9/debug", json={}).status_code == 404
    assert daemon.told == []
    daemon.room = False  # it has ended, and the board does not know yet
    answer = daemon.http.post("/calls/c-1/debug", json={})
    assert (answer.status_code, answer.json()["detail"]) == (404, 'There is no live call "c-1".')


def test_who_may_only_read_gives_no_orders() -> None:
    daemon = with_a_call()
    bodies = {
        "/calls": {"to": "sip:1@192.0.2.99"},
        "/calls/{call}/transfer": {"target": "x"},
        "/calls/{call}/message": {"text": "x"},
        "/calls/{call}/dtmf": {"digits": "1"},
    }
    described = daemon.stranger.get("/openapi.json").json()["paths"]
    orders = [path for path, operations in described.items() if "post" in operations]
    assert len(orders) == 10
    assert all(set(operations) <= {"get", "post"} for operations in described.values())
    for path in orders:
        answer = daemon.reader.post(path.replace("{call}", "c-1"), json=bodies.get(path, {}))
        assert answer.status_code == 403, path
        assert 'The token "wall" may only read' in answer.json()["detail"]
    assert daemon.told == []
    assert daemon.stops == daemon.reloads == 0


def test_a_mistake_of_ours_is_told_counted_and_breaks_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = DaemonDouble()
    monkeypatch.setattr(daemon.control, "health", lambda: 1 // 0)
    answer = daemon.reader.get("/health")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "api_broke" in answer.json()["detail"]
    count = daemon.metrics.registry.get_sample_value("talkpath_internal_errors_total", {"where": "api"})
    assert count == 1
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert daemon.reader.get("/calls").status_code == 200


def test_every_path_but_the_description_asks_for_a_token() -> None:
    daemon = DaemonDouble()
    description = daemon.stranger.get("/openapi.json")
    assert description.status_code == 200
    for path, operations in description.json()["paths"].items():
        for method in operations:
            answer = daemon.stranger.request(method, path.replace("{call}", "c-1"))
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert daemon.metrics.registry.get_sample_value(
        "talkpath_api_requests_total", {"result": "unauthorized"}
    ) == len([one for operations in description.json()["paths"].values() for one in operations])


def test_another_machine_is_refused_before_its_token_is_looked_at() -> None:
    assert DaemonDouble().elsewhere.get("/calls").status_code == 403
    api = {"operate": {"alice": OPERATE}, "read": {"wall": READ}, "remote": True}
    assert DaemonDouble(api=api).elsewhere.get("/calls").status_code == 200


def test_a_refusal_of_the_call_is_passed_on() -> None:
    daemon = with_a_call()
    daemon.answer = lambda order: m.OrderAnswered(
        call=order.call, request=order.request, verdict="unknown_target", problem='There is no target "x".'
    )
    answer = daemon.http.post("/calls/c-1/transfer", json={"target": "x"})
    assert (answer.status_code, answer.json()["detail"]) == (422, 'There is no target "x".')


def test_an_order_about_a_call_that_is_over_is_refused_without_asking_anybody() -> None:
    daemon = DaemonDouble()
    assert daemon.http.post("/calls/c-1/hangup").status_code == 404
    assert daemon.told == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/calls", {}),
        ("/calls", {"to": "1", "frm": "2"}),
        ("/calls/c-1/transfer", {}),
        ("/calls/c-1/transfer", {"target": "a", "number": "1"}),
        ("/calls/c-1/message", {"text": ""}),
        ("/calls/c-1/message", {"text": "x" * 2001}),
        ("/calls/c-1/dtmf", {"digits": 7}),
        ("/calls/c-1/dtmf", [1]),
    ],
)
def test_what_makes_no_sense_is_refused_without_being_repeated(path: str, body: Any) -> None:
    daemon = with_a_call()
    answer = daemon.http.post(path, json=body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"title", "status", "detail"}
    assert "xxx" not in answer.text
    assert daemon.told == []


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"null", b'{"to": "\\ud800"}'])
def test_bodies_that_are_no_json_are_refused(body: bytes) -> None:
    answer = DaemonDouble().http.post("/calls", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_a_body_that_is_too_long_is_not_read() -> None:
    daemon = DaemonDouble()
    assert daemon.http.post("/calls", content=b" " * (MAX_BODY + 1)).status_code == 413
    headers = {"Content-Length": "many"}
    assert daemon.http.post("/calls", content=b"", headers=headers).status_code == 413


def test_a_call_is_placed_and_its_id_is_told() -> None:
    daemon = DaemonDouble()
    answer = daemon.http.post("/calls", json={"to": "sip:1@192.0.2.99"})
    assert answer.status_code == 202
    (order,) = daemon.told
    assert isinstance(order, m.Originate)
    assert order.call == answer.json()["call"]


def test_when_every_line_is_busy_no_call_is_placed() -> None:
    daemon = DaemonDouble()
    daemon.room = False
    assert daemon.http.post("/calls", json={"to": "sip:1@192.0.2.99"}).status_code == 503


def test_the_daemon_tells_of_itself() -> None:
    daemon = DaemonDouble()
    health = daemon.reader.get("/health").json()
    assert health["processes"]["sip"] == {"ready": True, "pid": 11, "restarts": 0}
    assert daemon.reader.get("/registrations").json() == {
        "registrations": [{"trunk": "pbx", "registered": True, "status": 200, "reason": "OK"}]
    }
    desk = daemon.reader.get("/desk").json()
    assert (desk["name"], desk["role"], desk["agents"]) == ("wall", "read", ["reception"])


def test_a_drain_is_begun_once_and_hangs_up_only_when_that_is_said() -> None:
    daemon = DaemonDouble()
    assert daemon.http.post("/drain", json={}).status_code == 202
    assert daemon.http.post("/drain", json={}).status_code == 202
    assert daemon.stops == 1
    assert daemon.http.post("/drain", json={"now": True}).status_code == 202
    assert daemon.stops == 3


def test_the_configuration_is_read_again_by_who_may_operate() -> None:
    daemon = DaemonDouble()
    assert daemon.reader.post("/reload").status_code == 403
    assert daemon.http.post("/reload").json() == {"changed": ["agents.reception.voice"], "waiting": []}
    assert daemon.reloads == 1


def test_a_token_that_a_reload_has_taken_away_opens_nothing() -> None:
    daemon = DaemonDouble()
    assert daemon.reader.get("/calls").status_code == 200
    daemon.config = DaemonDouble(api={"operate": {"alice": OPERATE}}).config
    assert daemon.reader.get("/calls").status_code == 401


def test_paths_and_methods_that_are_not_there_are_problems_too() -> None:
    daemon = DaemonDouble()
    assert "openapi.json" in daemon.http.get("/nothing").json()["detail"]
    assert daemon.http.delete("/calls").status_code == 405


def test_without_records_there_are_none_to_read() -> None:
    answer = DaemonDouble(records={"url": "off"}).reader.get("/records")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        'No records are kept: records.url is "off".',
    )


def test_a_database_that_is_not_there_is_told_and_does_not_break_anything(tmp_path: Path) -> None:
    daemon = DaemonDouble(records={"url": f"sqlite:///{tmp_path}/none/calls.sqlite"})
    answer = daemon.reader.get("/records")
    assert answer.status_code == 503
    assert json.loads(answer.text)["detail"]


def test_without_a_token_there_is_no_api_until_a_reload_brings_one() -> None:
    daemon = DaemonDouble(api={})
    for client in (daemon.http, daemon.stranger):
        answer = client.get("/calls")
        assert (answer.status_code, answer.json()["detail"]) == (
            404,
            "There is no control API: [api] has no token.",
        )
    daemon.config = DaemonDouble().config
    assert daemon.http.get("/calls").status_code == 200
