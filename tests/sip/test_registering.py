from __future__ import annotations

import pytest

from talkpath.sip.account import retry_after
from talkpath.sip.registering import Registering, transport_of


def least(low: float, _: float) -> float:
    return low


def failures(registrars: tuple[str, ...], statuses: list[int]) -> list[tuple[float, str]]:
    """Wait and next registrar after each failure."""
    plan = Registering(registrars, least)
    return [(plan.failed(status, 0.0, 100.0), plan.current) for status in statuses]


@pytest.mark.parametrize(
    ("registrars", "statuses", "waits"),
    [
        ("a", [408, 503, 408, 408, 408, 408, 408], ["2a", "4a", "8a", "16a", "32a", "60a", "60a"]),
        ("a", [403, 401, 404], ["30a", "60a", "120a"]),
        ("a", [403] * 6, ["30a", "60a", "120a", "240a", "480a", "600a"]),
        ("ab", [408, 408, 408, 408], ["0b", "2a", "0b", "4a"]),
        ("abc", [500, 408, 503], ["0b", "0c", "2a"]),
        ("ab", [403, 408], ["30a", "0b"]),
    ],
)
def test_waits_grow_and_the_next_registrar_is_asked_at_once(
    registrars: str, statuses: list[int], waits: list[str]
) -> None:
    found = failures(tuple(registrars), statuses)
    assert [f"{wait:g}{current}" for wait, current in found] == waits


def test_the_first_attempt_is_due_at_once_where_there_is_a_registrar() -> None:
    assert Registering(("a",)).due(0.0)
    assert not Registering(()).due(0.0)


def test_a_success_forgets_the_failures_but_not_the_registrar() -> None:
    plan = Registering(("a", "b"), least)
    plan.failed(408, 0.0, 100.0)
    plan.succeeded()
    assert (plan.current, plan.due(1e9)) == ("b", False)
    assert plan.failed(408, 0.0, 100.0) == 0.0
    assert plan.current == "a"


def test_the_wait_is_jittered_upwards_and_due_once() -> None:
    plan = Registering(("a",), lambda _, high: high)
    assert plan.failed(408, 0.0, 100.0) == 2.5
    assert [plan.due(now) for now in (102.4, 102.5, 102.6)] == [False, True, False]


def test_a_lost_connection_is_a_reason_to_ask_soon_but_not_for_every_stranger() -> None:
    plan = Registering(("a",), least)
    plan.due(0.0)
    found = []
    for lost in (100.0, 103.0, 500.0):
        plan.succeeded()
        plan.connection_lost(lost)
        found.append([plan.due(now) for now in (lost + 0.9, lost + 1.1, lost + 29.0)])
    assert found == [[False, True, False], [False, False, True], [False, True, False]]


def test_a_lost_connection_brings_no_planned_attempt_forward() -> None:
    plan = Registering(("a",), least)
    plan.failed(403, 0.0, 100.0)
    plan.connection_lost(100.0)
    assert not plan.due(129.0)


@pytest.mark.parametrize(("asked", "wait"), [(0.0, 2.0), (1.0, 2.0), (90.0, 90.0), (1e6, 3600.0)])
def test_a_registrar_may_ask_for_patience_within_reason(asked: float, wait: float) -> None:
    assert Registering(("a",), least).failed(503, asked, 0.0) == wait


def test_a_registrar_that_asks_for_patience_leaves_the_others_to_be_asked() -> None:
    plan = Registering(("a", "b"), least)
    found = [(plan.failed(503, 1800.0, 0.0), plan.current)]
    found += [(plan.failed(408, 0.0, now), plan.current) for now in (1.0, 5.0, 1900.0)]
    assert found == [(0.0, "b"), (2.0, "b"), (4.0, "b"), (0.0, "a")]


def test_when_all_ask_for_patience_the_first_to_be_back_is_asked() -> None:
    plan = Registering(("a", "b"), least)
    plan.failed(503, 1800.0, 0.0)
    assert (plan.failed(503, 60.0, 0.0), plan.current) == (60.0, "b")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 120", 120.0),
        ("Retry-After: 18 (in a meeting)", 18.0),
        ("Retry-After: 5;duration=60", 5.0),
        ("Retry-After: soon", 0.0),
        ("Retry-After: 99999999999", 0.0),
        ("no header at all", 0.0),
    ],
)
def test_retry_after_is_read(header: str, seconds: float) -> None:
    assert retry_after(f"SIP/2.0 503 Busy\r\n{header}\r\n\r\n") == seconds
    assert retry_after("") == 0.0


@pytest.mark.parametrize(
    ("registrar", "transport"),
    [
        ("sip:pbx.test", "udp"),
        ("sip:pbx.test:5060;transport=TCP", "tcp"),
        ("sip:pbx.test;lr;transport=tls", "tls"),
        ("sips:pbx.test", "tls"),
    ],
)
def test_a_registrar_says_how_it_is_reached(registrar: str, transport: str) -> None:
    assert transport_of(registrar) == transport
