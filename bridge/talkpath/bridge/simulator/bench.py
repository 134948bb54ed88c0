"""A lane for benchmarks: echoes continuously what it hears, with as little work as possible.

No turn detection, no conversation, no validation: appended audio goes back in deltas of 100 ms, as one
response that never ends. Only what a client needs to start is answered (``session.update``). The audio is
not converted: input and output format are the same.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from talkpath.bridge.simulator.audio import format_of
from talkpath.bridge.simulator.settings import default_session, updated_session
from talkpath.bridge.simulator.validate import Rejected, parse_event

if TYPE_CHECKING:
    from talkpath.bridge.simulator.timeline import Json

PIECE_MS = 100
_APPEND_TYPE = '"input_audio_buffer.append"'
_AUDIO_KEY = '"audio":'


class BenchLane:
    """One connection of the benchmark.

    Args:
        model: name of the model.
        session_id: identifier of the session.
        piece_ms: length of a delta.
    """

    def __init__(self, model: str, session_id: str, piece_ms: int = PIECE_MS) -> None:
        self.session = default_session(session_id, model, 0)
        self.appended_bytes = 0
        self._piece_ms = piece_ms
        self._pending = bytearray()
        self._started = False
        self._configure()

    def opening(self) -> list[str]:
        """Return the frames that open the session."""
        return [_frame("session.created", session=self.session)]

    def feed(self, message: str | bytes) -> list[str]:
        """Take a frame of the client; return the frames it causes."""
        if isinstance(message, str) and _APPEND_TYPE in message[:120]:
            return self._append(message)
        return self._control(message)

    def _append(self, message: str) -> list[str]:
        """Take audio: cut out by its quotes, as parsing half a megabyte a second would be the main cost."""
        start = message.index('"', message.index(_AUDIO_KEY) + len(_AUDIO_KEY)) + 1
        self._pending += base64.b64decode(message[start : message.index('"', start)])
        if len(self._pending) < self._piece:
            return []
        whole = len(self._pending) - len(self._pending) % self._piece
        data, self._pending = self._pending[:whole], self._pending[whole:]
        self.appended_bytes += whole
        frames = [] if self._started else self._begin()
        pieces = (data[i : i + self._piece] for i in range(0, whole, self._piece))
        return frames + [self._head + base64.b64encode(piece).decode() + '"}' for piece in pieces]

    def _control(self, message: str | bytes) -> list[str]:
        """Answer ``session.update``; everything else is taken without an answer."""
        try:
            event = parse_event(message)
            if event["type"] != "session.update":
                return []
            self.session = updated_session(self.session, event["session"], voice_locked=False)
        except Rejected as rejected:
            return [_frame("error", error=rejected.as_error())]
        self._configure()
        return [_frame("session.updated", session=self.session)]

    def _configure(self) -> None:
        """Take the format in force."""
        audio_format = format_of(self.session["audio"]["input"]["format"])
        self._piece = audio_format.bytes_per_ms * self._piece_ms
        place = {"response_id": "resp_bench", "item_id": "item_bench", "output_index": 0, "content_index": 0}
        self._head = _frame("response.output_audio.delta", **place)[:-1] + ',"delta":"'

    def _begin(self) -> list[str]:
        """Return the frames that open the response that never ends."""
        self._started = True
        response: Json = {
            "id": "resp_bench",
            "object": "realtime.response",
            "status": "in_progress",
            "output": [],
        }
        item: Json = {"id": "item_bench", "type": "message", "role": "assistant", "content": []}
        item["status"] = "in_progress"
        place = {"response_id": "resp_bench", "output_index": 0}
        return [
            _frame("response.created", response=response),
            _frame("response.output_item.added", **place, item=item),
        ]


def _frame(event_type: str, **fields: Any) -> str:
    """Encode a frame; all share one event id, which nobody needs here."""
    return json.dumps({"type": event_type, "event_id": "event_bench", **fields}, separators=(",", ":"))
