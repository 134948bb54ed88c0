"""Server frames to events, from untrusted bytes. Unknown and broken frames become :class:`Unreadable`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

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
_KNOWN_TYPES = frozenset(str(cls.__struct_config__.tag) for cls in get_args(Known))

_HOSTILE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What a frame can bring a decoder to raise."""


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
    except _HOSTILE:
        return _explain(frame)


def _explain(frame: Frame) -> Known | Unreadable:
    try:
        kind = _decode_any(frame).type
    except _HOSTILE:
        return Unreadable("bad_json")
    if kind not in _KNOWN_TYPES:
        return Unreadable("unknown_type", kind[:64])
    try:
        return msgspec.convert(_without_nulls(msgspec.json.decode(frame)), Known)  # type: ignore[no-any-return]  # an argument cannot be typed as a union
    except _HOSTILE:
        return Unreadable("bad_shape", kind[:64])


def _without_nulls(value: Any) -> Any:
    """Take what is null as left out: compatible servers write the one, the service the other."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value
