"""The supervisor's side of tracing: takes reports of finished calls and has their spans written."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

import structlog

from talkpath.bridge.records.report import Assembly, decode
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from talkpath.bridge.config.tracing import TracingConfig
    from talkpath.bridge.tracing.export import CallTraces

log = structlog.get_logger(__name__)

MISSING = "Traces need OpenTelemetry. Install it with: pip install 'talkpath[tracing]'"


class TracingDesk:
    """Reports in, traces out.

    Args:
        traces: Where they go.
    """

    def __init__(self, traces: CallTraces) -> None:
        self._traces = traces
        self._assembly = Assembly()

    def message(self, process: str, message: m.Message) -> None:
        """See what comes from a process; what cannot be read is the business of whoever keeps records."""
        match message:
            case m.CallReport():
                try:
                    body = self._assembly.take(process, message)
                    if body is not None:
                        self._traces.write(decode(body))
                except ValueError as problem:
                    log.warning("trace_lost", call=message.call, problem=str(problem))
            case m.PeerLost(who="worker"):
                self._assembly.forget(process)
            case _:
                pass

    async def stop(self) -> None:
        """Send what waits, and end."""
        await asyncio.to_thread(self._traces.close)


def open_desk(settings: TracingConfig, version: str) -> TracingDesk | None:
    """A desk that exports, when that is configured and installed; None, with a line in the log, when not."""
    if not settings.endpoint:
        return None
    try:
        export: Any = import_module("talkpath.bridge.tracing.export")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        log.error("tracing_off", problem=MISSING)  # noqa: TRY400 - the sentence says it all
        return None
    return TracingDesk(export.exporting(settings, version))
