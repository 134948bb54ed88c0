"""Traces of finished calls, with the SDK's own exporter in memory."""

from __future__ import annotations

import gzip
import re
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.config.tracing import TracingConfig
from talkpath.bridge.realtime.tools import CallContext
from talkpath.bridge.records.report import messages_of
from talkpath.bridge.records.rows import FullCall, Leg, Moment, ToolRun, Turn
from talkpath.bridge.tracing import desk
from talkpath.bridge.tracing.desk import TracingDesk, open_desk
from talkpath.sip import messages as m
from tests.bridge.records.calls import NOON, call

pytest.importorskip("opentelemetry.sdk", reason="needs talkpath[tracing]")

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from talkpath.bridge.tracing.export import CallTraces, exporting

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

ZERO = round(NOON.timestamp() * 1_000_000) * 1_000


def story(name: str = "c-1") -> FullCall:
    """A call of 60 s: two sessions, a turn, two functions, a transfer."""
    return FullCall(
        call=call(name, ended_at=NOON + timedelta(seconds=60), transfer="declined", transfer_target="desk"),
        legs=[Leg(role="caller", at=0.0), Leg(role="consult", at=30.0, ended=40.0, sip_status=486)],
        moments=[Moment(at=at, party="model", direction="in", name="session ready") for at in (0.5, 20.0)],
        turns=[Turn(at=5.0, latency=0.5)],
        tools=[
            ToolRun(at=6.0, name="find_order", outcome="ok", seconds=0.25, arguments='{"secret": 1}'),
            ToolRun(at=50.0, name="pay", outcome="failed"),
        ],
    )


def written(*calls: FullCall) -> list[ReadableSpan]:
    memory = InMemorySpanExporter()
    traces = CallTraces(SimpleSpanProcessor(memory), "1.0")
    for one in calls:
        traces.write(one)
    spans = list(memory.get_finished_spans())
    traces.close()
    return spans


def times(span: ReadableSpan) -> tuple[float, float]:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.start_time - ZERO) / 1e9, (span.end_time - ZERO) / 1e9


def test_a_call_is_one_trace_with_its_sessions_turns_functions_and_transfer() -> None:
    spans = written(story())
    assert [(span.name, *times(span)) for span in spans] == [
        ("model session", 0.5, 20.0),
        ("model session", 20.0, 60.0),
        ("turn", 4.5, 5.0),
        ("tool find_order", 6.0, 6.25),
        ("tool pay", 50.0, 60.0),
        ("transfer", 30.0, 40.0),
        ("call", 0.0, 60.0),
    ]
    root = spans[-1]
    assert root.parent is None
    assert root.kind == SpanKind.SERVER
    for span in spans[:-1]:
        assert span.parent is not None
        assert (span.parent.trace_id, span.parent.span_id) == (root.context.trace_id, root.context.span_id)
    assert root.attributes is not None
    assert root.attributes["sip.call_id"] == "c-1@pbx"
    assert root.resource.attributes["service.name"] == "talkpath"


def test_what_failed_is_marked_and_nothing_private_is_told() -> None:
    broken = story("c-2")
    broken.call.outcome, broken.call.cause = "failed", "model_lost"
    spans = written(broken)
    errors = {
        span.name: span.status.description for span in spans if span.status.status_code is StatusCode.ERROR
    }
    assert errors == {"tool pay": "failed", "call": "model_lost"}
    told = str([(span.name, dict(span.attributes or {})) for span in spans])
    assert "secret" not in told
    assert "+4930123456" not in told


def test_a_function_names_its_parent_before_the_spans_are_written() -> None:
    header = CallContext(call_id="c-1").traceparent
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", header)
    root = written(story("c-1"))[-1]
    assert header == f"00-{root.context.trace_id:032x}-{root.context.span_id:016x}-01"
    assert CallContext(call_id="c-2").traceparent[:35] != header[:35]


def test_reports_of_workers_become_traces_and_what_is_broken_does_no_harm() -> None:
    memory = InMemorySpanExporter()
    one = TracingDesk(CallTraces(SimpleSpanProcessor(memory), "1.0"))
    one.message("worker-0", m.CallReport(call="c-9", number=0, of=1, body=b"\xff"))
    one.message("worker-0", m.Ready())
    one.message("worker-1", m.PeerLost(who="worker", calls=("c-8",)))
    for report in messages_of(story()):
        one.message("worker-0", report)
    assert [span.name for span in memory.get_finished_spans()][-1] == "call"


def test_a_collector_gets_them_over_http() -> None:
    received: list[tuple[str, str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers["X-Key"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever).start()
        endpoint = f"http://127.0.0.1:{server.server_port}/v1/traces"
        settings = TracingConfig.model_validate({"endpoint": endpoint, "headers": {"X-Key": "k"}})
        traces = exporting(settings, "1.0")
        traces.write(story())
        traces.close()
        server.shutdown()
    ((path, key, body),) = received
    assert (path, key) == ("/v1/traces", "k")
    assert b"tool find_order" in (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)


def test_without_an_endpoint_or_the_library_there_is_no_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_desk(TracingConfig(), "1.0") is None

    def missing(_name: str) -> object:
        raise ModuleNotFoundError(name="opentelemetry")

    monkeypatch.setattr(desk, "import_module", missing)
    assert open_desk(TracingConfig(endpoint="http://127.0.0.1:9/v1/traces"), "1.0") is None
