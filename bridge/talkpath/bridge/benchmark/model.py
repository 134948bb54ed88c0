"""The model of the benchmark: echoes what it hears in deltas of 100 ms, and can take turns.

The simulator's bench lane would do the same over the ``websockets`` library, but at 500 calls its 25,000
messages a second take a core of their own, beside the generator on the same core. This server speaks just
as real a protocol and reads the frames of all connections as rows of an array: a usual append is one row;
everything else goes the slow way. Nothing here shares code with the bridge that is measured.
"""

from __future__ import annotations

import json
import os
import select
import socket
import time
from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.benchmark import marks
from talkpath.bridge.benchmark import model_wire as wire
from talkpath.bridge.benchmark.clock import (
    ANCILLARY_BYTES,
    Log,
    Ticker,
    ask_for_timestamps,
    kernel_time,
)
from talkpath.bridge.benchmark.model_audio import (
    FRAME_BYTES,
    FRAMES_PER_DELTA,
    AppendReader,
    silent_frame,
)
from talkpath.bridge.benchmark.model_lane import Lane
from talkpath.bridge.benchmark.model_turns import Turns
from talkpath.bridge.benchmark.orders import Begin, Report, Served, TakeTurns
from talkpath.bridge.benchmark.tls_end import TlsEnd
from talkpath.bridge.benchmark.usual_append import UsualAppend

if TYPE_CHECKING:
    import ssl
    from multiprocessing.connection import Connection

    from numpy.typing import NDArray

    from talkpath.bridge.benchmark.tls_end import Identity

LEAD_FRAMES: Final = 2
"""Silence before the echo: like a real model, this one is a little ahead of real time."""

_ROW_BYTES: Final = 4096
_APPEND: Final = b"input_audio_buffer.append"
_AUDIO_KEY: Final = b'"audio":"'


class Model:
    """Serves every connection from one loop of 1 ms ticks.

    Args:
        listener: Listening, non-blocking socket.
        orders: Pipe to the benchmark.
        tls: Encrypts every connection.
    """

    def __init__(
        self, listener: socket.socket, orders: Connection, tls: ssl.SSLContext | None = None
    ) -> None:
        self._listener = listener
        self._tls = tls
        self._orders = orders
        self._ticker = Ticker()
        self._epoll = select.epoll()
        self._epoll.register(listener.fileno(), select.EPOLLIN)
        self._lanes: dict[int, Lane] = {}
        self._connected = 0
        self._rows = np.zeros((1024, _ROW_BYTES), np.uint8)
        self._views = [row.data for row in self._rows]
        self._readers: dict[marks.AudioMode, AppendReader] = {m: AppendReader(m) for m in ("pcmu", "pcm")}
        self._appended, self._deltas, self._answers = Log(4), Log(2), Log(3)
        self._turns = Turns(self._send, self._answers)
        self._blocked = 0
        self._usual = UsualAppend()

    def run(self) -> None:
        """Work until the other end of the pipe is closed."""
        while True:
            tick = self._ticker.wait()
            # Once a tick: batches stay large, and a flood cannot keep the orders waiting.
            if ready := self._epoll.poll(0, len(self._views)):
                self._serve([descriptor for descriptor, _ in ready])
            self._turns.take(time.monotonic())
            if tick % 10 == 0 and self._orders.poll():
                try:
                    self._obey(self._orders.recv())
                except EOFError:
                    return

    def close(self) -> None:
        """Close every socket."""
        for lane in self._lanes.values():
            lane.sock.close()
        self._listener.close()
        self._epoll.close()

    def _obey(self, order: object) -> None:
        match order:
            case Begin():
                for log in (self._appended, self._deltas, self._answers):
                    log.clear()
                self._blocked = 0
                self._ticker.begin()
            case Report():
                calls = [marks.NO_MARK] * self._connected
                for lane in self._lanes.values():
                    calls[lane.number] = lane.call
                served = Served(
                    appended=self._appended.rows(),
                    deltas=self._deltas.rows(),
                    answers=self._answers.rows(),
                    calls=calls,
                    blocked=self._blocked,
                    effort=self._ticker.effort(),
                )
                self._orders.send(served)
            case TakeTurns(lanes):
                self._turns.begin(list(self._lanes.values())[:lanes], time.monotonic())

    # -- reading -----------------------------------------------------------------------------------

    def _serve(self, ready: list[int]) -> None:
        lanes: list[Lane] = []
        times: list[int] = []
        appends: list[bytes | memoryview] = []
        now = time.time_ns()
        for descriptor, view in zip(ready, self._views, strict=False):
            lane = self._lanes.get(descriptor)
            if lane is None:
                self._accept()
                continue
            try:
                size, ancillary, _, _ = lane.sock.recvmsg_into([view], ANCILLARY_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                size, ancillary = 0, []
            if size == 0:
                self._forget(lane)
                continue
            received = kernel_time(ancillary, now)
            before = len(appends)
            if data := lane.opened(view[:size]):
                appends += self._cut(lane, data, received)
            elif lane.broken:
                self._forget(lane)
                continue
            lanes += [lane] * (len(appends) - before)
            times += [received] * (len(appends) - before)
        if lanes:
            self._take_appends(lanes, np.array(times, np.int64), b"".join(appends))

    def _cut(self, lane: Lane, data: bytes | memoryview, received_ns: int) -> list[bytes | memoryview]:
        """The usual appends in what was read; everything else is handled at once or kept for later."""
        if lane.started and not lane.rest and self._usual.is_one(data):
            return [data]
        lane.rest += data
        appends = self._usual.cut(lane.rest) if lane.started else []
        if lane.rest:
            self._unusual(lane, received_ns)
        return appends

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ask_for_timestamps(sock)
        tls = TlsEnd(self._tls) if self._tls is not None else None
        self._lanes[sock.fileno()] = Lane(sock, self._connected, wire.Session(self._connected), tls)
        self._connected += 1
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _forget(self, lane: Lane) -> None:
        self._epoll.unregister(lane.sock.fileno())
        del self._lanes[lane.sock.fileno()]
        self._turns.forget(lane)
        lane.sock.close()

    def _take_appends(self, lanes: list[Lane], times: NDArray[np.int64], frames: bytes) -> None:
        """Take usual appends, one of a lane after the other, their frames joined."""
        reader = self._readers[lanes[0].mode]
        text, strange = self._usual.texts(frames)
        if strange.any():
            for index in np.flatnonzero(strange).tolist():
                self._take(lanes[index], wire.OPCODE_TEXT, text[index].tobytes(), int(times[index]))
            lanes = [lane for lane, other in zip(lanes, strange.tolist(), strict=True) if not other]
            times, text = times[~strange], text[~strange]
        audio = self._usual.audio(text)
        calls, numbers = reader.read(audio[:, reader.places])
        self._appended.add([lane.number for lane in lanes], times, calls, numbers)
        block, width = audio.tobytes(), audio.shape[1]
        for index, (lane, call) in enumerate(zip(lanes, calls.tolist(), strict=True)):
            lane.call = call if lane.call < 0 else lane.call
            self._echo(lane, block[index * width : (index + 1) * width])

    def _unusual(self, lane: Lane, received_ns: int) -> None:
        """Take what is not a usual append: a handshake, control events, pieces of frames."""
        if not lane.upgraded:
            if b"\r\n\r\n" not in lane.rest:
                return
            end = lane.rest.index(b"\r\n\r\n") + 4
            self._send(lane, wire.accept(bytes(lane.rest[:end])) + lane.session.opening())
            del lane.rest[:end]
            lane.upgraded = True
        while (taken := wire.take_frame(lane.rest)) is not None:
            self._take(lane, *taken, received_ns)

    def _take(self, lane: Lane, opcode: int, payload: bytes, received_ns: int) -> None:
        """Take one message."""
        if opcode == wire.OPCODE_CLOSE:
            self._send(lane, wire.frame(payload, wire.OPCODE_CLOSE))
        elif opcode == wire.OPCODE_PING:
            self._send(lane, wire.frame(payload, wire.OPCODE_PONG))
        elif _APPEND in payload[:120]:
            self._take_append(lane, payload, received_ns)
        elif opcode == wire.OPCODE_TEXT:
            self._send(lane, lane.session.control(json.loads(payload)))
            lane.mode = lane.session.mode

    def _take_append(self, lane: Lane, payload: bytes, received_ns: int) -> None:
        head = payload.index(_AUDIO_KEY) + len(_AUDIO_KEY)
        audio = payload[head : payload.index(b'"', head)]
        reader = self._readers[lane.mode]
        expected = -(-FRAME_BYTES[lane.mode] // 3) * 4
        if len(audio) != expected:
            return
        if payload.endswith(b'"}') and head + expected + 2 == len(payload):
            self._usual.learn(payload, head)
        call, frame = reader.read(np.frombuffer(audio, np.uint8)[reader.places][None])
        self._appended.add(lane.number, received_ns, call, frame)
        lane.call = int(call[0]) if lane.call < 0 else lane.call
        self._echo(lane, audio)

    # -- speaking ----------------------------------------------------------------------------------

    def _echo(self, lane: Lane, audio: bytes) -> None:
        if lane.turn_at:
            return
        if not lane.started:
            lane.started = True
            self._send(lane, lane.session.begin_response())
            for _ in range(LEAD_FRAMES):
                self._send(lane, lane.session.delta(silent_frame(lane.mode)))
        lane.pending.append(audio)
        if len(lane.pending) == FRAMES_PER_DELTA:
            if lane.mode == "pcmu":
                joined = b2a_base64(b"".join(map(a2b_base64, lane.pending)), newline=False)
            else:
                joined = b"".join(lane.pending)  # whole groups of base64, so that it is one text
            lane.pending.clear()
            self._deltas.add(lane.number, np.array([time.time_ns()]))
            self._send(lane, lane.session.delta(joined))

    def _send(self, lane: Lane, data: bytes) -> None:
        if data and not lane.send(data):
            self._blocked += 1
            if lane.broken:
                self._forget(lane)


def main(
    listener: socket.socket, orders: Connection, core: int | None, identity: Identity | None = None
) -> None:
    """Run the model in a process of its own."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    model = Model(listener, orders, identity.context() if identity else None)
    try:
        model.run()
    finally:
        model.close()
