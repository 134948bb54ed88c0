"""The catalogue of metrics: every name, its labels, and what an operator does about it.

Each process has one `Metrics`. In the daemon the supervisor sets ``PROMETHEUS_MULTIPROC_DIR`` to a fresh
folder before it makes its own and starts its children, each process writes its values there, and the
supervisor's ``/metrics`` adds them up (`exposition`). Without that variable the values stay in the process,
which is what tests and the demo use.

Labels come from closed lists or from the configuration, never straight from the network, so that no
peer can make the number of series grow.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
    values,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from .call_record import CAUSES, OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .call_record import CallRecord

PREFIX: Final = "talkpath_"

SETUP_BUCKETS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
DURATION_BUCKETS: Final = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
TURN_BUCKETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
BARGE_IN_BUCKETS: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
LATENESS_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.010, 0.020, 0.050, 0.100)
"""The same edges as the media plane's own histogram."""

EVENT_GROUPS: Final = frozenset(
    {
        "session",
        "conversation",
        "input_audio_buffer",
        "output_audio_buffer",
        "response",
        "rate_limits",
        "error",
    }
)
ERROR_CODES: Final = frozenset(
    {
        "invalid_api_key",
        "invalid_model",
        "missing_model",
        "model_not_found",
        "session_expired",
        "rate_limit_exceeded",
        "insufficient_quota",
        "server_error",
        "response_cancel_not_active",
        "conversation_already_has_active_response",
        "input_audio_buffer_commit_empty",
        "invalid_event",
        "invalid_value",
        "unknown_parameter",
        "beta_api_shape_disabled",
        "call_id_not_found",
    }
)


class Entry(NamedTuple):
    """One line of the reference page."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    remedy: str


GaugeMode = Literal["livesum", "mostrecent", "max"]


class Metrics:
    """All metrics of a process, by attribute.

    Attributes:
        catalogue: what the reference page lists, in its order.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        _choose_storage()
        self.registry = registry or CollectorRegistry()
        self.catalogue: list[Entry] = []
        self._define_calls()
        self._define_media()
        self._define_model()
        self._define_sip()
        self._define_daemon()

    # The catalogue --------------------------------------------------------------------------------

    def _define_calls(self) -> None:
        self.calls_active = self._gauge("calls_active", "Calls that exist now.", ["agent"], "livesum")
        self.calls = self._counter(
            "calls",
            "Calls that ended.",
            ["direction", "agent", "outcome", "cause"],
            "A rising failed or refused: see the cause label and the call_ended log lines.",
        )
        self.call_setup = self._histogram(
            "call_setup_seconds",
            "From the INVITE to the 200 that answered it.",
            ["direction"],
            SETUP_BUCKETS,
            "Mostly the time the model takes to open a session: run talkpath doctor.",
        )
        self.call_duration = self._histogram(
            "call_duration_seconds", "From the 200 to the end of the call.", ["agent"], DURATION_BUCKETS
        )
        self.turn_latency = self._histogram(
            "turn_latency_seconds",
            "From the end of the caller's speech, as the model noticed it, to the first audio on the wire.",
            ["agent"],
            TURN_BUCKETS,
            "Above a second callers repeat themselves: try another model or region, or shorter instructions.",
        )
        self.barge_in_stop = self._histogram(
            "barge_in_stop_seconds",
            "From the notice of the caller's speech to the agent's last frame.",
            ["agent"],
            BARGE_IN_BUCKETS,
            "Above 50 ms the worker is overloaded: see beat_lateness_seconds.",
        )
        self.tool_calls = self._counter(
            "tool_calls",
            "Functions the agents called.",
            ["result"],
            "unknown, bad_arguments: the model. failed, timeout, busy: your function; the log names it.",
        )

    def _define_media(self) -> None:
        self.rtp_packets = self._counter("rtp_packets", "RTP packets of all calls.", ["direction"])
        self.rtp_anomalies = self._counter(
            "rtp_anomalies",
            "RTP packets or streams that were not as they should be.",
            ["cause"],
            "late, duplicate, reordered: the network. wrong_source, bad_…, oversized: somebody probes "
            "our ports. overrun: the peer's clock. send_blocked, send_unreachable: this machine's network.",
        )
        self.rtp_other_packets = self._counter(
            "rtp_other_packets", "Packets on RTP ports that carry no speech.", ["kind"]
        )
        self.uplink_frames = self._counter("uplink_frames", "20 ms frames of callers sent to the model.", [])
        self.uplink_filled = self._counter(
            "uplink_filled_frames",
            "Of these, frames that had to be made up.",
            ["reason"],
            "lost: packet loss, 1 % is audible. gap: nothing came, normal for silence suppression.",
        )
        self.uplink_concealed = self._counter(
            "uplink_concealed_frames", "Lost frames that were made up from the speech before them.", []
        )
        self.uplink_silence = self._counter(
            "uplink_suppressed_bytes", "Samples that the peer left out on purpose (silence suppression).", []
        )
        self.playout_frames = self._counter(
            "playout_frames",
            "20 ms frames sent to callers with something other than idle silence.",
            ["kind"],
            "starved: the model was slower than real time, callers hear gaps. skipped: this process was.",
        )
        self.playout_overflow = self._counter(
            "playout_overflow_bytes",
            "Model audio dropped because the queue of its call was full.",
            [],
            "More than zero: an answer of many minutes, or a broken model server.",
        )
        self.beat_lateness = self._histogram(
            "beat_lateness_seconds",
            "How late the 5 ms beat of a media worker began.",
            [],
            LATENESS_BUCKETS,
            "p99 above 10 ms is audible jitter: fewer lanes per worker, a quieter machine.",
        )
        self.beats_skipped = self._counter(
            "beats_skipped", "Beats that never happened because an earlier one took too long.", []
        )

    def _define_model(self) -> None:
        self.model_events = self._counter("model_events", "Events received from the model.", ["group"])
        self.model_anomalies = self._counter(
            "model_anomalies",
            "Things that a model server should not do, and what they cost, by name.",
            ["cause"],
            "late_audio_dropped is normal after an interruption. Others: the server, or its version.",
        )
        self.model_errors = self._counter(
            "model_errors",
            "Errors that the model reported.",
            ["code"],
            "rate_limit_exceeded, insufficient_quota: the account. invalid_api_key: the key.",
        )
        self.model_reconnects = self._counter(
            "model_reconnects",
            "Sessions that were opened again during a call.",
            ["result"],
            "The way to the model is unstable; the model_lost log lines give the close codes.",
        )
        self.model_tokens = self._counter("model_tokens", "Tokens used, by kind.", ["model", "kind"])
        self.model_cost = self._counter(
            "model_cost_dollars",
            "Estimated cost of the tokens, in US dollars, for models with a known price.",
            ["model"],
        )

    def _define_sip(self) -> None:
        self.sip_refused = self._counter(
            "sip_refused",
            "Requests that were refused before they became calls.",
            ["cause"],
            "unknown_source: an address that no trunk matches. rate, capacity, no_lane: raise the limit, "
            "or add workers. scanner: attack tools, dropped without an answer.",
        )
        self.sip_rejected = self._counter(
            "sip_rejected",
            "Calls that were answered with a failure, by SIP status.",
            ["code"],
            "404: no route leads to an agent. 503: no model, or no lane; the call_ended lines tell which.",
        )
        self.sip_events = self._counter(
            "sip_events", "Other counters of the SIP process, by name.", ["event", "detail"]
        )
        self.registration_up = self._gauge(
            "registration_up",
            "1 while we are registered at the trunk.",
            ["trunk"],
            "mostrecent",
            "0: the registration log lines give the registrar's answer; 401 or 403 is the password.",
        )

    def _define_daemon(self) -> None:
        self.lanes = self._gauge(
            "lanes",
            "Lanes of the media workers, one per call.",
            ["state"],
            "livesum",
            "Few free: more workers, or another node.",
        )
        self.rtp_ports = self._gauge("rtp_ports", "Pairs of RTP ports.", ["state"], "livesum")
        self.process_up = self._gauge(
            "process_up", "1 while a process of the daemon is alive and ready.", ["process"], "mostrecent"
        )
        self.process_restarts = self._counter(
            "process_restarts",
            "Processes that died and were started again.",
            ["process"],
            "Any: a bug; the process_died log line says how it ended.",
        )
        self.internal_errors = self._counter(
            "internal_errors",
            "Exceptions caught at the root of a task.",
            ["where"],
            "Any: a bug; the log has the traceback.",
        )
        self.draining = self._gauge("draining", "1 while new calls are refused.", [], "mostrecent")
        self.build_info = self._gauge(
            "build_info", "Always 1; the labels tell the version.", ["version"], "max"
        )

    # Making them ----------------------------------------------------------------------------------

    def _note(self, name: str, kind: str, text: str, labels: Sequence[str], remedy: str) -> None:
        self.catalogue.append(Entry(PREFIX + name, kind, tuple(labels), text, remedy))

    def _counter(self, name: str, text: str, labels: Sequence[str], remedy: str = "") -> Counter:
        self._note(f"{name}_total", "counter", text, labels, remedy)
        return Counter(PREFIX + name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: Sequence[str], mode: GaugeMode, remedy: str = "") -> Gauge:
        self._note(name, "gauge", text, labels, remedy)
        return Gauge(PREFIX + name, text, labels, registry=self.registry, multiprocess_mode=mode)

    def _histogram(
        self, name: str, text: str, labels: Sequence[str], buckets: Sequence[float], remedy: str = ""
    ) -> Histogram:
        self._note(name, "histogram", text, labels, remedy)
        return Histogram(PREFIX + name, text, labels, registry=self.registry, buckets=buckets)

    # What several places do -----------------------------------------------------------------------

    def call_ended(self, record: CallRecord) -> None:
        """Count a finished call. Turns and barge-ins are observed when they happen, not here."""
        self.calls.labels(
            record.direction,
            record.agent,
            bounded(record.outcome, OUTCOMES),
            bounded(record.cause, CAUSES),
        ).inc()
        if record.setup is not None:
            self.call_setup.labels(record.direction).observe(record.setup)
            self.call_duration.labels(record.agent).observe(record.talk)

    def session_counts(self, counts: Mapping[str, int]) -> None:
        """Count what one Realtime session counted, when it is over."""
        for name, count in counts.items():
            kind, _, rest = name.partition(":")
            if kind == "event":
                self.model_events.labels(bounded(rest.partition(".")[0], EVENT_GROUPS)).inc(count)
            elif not rest:  # what stands behind a colon comes from the network
                self.model_anomalies.labels(kind).inc(count)

    def model_error(self, code: str) -> None:
        """Count an error of the model."""
        self.model_errors.labels(bounded(code, ERROR_CODES)).inc()


def bounded(value: str, known: frozenset[str]) -> str:
    """A label value from a closed list; everything else is ``other``."""
    return value if value in known else "other"


def _choose_storage() -> None:
    """Let metrics that are made from now on live in the shared folder, or in this process.

    The library chooses when it is imported, which is before the supervisor has made the folder.
    """
    shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
    if shared == (values.ValueClass is values.MutexValue):
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # untyped


def exposition(metrics: Metrics) -> tuple[bytes, str]:
    """Render all metrics, of every process when there are several.

    Returns:
        Body and content type of ``/metrics``.
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return generate_latest(metrics.registry), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]  # untyped in the library
    return generate_latest(registry), CONTENT_TYPE_LATEST


def forget_process(pid: int) -> None:
    """Drop the gauges of a process that died; its counters stay."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]  # untyped in the library
