"""Keeps the books of one call: its record, its metrics, its log lines. Decides nothing.

Times are monotonic seconds, passed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.call.audience import Nobody
from talkpath.bridge.call.quality import voice_quality
from talkpath.bridge.call.token_costs import add_usage
from talkpath.bridge.call.transfer_books import TransferBooks
from talkpath.bridge.call.verdict import Ending, verdict
from talkpath.bridge.realtime import effects as e
from talkpath.bridge.records.ladder import MAIN
from talkpath.sip.addresses import join_host_port
from talkpath.sip.outcomes import Outcome as SipOutcome
from talkpath.sip.outcomes import outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from talkpath.bridge.call.audience import Audience
    from talkpath.bridge.media.lane import LaneStatistics
    from talkpath.bridge.observe.call_record import CallRecord, Cause
    from talkpath.bridge.observe.metrics import Metrics
    from talkpath.sip import messages as m


class Bookkeeping:
    """Fills the record of one call.

    Args:
        record: The record, with what was known at the INVITE.
        metrics: Where turns, barge-ins, tokens and errors are counted as they happen.
        log: Logger with the call's ids bound.
        now: When the INVITE came or was ordered.
        on_event: Told about each session effect, for the ladder of the record; may be None.
        audience: Told what happens, for a live view.
    """

    def __init__(
        self,
        record: CallRecord,
        metrics: Metrics,
        log: FilteringBoundLogger,
        now: float,
        on_event: Callable[[str, e.Effect], None] | None = None,
        *,
        audience: Audience | None = None,
    ) -> None:
        self.record = record
        self.remote_rtp = "an unknown address"
        self.advertised_rtp = "no address"
        self._metrics = metrics
        self._log = log
        self._on_event = on_event
        self._audience = audience or Nobody()
        self._started = now
        self._answered: float | None = None
        self._speech_stopped: float | None = None
        self._silent_since: float | None = None
        self._cause: Cause | None = None
        self._sip_outcome = SipOutcome.UNKNOWN
        self.transfers = TransferBooks(record, metrics, log, self._audience)
        metrics.calls_active.labels(record.agent).inc()
        if record.comeback is not None:
            self._came_back(record.comeback)

    def _came_back(self, comeback: m.Comeback) -> None:
        """The caller had been given away by a transfer of another call a moment ago."""
        self._metrics.comebacks.inc()
        detail = f"call {comeback.call} had given them to {comeback.target}"
        self.record.note("call", "", "caller is back", detail)
        self._log.info(
            "caller_is_back", before=comeback.call, target=comeback.target, reported_taken=comeback.taken
        )

    # The dialog -----------------------------------------------------------------------------------

    def because(self, cause: Cause) -> None:
        """Remember why the call is going to end; the first reason stays."""
        self._cause = self._cause or cause

    def stays(self) -> None:
        """The call goes on after all."""
        self._cause = None

    def dials(self, now: float) -> None:
        """Our INVITE is sent: the time to the answer counts from here."""
        self._started = now

    def sentence(self) -> str:
        """Why we hang up, for the Reason header."""
        return (self._cause or "normal").replace("_", " ")

    def answered(self, now: float) -> None:
        """The dialog is confirmed."""
        if self._answered is None:
            self._answered = self._silent_since = now
            self.record.setup = now - self._started
            self._leg(answered=True)
            self._log.info("call_answered", setup_ms=round(self.record.setup * 1000, 1))

    def picked_up(self, by: str, sign: str) -> None:
        """It was found out who has answered our call; a later finding is the better one."""
        self.record.answered_by = by
        self.record.note("call", "in", f"answered by {by}", sign)
        self._log.info("answered_by", by=by, sign=sign)

    def media(self, description: m.MediaDescription) -> None:
        """Media was negotiated."""
        self.record.codec = description.codec
        self._audience.media(self.record.call, description.codec)
        self.remote_rtp = join_host_port(description.remote_address, description.remote_port)
        self.advertised_rtp = join_host_port(description.local_address, description.local_port)
        self._leg(codec=description.codec, remote=self.remote_rtp)
        self._log.info(
            "media",
            codec=description.codec,
            remote=self.remote_rtp,
            local=self.advertised_rtp,
            sends=description.sends,
            receives=description.receives,
            srtp=description.local_crypto.value.partition(" ")[0],  # the suite; its key stands behind it
        )

    def media_refused(self, sentence: str) -> None:
        """What was negotiated cannot be carried."""
        self.record.reason = sentence
        self.record.note("media", "", "media refused", sentence)
        self._log.error("media_refused", problem=sentence)

    def rtp_stopped(self, seconds: float) -> None:
        """Nothing came from the caller for ``seconds``: name the likely cause."""
        self.record.note("media", "in", "no RTP", f"from {self.remote_rtp} for {seconds:.0f} s")
        self._log.warning(
            "no_rtp",
            problem=f"no RTP from {self.remote_rtp} for {seconds:.0f} s: our SDP advertised "
            f"{self.advertised_rtp}; if the caller cannot reach that address, set sip.advertised_address "
            "or open the firewall",
        )

    def latched(self, address: str, port: int) -> None:
        """The caller's RTP comes from here."""
        self.remote_rtp = join_host_port(address, port)
        self._leg(remote=self.remote_rtp)
        self.record.note("media", "in", "RTP", f"from {self.remote_rtp}")
        self._log.debug("rtp_latched", remote=self.remote_rtp)

    def dialog_ended(self, message: m.CallEnded) -> None:
        """The SIP process says how it ended."""
        self.record.ended_by = message.by
        self.record.sip_status = message.status
        told = message.outcome is not SipOutcome.UNKNOWN
        self._sip_outcome = message.outcome if told else outcome_of(message.status)
        self.record.reason = self.record.reason or message.reason
        self._leg(ended=True, sip_status=message.status, reason=message.reason)

    # The conversation -------------------------------------------------------------------------------

    def agent_audible(self, now: float) -> None:
        """The first frame of something the agent says was handed to RTP."""
        if self._silent_since is not None:
            self._metrics.first_audio.labels(self.record.agent).observe(now - self._silent_since)
            self._silent_since = None
        if self._speech_stopped is not None:
            latency = now - self._speech_stopped
            self._speech_stopped = None
            self.record.turn_latencies.append(latency)
            self._audience.turn(self.record.call, latency)
            self.record.note("media", "out", "agent audible", f"{latency * 1000:.0f} ms after the caller")
            if self.record.journal is not None:
                self.record.journal.turn(latency)
            self._metrics.turn_latency.labels(self.record.agent).observe(latency)
            self._log.debug("turn", latency_ms=round(latency * 1000, 1))

    def flushed(self, seconds: float) -> None:
        """The caller interrupted; ``seconds`` from the notice to the agent's last frame."""
        self.record.barge_in_stops.append(seconds)
        self._audience.interrupted(self.record.call, seconds)
        self.record.note("media", "out", "agent stopped", f"{seconds * 1000:.1f} ms after the notice")
        self._metrics.barge_in_stop.labels(self.record.agent).observe(seconds)
        self._log.info("barge_in", stop_ms=round(seconds * 1000, 1))

    def model_problem(self, sentence: str) -> None:
        """Something went wrong with the model; the sentence is for the operator."""
        self.record.reason = sentence
        self.record.note("model", "in", "model lost", sentence)
        self._log.warning("model_lost", problem=sentence)

    def model_back(self) -> None:
        """The model is there: an earlier problem with it is not what the call ends by."""
        self.record.reason = ""

    def reconnected(self, *, successful: bool) -> None:
        """A session was opened again in the middle of the call, or could not be."""
        self.record.model_reconnects += successful
        self.record.note("model", "", "reconnected" if successful else "no way back")
        self._metrics.model_reconnects.labels("ok" if successful else "failed").inc()

    def session_effect(self, effect: e.Effect, now: float) -> None:
        """Keep what a session reports."""
        match effect:
            case e.Transcript(role, _, text, True):
                self._log.info("said", role=role, pii_text=text)
            case e.CallerSpeaking(started, _):
                self._speech_stopped = None if started else now
            case e.RunTool(_, name, _):
                self.record.tool_calls += 1
                self._log.info("tool_called", tool=name)
            case e.Usage(_, tokens):
                add_usage(tokens, self.record, self._metrics)
            case e.ProtocolProblem(code, message):
                self._metrics.model_error(code)
                self._log.warning("model_error", code=code, problem=message)
            case e.RateLimits(limits):
                for limit in limits:
                    self._metrics.rate_limit(self.record.model, limit.name, limit.limit, limit.remaining)
            case e.Configured(session_id, _):
                self._log.info("model_ready", session=session_id)
            case _:
                pass
        if self._on_event is not None:
            self._on_event(self.record.call, effect)
        self._audience.effect(self.record.call, effect)

    def briefing_effect(self, effect: e.Effect) -> None:
        """Keep what the session that speaks to a human reports: it costs tokens like any other."""
        match effect:
            case e.Usage(_, tokens):
                add_usage(tokens, self.record, self._metrics)
            case e.ProtocolProblem(code, message):
                self._metrics.model_error(code)
                self._log.warning("model_error", code=code, problem=message, session="briefing")
            case _:
                pass

    # Holds ----------------------------------------------------------------------------------------

    def held(self, *, signalled: bool) -> None:
        """We put the caller on hold; a signalled one is counted when the peer has answered."""
        self.record.holds += 1
        if not signalled:
            self._metrics.holds.labels("local").inc()
        self.record.note("call", "", "hold", "signalled" if signalled else "comfort sound only")
        self._log.info("held", signalled=signalled)

    def hold_answered(self, answer: m.HoldAnswered) -> None:
        """The peer agrees to a hold of ours or to its end, or refuses."""
        if answer.status >= 300:
            self._metrics.holds.labels("refused" if answer.on else "not_resumed").inc()
            self._log.warning("hold_refused", on=answer.on, status=answer.status, problem=answer.reason)
        elif answer.on:
            self._metrics.holds.labels("agreed").inc()

    def tool_failed(self) -> None:
        """A tool raised or took too long."""
        self.record.tool_failures += 1

    # The end --------------------------------------------------------------------------------------

    def statistics(self, figures: LaneStatistics) -> None:
        """The lane is closed."""
        self.record.media = dict(figures.counters)
        self.record.quality = voice_quality(figures, self.record.codec)

    def ended(self, now: float) -> CallRecord:
        """Settle outcome and cause, and write the canonical line."""
        self.transfers.settle()
        record = self.record
        if self._answered is not None:
            record.talk = now - self._answered
        answered = self._answered is not None
        ending = Ending(record.direction, answered, self._cause, record.ended_by, self._sip_outcome)
        record.outcome, record.cause = verdict(ending)
        self._metrics.calls_active.labels(record.agent).dec()
        self._metrics.call_ended(record)
        self._log.info("call_ended", **_without_bound(record.line()))
        return record

    # The journal ----------------------------------------------------------------------------------

    def _leg(self, *, answered: bool = False, ended: bool = False, **facts: str | int) -> None:
        """Add facts to the leg of the caller, or of whom we called."""
        journal = self.record.journal
        if journal is not None:
            times = {"answered": journal.now} if answered else {"ended": journal.now} if ended else {}
            journal.leg(MAIN, "caller", **facts, **times)


def _without_bound(line: dict[str, object]) -> dict[str, object]:
    """The ids are bound to the logger already."""
    return {key: value for key, value in line.items() if key not in {"call", "sip_call_id", "agent"}}
