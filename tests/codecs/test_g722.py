import sys
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from talkpath.codecs import g722, tones
from talkpath.codecs.g722 import G722Decoder, G722Encoder, MissingCodecError

FRAME = 320


def sweep() -> NDArray[np.int16]:
    """Return two seconds from 50 Hz to 7 kHz, from soft to overloaded, with some noise."""
    time = np.arange(2 * g722.SAMPLE_RATE) / g722.SAMPLE_RATE
    wave = np.sin(2 * np.pi * (50 * time + 1737.5 * time**2)) * np.geomspace(20, 60000, len(time))
    wave += np.random.default_rng(1).normal(0, 100, len(time))
    return wave.clip(-32768, 32767).astype(np.int16).reshape(-1, FRAME)


def peer_encoded(frames: NDArray[np.int16]) -> list[bytes]:
    context = av.CodecContext.create("g722", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format = g722.SAMPLE_RATE, "mono", "s16"
    context.time_base = Fraction(1, g722.SAMPLE_RATE)
    encoded = []
    for number, samples in enumerate(frames):
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = g722.SAMPLE_RATE, number * FRAME
        encoded += [bytes(packet) for packet in context.encode(frame)]
    return encoded


def peer_decoded(payloads: list[bytes]) -> NDArray[np.int16]:
    context = av.CodecContext.create("g722", "r")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = g722.SAMPLE_RATE, "mono"
    decoded = [frame.to_ndarray()[0] for payload in payloads for frame in context.decode(av.Packet(payload))]
    return np.concatenate(decoded)


def test_both_directions_give_the_bits_of_the_peer() -> None:
    frames = sweep()
    encoder, decoder = G722Encoder(), G722Decoder()
    encoded = [encoder.encode(frame) for frame in frames]
    assert {len(payload) for payload in encoded} == {160}
    assert b"".join(encoded) == b"".join(peer_encoded(frames))
    decoded = np.concatenate([decoder.decode(payload) for payload in encoded])
    assert decoded.dtype == np.int16
    assert np.array_equal(decoded, peer_decoded(encoded))


def test_any_octets_are_decoded_as_the_peer_does() -> None:
    octets = np.random.default_rng(2).integers(0, 256, (50, 160)).astype(np.uint8)
    payloads = [row.tobytes() for row in octets]
    decoder = G722Decoder()
    assert np.array_equal(np.concatenate([decoder.decode(p) for p in payloads]), peer_decoded(payloads))


def test_a_tone_comes_back_22_samples_later() -> None:
    tone = tones.sine(1000.0, 0.5, g722.SAMPLE_RATE)
    heard = G722Decoder().decode(G722Encoder().encode(tone)).astype(float)
    error = heard[22 + 800 :] - tone[800:-22]
    assert 10 * np.log10((tone[800:-22].astype(float) ** 2).sum() / (error**2).sum()) > 30.0


@given(st.lists(st.integers(0, 200), max_size=6))
def test_the_stream_may_be_cut_anywhere(lengths: list[int]) -> None:
    samples = sweep().reshape(-1)[: 2 * sum(lengths)]
    encoder, decoder = G722Encoder(), G722Decoder()
    edges = np.cumsum([0, *lengths])
    payloads = [encoder.encode(samples[2 * a : 2 * b]) for a, b in pairwise(edges)]
    whole = G722Encoder().encode(samples)
    assert b"".join(payloads) == whole
    pieces = [decoder.decode(payload) for payload in payloads]
    assert np.array_equal(np.concatenate([*pieces, np.zeros(0, np.int16)]), G722Decoder().decode(whole))


def test_a_view_with_gaps_is_encoded_as_its_copy() -> None:
    frame = sweep()[40]
    spread = np.repeat(frame, 2)
    assert G722Encoder().encode(spread[::2]) == G722Encoder().encode(frame)


@pytest.mark.parametrize(
    "samples", [np.zeros(319, np.int16), np.zeros((2, 160), np.int16), np.zeros(320, np.int32)]
)
def test_what_is_not_a_row_of_pairs_is_refused(samples: NDArray[np.int16]) -> None:
    with pytest.raises(ValueError, match="in one row of int16"):
        G722Encoder().encode(samples)


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert g722.available()
    monkeypatch.setitem(sys.modules, "G722", None)
    assert not g722.available()
    with pytest.raises(MissingCodecError, match="pip install G722"):
        G722Decoder()
