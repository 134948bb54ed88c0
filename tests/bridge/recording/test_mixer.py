from __future__ import annotations

import math

import numpy as np
import pytest

from talkpath.bridge.media.g711_law import ULAW
from talkpath.bridge.media.recording_tap import Piece, RecordingTap
from talkpath.bridge.recording.mixer import StereoMixer, quietest
from tests.bridge.recording.sound import pulses

FRAME = 160


def hour(ppm: float, jitter: float, seconds: int = 3600) -> np.ndarray:
    """A call in which both sides make the same short sounds at the same moments, every 10 s.

    The caller's telephone counts `ppm` faster than we do; its packets are late by up to `jitter` seconds.
    """
    tap, mixer, out = RecordingTap(1), StereoMixer(), []

    def mix(piece: Piece) -> None:
        caller = ULAW.decode(np.frombuffer(piece.caller, np.uint8))
        agent = ULAW.decode(np.frombuffer(piece.agent, np.uint8))
        out.append(mixer.add(caller, agent, arrived=piece.arrived, sent_at=piece.sent_at))

    tap.start(0, mix)
    rows = np.zeros(1, np.intp)
    chance = np.random.default_rng(1)
    pace = 0.02 / (1 + ppm * 1e-6)
    said = 0
    due = pace
    for slot in range(seconds * 50):
        tap.tick = slot * 4
        tap.agent(rows, sound(slot * 0.02, 1 / 8000), slot)
        now = slot * 0.02
        while due <= now:
            tap.caller(rows, sound(said * pace, pace / FRAME), now)
            said += 1
            due = max((said + 1) * pace + chance.uniform(0, jitter), due)
        tap.tick = slot * 4 + slot % 4
        tap.deliver_due()
    tap.stop(0)
    out.append(mixer.finish())
    return np.concatenate(out)


def sound(begin: float, step: float) -> np.ndarray:
    """A frame (1, 160) of codes: loud in the first 20 ms of every tenth second."""
    if begin % 10 > 0.05 and begin % 10 < 9.9:
        return np.full((1, FRAME), ULAW.silence, np.uint8)
    time = (begin + np.arange(FRAME) * step) % 10
    return ULAW.encode(np.where(time < 0.02, 8_000, 0).astype(np.int16))[None]


@pytest.mark.parametrize("ppm", [-200, 200])
def test_both_sides_stay_together_within_a_frame_over_an_hour(ppm: float) -> None:
    both = hour(ppm, jitter=0.03)
    caller, agent = pulses(both[:, 0]), pulses(both[:, 1])
    assert len(caller) == len(agent)
    assert len(caller) in {359, 360}  # the first may be cut by the start
    apart = np.array(caller) - np.array(agent)
    # A caller's sound counts when its whole frame has come, and jitter delays it: 15 ms in the mean.
    assert np.abs(apart).max() <= FRAME + 0.015 * 8_000
    assert np.ptp(apart[2:]) <= FRAME
    assert abs(len(both) - 3600 * 8000 * (1 + ppm * 1e-6)) <= 3 * FRAME


def test_an_interruption_of_the_callers_stream_moves_the_agent_with_it() -> None:
    mixer, half = StereoMixer(), 4_000
    out = []
    for number in range(40):
        agent = np.full(half, number, np.int16)
        # Half a second never came: the caller's count stands still.
        caller = np.zeros(0 if number == 20 else half, np.int16)
        arrived = number / 2 + 0.26 if caller.size else math.nan
        out.append(mixer.add(caller, agent, arrived=arrived, sent_at=number / 2))
    both = np.concatenate(out)
    assert both[30 * half + 2_000, 1] == 31  # the 32nd half second of the agent is the 31st of the caller


def test_sound_that_is_in_step_is_left_alone() -> None:
    mixer = StereoMixer()
    noise = np.random.default_rng(2).integers(-9_000, 9_000, 40_000).astype(np.int16)
    pieces = noise.reshape(10, 4_000)
    both = np.concatenate(
        [mixer.add(piece, piece, arrived=n / 2 + 0.26, sent_at=n / 2) for n, piece in enumerate(pieces)]
        + [mixer.finish()]
    )
    assert (both[:, 0] == noise).all()
    assert (both[:, 1] == noise).all()


def test_a_side_that_ends_earlier_is_completed_with_silence() -> None:
    mixer = StereoMixer()
    first = mixer.add(np.ones(320, np.int16), np.ones(160, np.int16), arrived=0.03, sent_at=0.0)
    both = np.concatenate([first, mixer.finish()])
    assert both.shape == (320, 2)
    assert both[160:, 1].tolist() == [0] * 160


def test_the_quietest_place_is_the_first_with_the_least_sound() -> None:
    assert quietest(np.array([5, -3, 0, 0, 9, 0, 0], np.int16), 2) == 2
    assert quietest(np.array([5], np.int16), 2) == 0
