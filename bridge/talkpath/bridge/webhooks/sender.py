"""Sends the messages of one web address: a bounded queue, a few at a time, again until they arrive."""

from __future__ import annotations

import asyncio
import heapq
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx2
import structlog
from standardwebhooks import Webhook

from .attempts import Message, judge, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.config.api import WebhookConfig
    from talkpath.bridge.observe.metrics import Metrics

    from .payload import Payload

log = structlog.get_logger(__name__)

MAX_QUEUED: Final = 1000
"""Messages that wait for one address."""
AT_ONCE: Final = 4
"""Requests under way to one address."""


class Sender:
    """One address and its queue.

    Args:
        hook: The address.
        metrics: The supervisor's.
        chance: Gives 0 to 1, for the back-off.
    """

    def __init__(self, hook: WebhookConfig, metrics: Metrics, chance: Callable[[], float]) -> None:
        self._hook = hook
        self._metrics = metrics
        self._chance = chance
        self._signer = Webhook(hook.secret.get_secret_value())
        self._host = urlsplit(hook.url).hostname or ""
        self._queue: list[Message] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._gone = False
        self._ending = False
        self._loop = asyncio.get_running_loop()
        self._client = httpx2.AsyncClient(follow_redirects=False)
        self._task = self._loop.create_task(self._run(), name="webhooks")

    def __len__(self) -> int:
        """Messages that wait or are under way."""
        return len(self._queue) + len(self._under_way)

    def submit(self, payload: Payload) -> None:
        """Queue a message; when the queue is full, or the address wants nothing more, it is lost."""
        now = self._loop.time()
        message = Message(f"msg_{secrets.token_hex(16)}", payload, born=now, due=now)
        if self._gone or len(self) >= MAX_QUEUED:
            self._lose(message, "gone" if self._gone else "queue_full")
            return
        self._push(message)

    def use(self, hook: WebhookConfig) -> None:
        """Take other settings of the same address; what waits is sent with them, also after a 410."""
        if hook != self._hook:
            self._gone = False
            self._hook = hook
            self._signer = Webhook(hook.secret.get_secret_value())

    async def stop(self, patience: float) -> None:
        """Try what is due for ``patience`` seconds, give the rest up."""
        self._ending = True
        self._changed.set()
        await asyncio.wait({self._task}, timeout=patience)
        self._task.cancel()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(self._task, *self._under_way, return_exceptions=True)
        for message in self._queue:
            self._lose(message, "shutdown")
        self._queue.clear()
        await self._client.aclose()

    # Inside ---------------------------------------------------------------------------------------

    def _push(self, message: Message) -> None:
        heapq.heappush(self._queue, message)
        self._changed.set()

    async def _run(self) -> None:
        """Start what is due, until the end; then until nothing is due or under way."""
        while True:
            self._changed.clear()
            now = self._loop.time()
            while self._queue and self._queue[0].due <= now and len(self._under_way) < AT_ONCE:
                self._begin(heapq.heappop(self._queue))
            if self._ending and not self._under_way:
                return
            idle = not self._queue or len(self._under_way) >= AT_ONCE
            wait = None if idle else max(0.0, self._queue[0].due - now)
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    def _begin(self, message: Message) -> None:
        task = self._loop.create_task(self._attempt(message))
        self._under_way.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._changed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._metrics.internal_errors.labels("webhook").inc()
            log.error("webhook_broke", exc_info=error)

    async def _attempt(self, message: Message) -> None:
        try:
            status, retry_after, problem = await self._post(message)
        except asyncio.CancelledError:
            self._lose(message, "shutdown")
            raise
        verdict = judge(
            message,
            status,
            retry_after=retry_after,
            now=self._loop.time(),
            chance=self._chance(),
            give_up_after=self._hook.give_up_after,
        )
        match verdict:
            case "delivered":
                self._metrics.webhook_messages.labels("delivered").inc()
            case "again":
                self._metrics.webhook_messages.labels("tried_again").inc()
                log.debug("webhook_again", host=self._host, kind=message.payload.kind, problem=problem)
                self._push(message)
            case "expired":
                self._lose(message, "expired", problem)
            case "gone":
                self._gone = True
                log.warning(
                    "webhook_gone",
                    host=self._host,
                    problem="The address answers 410: it gets nothing until a reload changes it.",
                )
                self._lose(message, "gone")

    async def _post(self, message: Message) -> tuple[int | None, float, str]:
        """One attempt: the status, seconds to wait, and what went wrong."""
        at = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._signer.sign(message.id, at, message.payload.body),
        }
        body = message.payload.body.encode()
        try:
            async with (
                asyncio.timeout(self._hook.timeout),
                self._client.stream(
                    "POST", self._hook.url, content=body, headers=headers, timeout=self._hook.timeout
                ) as answer,
            ):
                return (
                    answer.status_code,
                    seconds_of(answer.headers.get("retry-after")),
                    f"{answer.status_code}",
                )
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
            return None, 0.0, type(error).__name__

    def _lose(self, message: Message, cause: str, problem: str = "") -> None:
        self._metrics.webhook_messages.labels(cause).inc()
        log.error(
            "webhook_lost",
            host=self._host,
            kind=message.payload.kind,
            call=message.payload.call,
            cause=cause,
            attempts=message.attempts,
            problem=problem,
        )
