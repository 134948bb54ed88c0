"""Everything a server can do wrong to a client, chosen in advance and repeatable."""

from __future__ import annotations

from dataclasses import dataclass

EXPIRED = "Your session hit the maximum duration of 60 minutes."


@dataclass(frozen=True, kw_only=True)
class Break:
    """Break the connection.

    Attributes:
        code: close code of the WebSocket; None resets the TCP connection (the client sees 1006).
        reason: close reason.
        on: type of the server event to wait for; "" counts from the start of the session.
        nth: which of these events.
        delay_s: seconds to wait after it.
    """

    code: int | None = None
    reason: str = ""
    on: str = ""
    nth: int = 1
    delay_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Stall:
    """Stop in the middle of the audio of the ``nth`` response, then go on."""

    nth: int = 1
    after_ms: float = 500.0
    seconds: float = 5.0


@dataclass(frozen=True, kw_only=True)
class Mute:
    """Leave the socket unread: ``seconds`` long, from ``after_s`` on."""

    after_s: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What goes wrong in one connection.

    Attributes:
        refuse_status: answer the upgrade with this HTTP status (429, 503) instead of 101.
        session_created_delay_s: wait before ``session.created``.
        breaks: how the connection ends early.
        stall: audio that stops mid-way.
        fail_responses: number of the response (from 1) and the error code that it fails with; codes such
            as ``rate_limit_exceeded``, ``insufficient_quota``, ``server_error``.
        unknown_events: send events of unknown types between the others.
        extra_fields: add unknown fields to every frame.
        duplicate_rate_limits: send ``rate_limits.updated`` twice.
        transcription_delay_s: extra delay of input transcriptions, so that they come out of order.
        session_limit_s: length of a session; ``session_expired`` and close 1001 at its end.
        stop_reading: a time without reading.
    """

    refuse_status: int | None = None
    session_created_delay_s: float = 0.0
    breaks: tuple[Break, ...] = ()
    stall: Stall | None = None
    fail_responses: tuple[tuple[int, str], ...] = ()
    unknown_events: bool = False
    extra_fields: bool = False
    duplicate_rate_limits: bool = False
    transcription_delay_s: float = 0.0
    session_limit_s: float = 3600.0
    stop_reading: Mute | None = None

    def failure_of(self, response_number: int) -> str | None:
        """Return the error code that a response fails with, None when it does not."""
        return dict(self.fail_responses).get(response_number)


NO_FAULTS = Faults()
"""A server that behaves."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Latencies and pace; the defaults are those of recorded sessions.

    Attributes:
        session_created_ms: after the upgrade.
        session_updated_ms: after ``session.update``.
        response_created_ms: after the request for a response.
        item_added_ms: first item, after the request.
        first_audio_ms: first audio delta, after the request.
        rate: seconds of audio sent per second.
        chunk_ms: length of a delta; the first is shorter and has an odd tail, the last is the rest.
        rate_limits_ms: ``rate_limits.updated`` after ``response.done``.
        transcription_ms: first delta of an input transcription, after the commit.
    """

    session_created_ms: float = 5.0
    session_updated_ms: float = 67.0
    response_created_ms: float = 60.0
    item_added_ms: float = 300.0
    first_audio_ms: float = 450.0
    rate: float = 10.0
    chunk_ms: float = 250.0
    rate_limits_ms: float = 35.0
    transcription_ms: float = 1200.0

    @classmethod
    def instant(cls, rate: float = 1000.0) -> Timing:
        """Return a timing without waiting, for tests of logic and for benchmarks."""
        return cls(
            session_created_ms=0,
            session_updated_ms=0,
            response_created_ms=0,
            item_added_ms=0,
            first_audio_ms=0,
            rate=rate,
            rate_limits_ms=0,
            transcription_ms=0,
        )


RECORDED = Timing()
"""The latencies of recorded sessions."""
