"""The wire of the benchmark's model: WebSocket frames and Realtime events put together from bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from talkpath.bridge.simulator.audio import format_of
from talkpath.bridge.simulator.settings import default_session, updated_session

if TYPE_CHECKING:
    from talkpath.bridge.benchmark.marks import AudioMode

OPCODE_TEXT, OPCODE_CLOSE, OPCODE_PING, OPCODE_PONG = 0x1, 0x8, 0x9, 0xA
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_KEY: Final = re.compile(rb"^Sec-WebSocket-Key:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


def accept(request: bytes) -> bytes:
    """The answer to a handshake (RFC 6455, section 4.2.2).

    Raises:
        ValueError: it is not one.
    """
    key = _KEY.search(request)
    if key is None:
        raise ValueError(f"not a WebSocket handshake: {request[:80]!r}")
    proof = base64.b64encode(hashlib.sha1(key[1] + _GUID).digest())  # noqa: S324 - as the RFC wants it
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )


def frame(payload: bytes, opcode: int = OPCODE_TEXT) -> bytes:
    """A whole message as the server sends it: unmasked."""
    length = len(payload)
    if length < 126:
        return bytes((0x80 | opcode, length)) + payload
    if length < 65_536:
        return bytes((0x80 | opcode, 126)) + length.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + length.to_bytes(8, "big") + payload


def take_frame(data: bytearray) -> tuple[int, bytes] | None:
    """Cut the first whole frame of a client off: opcode and unmasked payload; None if there is none."""
    if len(data) < 6:
        return None
    length, start = data[1] & 0x7F, 2
    if length >= 126:
        start = 4 if length == 126 else 10
        length = int.from_bytes(data[2:start], "big")
    end = start + 4 + length
    if len(data) < end:
        return None
    mask = bytes(data[start : start + 4]) * (length // 4 + 1)
    masked = int.from_bytes(data[start + 4 : end], "big")
    payload = (masked ^ int.from_bytes(mask[:length], "big")).to_bytes(length, "big")
    opcode = data[0] & 0x0F
    del data[:end]
    return opcode, payload


def event(kind: str, **fields: Any) -> bytes:
    """A server event in its frame."""
    body = {"type": kind, "event_id": "event_bench", **fields}
    return frame(json.dumps(body, separators=(",", ":")).encode())


class Session:
    """One session: answers what a client needs to start, and writes responses.

    Args:
        number: Its number.
    """

    def __init__(self, number: int) -> None:
        self._session = default_session(f"sess_{number}", "bench", 0)
        self._response = 0
        self._head = b""

    def opening(self) -> bytes:
        """What the server says first."""
        return event("session.created", session=self._session)

    def control(self, message: dict[str, Any]) -> bytes:
        """The answer to an event of the client; most get none."""
        if message.get("type") != "session.update":
            return b""
        self._session = updated_session(self._session, message["session"], voice_locked=False)
        return event("session.updated", session=self._session)

    @property
    def mode(self) -> AudioMode:
        """The audio format in force."""
        wide = format_of(self._session["audio"]["input"]["format"]).bytes_per_ms == 48
        return "pcm" if wide else "pcmu"

    def speech_started(self) -> bytes:
        """The caller begins to speak."""
        return event("input_audio_buffer.speech_started", audio_start_ms=0, item_id=f"heard_{self._response}")

    def speech_over(self) -> bytes:
        """The response that ran was broken off; the caller has spoken."""
        heard = f"heard_{self._response}"
        return (
            event("response.done", response=self._body("cancelled", {"reason": "turn_detected"}))
            + event("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id=heard)
            + event("input_audio_buffer.committed", previous_item_id=None, item_id=heard)
        )

    def begin_response(self) -> bytes:
        """A response begins, with one item of speech."""
        self._response += 1
        place = {"response_id": f"resp_{self._response}", "output_index": 0}
        item = {"id": f"item_{self._response}", "type": "message", "role": "assistant", "content": []}
        where = {**place, "item_id": item["id"], "content_index": 0}
        self._head = event("response.output_audio.delta", **where)
        self._head = self._head[self._head.index(b"{") : -1] + b',"delta":"'
        added = event("response.output_item.added", **place, item={**item, "status": "in_progress"})
        return event("response.created", response=self._body("in_progress")) + added

    def delta(self, audio: bytes) -> bytes:
        """A piece of the response's audio, given as base64."""
        return frame(b"".join((self._head, audio, b'"}')))

    def _body(self, status: str, details: dict[str, str] | None = None) -> dict[str, Any]:
        return {
            "id": f"resp_{self._response}",
            "object": "realtime.response",
            "status": status,
            "status_details": details,
            "output": [],
        }
