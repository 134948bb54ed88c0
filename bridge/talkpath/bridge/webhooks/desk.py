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
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.observe.metrics import Metrics

PATIENCE: Final = 3.0
"""Seconds that addresses get at the end of the daemon."""


class WebhookDesk:
    """Tells every address what it wants to know.

    Args:
        config: Has the addresses, and what is redacted.
        metrics: The supervisor's.
    """

    def __init__(self, config: Config, metrics: Metrics) -> None:
        records = config.records
        self._redact = Redactor(digits=records.redact_digits, patterns=records.redact).text
        self._metrics = metrics
        chance = random.Random().random  # noqa: S311 - spreads back-offs, protects nothing
        self._senders = [(hook, Sender(hook, metrics, chance)) for hook in config.webhooks]

    def event(self, event: Event, call: LiveCall | None) -> None:
        """Something has happened; ``call`` is the call as it was just before its end."""
        for hook, sender in self._senders:
            for payload in payloads(hook, event, call, self._redact):
                sender.submit(payload)
        self._metrics.webhook_queued.set(sum(len(sender) for _hook, sender in self._senders))

    async def stop(self) -> None:
        """Send what can be sent quickly, and end."""
        await asyncio.gather(*(sender.stop(PATIENCE) for _hook, sender in self._senders))
