"""A worker with all that surrounds it, in virtual time: SIP process, telephone and model are doubles.

The worker, its calls and its media plane are the real ones; RTP goes over loopback sockets.
"""

from __future__ import annotations

import asyncio
import functools
from random import Random
from typing import TYPE_CHECKING, Any, Self

from talkpath.bridge.call import model_leg
from talkpath.bridge.config.model import Config
from talkpath.bridge.media.heartbeat import Heartbeat
from talkpath.bridge.media.ports import RtpPorts
from talkpath.bridge.observe.metrics import Metrics
from talkpath.bridge.realtime.tools import ToolRegistry, make_tool
from talkpath.bridge.simulator.audio import FORMATS
from talkpath.bridge.simulator.faults import NO_FAULTS, Faults
from talkpath.bridge.worker import worker
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO, ModelSocket, SimulatedModel
from tests.bridge.call.telephone import EVENT_TYPE, Telephone
from tests.harness.incoming import incoming
from tests.harness.metrics import counted
from tests.harness.peers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    import numpy as np
    import pytest
    from numpy.typing import NDArray

    from talkpath.bridge.observe.call_record import CallRecord
    from talkpath.bridge.realtime.settings import SessionSettings

CONSULT = "-t"
"""Stands in the ids of second legs."""

Connects = "Callable[[SessionSettings, Any, Any], ModelSocket] | Exception | None"


def configuration(agent: dict[str, Any] | None = None, **more: Any) -> Config:
    """One agent that greets."""
    own = {"greeting": "Hello there, how can I help you?", "instructions": "Be kind.", **(agent or {})}
    realtime = {"url": "ws://127.0.0.1:9/v1/realtime", "model": "gpt-realtime-2.1", "audio": "pcmu"}
    return Config.model_validate({"realtime": realtime, "agents": {"reception": own}, **more})


class World:
    """Use as an asynchronous context; at its end everything has to be back where it was.

    Args:
        monkeypatch: Puts the double of the model in place.
        agent: More settings of the agent ``reception``.
        script: What the model says, turn by turn.
        connects: What each way to the model comes to: an exception, None (no answer ever), or a maker of
            sockets; after the last one, the simulator.
        callee: What becomes of an outbound call: ``answers``, or a SIP status, or ``""`` for nothing.
        lanes: Lanes of the worker.
        faults: What is wrong with the simulator.
        ports: How many RTP ports the worker has.
        config: Another configuration.
        tools: Functions of the agent.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        agent: dict[str, Any] | None = None,
        script: Sequence[dict[str, Any]] = (HELLO,),
        faults: Faults = NO_FAULTS,
        connects: Sequence[Any] = (),
        callee: str = "answers",
        lanes: int = 4,
        ports: int = 100,
        config: Config | None = None,
        tools: Sequence[Callable[..., Any]] = (),
    ) -> None:
        self.config = config or configuration(agent)
        self.loop = asyncio.get_running_loop()
        self.metrics = Metrics()
        self.sent: list[m.Message] = []
        self.models: list[ModelSocket] = []
        self.tries: list[float] = []
        self.records: list[CallRecord] = []
        self.phone = Telephone()
        self.human = Telephone()
        """Where the second legs of transfers arrive."""
        self.refer: Sequence[tuple[Any, int]] = ()
        """What the peer tells of each REFER: stages and statuses."""
        self.briefing: Sequence[dict[str, Any]] = ({"reply": [{"say": "Alice calls about a bicycle."}]},)
        """What the session says that speaks to the human."""
        self.script, self.faults, self.callee = script, faults, callee
        self.hold_status = 200
        """What the far end answers to a hold of ours, and to its end; 0: nothing."""
        self.info_status = 200
        """What the far end answers to a key that comes as SIP INFO."""
        self.expected_errors = 0
        """Errors that the test causes in our own code."""
        self.auto = True
        """Whether the SIP process does what it is told; else the test plays it."""
        self._connects = list(connects)
        monkeypatch.setattr(model_leg, "open_connection", self._open_connection)
        first = free_port(room=ports)
        settings = m.WorkerSettings(
            index=0,
            config_json=m.Secret(""),
            first_rtp_port=first,
            last_rtp_port=first + ports - 1,
            lanes=lanes,
        )
        monkeypatch.setattr(worker, "RtpPorts", functools.partial(RtpPorts, address="127.0.0.1"))
        self.worker = worker.Worker(settings, self.config, self._from_worker, self.metrics)
        services = self.worker._services
        services.chance = Random(1)  # noqa: S311 - a fixed seed is the point
        services.tools["reception"] = ToolRegistry(make_tool(function) for function in tools)
        self._finished, services.finished = services.finished, self._note_finished
        self._heartbeat = Heartbeat(self.worker.plane, self.worker.beat, self.loop)
        self._pulse: asyncio.TimerHandle | None = None
        self._timers: list[asyncio.TimerHandle] = []
        """Of what is to happen later; it does not once the world ends."""

    async def __aenter__(self) -> Self:
        self._heartbeat.start()
        self._beat()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._heartbeat.stop()
        if self._pulse is not None:
            self._pulse.cancel()
        for timer in self._timers:
            timer.cancel()
        self.phone.sock.close()
        self.human.sock.close()
        if kind is None:
            self.assert_baseline()
        await self.worker.settle()
        if kind is None:
            assert not [model for model in self.models if model.open], "a socket to the model is open"
            assert not self._heartbeat.errors

    # What happens ---------------------------------------------------------------------------------

    def invite(self, call: str = "c1", **facts: Any) -> None:
        """A call comes in."""
        self.worker.message(incoming(call, **{"headers": (("X-Customer", "42"),), **facts}))

    def originate(self, call: str = "o1") -> None:
        """A call is ordered."""
        self.worker.message(m.Originate(call=call, uri="sip:bob@test", agent="reception"))

    def media(self, call: str = "c1", **facts: Any) -> m.MediaUpdated:
        """What SDP settled with the telephone."""
        phone = self.human if CONSULT in call else self.phone
        address, port = phone.sock.getsockname()
        known: dict[str, Any] = {
            "codec": "PCMU",
            "payload_type": 0,
            "dtmf_payload_type": EVENT_TYPE,
            "remote_address": address,
            "remote_port": port,
            "local_address": "127.0.0.1",
            "local_port": 4000,
        }
        return m.MediaUpdated(call=call, media=m.MediaDescription(**{**known, **facts}))

    def ended(self, call: str = "c1", by: Any = "caller", status: int = 200, reason: str = "BYE") -> None:
        """The SIP process says that the dialog is over."""
        self.worker.message(m.CallEnded(call=call, by=by, status=status, reason=reason))

    async def answered(self, call: str = "c1") -> None:
        """A call comes in and is answered."""
        self.invite(call)
        await self.until(lambda: self.of(m.Answer))
        await self.sleep(0.05)

    async def greeted(self, call: str = "c1") -> None:
        """A call comes in, is answered, and has heard the greeting."""
        await self.answered(call)
        await self.until(lambda: self.phone.loud_after(0) > 5)
        await self.silence(call)

    async def silence(self, call: str = "c1") -> None:
        """Wait until the agent has nothing more to say."""
        runner = self.worker.calls[call]
        await self.until(lambda: not runner.agent_talks())

    async def whistle(self, seconds: float, hertz: float = 700.0) -> None:
        """The caller makes a sound."""
        self.phone.hertz = hertz
        await self.sleep(seconds)
        self.phone.hertz = 0.0

    async def speak(self, samples: NDArray[np.int16]) -> None:
        """The caller plays int16 at 24 kHz to its end."""
        codes = FORMATS["audio/pcmu"].encode(samples)
        self.phone.says += [codes[at : at + 160] for at in range(0, len(codes) - 159, 160)]
        await self.until(lambda: not self.phone.says)

    async def sleep(self, seconds: float) -> None:
        """Time passes."""
        await asyncio.sleep(seconds)

    async def until(self, come: Callable[[], Any], limit: float = 60.0) -> None:
        """Let time pass until something is true."""
        deadline = self.loop.time() + limit
        while not come():
            assert self.loop.time() < deadline, f"did not happen within {limit} s; sent: {self.sent}"
            await asyncio.sleep(0.02)

    # What was done --------------------------------------------------------------------------------

    @property
    def model(self) -> Any:
        """The newest socket to a model."""
        return self.models[-1]

    @property
    def record(self) -> CallRecord:
        """Of the call that ended last."""
        return self.records[-1]

    def record_of(self, call: str) -> CallRecord:
        """Of a call that lives."""
        return self.worker.calls[call]._books.record

    def state(self, call: str = "c1") -> str:
        """Where a call is; ``ended`` when it is gone."""
        runner = self.worker.calls.get(call)
        return runner.state.value if runner else "ended"

    def of(self, kind: type[Any]) -> list[Any]:
        """The messages of one kind that went to the SIP process."""
        return [message for message in self.sent if isinstance(message, kind)]

    def value(self, name: str, **labels: str) -> float:
        """A metric; 0 when it was never touched."""
        return counted(self.metrics.registry, name, **labels)

    def assert_baseline(self) -> None:
        """Nothing is left of any call."""
        worker = self.worker
        assert not worker.calls
        assert not worker.participants.consults
        assert not any(worker.participants.by_lane)
        assert len(worker.plane) == 0
        assert len(worker.ports) == 0
        assert len(worker._ears) == 0
        assert self.value("calls_active", agent="reception") == 0
        assert self.internal_errors() == self.expected_errors

    def internal_errors(self) -> float:
        """Exceptions that were caught at a root."""
        return sum(self.value("internal_errors_total", where=w) for w in ("call", "call_end", "worker"))

    # Inside ---------------------------------------------------------------------------------------

    async def _open_connection(
        self,
        settings: SessionSettings,
        on_frame: Callable[[bytes], None],
        on_close: Callable[[int, str], None],
        *,
        tls: Any = None,  # noqa: ARG002 - as the real one
        proxy: str | None = None,  # noqa: ARG002 - as the real one
        open_timeout: float = 5.0,  # noqa: ARG002 - as the real one
        close_timeout: float = 2.0,  # noqa: ARG002 - as the real one
    ) -> ModelSocket:
        self.tries.append(self.loop.time())
        way = self._connects.pop(0) if self._connects else self._simulator
        await asyncio.sleep(0.03)
        if isinstance(way, Exception):
            raise way
        if way is None:
            await asyncio.sleep(1e6)
        socket_to_model: ModelSocket = way(settings, on_frame, on_close)
        self.models.append(socket_to_model)
        return socket_to_model

    def _simulator(self, settings: Any, on_frame: Any, on_close: Any) -> ModelSocket:
        briefs = settings.greeting_mode == "own_words"
        script = self.briefing if briefs else self.script
        return SimulatedModel(settings, on_frame, on_close, script=script, faults=self.faults)

    def _note_finished(self, call: str, record: CallRecord) -> None:
        self.records.append(record)
        self._finished(call, record)

    def _beat(self) -> None:
        self.phone.beat(self.loop.time())
        self.human.beat(self.loop.time())
        self._pulse = self.loop.call_later(0.02, self._beat)

    def _from_worker(self, message: m.Message) -> None:
        self.sent.append(message)
        if isinstance(message, m.Ring | m.Answer | m.PlaceCall):
            phone = self.human if CONSULT in message.call else self.phone
            phone.target = ("127.0.0.1", message.rtp_port)
        if self.auto:
            for answer in self._answers(message):
                self.loop.call_soon(self.worker.message, answer)

    def _answers(self, message: m.Message) -> list[m.AnyMessage]:
        match message:
            case m.Answer(call=call):
                return [self.media(call), m.CallConfirmed(call=call)]
            case m.Reject(call=call, status=status, reason=reason):
                return [m.CallEnded(call=call, by="us", status=status, reason=reason)]
            case m.Hold(call=call, on=on) if self.hold_status:
                media = [self.media(call, receives=not on)] if self.hold_status < 300 else []
                return [*media, m.HoldAnswered(call=call, on=on, status=self.hold_status, reason="")]
            case m.SendInfoDigit(call=call):
                return [m.InfoDigitAnswered(call=call, status=self.info_status, reason="")]
            case m.HangUp(call=call, reason=reason):
                return [m.CallEnded(call=call, by="us", status=200, reason=reason)]
            case m.PlaceCall(call=call) if self.callee == "answers":
                return [m.CallRinging(call=call, status=180), self.media(call), m.CallConfirmed(call=call)]
            case m.Refer(call=call):
                return [
                    m.ReferProgress(call=call, stage=stage, status=status, reason="")
                    for stage, status in self.refer
                ]
            case m.PlaceCall(call=call) if self.callee:
                return [m.CallEnded(call=call, by="caller", status=int(self.callee), reason="Busy")]
        return []
