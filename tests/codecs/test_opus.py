from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.codecs.opus import (
    LARGEST_PACKET,
    SAMPLE_RATE,
    OpusDecoder,
    OpusEncoder,
    OpusWishes,
    available,
    duration,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME = SAMPLE_RATE // 50


def voice(seconds: float) -> NDArray[np.int16]:
    """Something like a voice: harmonics of a pitch that glides, in syllables."""
    time = np.arange(round(SAMPLE_RATE * seconds)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(220 + 40 * np.sin(2 * np.pi * 0.7 * time)) / SAMPLE_RATE
    wave = sum(np.sin(number * phase) / number for number in range(1, 15))
    return (4_000 * wave * (0.55 + 0.45 * np.sin(2 * np.pi * 2 * time))).astype(np.int16)


def packets_of(samples: NDArray[np.int16], wishes: OpusWishes | None = None) -> list[bytes]:
    encoder = OpusEncoder(wishes)
    return [encoder.encode(frame) for frame in samples.reshape(-1, FRAME)]


def likeness(one: NDArray[np.int16], other: NDArray[np.int16], delay: int = 0) -> float:
    """Correlation, the other being so many samples later."""
    length = len(one) - delay
    return float(np.corrcoef(one[:length], other[delay : delay + length])[0, 1])


def test_there_is_a_libopus() -> None:
    assert available()


def test_a_voice_comes_out_as_it_went_in() -> None:
    said, decoder = voice(1.0), OpusDecoder()
    packets = packets_of(said)
    assert max(map(len, packets)) <= LARGEST_PACKET
    heard = np.concatenate([decoder.decode(packet) for packet in packets])
    assert heard.size == said.size
    assert max(likeness(said, heard, delay) for delay in range(60, 140)) > 0.9


def test_a_decoder_that_we_did_not_write_understands_our_packets() -> None:
    said = voice(1.0)
    context = av.CodecContext.create("opus", "r")
    context.sample_rate, context.layout = 48_000, "mono"
    decoded = [frame for packet in packets_of(said) for frame in context.decode(av.Packet(packet))]
    heard = np.concatenate([frame.to_ndarray()[0] for frame in decoded])
    assert heard.size >= 47_000
    third = heard[::3].astype(np.float64)
    assert max(likeness(said[:15_000], third[:15_000], delay) for delay in range(200)) > 0.9  # type: ignore[arg-type]  # floats


def test_what_is_lost_is_nearer_to_the_truth_with_the_copy_in_the_packet_after_it() -> None:
    packets = packets_of(voice(3.0), OpusWishes(recovers=True))
    truth, made_up, restored = [], [], []
    good, conceals, recovers = OpusDecoder(), OpusDecoder(), OpusDecoder()
    for number, packet in enumerate(packets):
        heard = good.decode(packet)
        if number % 7 == 5:
            truth.append(heard)
            made_up.append(conceals.conceal(FRAME))
            restored.append(recovers.recover(packets[number + 1], FRAME))
        else:
            conceals.decode(packet)
            recovers.decode(packet)
    loss = [np.concatenate(parts).astype(np.float64) for parts in (truth, made_up, restored)]
    errors = [float(np.square(each - loss[0]).sum()) for each in loss[1:]]
    assert errors[1] < errors[0] / 2


@pytest.mark.parametrize(
    ("parameters", "wishes"),
    [
        ("", OpusWishes()),
        ("useinbandfec=1; cbr=1;maxaveragebitrate=20000", OpusWishes(20_000, constant=True, recovers=True)),
        ("maxplaybackrate=8000;stereo=1;sprop-stereo=1", OpusWishes(playback_rate=8_000)),
        ("maxaveragebitrate=510000", OpusWishes()),
        ("maxaveragebitrate=1", OpusWishes(6_000)),
        ("maxaveragebitrate=-1;useinbandfec=yes;;=;x;cbr", OpusWishes()),
        ("maxaveragebitrate=9999999999999999999999;useinbandfec=1", OpusWishes(recovers=True)),
    ],
)
def test_what_the_far_end_wants_is_read_from_its_parameters(parameters: str, wishes: OpusWishes) -> None:
    assert OpusWishes.of(parameters) == wishes


def test_wishes_are_obeyed() -> None:
    said = voice(2.0)
    usual = sum(map(len, packets_of(said)))
    assert sum(map(len, packets_of(said, OpusWishes(12_000)))) < usual * 0.75
    assert len({len(packet) for packet in packets_of(said, OpusWishes(constant=True))[2:]}) == 1
    narrow = OpusDecoder()
    heard = np.concatenate([narrow.decode(p) for p in packets_of(said, OpusWishes(playback_rate=8_000))])
    spectrum = np.abs(np.fft.rfft(heard[8_000:24_000].astype(np.float64)))
    assert spectrum[4_500:].max() < spectrum.max() / 300


@pytest.mark.parametrize(
    ("packet", "ticks"),
    [
        (bytes([0 << 3, 1]), 480),
        (bytes([3 << 3, 1]), 2_880),
        (bytes([16 << 3, 1]), 120),
        (bytes([1 << 3 | 1, 1, 1]), 1_920),
        (bytes([1 << 3 | 3, 6]) + bytes(6), 5_760),
        (bytes([1 << 3]), 960),  # nothing of it was sent (DTX)
        (b"", None),
        (bytes([1 << 3 | 1, 1, 1, 1]), None),  # two frames of the same size cannot have an odd one
        (bytes([1 << 3 | 3, 7]) + bytes(7), None),  # longer than 120 ms
        (bytes([1 << 3 | 3]), None),
        (bytes([1 << 3 | 2, 200, 1]), None),
    ],
)
def test_how_long_a_packet_lasts_is_told_by_itself(packet: bytes, ticks: int | None) -> None:
    assert duration(packet) == ticks


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_nothing_that_comes_raises(packets: list[bytes]) -> None:
    decoder = OpusDecoder()
    for packet in packets:
        ticks = duration(packet)
        samples = decoder.decode(packet)
        assert samples.size == (ticks or 0) // 3 or not samples.size or ticks is None
        assert decoder.recover(packet, FRAME).size in {0, FRAME}
        assert decoder.conceal(FRAME).size == FRAME


@pytest.mark.parametrize("samples", [np.zeros(319, np.int16), np.zeros(320), np.zeros((2, 160), np.int16)])
def test_what_is_no_frame_is_refused(samples: NDArray[np.int16]) -> None:
    with pytest.raises(ValueError, match="320 samples"):
        OpusEncoder().encode(samples)
