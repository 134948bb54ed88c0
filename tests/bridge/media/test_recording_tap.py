from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from talkpath.bridge.media.recording_tap import RecordingTap
from tests.bridge.media.phone import frame, packet

if TYPE_CHECKING:
    from talkpath.bridge.media.recording_tap import Piece
    from tests.bridge.media.phone import Line


def test_the_plane_gives_both_sides_of_a_recorded_lane_alone(line: Line) -> None:
    lane, other = line.open(), line.open()
    line.run(0.1)
    pieces: list[Piece] = []
    line.plane.tap.start(lane, pieces.append)
    line.plane.play(lane, "a", b"\x01" * 320, line.now)
    line.plane.play(other, "b", b"\x02" * 320, line.now)
    line.plane.finish_item(lane, "a")
    line.plane.finish_item(other, "b")

    def each(slot: int) -> None:
        for recorded in (lane, other):
            line.say(recorded, packet(frame(slot + recorded * 60), slot, 160 * slot))

    line.run(1.0, each)
    line.plane.close_lane(lane)
    caller, agent = (b"".join(getattr(piece, side) for piece in pieces) for side in ("caller", "agent"))
    assert frame(lane * 60 + 1) + frame(lane * 60 + 2) in caller
    assert agent.startswith((b"\x01" * 320, b"\xff" * 160 + b"\x01" * 320))
    assert b"\x02" not in agent
    assert abs(sum(piece.agent_frames for piece in pieces) - 50) <= 1
    assert not line.plane.tap.active


def test_slots_without_a_frame_are_silence_of_the_right_length() -> None:
    tap = RecordingTap(1)
    pieces: list[Piece] = []
    tap.start(0, pieces.append)
    rows, codes = np.zeros(1, np.intp), np.full((1, 160), 7, np.uint8)
    for slot in (0, 3, 200):  # 200 is beyond what a lane holds
        tap.tick = slot * 4
        tap.agent(rows, codes, slot)
    tap.stop(0)
    assert [piece.agent_frames for piece in pieces] == [200, 1]
    sound = np.frombuffer(pieces[0].agent, np.uint8).reshape(-1, 160)[:, 0]
    assert np.flatnonzero(sound == 7).tolist() == [0, 3]
    assert pieces[1].agent == codes.tobytes()
    assert pieces[1].sent_at == 200 * 0.02


def test_what_waits_when_the_codec_changes_is_recorded_too(line: Line) -> None:
    lane = line.open()
    pieces: list[Piece] = []
    line.plane.tap.start(lane, pieces.append)
    for number in (0, 1, 2, 4):
        line.say(lane, packet(frame(number), number, 160 * number))
        line.run(0.02)
    line.configure(lane, codec="G722", payload_type=9)
    line.tick()
    line.plane.tap.stop(lane)
    assert sum(piece.caller_frames for piece in pieces) == len(line.uplink[lane]) // 160 == 5
