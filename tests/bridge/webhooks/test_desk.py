"""Webhooks against a server that verifies them with the library of Standard Webhooks."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any, Self

from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from talkpath.bridge.api.service import Control
from talkpath.bridge.http.app import HttpServer
from talkpath.bridge.webhooks import sender
from talkpath.bridge.webhooks.desk import WebhookDesk
from tests.bridge.api.daemon_double import DaemonDouble
from tests.bridge.api.told import AT, began, over, said, state
from tests.harness.metrics import counted

if TYPE_CHECKING:
    import pytest
    from starlette.requests import Request

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Receiver:
    """An address; answers with the statuses in turn, then with 204."""

    def __init__(self, *statuses: int) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.attempts: list[str] = []
        self._statuses = list(statuses)
        app: Any = Starlette(routes=[Route("/hook", self._take, methods=["POST"])])
        self._server = HttpServer(app, "127.0.0.1", 0)

    async def __aenter__(self) -> Self:
        self.address = await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop()

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        verified = Webhook(SECRET).verify(body, dict(request.headers))
        self.attempts.append(request.headers["webhook-id"])
        status = self._statuses.pop(0) if self._statuses else 204
        if status < 300:
            self.messages.append((request.headers["webhook-id"], verified))
        return Response(status_code=status)


class Wired:
    """The real desk behind the real service."""

    def __init__(self, receiver: Receiver, **facts: Any) -> None:
        self.daemon = DaemonDouble(webhooks=[self.hook(receiver, **facts)])
        self.desk = WebhookDesk(self.daemon.config, self.daemon.metrics)
        self.control = Control(
            self.daemon,
            self.daemon.snapshot,
            self.daemon.metrics,
            lambda: AT,
            reload=self.daemon.reload,
            on_event=self.desk.event,
        )

    @staticmethod
    def hook(receiver: Receiver, **facts: Any) -> dict[str, Any]:
        """The configuration of a receiver."""
        return {"url": f"http://{receiver.address}/hook", "secret": SECRET, "private": True, **facts}

    def call(self) -> None:
        for message in (began(), state("talking"), said("Hello.", final=True), over()):
            self.control.message("worker-0", message)

    def count(self, result: str) -> float:
        return counted(self.daemon.metrics.registry, "webhook_messages_total", result=result)

    async def until(self, result: str, count: float) -> None:
        async with asyncio.timeout(20):
            while self.count(result) < count:  # noqa: ASYNC110 - a counter has no event
                await asyncio.sleep(0.01)


def test_the_receiver_can_verify_what_it_gets() -> None:
    async def story() -> None:
        async with Receiver() as receiver:
            wired = Wired(receiver)
            wired.call()
            await wired.until("delivered", 2)
            await wired.desk.stop()
            assert {one["type"] for _id, one in receiver.messages} == {"call.started", "call.ended"}

    asyncio.run(story())


def test_a_message_keeps_its_id_until_it_has_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkpath.bridge.webhooks.attempts.FIRST_WAIT", 0.01)

    async def story() -> None:
        async with Receiver(500, 302, 429) as receiver:
            wired = Wired(receiver, events=["call.ended"])
            wired.call()
            await wired.until("delivered", 1)
            await wired.desk.stop()
            assert len(receiver.attempts) == 4
            assert len(set(receiver.attempts)) == 1
            assert wired.count("tried_again") == 3

    asyncio.run(story())


def test_an_address_that_says_gone_gets_nothing_more() -> None:
    async def story() -> None:
        async with Receiver(410) as receiver:
            wired = Wired(receiver, events=["call.started"])
            wired.call()
            await wired.until("gone", 1)
            wired.call()
            await wired.until("gone", 2)
            await wired.desk.stop()
            assert len(receiver.attempts) == 1

    asyncio.run(story())


def test_what_cannot_be_delivered_is_given_up_and_counted() -> None:
    async def story() -> None:
        async with Receiver() as receiver:
            wired = Wired(receiver, url="http://127.0.0.1:9/none", give_up_after=0)
            wired.call()
            await wired.until("expired", 2)
            await wired.desk.stop()

    asyncio.run(story())


def test_the_queue_of_an_address_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "MAX_QUEUED", 3)

    async def story() -> None:
        async with Receiver() as receiver:
            wired = Wired(receiver, url="http://127.0.0.1:9/none", events=["call.started"])
            for _ in range(5):
                wired.control.message("worker-0", began())
            assert wired.count("queue_full") == 2
            await wired.until("tried_again", 3)
            await wired.desk.stop()
            assert wired.count("shutdown") == 3, "what still waits is lost, and counted"

    asyncio.run(story())


def test_at_the_end_of_the_daemon_the_last_calls_are_still_told() -> None:
    async def story() -> None:
        async with Receiver() as receiver:
            wired = Wired(receiver)
            wired.call()
            await wired.desk.stop()
            assert len(receiver.messages) == 2

    asyncio.run(story())


def test_a_reload_changes_the_addresses_and_loses_nothing_of_what_waits() -> None:
    async def story() -> None:
        async with Receiver(410) as first, Receiver() as second:
            wired = Wired(first, events=["call.started"])
            wired.call()
            await wired.until("gone", 1)
            again, other = (wired.hook(one, events=["call.ended"]) for one in (first, second))
            wired.desk.use(DaemonDouble(webhooks=[again, other]).config)
            wired.call()
            await wired.until("delivered", 2)
            wired.desk.use(DaemonDouble(webhooks=[other]).config)
            wired.call()
            await wired.until("delivered", 3)
            await wired.desk.stop()
            assert [one["type"] for _id, one in first.messages] == ["call.ended"]
            assert [one["type"] for _id, one in second.messages] == ["call.ended"] * 2

    asyncio.run(story())
