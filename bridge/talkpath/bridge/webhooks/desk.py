"""All webhooks of a daemon: events of the control API in, messages out."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final

from talkpath.bridge.records.redact import Redactor

from .payload import payloads
from .sender import Sender

if TYPE_CHECKING:
    from talkpath.bridge.api.events import Event
    from talkpath.bridge.api.models import LiveCall
    from talkpath.bridge.config.api import WebhookConfig
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.observe.metrics import Metrics

PATIENCE: Final = 3.0
"""Seconds that addresses get at the end of the daemon, or when they are taken out of the configuration."""
LOST: Final = ("expired", "queue_full", "gone")


class WebhookDesk:
    """Tells every address what it wants to know.

    Args:
        config: Has the addresses, and what is redacted.
        metrics: The supervisor's.
    """

    def __init__(self, config: Config, metrics: Metrics) -> None:
        self._metrics = metrics
        self._chance = random.Random().random  # noqa: S311 - spreads back-offs, protects nothing
        self._senders: list[tuple[WebhookConfig, Sender]] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self.use(config)

    def use(self, config: Config) -> None:
        """Tell the addresses of another configuration; what waits for one that stays still goes."""
        records = config.records
        self._redact = Redactor(digits=records.redact_digits, patterns=records.redact).text
        before, self._senders = self._senders, []
        for hook in config.webhooks:
            same = next((one for one in before if one[0].url == hook.url), None)
            if same is None:
                self._senders.append((hook, Sender(hook, self._metrics, self._chance)))
                continue
            before.remove(same)
            same[1].use(hook)
            self._senders.append((hook, same[1]))
        for _hook, sender in before:
            task = asyncio.create_task(sender.stop(PATIENCE))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        if self._senders:
            for lost in LOST:  # a counter that appears with 1 has no increase, and no alert
                self._metrics.webhook_messages.labels(lost)

    def event(self, event: Event, call: LiveCall | None) -> None:
        """Something has happened; ``call`` is the call as it was just before its end."""
        for hook, sender in self._senders:
            for payload in payloads(hook, event, call, self._redact):
                sender.submit(payload)
        self._metrics.webhook_queued.set(sum(len(sender) for _hook, sender in self._senders))

    async def stop(self) -> None:
        """Send what can be sent quickly, and end."""
        await asyncio.gather(*self._leaving, *(sender.stop(PATIENCE) for _hook, sender in self._senders))
