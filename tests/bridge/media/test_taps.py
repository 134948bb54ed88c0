from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.media.taps import LIVE_FRAMES, Taps
from tests.bridge.media.phone import frame, packet

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.media.recording_tap import Piece
    from tests.bridge.media.phone import Line

ROWS = np.zeros(1, np.intp)
LOUD = np.full((1, 160), 7, np.uint8)


def run(taps: Taps, slots: range) -> None:
    """Both sides of lane 0 speak, slot by slot."""
    for slot in slots:
        for tick in range(slot * 4, slot * 4 + 4):
            taps.tick = tick
            if tick % 4 == 0:
                taps.agent(ROWS, LOUD, slot)
                taps.caller(ROWS, LOUD, slot * 0.02)
            taps.deliver_due()


def test_a_listener_gets_short_pieces_beside_a_recording() -> None:
    taps = Taps(1)
    recorded: list[Piece] = []
    heard: list[Piece] = []
    taps.start(0, recorded.append)
    taps.listen(0, heard.append)
    run(taps, range(50))
    taps.close(0)
    assert {piece.agent_frames for piece in heard[1:-1]} == {LIVE_FRAMES}
    for pieces in (recorded, heard):
        assert sum(piece.agent_frames for piece in pieces) == 50
        assert b"".join(piece.caller for piece in pieces) == LOUD.tobytes() * 50
    assert not taps.active


def test_a_tap_is_there_only_while_somebody_follows() -> None:
    taps = Taps(1)
    active = [taps.active]
    steps: tuple[Callable[[], None], ...] = (
        lambda: taps.listen(0, lambda _piece: None),
        lambda: taps.start(0, lambda _piece: None),
        lambda: taps.listen_no_more(0),
        lambda: taps.stop(0),
        lambda: taps.watch(watched=True),
        lambda: taps.watch(watched=False),
    )
    for step in steps:
        step()
        active.append(taps.active)
    assert active == [False, True, True, True, False, True, False]


@pytest.mark.parametrize("before", [True, False])
def test_what_must_not_be_recorded_is_for_no_listener_either(before: bool) -> None:
    taps = Taps(1)
    heard: list[Piece] = []
    taps.start(0, lambda _piece: None)
    if before:
        taps.silence(0, silenced=True)
    taps.listen(0, heard.append)
    taps.silence(0, silenced=True)
    run(taps, range(30))
    assert heard
    assert not any(side.any() for piece in heard for side in piece.decoded())
    heard.clear()
    taps.silence(0, silenced=False)
    run(taps, range(30, 60))
    taps.close(0)
    assert any(piece.decoded()[0].any() for piece in heard)
    taps.listen(0, heard.append)
    run(taps, range(60, 63))
    assert not heard[-1].silenced, "the next call of the lane has nothing to hide"


def test_the_plane_gives_both_sides_of_a_lane_to_its_listener(line: Line) -> None:
    lane = line.open()
    line.run(0.1)
    heard: list[Piece] = []
    line.plane.tap.listen(lane, heard.append)
    line.plane.play(lane, "a", b"\x01" * 160 * 20, line.now)
    line.plane.finish_item(lane, "a")

    def say(slot: int) -> None:
        line.say(lane, packet(frame(slot), slot, 160 * slot))

    line.run(0.6, say)
    line.plane.close_lane(lane)
    caller, agent = (b"".join(getattr(piece, side) for piece in heard) for side in ("caller", "agent"))
    assert frame(3) + frame(4) + frame(5) in caller
    assert b"\x01" * 160 * 20 in agent
    assert not line.plane.tap.active
