"""``talkpath show``: all that is stored of one call, for a person or as JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import msgspec
from rich.table import Table
from rich.text import Text

from talkpath.bridge.doctor.limits import plural
from talkpath.bridge.records.problems import RecordsError
from talkpath.bridge.records.read import Records

from .calls import console, database_of, local_time, plain
from .exits import Exit, complain
from .ladder_text import ladder, transcript
from .voices_text import voices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from talkpath.bridge.records.rows import Call, FullCall

LABEL_WIDTH: Final = 12
AMBIGUOUS: Final = 10
"""Calls that are listed when a beginning fits several."""


def show_call(config: Path | None, database: str, name: str, *, as_json: bool) -> int:
    """Show the call with this id, the beginning of one, or this SIP Call-ID."""
    url = database_of(config, database)
    if isinstance(url, Exit):
        return url
    try:
        with Records(url) as records:
            found = records.find(name, limit=AMBIGUOUS)
            full = records.get(found[0].id) if len(found) == 1 else None
    except RecordsError as error:
        complain(f"{error}.")
        return Exit.FAILED
    if full is None:
        return _explain(name, found)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(full), indent=2).decode() + "\n")
    else:
        _show(full, console())
    return Exit.OK


def _explain(name: str, found: Sequence[Call]) -> Exit:
    if not found:
        complain(f'there is no call "{name}". List them with: talkpath calls')
        return Exit.FAILED
    complain(f'several calls fit "{name}", write more of it:')
    for call in found:
        sys.stderr.write(f"  {call.id}  {local_time(call.started_at)}  {plain(call.sip_call_id)}\n")
    return Exit.USAGE


def _show(full: FullCall, output: Console) -> None:
    for label, text in _facts(full):
        line = Text(label.ljust(LABEL_WIDTH), style="cyan")
        line.append(plain(text), style="")
        output.print(line, soft_wrap=True)
    picture = voices(full)
    if picture:
        output.print()
        output.print(Text("Voices", style="bold"))
        for row in picture:
            output.print(Text(row), soft_wrap=True)
    for title, table in (
        ("Ladder", ladder(full)),
        ("Transcript", transcript(full)),
        ("Functions", _functions(full)),
        ("Tokens", _tokens(full)),
    ):
        if table is not None:
            output.print()
            output.print(Text(title, style="bold"))
            output.print(table)


def _facts(full: FullCall) -> Iterator[tuple[str, str]]:
    call = full.call
    yield "Call", call.id
    yield "SIP Call-ID", call.sip_call_id
    yield "Direction", f"{call.direction}{f', trunk {call.trunk}' if call.trunk else ''}"
    yield "From, to", f"{call.caller or 'unknown'} → {call.called or 'unknown'}"
    yield "Agent", f"{call.agent or 'none'}{f' ({call.model})' if call.model else ''}"
    yield "Began", f"{local_time(call.started_at)}{_setup(call)}"
    yield "Ended", f"{local_time(call.ended_at)}, {_ending(call)}"
    if call.reason:
        yield "", call.reason
    if call.answered_by:
        yield "Answered by", f"a {call.answered_by}, as it seemed"
    if call.transfer:
        target = f" to {call.transfer_target}" if call.transfer_target else ""
        yield "Transfer", f"{call.transfer.replace('_', ' ')}{target}"
    yield from _legs(full)
    yield from _quality(call)
    yield "Talk", _talk(call)
    if call.cost_usd is not None:
        yield "Cost", f"${call.cost_usd:.4f}"
    if call.recording:
        yield "Recording", call.recording
    if call.left_out:
        dropped = ", ".join(f"{count} {name}" for name, count in call.left_out.items())
        yield "Left out", f"{dropped}: too long a call to keep all"


def _setup(call: Call) -> str:
    if call.setup_seconds is None:
        return ", never answered"
    return f", answered after {call.setup_seconds * 1000:.0f} ms, talked for {call.talk_seconds:.1f} s"


def _ending(call: Call) -> str:
    cause = call.cause.replace("_", " ")
    by = f" (ended by {call.ended_by})" if call.ended_by and call.ended_by not in cause else ""
    status = f", SIP {call.sip_status}" if call.sip_status else ""
    return f"{call.outcome}: {cause}{by}{status}"


def _legs(full: FullCall) -> Iterator[tuple[str, str]]:
    for leg in full.legs:
        parts = [leg.codec, f"RTP with {leg.remote}" if leg.remote else "", leg.uri]
        yield f"Leg {leg.role}"[: LABEL_WIDTH - 1], ", ".join(part for part in parts if part) or "no media"


def _quality(call: Call) -> Iterator[tuple[str, str]]:
    heard = _figures(call.mos, call.loss_percent, call.jitter_ms)
    if heard:
        yield "We heard", heard
    told = _figures(call.peer_mos, call.peer_loss_percent, call.peer_jitter_ms)
    if told:
        trip = "" if call.round_trip_ms is None else f", round trip {call.round_trip_ms:.0f} ms"
        yield "They heard", f"{told}{trip} (by their RTCP)"


def _figures(mos: float | None, loss: float | None, jitter: float | None) -> str:
    parts = [
        "" if mos is None else f"MOS {mos:.2f}",
        "" if loss is None else f"loss {loss:.2f} %",
        "" if jitter is None else f"jitter {jitter:.1f} ms",
    ]
    return ", ".join(part for part in parts if part)


def _talk(call: Call) -> str:
    parts = [plural(call.turns, "turn")]
    if call.turn_median is not None and call.turn_max is not None:
        median, most = call.turn_median * 1000, call.turn_max * 1000
        parts.append(f"answers after {median:.0f} ms (median), {most:.0f} ms (most)")
    parts += [plural(call.barge_ins, "interruption")] if call.barge_ins else []
    parts += [f"{plural(call.digits, 'key')} pressed"] if call.digits else []
    parts += [plural(call.model_reconnects, "reconnect")] if call.model_reconnects else []
    return ", ".join(parts)


def _functions(full: FullCall) -> Table | None:
    if not full.tools:
        return None
    table = Table(box=None, pad_edge=False, show_header=False)
    for run in full.tools:
        took = "" if run.seconds is None else f"{run.seconds * 1000:.0f} ms"
        table.add_row(f"{run.at:9.3f}", plain(run.name), run.outcome, took, Text(plain(run.arguments)))
    return table


def _tokens(full: FullCall) -> Table | None:
    if not full.tokens:
        return None
    table = Table(box=None, pad_edge=False, show_header=False)
    for one in full.tokens:
        dollars = "" if one.dollars is None else f"${one.dollars:.6f}"
        table.add_row(one.kind.replace("_", " "), Text(str(one.count), justify="right"), dollars)
    return table
