"""The part of the catalogue about the SIP process."""

from __future__ import annotations

from .catalogue import Catalogue


class SipMetrics(Catalogue):
    """Metrics of SIP, by attribute; `.metrics.Metrics` has them among its own."""

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
