"""What a worker costs per call, model sockets included, whatever else runs on the machine.

Run with `python -m tests.bench.worker`. One process plays all sides: the real `Worker` with its calls, media
plane and WebSockets on uvloop, its telephones, and a model on loopback TCP. Only the CPU of the worker's
side counts, and the clock of the media is virtual, so that a busy machine makes this slower but hardly
dearer. What it leaves out is waking up: nobody here ever sleeps. `make bench` measures the whole.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import socket
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

# BLAS on one thread, as in the worker; must be set before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import uvloop

from talkpath.bridge.benchmark import model_wire as wire
from talkpath.bridge.benchmark.tls_end import make_identity
from talkpath.bridge.config.model import Config
from talkpath.bridge.media.heartbeat import freeze_garbage
from talkpath.bridge.media.lane import MODEL_RATE, PHASES, SAMPLE_RATE, TICK_SECONDS
from talkpath.bridge.media.srtp import Srtp
from talkpath.bridge.observe.logs import set_up_logs
from talkpath.bridge.observe.metrics import Metrics
from talkpath.bridge.worker.worker import Worker
from talkpath.codecs import rtp
from talkpath.sip import messages as m
from tests.bench.model_socket import ModelSocket
from tests.bench.voice import said, voice
from tests.harness.incoming import incoming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from talkpath.bridge.benchmark.marks import AudioMode
    from talkpath.bridge.benchmark.tls_end import Identity
    from talkpath.bridge.media.lane import PhoneCodec

DELTA_SECONDS: Final = 0.1
TICKS_PER_DELTA: Final = round(DELTA_SECONDS / TICK_SECONDS)
FIRST_PORT: Final = 34_000
_FRAME_HEAD: Final = 8  # of a masked frame with a 16-bit length
_KEY_BYTES: Final = {"AES_CM_128_HMAC_SHA1_80": 30, "AEAD_AES_128_GCM": 28}
_PAYLOAD_TYPES: Final[dict[PhoneCodec, int]] = {"PCMU": 0, "G722": 9, "OPUS": 111}


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU µs per call-second: the media plane, appends to the model, what the model sends."""

    plane: float
    appends: float
    deltas: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.plane + self.appends + self.deltas


@dataclass
class _Call:
    """One telephone and one session of the model."""

    name: str
    phone: socket.socket
    target: tuple[str, int] = ("", 0)
    model: ModelSocket | None = None
    seal: Callable[[bytes | memoryview], bytes] | None = None
    session: wire.Session | None = None
    delta: bytes = b""
    heard: int = 0
    appended: int = 0
    rest: bytearray = field(default_factory=bytearray)


class Bench:
    """A worker and everything around it.

    Args:
        calls: How many at once.
        mode: What the model speaks.
        uplink_ms: Length of an append.
        srtp: Suite that encrypts the telephones' voice; empty: none.
        tls: Encrypts the model's sockets.
        codec: Of the telephones.
    """

    def __init__(
        self,
        calls: int,
        mode: AudioMode,
        *,
        uplink_ms: int = 20,
        srtp: str = "",
        tls: Identity | None = None,
        codec: PhoneCodec = "PCMU",
    ) -> None:
        self._mode: AudioMode = mode
        self._codec: PhoneCodec = codec
        self._pieces = 1_000 // uplink_ms
        self._key = m.Secret(srtp and f"{srtp} inline:{base64.b64encode(bytes(_KEY_BYTES[srtp])).decode()}")
        self._tls = tls.context() if tls else None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=calls)
        self._listener.setblocking(False)
        port = self._listener.getsockname()[1]
        realtime = {
            "url": f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/v1/realtime",
            "model": "bench",
            "audio": mode,
            "uplink_ms": uplink_ms,
        }
        if tls:
            realtime["ca_file"] = str(tls.public)
        config = Config.model_validate(
            {
                "realtime": realtime,
                "agents": {"bench": {"instructions": "Echo."}},
                "log": {"level": "warning"},
            }
        )
        set_up_logs(config.log, process="bench")
        settings = m.WorkerSettings(
            index=0,
            config_json=m.Secret(""),
            first_rtp_port=FIRST_PORT,
            last_rtp_port=FIRST_PORT + 2 * calls + 19,
            lanes=calls,
        )
        self.worker = Worker(settings, config, self._from_worker, Metrics())
        self.calls = [_Call(f"c{number}", _udp(), seal=_sealer(self._key)) for number in range(calls)]
        self._by_name = {call.name: call for call in self.calls}
        self._said = said(codec)
        self._tick = 0
        self._usual = 0  # bytes of an append on the wire
        self._spent = np.zeros(3)

    async def run(self, seconds: float) -> Cost:
        """What the talk costs, after half a second to settle."""
        self._start = asyncio.get_running_loop().time()
        for call in self.calls:
            self.worker.message(incoming(call.name))
        await self._until_talking()
        await self._talk(0.5)
        freeze_garbage()
        self._spent[:] = 0.0
        before = [(call.heard, call.appended) for call in self.calls]
        await self._talk(seconds)
        heard, appended = (
            np.array([(call.heard, call.appended) for call in self.calls]) - np.array(before)
        ).min(axis=0)
        if heard < 45 * seconds or appended < 0.9 * self._pieces * seconds:
            sys.exit(f"Lost audio: {heard} packets down and {appended} pieces up in {seconds:.0f} s")
        return Cost(*(self._spent / seconds / len(self.calls) * 1e6).tolist())

    async def close(self) -> None:
        """End every call and close every socket."""
        for call in self.calls:
            self.worker.message(m.CallEnded(call=call.name, by="caller", status=200, reason="BYE"))
        for call in self.calls:
            if call.model is not None:
                call.model.close()
            call.phone.close()
        await self.worker.settle()
        self._listener.close()

    # The SIP process ---------------------------------------------------------------------------------

    def _from_worker(self, message: m.Message) -> None:
        if isinstance(message, m.Ring):
            self._by_name[message.call].target = ("127.0.0.1", message.rtp_port)
        elif isinstance(message, m.Answer):
            address, port = self._by_name[message.call].phone.getsockname()
            media = m.MediaDescription(
                codec=self._codec,
                payload_type=_PAYLOAD_TYPES[self._codec],
                parameters="useinbandfec=1",
                remote_address=address,
                remote_port=port,
                local_address="127.0.0.1",
                local_port=4000,
                local_crypto=self._key,
                remote_crypto=self._key,
            )
            loop = asyncio.get_running_loop()
            loop.call_soon(self.worker.message, m.MediaUpdated(call=message.call, media=media))
            loop.call_soon(self.worker.message, m.CallConfirmed(call=message.call))

    # The model ---------------------------------------------------------------------------------------

    async def _until_talking(self) -> None:
        waiting = iter(self.calls)
        deadline = time.monotonic() + 30
        while any(call.delta == b"" for call in self.calls) or any(
            runner.state.value != "talking" for runner in self.worker.calls.values()
        ):
            if time.monotonic() > deadline:
                sys.exit("The calls were not answered.")
            self._accept(waiting)
            for call in self.calls:
                self._shake_hands(call)
            await asyncio.sleep(0.001)

    def _accept(self, waiting: Iterator[_Call]) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            next(waiting).model = ModelSocket(sock, self._tls)

    def _shake_hands(self, call: _Call) -> None:
        if call.model is None or call.delta:
            return
        try:
            call.rest += call.model.recv()
        except BlockingIOError:
            return
        if call.session is None and b"\r\n\r\n" in call.rest:
            end = call.rest.index(b"\r\n\r\n") + 4
            call.session = wire.Session(0)
            call.model.send(wire.accept(bytes(call.rest[:end])) + call.session.opening())
            del call.rest[:end]
        while call.session is not None and (taken := wire.take_frame(call.rest)) is not None:
            self._control(call, call.session, taken[1])

    def _control(self, call: _Call, session: wire.Session, event: bytes) -> None:
        answer = session.control(json.loads(event))
        if answer and call.model is not None:
            audio = voice(MODEL_RATE, DELTA_SECONDS).tobytes()
            if self._mode == "pcmu":
                audio = bytes(int(DELTA_SECONDS * SAMPLE_RATE))
            call.model.send(answer + session.begin_response())
            call.delta = session.delta(base64.b64encode(audio))
            call.model.send(call.delta)

    # The talk ----------------------------------------------------------------------------------------

    async def _talk(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_SECONDS)):
            self._speak(self._tick)
            began = time.thread_time()
            beat = self.worker.plane.beat(self._start + self._tick * TICK_SECONDS)
            played = time.thread_time()
            self.worker.beat(beat)
            appended = time.thread_time()
            # Twice: what a read brings may be handed on to a task.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self._spent += (played - began, appended - played, time.thread_time() - appended)
            self._listen()
            self._tick += 1

    def _speak(self, tick: int) -> None:
        """One phase of the telephones speaks, and a share of the models."""
        slot, phase = divmod(tick, PHASES)
        count = len(self.calls)
        payload = np.tile(np.frombuffer(self._said[slot % len(self._said)], np.uint8), (count, 1))
        kind, ticks = _PAYLOAD_TYPES[self._codec], 960 if self._codec == "OPUS" else 160
        packets = rtp.build(payload, kind, slot & 0xFFFF, slot * ticks, np.arange(count), slot == 0)
        for index in range(phase, count, PHASES):
            call = self.calls[index]
            packet: bytes | memoryview = packets[index].data
            call.phone.sendto(call.seal(packet) if call.seal else packet, call.target)
        for call in self.calls[tick % TICKS_PER_DELTA :: TICKS_PER_DELTA]:
            if call.model is not None:
                call.model.send(call.delta)

    def _listen(self) -> None:
        for call in self.calls:
            with suppress(BlockingIOError):
                call.phone.recv(2_048)
                call.heard += 1
            with suppress(BlockingIOError):
                if call.model is not None:
                    self._take(call, call.model, call.model.recv())

    def _take(self, call: _Call, model: ModelSocket, data: bytes) -> None:
        """Count an append; what is none is looked at, because pings want an answer."""
        call.appended += 1
        if self._usual and len(data) == self._usual:
            return
        call.rest += data
        while (taken := wire.take_frame(call.rest)) is not None:
            opcode, payload = taken
            if opcode == wire.OPCODE_PING:
                model.send(wire.frame(payload, wire.OPCODE_PONG))
            elif opcode == wire.OPCODE_TEXT:
                self._usual = len(payload) + _FRAME_HEAD


def _sealer(key: m.Secret) -> Callable[[bytes | memoryview], bytes] | None:
    if not key.value:
        return None
    srtp = Srtp(lambda _cause: None)
    srtp.configure(key, key)
    return srtp.protect


def _udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


async def _measure(bench: Callable[[], Bench], seconds: float) -> Cost:
    made = bench()
    try:
        return await made.run(seconds)
    finally:
        await made.close()


def cost(calls: int, mode: AudioMode, seconds: float, **options: Any) -> Cost:
    """CPU µs per call-second of a worker.

    Args:
        calls: How many at once.
        mode: What the model speaks.
        seconds: Virtual seconds.
        options: As `Bench` takes them; `tls` is whether.
    """
    with tempfile.TemporaryDirectory(prefix="talkpath-bench-") as folder:
        options["tls"] = make_identity(Path(folder)) if options.get("tls") else None
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_measure(partial(Bench, calls, mode, **options), seconds))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.worker", description=__doc__)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 50, 200])
    parser.add_argument("--modes", nargs="+", default=["pcmu", "pcm"], choices=("pcmu", "pcm"))
    parser.add_argument("--seconds", type=float, default=4.0, help="virtual seconds per line")
    parser.add_argument("--uplink-ms", type=int, default=20, help="length of an append")
    parser.add_argument("--srtp", default="", choices=("", *_KEY_BYTES), help="encrypt the telephones' voice")
    parser.add_argument("--codec", default="PCMU", choices=_PAYLOAD_TYPES, help="of the telephones")
    parser.add_argument("--tls", action="store_true", help="encrypt the model's sockets")
    options = parser.parse_args()
    more = {"uplink_ms": options.uplink_ms, "srtp": options.srtp, "tls": options.tls, "codec": options.codec}
    sys.stdout.write("calls  model  us/call-second   plane  appends  deltas\n")
    for calls in options.calls:
        for mode in options.modes:
            figure = cost(calls, mode, options.seconds, **more)
            sys.stdout.write(
                f"{calls:5}  {mode:5}  {figure.total:14.0f}  {figure.plane:6.0f}  {figure.appends:7.0f}"
                f"  {figure.deltas:6.0f}\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
