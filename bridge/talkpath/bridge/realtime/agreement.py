"""Did the server agree to what was asked? A wrong audio format is not an error to it, only noise to us."""

from __future__ import annotations

from typing import Any

from talkpath.bridge.realtime.settings import WIRE_FORMATS, AudioFormat

_DEFAULT = WIRE_FORMATS["pcm"]
"""What the server uses when it does not say."""
_G711_RATE = 8000
"""The service does not name it, some compatible servers do."""


def format_mismatch(session: dict[str, Any], asked: AudioFormat) -> str | None:
    """Compare the session that the server confirmed with the audio format that was asked.

    Args:
        session: ``session.updated.session``, untrusted.
        asked: the format wanted in both directions.

    Returns:
        None when they agree, else a sentence that names both and the next step.
    """
    wanted = WIRE_FORMATS[asked]
    for direction in ("input", "output"):
        given = _format(session, direction)
        rate = given.get("rate")
        if given.get("type") != wanted["type"] or rate not in (None, wanted.get("rate", _G711_RATE)):
            return (
                f"The model server did not agree to {_name(wanted)} for audio {direction}: it uses "
                f"{_name(given)}. Choose an audio format that this server supports."
            )
    return None


def _format(session: dict[str, Any], direction: str) -> dict[str, Any]:
    value: Any = session
    for key in ("audio", direction, "format"):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else _DEFAULT


def _name(audio_format: dict[str, Any]) -> str:
    rate = audio_format.get("rate")
    return str(audio_format.get("type"))[:40] + (f" at {rate!s:.12} Hz" if rate else "")
