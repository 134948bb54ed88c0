from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from talkpath.bridge.config.model import Config
from talkpath.bridge.records.rows import FullCall, Utterance
from talkpath.bridge.tune.advice import ENOUGH_CALLS, Advice, advise
from talkpath.bridge.tune.figures import add_up, most_at_once, quantile
from tests.bridge.records.calls import NOON, call

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = 50
"""Calls of a day, one after the other."""


def day(
    said: Sequence[Utterance] = (), *, count: int = DAY, apart: float = 100.0, **facts: Any
) -> list[FullCall]:
    """Calls of a minute that begin so many seconds apart."""
    calls = []
    for number in range(count):
        began = NOON + timedelta(seconds=apart * number)
        times = {"started_at": began, "answered_at": began, "ended_at": began + timedelta(seconds=60)}
        known = {"codec": "PCMU", "turns": 10, "turn_median": 0.6, **times, **facts}
        calls.append(FullCall(call=call(f"c-{number}", **known), utterances=list(said)))
    return calls


def configuration(**more: Any) -> Config:
    agent = more.pop("agent", {})
    values: dict[str, Any] = {"workers": {"count": 1}, "realtime": {"audio": "pcmu"}, **more}
    return Config.model_validate({"agents": {"reception": agent}, **values})


def advice(calls: list[FullCall], **more: Any) -> list[Advice]:
    return advise(add_up(calls), configuration(**more))


def only(found: list[Advice]) -> Advice:
    assert len(found) == 1, found
    return found[0]


def test_a_good_day_needs_no_change() -> None:
    assert advice(day()) == []


def test_a_handful_of_calls_says_nothing() -> None:
    assert advice(day(count=ENOUGH_CALLS - 1, cause="no_capacity")) == []


@pytest.mark.parametrize(
    ("spans", "most"),
    [([], 0), ([(0, 1), (1, 2)], 1), ([(0, 3), (1, 2), (1.5, 4)], 3), ([(0, 9), (8, 9)], 2)],
)
def test_calls_that_live_at_once_are_counted(spans: list[tuple[float, float]], most: int) -> None:
    assert most_at_once(spans) == most


def test_a_quantile_is_one_of_the_values() -> None:
    assert [quantile([3.0, 1.0, 2.0, 4.0], share) for share in (0.0, 0.5, 0.95)] == [1.0, 2.0, 4.0]
    assert quantile([], 0.5) == 0.0


@pytest.mark.parametrize(
    ("settings", "key", "then"),
    [
        ({"sip": {"max_calls": 35}}, "sip.max_calls", "46"),
        ({"workers": {"count": 2, "lanes": 16}}, "workers.lanes", "23"),
        ({"sip": {"rtp_ports": "20000-20069"}}, "sip.rtp_ports", '"20000-20091"'),
    ],
)
def test_a_peak_near_the_limit_raises_what_sets_it(settings: dict[str, Any], key: str, then: str) -> None:
    found = only(advice(day(apart=2.0), **settings))
    assert (found.key, found.then) == (key, then)
    assert "at most 30 calls at once" in found.why


def test_refused_calls_raise_the_limit_whatever_the_peak() -> None:
    found = only(
        advice([*day(), *day(count=3, answered_at=None, cause="no_capacity")], sip={"max_calls": 100})
    )
    assert (found.key, found.then) == ("sip.max_calls", "151")
    assert "3 refused" in found.why


def cut(heard_ms: int, spoke: float) -> list[Utterance]:
    """An answer that was cut off after so many milliseconds, by so many seconds of speech."""
    return [
        Utterance(at=1.0, who="agent", heard_ms=heard_ms, length_ms=4000),
        Utterance(at=2.0, who="caller", until=2.0 + spoke),
    ]


def test_noise_that_interrupts_raises_the_threshold() -> None:
    found = only(advice(day(cut(2000, 0.2), barge_ins=1)))
    assert found.key == "agents.reception.turn_detection.threshold"
    assert (found.now, found.then) == ("0.5", "0.6")
    assert "50 of 50" in found.why
    assert advice(day(cut(2000, 2.0), barge_ins=1)) == [], "people interrupt, too"


def test_callers_who_had_only_paused_get_more_time() -> None:
    found = only(advice(day(cut(400, 2.0), barge_ins=1, turns=5)))
    assert (found.key[-19:], found.now, found.then) == ("silence_duration_ms", "500", "700")
    own = {"turn_detection": {"type": "server_vad", "silence_duration_ms": 900}}
    assert only(advice(day(cut(400, 2.0), barge_ins=1, turns=5), agent=own)).then == "1000"


def test_slow_answers_that_nobody_cuts_off_may_come_sooner() -> None:
    found = only(advice(day(turn_median=1.6)))
    assert (found.key[-19:], found.then) == ("silence_duration_ms", "350")


def test_semantic_detection_has_none_of_these_keys() -> None:
    own = {"turn_detection": {"type": "semantic_vad"}}
    assert advice(day(cut(400, 0.2), barge_ins=1, turns=5), agent=own) == []


@pytest.mark.parametrize(
    ("codec", "audio", "then"),
    [
        ("G722", "pcmu", '"pcm"'),
        ("OPUS", "pcmu", '"pcm"'),
        ("PCMA", "pcmu", '"pcma"'),
        ("PCMU", "pcm", '"pcmu"'),
    ],
)
def test_the_audio_of_the_model_follows_the_codecs(codec: str, audio: str, then: str) -> None:
    found = only(advice(day(codec=codec), realtime={"audio": audio}))
    assert (found.key, found.then) == ("realtime.audio", then)


def test_limits_that_end_calls_are_named() -> None:
    found = only(advice(day(cause="time_limit"), agent={"max_duration": "10m"}))
    assert (found.key, found.then) == ("agents.reception.max_duration", '"20m"')
    found = only(advice(day(cause="silence"), agent={"silence_timeout": "10s"}))
    assert (found.key, found.then) == ("agents.reception.silence_timeout", '"20s"')


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"jitter_ms": 80.0}, "jitter 80 ms"),
        ({"media": {"packets_received": 1000, "late": 20}, "jitter_ms": 1.0}, "2.0% of packets too late"),
        ({"loss_percent": 4.0}, "4.0 % of packets lost"),
        ({"media": {"packets_sent": 1000, "frames_starved": 50}}, "5.0% of what callers heard"),
        ({"setup_seconds": 3.0}, "waits longer than 3.0 s"),
    ],
)
def test_what_no_key_helps_against_is_said_to_be_so(facts: dict[str, Any], says: str) -> None:
    found = only(advice(day(**facts)))
    assert found.key == ""
    assert says in found.why
