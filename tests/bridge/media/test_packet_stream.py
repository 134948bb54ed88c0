from __future__ import annotations

import numpy as np

from talkpath.bridge.media.packet_stream import TICKS, PacketStream, RingClock
from talkpath.bridge.media.packets import LOST, PAUSE, THERE
from talkpath.codecs.opus import OpusDecoder, OpusEncoder, OpusWishes

FRAME = 320
NOISE = np.random.default_rng(3).normal(0, 3_000, 50 * FRAME).astype(np.int16).reshape(-1, FRAME)


def packets(wishes: OpusWishes | None = None) -> list[bytes]:
    encoder = OpusEncoder(wishes)
    return [encoder.encode(frame) for frame in NOISE]


def frame_of(kind: int) -> np.ndarray:
    return np.full(160, kind, np.uint8)


def test_a_packet_is_held_until_its_numbers_come_back() -> None:
    stream, decoder, said = PacketStream(), OpusDecoder(), packets()
    held = [stream.hold(packet, 160 * place) for place, packet in enumerate(said)]
    assert {octets for _, octets in held} == {160}
    heard = [stream.decode(bytes([number]) * 160) for number, _ in held]
    assert (np.concatenate(heard) == np.concatenate([decoder.decode(packet) for packet in said])).all()


def test_numbers_are_taken_in_any_pieces() -> None:
    whole, pieces, said = PacketStream(), PacketStream(), packets()
    for stream in (whole, pieces):
        for place, packet in enumerate(said[:4]):
            stream.hold(packet, 160 * place)
    numbers = bytes(number for number in (1, 2, 3, 4) for _ in range(160))
    heard = np.concatenate([pieces.decode(numbers[at : at + 100]) for at in range(0, 600, 100)])
    assert (heard == whole.decode(numbers)[:1_200]).all()


def test_numbers_that_mean_nothing_are_silence() -> None:
    stream = PacketStream()
    assert not stream.decode(bytes(160)).any()
    assert not stream.decode(bytes([7]) * 100).any()
    assert stream.hold(b"", 0) == (0, 0)


def test_no_more_than_255_packets_are_held() -> None:
    stream, said = PacketStream(), packets()
    numbers = [stream.hold(said[place % 50], 160 * place)[0] for place in range(1_000)]
    assert set(numbers) == set(range(1, 256))


def test_a_loss_is_taken_from_the_packet_after_it_if_that_is_there() -> None:
    said, losses = packets(OpusWishes(recovers=True)), range(10, 40, 6)
    errors = []
    for follows in (True, False):
        stream, truth, error = PacketStream(), OpusDecoder(), 0.0
        numbers: dict[int, int] = {}
        for place in range(45):
            if place not in losses:
                numbers.setdefault(place, 0)
                numbers[place] = numbers[place] or stream.hold(said[place], 160 * place)[0]
                truth.decode(said[place])
                stream.decode(bytes([numbers[place]]) * 160)
                continue
            if follows:
                numbers[place + 1] = stream.hold(said[place + 1], 160 * (place + 1))[0]
            made_up = stream.mend(frame_of(0), frame_of(LOST)).astype(np.float64)
            error += float(np.square(made_up - truth.decode(said[place])).sum())
        errors.append(error)
    assert errors[0] < errors[1] * 0.8


def test_what_is_made_up_fades_into_a_pause_and_a_pause_is_silence() -> None:
    stream, said = PacketStream(), packets()
    stream.decode(bytes([stream.hold(said[9], 0)[0]]) * 160)
    assert stream.mend(frame_of(0), frame_of(LOST)).any()
    fading = np.abs(stream.mend(frame_of(0), frame_of(PAUSE)).astype(int))
    assert fading[:80].max() > 4 * fading[-20:].max()
    assert not stream.mend(frame_of(0), frame_of(PAUSE)).any()


def test_a_frame_of_parts_is_as_long_as_others() -> None:
    stream, said = PacketStream(), packets()
    number = stream.hold(said[9], 1_000)[0]
    holes = np.array([LOST] * 33 + [THERE] * 90 + [PAUSE] * 37, np.uint8)
    assert stream.mend(frame_of(number), holes).size == FRAME


def test_timestamps_are_counted_in_octets_whatever_wraps() -> None:
    clock, rows = RingClock(3), np.array([0, 2])
    clock.configure(2, fast=True)
    first = np.array([0xFFFF_F000, 0xFFFF_F000], np.uint32)
    before = clock.in_octets(rows, first)
    for step in range(1, 20):
        after = clock.in_octets(rows, first + np.uint32(960 * step))
        assert (after - before).tolist() == [960 * step, 960 // TICKS * step]
    late = clock.in_octets(rows, first + np.uint32(960 * 17))
    assert (late - before).tolist() == [960 * 17, 160 * 17]
    clock.configure(2, fast=False)
    assert not clock.any_fast
