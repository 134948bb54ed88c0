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
from .call_record import CAUSES, OUTCOMES
from .labels import bounded, status_label
from .media_metrics import MediaMetrics
from .record_metrics import RecordMetrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prometheus_client import CollectorRegistry

    from .call_record import CallRecord


class Metrics(MediaMetrics, RecordMetrics, ApiMetrics):
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
            labels.SETUP_BUCKETS,
            "Mostly the time the model takes to open a session: run talkpath doctor.",
        )
        self.first_audio = self._histogram(
            "first_audio_seconds",
            "From the answer to the first word of the agent on the wire.",
            ["agent"],
            labels.TURN_BUCKETS,
            "Callers say hello into silence: see turn_latency_seconds, they have the same cause.",
        )
        self.call_duration = self._histogram(
            "call_duration_seconds",
            "From the 200 to the end of the call.",
            ["agent"],
            labels.DURATION_BUCKETS,
            "Many below five seconds: callers hang up at once. Listen to what they hear first.",
        )
        self.calls_answered_by = self._counter(
            "calls_answered_by",
            "Calls of ours that were answered by somebody, found out by how they spoke.",
            ["agent", "by"],
            "Many machines: call at another time of the day.",
        )
        self.calls_lost = self._counter(
            "calls_lost",
            "Calls that ended because a process of the daemon died.",
            ["process"],
            "Any: a bug; the process_died log line says how it ended.",
        )
        self.turn_latency = self._histogram(
            "turn_latency_seconds",
            "From the end of the caller's speech, as the model noticed it, to the first audio on the wire.",
            ["agent"],
            labels.TURN_BUCKETS,
            "Above a second callers repeat themselves: try another model or region, or shorter instructions.",
        )
        self.barge_in_stop = self._histogram(
            "barge_in_stop_seconds",
            "From the notice of the caller's speech to the agent's last frame.",
            ["agent"],
            labels.BARGE_IN_BUCKETS,
            "Above 50 ms the worker is overloaded: see beat_lateness_seconds.",
        )

    def _define_handling(self) -> None:
        """What is done with callers besides talking to them."""
        self.transfers = self._counter(
            "transfers",
            "Transfers to humans that ended, or were refused at once.",
            ["outcome", "reason"],
            "returned with unreachable or refer_failed: the PBX; see docs/transfer.md, what it must allow.",
        )
        self.holds = self._counter(
            "holds",
            "Callers put on hold, by what came of it.",
            ["result"],
            'refused or not_resumed: the PBX takes no re-INVITE; hold = "local" of the trunk needs none.',
        )
        self.comebacks = self._counter(
            "callers_back",
            "Callers who came back by a new call after a blind transfer, and were recognised.",
            [],
            "Nobody takes the calls that are transferred: see who the target is, and its hours.",
        )
        self.tool_calls = self._counter(
            "tool_calls",
            "Functions the agents called.",
            ["result"],
            "unknown, bad_arguments: the model. failed, timeout, busy: your function; the log names it.",
        )

    def _define_model(self) -> None:
        self.model_events = self._counter("model_events", "Events received from the model.", ["group"])
        self.model_responses = self._counter(
            "model_responses",
            "Responses of the model that ended, by how.",
            ["outcome"],
            "failed: see model_errors_total. Many interrupted: the agent talks too long, or hears itself.",
        )
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
            ["model", "kind"],
            "The tokens at the list price, by kind; set an alert at your budget.",
        )
        self.model_headroom = self._gauge(
            "model_rate_limit_remaining_ratio",
            "What is left of the account's rate limits, as the model told last: 1 all, 0 nothing.",
            ["model", "limit"],
            "livemostrecent",
            "Below 0.1 responses are about to be refused: ask for a higher limit, or spread the calls.",
        )

    def _define_sip(self) -> None:
        self.sip_refused = self._counter(
            "sip_refused",
            "Requests that were refused before they became calls.",
            ["cause"],
            "unknown_source: an address that no trunk matches. rate, capacity, trunk_capacity, no_lane: "
            "raise the limit, or add workers. overloaded: see worker_overloaded. scanner: attack tools, "
            "dropped without an answer.",
        )
        self.sip_rejected = self._counter(
            "sip_rejected",
            "Calls that were answered with a failure, by SIP status.",
            ["code"],
            "404: no route leads to an agent. 503: no model, or no lane; the call_ended lines tell which.",
        )
        self.sip_answers = self._counter(
            "sip_answers",
            "Final answers to INVITEs of calls: ours when inbound, theirs when outbound.",
            ["direction", "code"],
            "Inbound 4xx and 5xx are our refusals, 487 a caller who gave up, none a call without an answer.",
        )
        self.sip_events = self._counter(
            "sip_events",
            "Other counters of the SIP process, by name.",
            ["event", "detail"],
            "register by status: see registration_up. callback_error, message_error: a bug; see the log.",
        )
        self.registration_up = self._gauge(
            "registration_up",
            "1 while we are registered at the trunk.",
            ["trunk"],
            "livemostrecent",
            "0: the registration log lines give the registrar's answer; 401 or 403 is the password.",
        )

    def _define_room(self) -> None:
        self.lanes = self._gauge(
            "lanes",
            "Lanes of the media workers, one per call.",
            ["state"],
            "livesum",
            "Few free: more workers, or another node.",
        )
        self.rtp_ports = self._gauge(
            "rtp_ports",
            "Pairs of RTP ports.",
            ["state"],
            "livesum",
            "Few free while lanes are free: widen sip.rtp_ports. A pair rests for seconds after its call.",
        )

    def _define_processes(self) -> None:
        self.process_up = self._gauge(
            "process_up",
            "1 while a process of the daemon is alive and ready.",
            ["process"],
            "livemostrecent",
            "0 for long: it cannot start; the log says why.",
        )
        self.worker_overloaded = self._gauge(
            "worker_overloaded",
            "1 while a worker does not keep up with its calls and gets no new ones.",
            ["process"],
            "livemostrecent",
            "1: see beat_lateness_seconds; lower workers.lanes, add workers or processors.",
        )
        self.process_cpu = self._counter(
            "process_cpu_seconds",
            "Processor time of each process of the daemon.",
            ["process"],
            "A worker near 1 s per second is full: more workers, or fewer lanes.",
        )
        self.process_memory = self._gauge(
            "process_resident_memory_bytes",
            "Memory of each process of the daemon.",
            ["process"],
            "livemostrecent",
            "Growing while the calls do not: a leak, please report it.",
        )
        self.process_files = self._gauge(
            "process_open_files",
            "Open file descriptors of each process; a call has three or four.",
            ["process"],
            "livemostrecent",
            "Near the limit (ulimit -n, LimitNOFILE): raise it.",
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
        self.messages_dropped = self._counter(
            "messages_dropped",
            "Messages between processes of the daemon that were lost, but for those that SIP could not read.",
            ["cause"],
            "Any: a bug, or files of two versions; message_too_large in the log tells the size.",
        )

    def _define_daemon(self) -> None:
        self.draining = self._gauge(
            "draining",
            "1 while new calls are refused.",
            [],
            "livemostrecent",
            "1 after SIGTERM; live calls get drain_timeout.",
        )
        self.reload_successful = self._gauge(
            "config_last_reload_successful",
            "1 when the configuration in force is what was last read, 0 after a reload that failed.",
            [],
            "livemostrecent",
            "0: the log line reload_refused names file, key and remedy; the configuration before stays.",
        )
        self.reload_time = self._gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read, in Unix time.",
            [],
            "livemostrecent",
        )
        self.build_info = self._gauge(
            "build_info", "Always 1; the labels tell the version.", ["version", "python"], "max"
        )
        self.sip_stack_info = self._gauge(
            "sip_stack_info",
            "Always 1; the label tells the SIP stack, how many calls it carries, and its TLS.",
            ["stack"],
            "livemostrecent",
        )

    # What several places do -----------------------------------------------------------------------

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
            for by_agent in (self.call_duration, self.first_audio, self.turn_latency, self.barge_in_stop):
                by_agent.labels(agent)
            self.calls_active.labels(agent)
            for who in labels.ANSWERED_BY:
                self.calls_answered_by.labels(agent, who)
            for outcome, cause in labels.USUAL_ENDS:
                self.calls.labels("inbound", agent, outcome, cause)
        for outcome, reason in labels.USUAL_TRANSFERS:
            self.transfers.labels(outcome, reason)
        for counter, values in (
            (self.tool_calls, labels.TOOL_RESULTS),
            (self.model_errors, sorted({*labels.ERROR_CODES, "other"})),
            (self.model_anomalies, labels.USUAL_ANOMALIES),
            (self.model_responses, labels.RESPONSE_OUTCOMES),
            (self.model_reconnects, ("ok", "failed")),
            (self.internal_errors, labels.TASK_ROOTS),
            (self.messages_dropped, labels.MESSAGE_DROPS),
            (self.recordings, labels.RECORDING_RESULTS),
            (self.holds, labels.HOLD_RESULTS),
        ):
            for value in values:
                counter.labels(value)

    def rate_limit(self, model: str, name: str, limit: float, remaining: float) -> None:
        """Keep what the model told about one rate limit."""
        if limit > 0:
            share = min(1.0, max(0.0, remaining / limit))
            self.model_headroom.labels(model, bounded(name, labels.LIMITS)).set(share)

    def session_counts(self, counts: Mapping[str, int]) -> None:
        """Count what one Realtime session counted, when it is over."""
        for name, count in counts.items():
            kind, _, rest = name.partition(":")
            if kind == "event":
                self.model_events.labels(bounded(rest.partition(".")[0], labels.EVENT_GROUPS)).inc(count)
            elif kind.removeprefix("response_") in labels.RESPONSE_OUTCOMES:
                self.model_responses.labels(kind.removeprefix("response_")).inc(count)
            elif not rest and kind not in labels.NORMAL_COUNTS:
                # What stands behind a colon comes from the network.
                self.model_anomalies.labels(kind).inc(count)

    def model_error(self, code: str) -> None:
        """Count an error of the model."""
        self.model_errors.labels(bounded(code, labels.ERROR_CODES)).inc()
