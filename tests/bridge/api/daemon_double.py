"""A daemon without processes, behind the real API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi.testclient import TestClient

from talkpath.bridge.api.access import Gate
from talkpath.bridge.api.app import PREFIX, guarded
from talkpath.bridge.api.models import Reload
from talkpath.bridge.api.service import Control
from talkpath.bridge.config.model import Config
from talkpath.bridge.http.app import create_app
from talkpath.bridge.http.health import DaemonSnapshot, ProcessHealth, RegistrationHealth
from talkpath.bridge.observe.metrics import Metrics
from talkpath.sip import messages as m
from tests.bridge.api.told import AT

if TYPE_CHECKING:
    from collections.abc import Callable

READ, OPERATE = "read-token-of-the-tests", "operate-token-of-the-tests"


class DaemonDouble:
    """Takes orders and answers them; ``http`` is a client with a token that may operate."""

    def __init__(self, **config: Any) -> None:
        self.config = Config.model_validate(
            {
                "agents": {"reception": {"instructions": "x"}},
                "api": {"read": {"wall": READ}, "operate": {"alice": OPERATE}},
                "sip": {"outbound": {"allow": ["*@192.0.2.99"]}},
                **config,
            }
        )
        self.metrics = Metrics()
        self.stopping = asyncio.Event()
        self.stops = self.reloads = 0
        self.room = True
        self.told: list[m.Message] = []
        self.answer: Callable[[m.CallOrder], m.OrderAnswered] = lambda order: m.OrderAnswered(
            call=order.call, request=order.request, verdict="done"
        )
        self.control = Control(self, self.snapshot, self.metrics, lambda: AT, reload=self.reload)
        gate = Gate(lambda: self.config.api)
        self.app = app = create_app(self, self.metrics, {PREFIX: guarded(self.control, gate, self.metrics)})
        self.http = self.client(app, OPERATE)
        self.reader = self.client(app, READ)
        self.stranger = TestClient(app, base_url=f"http://test{PREFIX}", client=("127.0.0.1", 1))
        self.elsewhere = self.client(app, OPERATE, "192.0.2.7")

    @staticmethod
    def client(app: Any, token: str, host: str = "127.0.0.1") -> TestClient:
        """A client with a token, from an address."""
        headers = {"Authorization": f"Bearer {token}"}
        return TestClient(app, base_url=f"http://test{PREFIX}", headers=headers, client=(host, 1))

    def snapshot(self) -> DaemonSnapshot:
        """The state of the daemon."""
        return DaemonSnapshot(
            version="1.2",
            uptime=3.0,
            processes=(ProcessHealth("sip", ready=True, pid=11), ProcessHealth("worker-0", ready=True)),
            registrations={"pbx": RegistrationHealth(registered=True, status=200, reason="OK")},
        )

    def tell(self, process: str, message: m.Message) -> bool:
        """Take what a worker is told, and answer orders at once."""
        self.told.append(message)
        if isinstance(message, m.CallOrder):
            self.control.message(process, self.answer(message))
        return True

    def tell_workers(self, message: m.Message) -> None:
        """Take what all workers are told."""
        self.told.append(message)

    def originate(self, order: m.Originate) -> bool:
        """Take an order for a call."""
        if self.room:
            self.told.append(order)
        return self.room

    def debug_call(self, call: str, *, on: bool = True) -> bool:
        """Take what is to be logged."""
        self.told.append(m.DebugCall(call=call, on=on))
        return self.room

    async def reload(self) -> Reload:
        """Read nothing again."""
        self.reloads += 1
        return Reload(changed=("agents.reception.voice",), waiting=())

    def stop(self) -> None:
        """Take note."""
        self.stops += 1
        self.stopping.set()
