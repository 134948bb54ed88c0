from __future__ import annotations

from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from talkpath.bridge.call.bookkeeping import Bookkeeping
from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.observe.metrics import Metrics
from talkpath.bridge.realtime import effects as e
from talkpath.bridge.realtime.usage import TokenUsage
from talkpath.sip import messages as m


class Book:
    """Books that were opened at second 100."""

    def __init__(self, **facts: Any) -> None:
        self.metrics = Metrics()
        record = CallRecord(call="c1", agent="a", model=facts.pop("model", "gpt-realtime-2.1"), **facts)
        self.events: list[tuple[str, e.Effect]] = []
        self.books = Bookkeeping(
            record,
            self.metrics,
            structlog.get_logger(),
            100.0,
            lambda call, effect: self.events.append((call, effect)),
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"talkpath_{name}", labels)

    def end(self, by: Any = "caller", status: int = 200) -> tuple[str, str]:
        if by:
            self.books.dialog_ended(m.CallEnded(call="c1", by=by, status=status, reason=""))
        record = self.books.ended(160.0)
        assert self.value("calls_active", agent="a") == 0
        return record.outcome, record.cause


def test_a_live_call_is_counted_until_its_end() -> None:
    book = Book()
    assert book.value("calls_active", agent="a") == 1
    book.end()
    assert book.value("calls_active", agent="a") == 0


def test_a_callee_whom_nothing_reached_did_not_leave_us_unanswered() -> None:
    book = Book(direction="outbound")
    unreachable = m.Outcome.UNREACHABLE
    book.books.dialog_ended(m.CallEnded(call="c1", by="failure", status=408, reason="", outcome=unreachable))
    assert book.end(by="") == ("failed", "sip_failure")


def test_the_first_cause_counts_until_it_is_taken_back() -> None:
    book = Book()
    book.books.answered(101.0)
    book.books.because("agent_hung_up")
    book.books.because("time_limit")
    assert book.books.sentence() == "agent hung up"
    book.books.stays()
    assert book.end() == ("completed", "caller_hung_up")


def test_times_count_from_the_invite_and_from_the_answer() -> None:
    book = Book()
    book.books.answered(100.25)
    book.books.answered(130.0)
    book.end()
    assert (book.books.record.setup, book.books.record.talk) == (0.25, 59.75)


def test_an_outbound_call_counts_from_our_invite() -> None:
    book = Book(direction="outbound")
    book.books.dials(103.0)
    book.books.answered(110.0)
    assert book.books.record.setup == 7.0


def test_a_turn_is_measured_from_the_end_of_the_callers_speech() -> None:
    book = Book()
    book.books.agent_audible(101.0)
    book.books.session_effect(e.CallerSpeaking(True, "i"), 102.0)
    book.books.session_effect(e.CallerSpeaking(False, "i"), 103.0)
    book.books.agent_audible(103.7)
    book.books.agent_audible(104.0)
    assert book.books.record.turn_latencies == [pytest.approx(0.7)]
    book.books.session_effect(e.CallerSpeaking(False, "i"), 105.0)
    book.books.session_effect(e.CallerSpeaking(True, "i"), 105.1)
    book.books.agent_audible(105.5)
    assert book.books.record.turns == 1, "the caller went on: what is heard answers an earlier turn"
    assert book.value("turn_latency_seconds_count", agent="a") == 1


def test_the_tokens_of_both_sessions_are_those_of_the_call() -> None:
    book = Book()
    book.books.session_effect(e.Usage("r", TokenUsage(audio_out=300)), 101.0)
    book.books.briefing_effect(e.Usage("r", TokenUsage(audio_out=20)))
    assert book.books.record.tokens == {"audio_out": 320}


def test_a_problem_that_passed_is_not_the_reason_of_the_end() -> None:
    book = Book()
    book.books.answered(101.0)
    book.books.model_problem("The socket closed.")
    book.books.reconnected(successful=True)
    book.books.model_back()
    book.books.dialog_ended(m.CallEnded(call="c1", by="caller", status=200, reason="BYE"))
    assert (book.books.record.reason, book.books.record.model_reconnects) == ("BYE", 1)


def test_what_is_said_is_logged_as_private_and_only_when_it_is_complete() -> None:
    book = Book()
    with capture_logs() as logs:
        book.books.session_effect(e.Transcript("caller", "i", "my pin", final=False), 101.0)
        book.books.session_effect(e.Transcript("caller", "i", "my pin is 1234", final=True), 101.0)
    assert [line["pii_text"] for line in logs] == ["my pin is 1234"]
    assert len(book.events) == 2, "the live view gets every piece"


def test_the_end_is_one_line() -> None:
    book = Book()
    with capture_logs() as logs:
        book.end()
    assert [line["event"] for line in logs] == ["call_ended"]
    assert "call" not in logs[0], "the ids are bound to the logger"
    assert logs[0]["cause"] == "caller_hung_up"


def test_missing_rtp_names_the_likely_cause() -> None:
    book = Book()
    book.books.media(
        m.MediaDescription(
            codec="PCMU",
            payload_type=0,
            remote_address="192.0.2.1",
            remote_port=4000,
            local_address="198.51.100.2",
            local_port=5000,
        )
    )
    with capture_logs() as logs:
        book.books.rtp_stopped(10.0)
    assert "192.0.2.1:4000" in logs[0]["problem"]
    assert "198.51.100.2:5000" in logs[0]["problem"]
    assert "sip.advertised_address" in logs[0]["problem"]


def test_the_first_word_of_the_agent_is_timed_from_the_answer_and_once() -> None:
    book = Book()
    book.books.answered(101.0)
    book.books.agent_audible(101.5)
    book.books.agent_audible(109.0)
    assert book.value("first_audio_seconds_count", agent="a") == 1
    assert book.value("first_audio_seconds_sum", agent="a") == pytest.approx(0.5)


def test_what_is_left_of_the_rate_limits_is_kept() -> None:
    book = Book()
    book.books.session_effect(e.RateLimits((e.RateLimit("tokens", 200.0, 50.0, 1.0),)), 101.0)
    share = book.value("model_rate_limit_remaining_ratio", model="gpt-realtime-2.1", limit="tokens")
    assert share == 0.25
