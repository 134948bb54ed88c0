"""Writes the spans of calls with the OpenTelemetry SDK: the one module that knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator

from .ids import span_id, trace_id
from .spans import Span, call_span, inner_spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

    from talkpath.bridge.config.tracing import TracingConfig
    from talkpath.bridge.records.rows import FullCall

NANOSECONDS: Final = 1_000_000_000
FLUSH_MILLISECONDS: Final = 5_000


class _CallIds(IdGenerator):
    """Random ids, but for the span of a call, whose ids follow from its name."""

    def __init__(self) -> None:
        self.call = ""
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        """The id of the next span."""
        if not self.call:
            return self._random.generate_span_id()
        call, self.call = self.call, ""
        return span_id(call)

    def generate_trace_id(self) -> int:
        """The id of the next trace; asked for before that of its first span."""
        return trace_id(self.call) if self.call else self._random.generate_trace_id()


class CallTraces:
    """Turns reports of finished calls into traces.

    Args:
        processor: Takes the spans; runs on a thread of its own when it is a `BatchSpanProcessor`.
        version: Of Talkpath.
    """

    def __init__(self, processor: SpanProcessor, version: str) -> None:
        self._ids = _CallIds()
        resource = Resource.create({"service.name": "talkpath", "service.version": version})
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("talkpath", version)

    def write(self, full: FullCall) -> None:
        """Write the spans of a call that is over."""
        zero = round(full.call.started_at.timestamp() * 1_000_000) * 1_000
        whole = call_span(full)
        self._ids.call = full.call.id
        root = self._begin(whole, zero, trace.SpanKind.SERVER, None)
        parent = trace.set_span_in_context(root)
        for plan in inner_spans(full):
            _end(self._begin(plan, zero, trace.SpanKind.INTERNAL, parent), plan, zero)
        _end(root, whole, zero)

    def close(self) -> None:
        """Send what waits, for a few seconds, and end."""
        self._provider.force_flush(FLUSH_MILLISECONDS)
        self._provider.shutdown()

    def _begin(self, plan: Span, zero: int, kind: trace.SpanKind, parent: Context | None) -> trace.Span:
        return self._tracer.start_span(
            plan.name,
            context=parent or Context(),
            kind=kind,
            attributes=plan.attributes,
            start_time=_moment(zero, plan.start),
        )


def exporting(settings: TracingConfig, version: str) -> CallTraces:
    """Traces that go to an OTLP collector over HTTP."""
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    exporter = OTLPSpanExporter(endpoint=settings.endpoint, headers=headers)
    return CallTraces(BatchSpanProcessor(exporter), version)


def _end(span: trace.Span, plan: Span, zero: int) -> None:
    if plan.error:
        span.set_status(trace.StatusCode.ERROR, plan.error)
    span.end(_moment(zero, max(plan.start, plan.end)))


def _moment(zero: int, at: float) -> int:
    return zero + round(at * NANOSECONDS)
