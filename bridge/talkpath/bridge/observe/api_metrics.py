"""The part of the catalogue about the control API and the webhooks."""

from __future__ import annotations

from .catalogue import Catalogue


class ApiMetrics(Catalogue):
    """Metrics of whoever watches and steers, by attribute; `.metrics.Metrics` has them among its own."""

    def _define_api(self) -> None:
        self.http_refused = self._counter(
            "http_refused",
            "HTTP connections that were closed unheard.",
            ["cause"],
            "Many: somebody tries the port. malformed: no HTTP, TLS perhaps. slow: no whole request in "
            "10 s. too_many: 200 connections of other machines, or 400 in all.",
        )
        self.api_requests = self._counter(
            "api_requests",
            "Requests to the control API, by how they ended.",
            ["result"],
            "closed: no token is configured. unauthorized: a wrong token; many may be somebody who guesses. "
            "remote: from another machine, "
            "while api.remote is off.",
        )
        self.api_listeners = self._gauge(
            "api_listeners", "Streams of events that are open.", [], "livemostrecent"
        )
        self.api_listeners_dropped = self._counter(
            "api_listeners_dropped",
            "Streams of events that were closed because their reader did not keep up.",
            [],
            "The reader, or the way to it, is too slow; it may connect again.",
        )
        self.listening = self._gauge(
            "listening", "People and programs that listen to live calls.", [], "livemostrecent"
        )
        self.listening_dropped = self._counter(
            "listening_dropped",
            "Pieces of sound, 60 ms each, that did not reach who listens to a call.",
            ["cause"],
            "listener: it, or the way to it, is too slow. backlog: the supervisor is; calls go first.",
        )
        self.webhook_messages = self._counter(
            "webhook_messages",
            "Messages to web addresses, and attempts, by how they ended.",
            ["result"],
            "expired, queue_full, gone, shutdown: lost; the webhook_lost log lines name the calls. Many "
            "tried_again: the address is slow or away.",
        )
        self.webhook_queued = self._gauge(
            "webhook_queued", "Messages that wait for web addresses.", [], "livemostrecent"
        )
