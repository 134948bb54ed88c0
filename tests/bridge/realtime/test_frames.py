from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from talkpath.bridge.realtime.frames import LONGEST, SHORTEST, ClientFrames


def parsed(data: bytes) -> Frame:
    """Read a frame as the library's own server does."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    parser = Frame.parse(reader.read_exact, mask=True, max_size=None)
    try:
        while True:
            next(parser)
    except StopIteration as result:
        frame = result.value
    assert isinstance(frame, Frame)
    assert reader.at_eof()
    return frame


@given(st.binary(min_size=SHORTEST, max_size=3000))
def test_the_library_reads_what_we_write(payload: bytes) -> None:
    frame = parsed(ClientFrames().text(payload))
    assert (frame.opcode, frame.fin, frame.data) == (Opcode.TEXT, True, payload)


@pytest.mark.parametrize("length", [SHORTEST, LONGEST])
def test_the_longest_and_the_shortest_payload_fit(length: int) -> None:
    assert parsed(ClientFrames().text(b"x" * length)).data == b"x" * length


@pytest.mark.parametrize("length", [0, SHORTEST - 1, LONGEST + 1])
def test_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="16-bit length"):
        ClientFrames().text(b"x" * length)


def test_no_masking_key_is_used_twice_in_a_row() -> None:
    frames = ClientFrames()
    keys = [frames.text(b"x" * SHORTEST)[4:8] for _ in range(10_000)]
    assert len(set(keys)) > 9_990
