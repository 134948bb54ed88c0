from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from talkpath.bridge.config.model import Config
from talkpath.bridge.routes import Rejection, RouteRequest, matches_pattern
from talkpath.bridge.routes import route as route_at

MONDAY_NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def route(config: Config, call: RouteRequest, now: dt.datetime = MONDAY_NOON) -> str | Rejection:
    return route_at(config, call, now)


def config(
    *routes: dict[str, Any], agents: str = "a b", trunks: list[dict[str, Any]] | None = None
) -> Config:
    return Config.model_validate(
        {
            "agents": {name: {} for name in agents.split()},
            "routes": list(routes),
            "trunks": trunks or [],
        }
    )


def test_the_only_agent_answers_everything() -> None:
    assert route(config(agents="a"), RouteRequest("123")) == "a"


def test_the_first_match_wins() -> None:
    both = config({"to": "12*", "agent": "a"}, {"to": "123", "agent": "b"})
    assert route(both, RouteRequest("123")) == "a"
    assert route(both, RouteRequest("129")) == "a"


def test_all_conditions_of_a_route_must_hold() -> None:
    one = config(
        {"to": "1*", "caller": "49*", "trunk": "t", "header": {"x-queue": "sales*"}, "agent": "b"},
        trunks=[{"name": "t", "match": ["10.0.0.1"]}],
    )
    call = RouteRequest("12", "4930", "t", (("X-Queue", "no"), ("X-Queue", "sales-eu")))
    assert route(one, call) == "b"
    for wrong in ({"to": "2"}, {"caller": "1"}, {"trunk": "u"}, {"headers": ()}):
        assert isinstance(route(one, call._replace(**wrong)), Rejection)


def test_a_route_may_refuse_with_a_status_and_a_sentence() -> None:
    closed = config({"to": "0900*", "reject": 603, "reason": "Not here."}, {"agent": "a"})
    assert route(closed, RouteRequest("09001")) == Rejection(603, "Not here.")
    assert route(closed, RouteRequest("1")) == "a"


def test_a_trunk_has_its_own_agent_where_no_route_says_otherwise() -> None:
    trunks = [{"name": "t", "match": ["10.0.0.1"], "agent": "b"}]
    both = config({"to": "1", "agent": "a"}, trunks=trunks)
    assert route(both, RouteRequest("1", trunk="t")) == "a"
    assert route(both, RouteRequest("2", trunk="t")) == "b"


def test_a_number_that_leads_nowhere_is_refused_with_404() -> None:
    found = route(config({"to": "1", "agent": "a"}), RouteRequest("2"))
    assert isinstance(found, Rejection)
    assert found.status == 404


def test_with_routes_even_the_only_agent_answers_only_what_leads_to_it() -> None:
    assert isinstance(route(config({"to": "1", "agent": "a"}, agents="a"), RouteRequest("2")), Rejection)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("+4930*", "+49301", True),
        ("+4930*", "+4931", False),
        ("10?", "101", True),
        ("10?", "1011", False),
        (r"/10[0-4]\d/", "1049", True),
        (r"/10[0-4]\d/", "x1049", False),
        ("/", "/", True),
        ("", "", True),
    ],
)
def test_patterns_match_the_whole_number(pattern: str, text: str, matches: bool) -> None:
    assert matches_pattern(pattern, text) is matches


OFFICE = {"hours": ["mon-fri 09:00-17:30"], "holidays": ["12-24"], "timezone": "Europe/Berlin", "agent": "a"}
CLOSED = {"reject": 480, "reason": "We are closed.", "retry_after": 3600}


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ("2026-11-23T12:00+00:00", "a"),
        ("2026-11-23T16:29+00:00", "a"),
        ("2026-11-23T16:30+00:00", Rejection(480, "We are closed.", 3600)),
        ("2026-11-22T12:00+00:00", Rejection(480, "We are closed.", 3600)),
        ("2026-12-24T12:00+00:00", Rejection(480, "We are closed.", 3600)),
    ],
)
def test_a_route_with_hours_holds_within_them(now: str, found: object) -> None:
    assert route(config(OFFICE, CLOSED), RouteRequest("1"), dt.datetime.fromisoformat(now)) == found


@pytest.mark.parametrize(
    ("line", "rejection"),
    [
        ({"caller": "+900*", "reject": 603, "reason": "Blocked."}, Rejection(603, "Blocked.")),
        ({"reject": 404}, Rejection(404, "This number does not take calls.")),
        ({"reject": 503, "retry_after": 30}, Rejection(503, "This number does not take calls.", 30)),
        ({"reject": 480}, Rejection(480, "This number does not take calls.")),
    ],
)
def test_a_refusal_says_what_the_configuration_says(line: dict[str, object], rejection: Rejection) -> None:
    assert route(config(line), RouteRequest("1", caller="+900123")) == rejection


def test_a_browser_is_answered_by_the_agent_that_it_chose() -> None:
    routes = config({"to": "*", "reject": 603})
    assert route(routes, RouteRequest("b", trunk="console")) == "b"
    assert route(routes, RouteRequest("c", trunk="console")) == Rejection(404, "There is no agent c.")
