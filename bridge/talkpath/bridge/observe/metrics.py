"""The catalogue of metrics: every name, its labels, and what an operator does about it.

Each process has one `Metrics`. In the daemon the supervisor sets ``PROMETHEUS_MULTIPROC_DIR`` to a fresh
folder before it makes its own and starts its children, each process writes its values there, and the
supervisor's ``/metrics`` adds them up (`.shared`). Without that variable the values stay in the process,
which is what tests and the demo use.

Labels come from closed lists or from the configuration, never straight from the network, so that no
peer can make the number of series grow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.sip.phone_messages import CONSOLE

from . import labels
from .api_metrics import ApiMetrics
from .call_metrics import CallMetrics
from .call_record import CAUSES, OUTCOMES
from .labels import bounded, status_label
from .media_metrics import MediaMetrics
from .model_metrics import ModelMetrics
from .process_metrics import ProcessMetrics
from .record_metrics import RecordMetrics
from .sip_metrics import SipMetrics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry

    from .call_record import CallRecord


class Metrics(CallMetrics, MediaMetrics, ModelMetrics, SipMetrics, ProcessMetrics, RecordMetrics, ApiMetrics):
    """All metrics of a process, by attribute."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(registry)
        self._define_calls()
        self._define_handling()
        self._define_media()
        self._define_quality()
        self._define_model()
        self._define_sip()
        self._define_room()
        self._define_processes()
        self._define_records()
        self._define_api()
        self._define_daemon()

    def call_ended(self, record: CallRecord) -> None:
        """Count a finished call. Turns and barge-ins are observed when they happen, not here."""
        self.calls.labels(
            record.direction,
            record.agent,
            bounded(record.outcome, OUTCOMES),
            bounded(record.cause, CAUSES),
        ).inc()
        if record.trunk != CONSOLE:
            status = record.sip_status if record.setup is None else 200
            self.sip_answers.labels(record.direction, status_label(status)).inc()
        if record.answered_by:
            self.calls_answered_by.labels(record.agent, record.answered_by).inc()
        self._quality(record)
        if record.setup is not None:
            self.call_setup.labels(record.direction).observe(record.setup)
            self.call_duration.labels(record.agent).observe(record.talk)

    def _quality(self, record: CallRecord) -> None:
        for histogram, (name, unit) in self.qualities().items():
            figure = record.quality.get(name)
            if figure is not None:
                histogram.labels(record.trunk).observe(figure / unit)

    def expect(self, agents: Iterable[str], trunks: Iterable[str] = ()) -> None:
        """Let series that alerts look at begin at zero: one that appears with 1 has no increase.

        Args:
            agents: those of the configuration.
            trunks: those of the configuration, and the empty name for calls without one.
        """
        for trunk in trunks:
            for histogram in self.qualities():
                histogram.labels(trunk)
        for agent in agents:
            self._expect_agent(agent)
        for outcome, reason in labels.USUAL_TRANSFERS:
            self.transfers.labels(outcome, reason)
        for counter, values in (
            (self.tool_calls, labels.TOOL_RESULTS),
            (self.model_errors, sorted({*labels.ERROR_CODES, "other"})),
            (self.model_anomalies, labels.USUAL_ANOMALIES),
            (self.model_responses, labels.RESPONSE_OUTCOMES),
            (self.model_reconnects, ("ok", "failed")),
            (self.internal_errors, labels.TASK_ROOTS),
            (self.http_refused, labels.HTTP_REFUSALS),
            (self.messages_dropped, labels.MESSAGE_DROPS),
            (self.recordings, labels.RECORDING_RESULTS),
            (self.holds, labels.HOLD_RESULTS),
        ):
            for value in values:
                counter.labels(value)

    def _expect_agent(self, agent: str) -> None:
        for by_agent in (self.call_duration, self.first_audio, self.turn_latency, self.barge_in_stop):
            by_agent.labels(agent)
        self.calls_active.labels(agent)
        for who in labels.ANSWERED_BY:
            self.calls_answered_by.labels(agent, who)
        for outcome, cause in labels.USUAL_ENDS:
            self.calls.labels("inbound", agent, outcome, cause)
