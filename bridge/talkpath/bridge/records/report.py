"""The way of a finished call from its worker to the supervisor: encoded, cut into messages, put together.

A channel carries messages of at most `talkpath.sip.messages.MAX_MESSAGE` octets; a long call is larger.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, Final

import msgspec

from talkpath.sip import messages as m

from .rows import Call, FullCall, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from talkpath.bridge.observe.call_record import CallRecord

PIECE: Final = 96 * 1024
"""Octets of a report in one message."""
MAX_PIECES: Final = 16
"""1.5 MiB, about twice what a journal keeps at most."""
MAX_UNFINISHED: Final = 64
"""Reports that may be incomplete at one time, over all workers."""


def full_call(record: CallRecord, started_at: datetime, ended_at: datetime) -> FullCall:
    """All that is known of a finished call.

    Args:
        record: The record, settled.
        started_at: When the INVITE came or was ordered.
        ended_at: When the call was over.
    """
    journal = record.journal
    parts = journal.parts() if journal is not None else {}
    latencies = record.turn_latencies
    facts: dict[str, Any] = {name: getattr(record, name) for name in _SAME}
    quality: dict[str, Any] = {name: record.quality.get(name) for name in _QUALITY}
    call = Call(
        id=record.call,
        **facts,
        started_at=started_at,
        answered_at=record.answered_at,
        ended_at=ended_at,
        setup_seconds=record.setup,
        talk_seconds=round(record.talk, 3),
        turns=record.turns,
        turn_median=round(median(latencies), 4) if latencies else None,
        turn_max=round(max(latencies), 4) if latencies else None,
        barge_ins=len(record.barge_in_stops),
        **quality,
        cost_usd=record.cost,
        transfer_account=_account(record),
        media=record.media,
        left_out=journal.left_out() if journal is not None else {},
    )
    return FullCall(call=call, tokens=_tokens(record), **parts)


_SAME: Final = (
    *("sip_call_id", "direction", "trunk", "agent", "model", "caller", "called", "codec"),
    *("outcome", "cause", "ended_by", "sip_status", "reason"),
    *("digits", "tool_calls", "tool_failures", "model_reconnects"),
    *("transfer", "transfer_target", "answered_by", "recording"),
)
"""Fields that have the same name in both."""
_QUALITY: Final = (
    *("mos", "loss_percent", "jitter_ms"),
    *("peer_mos", "peer_loss_percent", "peer_jitter_ms", "round_trip_ms"),
)


def _account(record: CallRecord) -> m.TransferAccount | None:
    """Without its words where what is said is not kept."""
    account, journal = record.account, record.journal
    if account is None or (journal is not None and journal.transcripts):
        return account
    return msgspec.structs.replace(account, reason="", summary="")


def _tokens(record: CallRecord) -> list[Tokens]:
    return [
        Tokens(kind=kind, count=count, dollars=record.costs.get(kind) if record.cost is not None else None)
        for kind, count in sorted(record.tokens.items())
    ]


# On the wire ----------------------------------------------------------------------------------------

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(FullCall)


def encode(full: FullCall) -> bytes:
    """A report as one piece."""
    return _encoder.encode(full)


def messages_of(full: FullCall) -> Iterator[m.CallReport]:
    """Cut a report into messages, in their order."""
    body = encode(full)
    pieces = [body[start : start + PIECE] for start in range(0, len(body), PIECE)]
    for number, piece in enumerate(pieces):
        yield m.CallReport(call=full.call.id, number=number, of=len(pieces), body=piece)


def decode(body: bytes) -> FullCall:
    """Read a report.

    Raises:
        msgspec.MsgspecError: It is none, as from a worker of another version.
    """
    return _decoder.decode(body)


class Assembly:
    """Puts reports together from their pieces, which come in order from each worker."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[str, str], list[bytes]] = {}

    def take(self, process: str, message: m.CallReport) -> bytes | None:
        """Take one piece; returns the whole report with its last one.

        Raises:
            ValueError: The piece is not the next one of its report, or too many reports are incomplete. What
                was there of the report is dropped.
        """
        key = (process, message.call)
        pieces = self._pieces.pop(key, [])
        fits = 0 < message.of <= MAX_PIECES and len(message.body) <= PIECE
        if not fits or message.number != len(pieces) or message.number >= message.of:
            raise ValueError(f"piece {message.number} of {message.of} came after {len(pieces)}")
        pieces.append(message.body)
        if len(pieces) == message.of:
            return b"".join(pieces)
        if len(self._pieces) >= MAX_UNFINISHED:
            raise ValueError("too many reports are incomplete")
        self._pieces[key] = pieces
        return None

    def forget(self, process: str) -> list[str]:
        """A process is gone; returns the calls whose reports will stay incomplete."""
        lost = [key for key in self._pieces if key[0] == process]
        for key in lost:
            del self._pieces[key]
        return [call for _, call in lost]
