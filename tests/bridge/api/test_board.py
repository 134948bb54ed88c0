from __future__ import annotations

import msgspec

from talkpath.bridge.api import events as ev
from talkpath.bridge.api.board import MAX_LINES, MAX_TEXT, Board
from talkpath.sip import messages as m
from tests.bridge.api.told import ACCOUNT, AT, began, over, said, state, transfer


def talking() -> Board:
    board = Board()
    board.take("worker-0", began())
    board.take("worker-0", state("talking"))
    return board


def test_a_call_is_on_the_board_from_its_beginning_to_its_end() -> None:
    board = Board()
    started = board.take("worker-0", began())
    assert isinstance(started, ev.CallStarted)
    assert (started.call.id, started.call.caller, started.call.process) == ("c-1", "+4930901820", "worker-0")
    assert board.process_of("c-1") == "worker-0"
    ended = board.take("worker-0", over(recording="/x.wav"))
    assert isinstance(ended, ev.CallEnded)
    assert (ended.cause, ended.talk_seconds, ended.recording) == ("caller_hung_up", 8.0, True)
    assert board.calls() == ()
    assert board.process_of("c-1") is None


def test_it_counts_as_answered_when_they_begin_to_talk_and_not_again() -> None:
    board = talking()
    board.take("worker-0", state("recovering", at=AT + 5))
    call = board.live_call("c-1")
    assert call is not None
    assert call.answered_at is not None
    assert call.answered_at.timestamp() == AT + 1
    assert call.state == "recovering"


def test_what_is_said_grows_piece_by_piece_and_the_last_piece_is_the_whole() -> None:
    board = talking()
    board.take("worker-0", said("Hel", final=False))
    board.take("worker-0", said("lo", final=False))
    board.take("worker-0", said("Hi", final=False, who="caller", item="u1"))
    event = board.take("worker-0", said("Hello there.", final=True))
    assert isinstance(event, ev.CallSaid)
    assert (event.line.text, event.line.final) == ("Hello there.", True)
    call = board.live_call("c-1")
    assert call is not None
    said_by = [(line.who, line.text) for line in call.transcript]
    assert said_by == [("agent", "Hello there."), ("caller", "Hi")]


def test_a_very_long_call_keeps_its_last_words_and_none_is_endless() -> None:
    board = talking()
    for number in range(MAX_LINES + 5):
        board.take("worker-0", said("word " * 2000, final=False, item=f"i{number}"))
    board.take("worker-0", said("more", final=False, item=f"i{MAX_LINES + 4}"))
    call = board.live_call("c-1")
    assert call is not None
    assert len(call.transcript) == MAX_LINES
    assert {len(line.text) for line in call.transcript} == {MAX_TEXT}


def test_turns_interruptions_media_and_transfers_are_told_with_the_call() -> None:
    board = talking()
    for message, what in (
        (m.CallMedia(call="c-1", at=AT, codec="G722"), "media"),
        (m.TurnTaken(call="c-1", at=AT, latency=0.4321), "turn"),
        (m.BargedIn(call="c-1", at=AT, stopped_after=0.01), "interruption"),
        (transfer("dialling_warm"), "transfer"),
    ):
        event = board.take("worker-0", message)
        assert isinstance(event, ev.CallChanged)
        assert event.what == what
    (call,) = board.calls()
    assert (call.codec, call.turns, call.latency_ms, call.interruptions) == ("G722", 1, 432.1, 1)
    assert call.transfer is not None
    assert (call.transfer.target, call.transfer.state) == ("sales", "dialling_warm")
    told = call.transfer.model_dump(exclude={"state"})
    assert told == msgspec.to_builtins(ACCOUNT) | {"attempts": tuple(told["attempts"])}
    assert [(one.destination, one.outcome, one.status) for one in call.transfer.attempts] == [
        ("700", "busy", 486),
        ("701", "bridged", 0),
    ]


def test_figures_are_told_for_the_calls_that_live_and_their_quality_is_kept() -> None:
    board = talking()
    figures = (
        m.CallFigures(call="c-1", caller_level=-20.0, agent_level=-127.0, mos=4.2, jitter_ms=3.0),
        m.CallFigures(call="c-gone", caller_level=-20.0, agent_level=-20.0),
    )
    event = board.take("worker-0", m.Figures(calls=figures))
    assert isinstance(event, ev.Figures)
    assert [one.call for one in event.calls] == ["c-1"]
    board.take("worker-0", m.Figures(calls=(m.CallFigures(call="c-1", caller_level=-1, agent_level=-1),)))
    (call,) = board.calls()
    assert call.quality.mos == 4.2


def test_a_dead_worker_takes_its_calls_along_and_no_others() -> None:
    board = talking()
    board.take("worker-1", began("c-2"))
    (lost,) = board.lose("worker-0", AT + 4)
    assert (lost.call, lost.cause, lost.talk_seconds) == ("c-1", "worker_lost", 3.0)
    assert [call.id for call in board.calls()] == ["c-2"]


def test_what_is_told_about_calls_that_are_over_goes_nowhere() -> None:
    board = Board()
    for message in (state("talking"), said("x", final=True), over(), m.WorkerLoad(calls=1, lanes=2)):
        assert board.take("worker-0", message) is None


def test_an_event_is_one_block_of_the_wire_whatever_is_said() -> None:
    board = talking()
    event = board.take("worker-0", said("one\ntwo\n\nevent: fake", final=True))
    assert event is not None
    lines = ev.encode(event, 7).decode().split("\n")
    assert lines[:2] == ["id: 7", "event: call.said"]
    assert lines[2].startswith("data: {")
    assert lines[3:] == ["", ""]
