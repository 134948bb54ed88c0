"""The caller's side of a session: appended audio, turns, transcription, and the silence in between."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from talkpath.bridge.simulator.audio import format_of
from talkpath.bridge.simulator.conversation import Item
from talkpath.bridge.simulator.input_buffer import InputBuffer
from talkpath.bridge.simulator.reply import Heard
from talkpath.bridge.simulator.timeline import Listen
from talkpath.bridge.simulator.usage import transcription_usage
from talkpath.bridge.simulator.vad import SpeechStarted, SpeechStopped, VadSettings
from talkpath.bridge.simulator.validate import Rejected

if TYPE_CHECKING:
    from talkpath.bridge.simulator.reply import Samples
    from talkpath.bridge.simulator.session import RealtimeSession, SessionOptions
    from talkpath.bridge.simulator.timeline import Json

LEAST_COMMIT_MS = 100
MOST_APPEND_BYTES = 15 * 1024 * 1024
IDLE_TEXT = "The user has not said anything for a while. No speech was detected."


class InputTurns:
    """Finds and commits the caller's turns.

    Args:
        session: the session to speak for.
        effective: its effective settings.
        options: its options.
    """

    def __init__(self, session: RealtimeSession, effective: Json, options: SessionOptions) -> None:
        self._session, self._options = session, options
        self._settings: Json = effective["audio"]["input"]
        self._buffer = InputBuffer(format_of(self._settings["format"]), self._vad())
        self._item_id: str | None = None
        self._start_ms = 0
        self._idle = 0
        self._recorded: deque[tuple[int, Samples]] = deque()
        self._recorded_s = 0.0

    @property
    def position_ms(self) -> float:
        """Milliseconds of audio appended since the session began."""
        return self._buffer.position_ms

    def recorded(self) -> tuple[Samples, int]:
        """Return the last ``record_s`` seconds of appended audio (int16) and its rate in hertz."""
        rate = self._recorded[-1][0] if self._recorded else self._buffer.rate
        pieces = [samples for piece_rate, samples in self._recorded if piece_rate == rate]
        return np.concatenate(pieces or [np.zeros(0, dtype=np.int16)]), rate

    def configure(self, effective: Json) -> None:
        """Take new effective settings."""
        self._settings = effective["audio"]["input"]
        self._buffer.configure(format_of(self._settings["format"]), self._vad())
        if not self._buffer.speaking:
            self._item_id = None

    def _vad(self) -> VadSettings | None:
        """Return the detection settings in force, None for push-to-talk."""
        detection = self._settings["turn_detection"]
        return None if detection is None else VadSettings.from_session(detection)

    # ---- client events -----------------------------------------------------------------------------

    def append(self, event: Json, now: float) -> None:
        """``input_audio_buffer.append``."""
        try:
            data = base64.b64decode(event["audio"], validate=True)
        except (binascii.Error, ValueError):
            raise Rejected("invalid_value", "Invalid 'audio': not valid base64.", "audio") from None
        if len(data) > MOST_APPEND_BYTES:
            raise Rejected("invalid_value", "Invalid 'audio': more than 15 MiB in one event.", "audio")
        self._record(data)
        for found in self._buffer.append(data):
            if isinstance(found, SpeechStarted):
                self._speech_started(found, now)
            else:
                self._speech_stopped(found, now)

    def commit(self, event: Json, now: float) -> None:
        """``input_audio_buffer.commit``: by hand, as push-to-talk does."""
        del event
        if self._buffer.buffered_ms < LEAST_COMMIT_MS:
            held = f"{self._buffer.buffered_ms:.2f}ms"
            message = (
                "Error committing input audio buffer: buffer too small. "
                f"Expected at least {LEAST_COMMIT_MS}ms of audio, but buffer only has {held} of audio."
            )
            raise Rejected("input_audio_buffer_commit_empty", message)
        item_id, self._item_id = self._item_id or self._session.new_id("item"), None
        samples, start_ms = self._buffer.take()
        self._commit(Heard(item_id, samples, self._buffer.rate, round(start_ms)), now)

    def clear(self, event: Json, now: float) -> None:
        """``input_audio_buffer.clear``."""
        del event
        self._buffer.clear()
        self._item_id = None
        self._session.emit("input_audio_buffer.cleared", now)

    # ---- turns -------------------------------------------------------------------------------------

    def _speech_started(self, found: SpeechStarted, now: float) -> None:
        """The caller speaks: say so first, then interrupt."""
        self._idle += 1
        self._item_id, self._start_ms = self._session.new_id("item"), found.audio_start_ms
        place = {"audio_start_ms": found.audio_start_ms, "item_id": self._item_id}
        self._session.emit("input_audio_buffer.speech_started", now, **place)
        if self._settings["turn_detection"]["interrupt_response"]:
            self._session.responses.interrupt("turn_detected", now)

    def _speech_stopped(self, found: SpeechStopped, now: float) -> None:
        """The caller's turn is over: commit it under the name announced at its start."""
        item_id, self._item_id = self._item_id or self._session.new_id("item"), None
        place = {"audio_end_ms": found.audio_end_ms, "item_id": item_id}
        self._session.emit("input_audio_buffer.speech_stopped", now, **place)
        samples, start_ms = self._buffer.take(self._start_ms, found.audio_end_ms)
        self._commit(Heard(item_id, samples, self._buffer.rate, round(start_ms)), now)
        if self._settings["turn_detection"]["create_response"]:
            self._session.responses.create({}, now)

    def _commit(self, heard: Heard, now: float) -> None:
        """Make a user message of a stretch of audio."""
        data = {
            "id": heard.item_id,
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        audio = format_of(self._settings["format"]).encode(heard.samples, heard.rate)
        items = self._session.conversation.items
        place = {"item_id": heard.item_id, "previous_item_id": items[-1].id if items else None}
        self._session.emit("input_audio_buffer.committed", now, **place)
        self._session.add_whole_item(Item(data, audio=bytearray(audio), heard=heard), now)
        if self._settings["transcription"] is not None:
            self._session.ask(Listen(heard))

    # ---- transcription -----------------------------------------------------------------------------

    def transcribed(self, heard: Heard, text: str, now: float) -> None:
        """Send what was understood, not before the usual latency."""
        item = self._session.conversation.find(heard.item_id)
        if item is not None:
            item.data["content"][0]["transcript"] = text
        wait = self._options.timing.transcription_ms / 1000 + self._options.faults.transcription_delay_s
        settings = self._settings["transcription"] or {}
        usage = transcription_usage(settings.get("model") or "whisper-1", heard.duration_ms, text)

        def send(at: float) -> None:
            place: dict[str, Any] = {"item_id": heard.item_id, "content_index": 0}
            kind = "conversation.item.input_audio_transcription"
            for index, word in enumerate(text.split()):
                self._session.emit(f"{kind}.delta", at, **place, delta=f" {word}" if index else word)
            self._session.emit(f"{kind}.completed", at, **place, transcript=text, usage=usage)

        self._session.at(now + wait, send)

    # ---- silence -----------------------------------------------------------------------------------

    def response_created(self) -> None:
        """A response begins: nobody is idle."""
        self._idle += 1

    def response_completed(self, audio_ms: float, now: float) -> None:
        """Start the idle timer at the end of the playback, as estimated from the audio sent."""
        detection = self._settings["turn_detection"] or {}
        timeout_ms = detection.get("idle_timeout_ms")
        if timeout_ms:
            mark = self._idle
            due = now + (audio_ms + timeout_ms) / 1000
            self._session.at(due, lambda at: self._timed_out(mark, at))

    def _timed_out(self, mark: int, now: float) -> None:
        """Nobody spoke: commit the silence and let the model go on."""
        if mark != self._idle or self._session.responding:
            return
        samples, start_ms = self._buffer.take()
        heard = Heard(
            self._session.new_id("item"), samples, self._buffer.rate, round(start_ms), transcript=""
        )
        end_ms = heard.start_ms + heard.duration_ms
        place = {"audio_start_ms": heard.start_ms, "audio_end_ms": end_ms, "item_id": heard.item_id}
        self._session.emit("input_audio_buffer.timeout_triggered", now, **place)
        content = [{"type": "input_text", "text": IDLE_TEXT}]
        notice = {
            "id": self._session.new_id("item"),
            "type": "message",
            "status": "completed",
            "role": "system",
        }
        self._session.add_whole_item(Item({**notice, "content": content}), now)
        self._commit(heard, now)
        self._session.responses.create({}, now)

    def _record(self, data: bytes) -> None:
        """Keep appended audio for inspection."""
        if self._options.record_s <= 0:
            return
        audio_format = format_of(self._settings["format"])
        samples = audio_format.decode(data)
        self._recorded.append((audio_format.rate, samples))
        self._recorded_s += len(samples) / audio_format.rate
        while self._recorded_s > self._options.record_s and len(self._recorded) > 1:
            rate, oldest = self._recorded.popleft()
            self._recorded_s -= len(oldest) / rate
