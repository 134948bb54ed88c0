"""Nothing of a call may be heard, counted or measured in the next one on its lane."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from talkpath.bridge.media.lane import LaneSound
from talkpath.codecs import telephone_event
from tests.bridge.media.phone import Line, frame, packet

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.media.lane import LaneStatistics, ModelFormat, PhoneCodec
    from talkpath.bridge.media.recording_tap import Piece

_PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9}
_NEIGHBOUR = 0
_RAMP = bytes(range(250)) * 400


def keep_busy(line: Line) -> None:
    """Let the neighbour talk: what a plane does now and then for all lanes, it does at the same times."""
    number = round(line.now / 0.02)
    line.say(_NEIGHBOUR, packet(frame(1), number, 160 * number))


def caller(line: Line, lane: int, codec: str, seed: int) -> Callable[[int], None]:
    """Packets of which a fifth is lost, and a key whose end never comes."""
    random = Random(seed)  # noqa: S311 - a fixed pattern is the point

    def each(slot: int) -> None:
        keep_busy(line)
        number = slot + seed
        if 40 <= slot < 43:
            event = telephone_event.schedule("3")[slot - 40]
            line.say(lane, packet(event.payload, number, 160 * (40 + seed), payload_type=101))
        elif random.random() < 0.8:
            line.say(
                lane,
                packet(frame(number), number, 160 * number, payload_type=_PAYLOAD_TYPES[codec], ssrc=seed),
            )

    return each


def hang_up(line: Line, lane: int) -> LaneStatistics:
    """End a call."""
    statistics = line.plane.close_lane(lane)
    line.ports.pop(lane).close()
    line.phones.pop(lane).close()
    return statistics


def use(line: Line, model: ModelFormat, codec: PhoneCodec) -> None:
    """A call that uses everything, and ends in the middle of it."""
    lane = line.open(model, codec=codec, payload_type=_PAYLOAD_TYPES[codec])
    pieces: list[Piece] = []
    line.plane.shape(lane, LaneSound(gain=6.0))
    line.plane.tap.start(lane, pieces.append)
    line.plane.tap.listen(lane, pieces.append)
    line.plane.tap.silence(lane, silenced=True)
    line.plane.play_sound(lane, np.full(800, 9_000, np.int16), True, line.now)
    line.plane.play(lane, "x", _RAMP, line.now)
    line.run(0.9, caller(line, lane, codec, 7_000))
    line.plane.dial(lane, "5", line.now)
    line.plane.set_uplink(lane, "nothing")
    line.say(lane, packet(frame(1), 7_047, 160 * 7_047, payload_type=_PAYLOAD_TYPES[codec], ssrc=7_000))
    line.tick()
    hang_up(line, lane)


def call(line: Line, model: ModelFormat, codec: PhoneCodec) -> dict[str, Any]:
    """A whole call; everything about it that somebody can notice."""
    lane = line.open(model, codec=codec, payload_type=_PAYLOAD_TYPES[codec])
    pieces: list[Piece] = []
    line.plane.tap.start(lane, pieces.append)
    facts: dict[str, Any] = {"lane": lane, "levels": line.plane.tap.meter.read(lane)}
    line.events.clear()
    line.plane.play(lane, "y", _RAMP[:9_000], line.now)
    line.run(1.0, caller(line, lane, codec, 100))
    played, sent = line.plane.position(lane), line.hear(lane).audio
    statistics = hang_up(line, lane)
    return facts | {
        "played": played,
        "uplink": bytes(line.uplink[lane]),
        "sent": sent,
        "recorded": [(piece.caller, piece.agent, piece.silenced) for piece in pieces],
        "counters": statistics.counters,
        "lost": (statistics.packets_expected, statistics.packets_lost, round(statistics.jitter_ms, 6)),
        "events": [event for event in line.events if type(event).__name__ != "Latched"],
    }


@pytest.mark.parametrize("second", ["PCMU", "G722"])
@pytest.mark.parametrize(("model", "first"), [("pcmu", "PCMU"), ("pcm", "PCMA"), ("pcm", "G722")])
def test_a_call_on_a_used_lane_is_like_one_on_a_new_plane(
    model: ModelFormat, first: PhoneCodec, second: PhoneCodec
) -> None:
    used, new = Line(2), Line(2)
    for line in (used, new):
        assert line.open() == _NEIGHBOUR
        line.plane.tap.watch(watched=True)
    use(used, model, first)
    new.run(used.now + 0.005, lambda _: keep_busy(new))
    facts = [call(line, "pcm", second) for line in (used, new)]
    used.close()
    new.close()
    for name, found in facts[0].items():
        assert found == facts[1][name], name
