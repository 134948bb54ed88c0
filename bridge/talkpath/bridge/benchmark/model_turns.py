"""Connections of the benchmark's model that take turns: they answer in bursts, and are interrupted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.benchmark.model_audio import loud_delta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from talkpath.bridge.benchmark.clock import Log
    from talkpath.bridge.benchmark.model_lane import Lane

TURN_EVERY: Final = 0.8
"""Seconds of a turn: silence, then an answer, which is interrupted."""
QUIET: Final = 0.25
SPEAKS: Final = 0.35
ANSWER_DELTAS: Final = 10
"""The answer comes in one burst of a second, as real models send it."""


class Turns:
    """The turns of some connections.

    Args:
        send: Sends events to a connection.
        answers: Where each answer and its interruption are written down: connection, ns, ns.
    """

    def __init__(self, send: Callable[[Lane, bytes], None], answers: Log) -> None:
        self._send = send
        self._answers = answers
        self._lanes: list[Lane] = []

    def begin(self, lanes: Iterable[Lane], now: float) -> None:
        """Let these connections take turns from now on, spread over the period, and no others."""
        self._lanes = list(lanes)
        for lane in self._lanes:
            # By a step that has no divisor in common with the period.
            lane.turn_at = now + (lane.number * 61 % 97) / 97 * TURN_EVERY

    def forget(self, lane: Lane) -> None:
        """A connection is closed."""
        if lane in self._lanes:
            self._lanes.remove(lane)

    def take(self, now: float) -> None:
        """Take the steps that are due."""
        for lane in list(self._lanes):
            if now >= lane.turn_at:
                self._step(lane, now)

    def _step(self, lane: Lane, now: float) -> None:
        """A turn has three steps: the caller interrupts, has spoken, and is answered."""
        step, lane.turn_step = lane.turn_step, (lane.turn_step + 1) % 3
        if step == 0:
            at = time.time_ns()
            self._send(lane, lane.session.speech_started())
            if lane.answered_ns:
                self._answers.add(lane.number, np.array([lane.answered_ns]), at)
            lane.turn_at = now + QUIET / 2
        elif step == 1:
            self._send(lane, lane.session.speech_over())
            lane.turn_at = now + QUIET / 2
        else:
            begin = lane.session.begin_response()
            delta = lane.session.delta(loud_delta(lane.mode))
            lane.answered_ns = time.time_ns()
            self._send(lane, begin + delta * ANSWER_DELTAS)
            # Not always the same time after the answer: the stop must not always meet the same beat.
            lane.turn_at = now + SPEAKS + (time.time_ns() % 40) / 1000
