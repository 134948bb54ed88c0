from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from av import AudioFrame

from talkpath.bridge.phone.voice import FRAME_OCTETS, PAYLOAD_TYPE, FromLane, ToLane
from talkpath.codecs import rtp
from talkpath.codecs.g722 import G722Encoder
from tests.harness.listening import fit_tone

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 48_000
FRAME = 960


def stereo(samples: NDArray[np.int16], number: int) -> AudioFrame:
    """20 ms as Opus decodes them: both channels the same."""
    part = samples[number * FRAME : (number + 1) * FRAME]
    frame = AudioFrame.from_ndarray(np.repeat(part, 2)[None, :], format="s16", layout="stereo")
    frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), number * FRAME
    return frame


def tone(hertz: int, seconds: float, rate: int = RATE) -> NDArray[np.int16]:
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.int16)


def fields(packets: list[bytes]) -> rtp.ParsedPackets:
    rows = np.stack([np.frombuffer(packet, np.uint8) for packet in packets])
    return rtp.parse(rows, np.full(len(packets), rows.shape[1], np.intp))


def test_a_voice_comes_back_as_it_was_up_to_seven_kilohertz() -> None:
    up, down = ToLane(), FromLane()
    samples = tone(6_000, 1.0)
    heard = []
    for number in range(50):
        for packet in up.packets_of(stereo(samples, number)):
            frame = down.frame_of(packet)
            assert frame is not None
            heard.append(frame.to_ndarray()[0])
    whole = np.concatenate(heard).astype(np.int16)
    fit = fit_tone(whole[3_200:12_800], hertz=6_000, rate=16_000)
    assert fit.peak == pytest.approx(8000, rel=0.1)
    assert fit.snr > 15


def test_packets_are_numbered_without_gaps_and_hold_twenty_milliseconds() -> None:
    up = ToLane()
    packets = [packet for number in range(20) for packet in up.packets_of(stereo(tone(400, 1), number))]
    parsed = fields(packets)
    assert not parsed.reject.any()
    assert set(parsed.payload_type.tolist()) == {PAYLOAD_TYPE}
    assert set(parsed.payload_length.tolist()) == {FRAME_OCTETS}
    assert set(rtp.sequence_distance(parsed.sequence[1:], parsed.sequence[:-1]).tolist()) == {1}
    assert set(rtp.timestamp_distance(parsed.timestamp[1:], parsed.timestamp[:-1]).tolist()) == {160}
    assert parsed.marker.tolist() == [True] + [False] * (len(packets) - 1)
    assert up.packets == len(packets)


def test_frames_that_never_came_are_a_gap_for_the_lane_to_conceal() -> None:
    up = ToLane()
    numbers = [*range(10), *range(13, 23)]
    packets = [packet for number in numbers for packet in up.packets_of(stereo(tone(400, 1), number))]
    parsed = fields(packets)
    steps = rtp.sequence_distance(parsed.sequence[1:], parsed.sequence[:-1])
    times = rtp.timestamp_distance(parsed.timestamp[1:], parsed.timestamp[:-1])
    assert sorted(steps.tolist())[-2:] == [1, 4]
    assert sorted(times.tolist())[-2:] == [160, 640]
    assert up.lost == 3


def test_a_stream_that_begins_anew_is_no_loss() -> None:
    up = ToLane()
    for number in (0, 1, 2):
        list(up.packets_of(stereo(tone(400, 1), number)))
    late = stereo(tone(400, 1), 3)
    late.pts = 2**31
    list(up.packets_of(late))
    assert up.lost == 0


def test_what_is_no_voice_is_counted_and_rtcp_is_not() -> None:
    down = FromLane()
    report = bytes([0x80, 200, 0, 6]) + bytes(24)
    other = rtp.build(np.zeros((1, 160), np.uint8), 0, 1, 1, 1, 0)[0].tobytes()
    for datagram in (b"", b"\x00" * 40, other, report):
        assert down.frame_of(datagram) is None
    assert (down.packets, down.rejected) == (0, 3)


def test_frames_follow_each_other_in_time() -> None:
    down = FromLane()
    encoder = G722Encoder()
    payload = np.frombuffer(encoder.encode(np.zeros(320, np.int16)), np.uint8)[None, :]
    times = []
    for number in range(3):
        frame = down.frame_of(rtp.build(payload, 9, number, number * 160, 7, 0)[0].tobytes())
        assert frame is not None
        times.append((frame.pts, frame.sample_rate, frame.samples))
    assert times == [(0, 16_000, 320), (320, 16_000, 320), (640, 16_000, 320)]
