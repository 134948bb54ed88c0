"""What an error means."""

from __future__ import annotations

import pytest

from talkpath.bridge.realtime.errors import Verdict, close_is_retryable, fatal_sentence, judge


@pytest.mark.parametrize(
    ("code", "kind", "message", "verdict"),
    [
        ("invalid_api_key", "invalid_request_error", "", Verdict.FATAL),
        (None, "insufficient_quota", "", Verdict.FATAL),
        ("something_new", "insufficient_quota", "", Verdict.FATAL),
        ("response_cancel_not_active", None, "", Verdict.NO_ACTIVE_RESPONSE),
        ("conversation_already_has_active_response", None, "", Verdict.RESPONSE_BUSY),
        ("session_expired", None, "", Verdict.EXPIRED),
        (None, None, "Audio content of 3700ms is already shorter than 3760ms", Verdict.IGNORE),
        (None, "x", "Only model output audio messages can be truncated", Verdict.IGNORE),
        ("invalid_value", None, "is already shorter than", Verdict.COUNT),
        ("unknown_parameter", "invalid_request_error", "", Verdict.COUNT),
        ("", None, "", Verdict.COUNT),
    ],
)
def test_codes_types_and_words_lead_to_a_verdict(
    code: str | None, kind: str | None, message: str, verdict: Verdict
) -> None:
    assert judge(code, kind, message) is verdict


def test_fatal_errors_have_a_sentence_with_the_next_step() -> None:
    assert "'gpt-x'" in fatal_sentence("invalid_model", None, "", "gpt-x")
    assert "plan and billing" in fatal_sentence(None, "insufficient_quota", "", "m")
    assert fatal_sentence("new", None, "it broke", "m").endswith("it broke.")


def test_close_codes_of_the_network_are_retryable_and_those_about_us_are_not() -> None:
    assert all(close_is_retryable(code) for code in (1000, 1001, 1005, 1006, 1011, 1012, 1013, 1015))
    assert not any(close_is_retryable(code) for code in (1003, 1008, 3000, 4000, 4321))
