from __future__ import annotations

import pytest

from talkpath.sip.outcomes import OUTCOMES, Outcome, is_worth_another_route, outcome_of


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.COMPLETED),
        (302, Outcome.REDIRECTED),
        (486, Outcome.BUSY),
        (487, Outcome.CANCELLED),
        (499, Outcome.BAD_REQUEST),
        (503, Outcome.UNAVAILABLE),
        (513, Outcome.REMOTE_ERROR),
        (603, Outcome.DECLINED),
        (699, Outcome.DECLINED),
        (0, Outcome.UNKNOWN),
        (999, Outcome.UNKNOWN),
    ],
)
def test_the_outcome_of_a_status(status: int, outcome: Outcome) -> None:
    assert outcome_of(status) is outcome


def test_every_listed_status_is_final() -> None:
    assert all(300 <= status < 700 for status in OUTCOMES)


def test_a_second_route_helps_against_technical_reasons_only() -> None:
    assert all(is_worth_another_route(status) for status in (408, 500, 503, 504))
    assert not any(is_worth_another_route(status) for status in (404, 486, 487, 603))
