"""Turns of the benchmark's model: a burst of answer, an interruption, silence."""

from __future__ import annotations

import socket

from talkpath.bridge.benchmark.clock import Log
from talkpath.bridge.benchmark.model_lane import Lane
from talkpath.bridge.benchmark.model_turns import QUIET, TURN_EVERY, Turns
from talkpath.bridge.benchmark.model_wire import Session


def test_an_answer_is_written_down_when_it_is_interrupted() -> None:
    sent: list[bytes] = []
    answers = Log(3)
    with socket.socket() as sock:
        lane = Lane(sock, 5, Session(5))
        turns = Turns(lambda _lane, data: sent.append(data), answers)
        turns.begin([lane], 100.0)
        assert 100.0 <= lane.turn_at < 100.0 + TURN_EVERY
        now = lane.turn_at
        turns.take(now - 0.001)
        assert not sent, "it is not its turn yet"
        for _ in range(3):  # nobody to interrupt, the caller has spoken, the answer
            turns.take(now)
            now = lane.turn_at
        assert len(sent) == 3
        assert len(answers.rows()) == 0
        turns.take(now)
        number, answered, interrupted = answers.rows()[0].tolist()
        assert (number, answered) == (5, lane.answered_ns)
        assert answered <= interrupted
        assert lane.turn_at == now + QUIET / 2
        turns.forget(lane)
        turns.take(now + 10)
        assert len(sent) == 4
