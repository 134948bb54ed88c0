"""The part of the catalogue about calls, and what is done with callers besides talking to them."""

from __future__ import annotations

from . import labels
from .catalogue import Catalogue


class CallMetrics(Catalogue):
    """Metrics of calls, by attribute; `.metrics.Metrics` has them among its own."""

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
