"""Server frames to events, from untrusted bytes. Unknown and broken frames become :class:`Unreadable`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from talkpath.bridge.realtime import events

if TYPE_CHECKING:
    from collections.abc import Callable


class _AnyEvent(msgspec.Struct, frozen=True):
    """Just the type, to tell an unknown event from a broken one."""

    type: str


Known = (
    events.SessionCreated
    | events.SessionUpdated
    | events.ErrorEvent
    | events.ItemAdded
    | events.ItemCreated
    | events.ItemDone
    | events.ItemTruncated
    | events.ItemDeleted
    | events.InputTranscriptDelta
    | events.InputTranscriptCompleted
    | events.InputTranscriptFailed
    | events.SpeechStarted
    | events.SpeechStopped
    | events.Committed
    | events.ResponseCreated
    | events.ResponseDone
    | events.OutputItemAdded
    | events.OutputItemDone
    | events.AudioDelta
    | events.AudioDone
    | events.TranscriptDelta
    | events.TranscriptDone
    | events.ArgumentsDelta
    | events.ArgumentsDone
    | events.OutputTextDelta
    | events.PartAdded
    | events.PartDone
    | events.RateLimitsUpdated
)

Frame = str | bytes | bytearray | memoryview

_decode_known: Callable[[Frame], Known] = msgspec.json.Decoder(Known).decode
_decode_any = msgspec.json.Decoder(_AnyEvent).decode
_KNOWN_TYPES = frozenset(
    str(cls.__struct_config__.tag) for cls in events.ServerEvent.__subclasses__() if cls.__struct_config__.tag
)


class Unreadable(msgspec.Struct, frozen=True):
    """Instead of an event: why the frame cannot be used.

    ``cause`` is ``unknown_type``, ``bad_shape`` (a type we know, with fields that are not what they must
    be) or ``bad_json``.
    """

    cause: str
    type: str = ""


def decode_event(frame: Frame) -> Known | Unreadable:
    """Read one frame. Never raises for what a server can send."""
    try:
        return _decode_known(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _explain(frame)


def _explain(frame: Frame) -> Unreadable:
    try:
        kind = _decode_any(frame).type
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Unreadable("bad_json")
    return Unreadable("bad_shape" if kind in _KNOWN_TYPES else "unknown_type", kind[:64])
