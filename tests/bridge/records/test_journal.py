"""What is noted in a call, and that it stays bounded."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.records.bounded import Bounded
from talkpath.bridge.records.journal import MAX_OPEN, MAX_TEXT, Journal
from talkpath.bridge.records.report import MAX_PIECES, Assembly, decode, full_call, messages_of
from talkpath.sip import messages as m
from tests.bridge.records.calls import NOON


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def journal(**options: Any) -> tuple[Journal, Clock]:
    clock = Clock()
    return Journal(clock, **options), clock


@given(st.lists(st.integers(0, 60), max_size=200))
def test_a_bounded_list_keeps_both_ends_within_its_budget(sizes: list[int]) -> None:
    kept: Bounded[tuple[int, int]] = Bounded(200, lambda item: item[1])
    numbered = list(enumerate(sizes))
    for item in numbered:
        kept.add(item)
    items = kept.items()
    assert len(items) + kept.left_out == len(numbered)
    assert sum(size for _, size in items) <= 200
    assert items == sorted(items)
    assert items[: kept.gap] == numbered[: kept.gap]
    tail = items[kept.gap :]
    assert tail == numbered[len(numbered) - len(tail) :]


def test_words_stand_at_the_time_when_they_began() -> None:
    notes, clock = journal()
    notes.begins("a", "caller")
    clock.now += 1
    notes.stops("a")
    notes.piece("b", "agent", "Hel")
    clock.now += 1
    notes.piece("b", "agent", "lo")
    notes.said("a", "caller", "hi")
    notes.interrupted("b", 300, 900)
    caller, agent = notes.parts()["utterances"]
    assert (caller.who, caller.text, caller.at, caller.until) == ("caller", "hi", 0.0, 1.0)
    assert (agent.text, agent.at, agent.heard_ms, agent.length_ms) == ("Hello", 1.0, 300, 900)


def test_nothing_that_was_said_is_kept_when_transcripts_are_off() -> None:
    notes, _ = journal(transcripts=False)
    notes.piece("a", "agent", "secret")
    notes.said("b", "caller", "secret")
    assert notes.parts()["utterances"] == []


def test_a_tool_has_its_outcome_its_time_and_only_on_request_its_arguments() -> None:
    for wanted in (False, True):
        notes, clock = journal(arguments=wanted)
        notes.tool_begins("find", {"number": "7"})
        clock.now += 0.5
        notes.tool_ends("find", "timeout")
        notes.tool_begins("find", {})
        notes.tool_ends("other", "ok")
        first, second = notes.parts()["tools"]
        assert (first.outcome, first.seconds, second.outcome) == ("timeout", 0.5, "unfinished")
        assert first.arguments == ('{"number":"7"}' if wanted else "")


def test_a_call_of_a_day_gives_a_bounded_report_that_says_what_is_missing() -> None:
    notes, clock = journal()
    for number in range(20_000):
        clock.now += 4
        notes.said(f"i{number}", "agent" if number % 2 else "caller", "word " * 40)
        notes.moment("model", "in", "response spoken", "x" * 500)
        notes.turn(0.5)
        notes.tool_begins("find", {})
    notes.said("last", "caller", "ü" * 100_000)
    record = CallRecord(call="c-1", journal=notes)
    full = full_call(record, NOON, NOON)
    left_out = full.call.left_out
    assert set(left_out) == {"moments", "utterances", "turns", "tools"}
    assert len(full.utterances) + left_out["utterances"] == 20_001
    assert full.utterances[0].text.startswith("word")
    assert full.utterances[-1].text == "ü" * MAX_TEXT
    note = next(one for one in full.moments if one.name == "…")
    assert note.detail == f"{left_out['moments']} steps are left out"
    pieces = list(messages_of(full))
    assert len(pieces) <= MAX_PIECES
    assert all(len(m.encode(piece)) <= m.MAX_MESSAGE for piece in pieces)
    assembly, body = Assembly(), None
    for piece in pieces:
        body = assembly.take("worker-0", piece)
    assert body is not None
    assert decode(body) == full


def test_a_server_that_opens_items_for_ever_costs_no_memory() -> None:
    notes, _ = journal()
    for number in range(10_000):
        notes.begins(f"i{number}", "caller")
        notes.leg(f"l{number}", "consult")
    assert len(notes._open) == MAX_OPEN
    assert len(notes.parts()["legs"]) == 20


def test_pieces_of_two_workers_do_not_mix_and_wrong_ones_are_refused() -> None:
    assembly = Assembly()

    def take(process: str, call: str, number: int, of: int) -> bytes | str | None:
        try:
            return assembly.take(process, m.CallReport(call=call, number=number, of=of, body=b"%d" % number))
        except ValueError:
            return "refused"

    assert take("a", "1", 0, 2) is None
    assert take("b", "1", 0, 2) is None
    assert take("a", "1", 1, 2) == b"01"
    assert take("b", "1", 0, 2) == "refused", "the second one was due"
    assert take("b", "1", 1, 2) == "refused"
    for number, of in ((0, 0), (1, 1), (-1, 1), (0, MAX_PIECES + 1)):
        assert take("b", "2", number, of) == "refused"
    assert take("b", "3", 0, 2) is None
    assert assembly.forget("b") == ["3"]
    assert assembly.forget("b") == []
    assert all(take("a", str(call), 0, 2) is None for call in range(64))
    assert take("a", "one more", 0, 2) == "refused"
