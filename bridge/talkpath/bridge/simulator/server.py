"""The edge: WebSockets on one side, sans-I/O sessions on the other."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from typing import TYPE_CHECKING, Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from talkpath.bridge.simulator.bench_server import BenchServer
from talkpath.bridge.simulator.edge import Edge
from talkpath.bridge.simulator.faults import NO_FAULTS, RECORDED, Faults, Timing
from talkpath.bridge.simulator.handshake import PATHS, Access, Refused, admit, knows_path
from talkpath.bridge.simulator.ids import Ids
from talkpath.bridge.simulator.personas import BenchPersona, make_persona
from talkpath.bridge.simulator.session import RealtimeSession, SessionOptions
from talkpath.sip.addresses import join_host_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from websockets.asyncio.server import Server
    from websockets.http11 import Request, Response
    from websockets.typing import Subprotocol

    from talkpath.bridge.simulator.bench import BenchLane
    from talkpath.bridge.simulator.reply import Persona

PING_INTERVAL_S = 20.0
MOST_FRAME_BYTES = 24 * 1024 * 1024
"""Room for 15 MiB of audio in base64."""
MOST_KEPT_SESSIONS = 200
logger = logging.getLogger(__name__)


class Simulator:
    """A Realtime-compatible server.

    Use it as ``async with Simulator(persona="tone") as sim`` and connect to ``sim.url``.

    Args:
        host: address to listen on.
        port: port, 0 for a free one.
        persona: a persona or its name (``personas.PERSONAS``).
        timing: latencies and pace.
        faults: what goes wrong; a sequence is used connection by connection, the last one for the rest.
        access: who may come in.
        record_s: seconds of caller audio that each session keeps for inspection.

    Attributes:
        sessions: the sessions so far, oldest first, the last 200.
        connections: number of upgrades asked for, including refused ones.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        persona: str | Persona = "tone",
        *,
        timing: Timing = RECORDED,
        faults: Faults | Sequence[Faults] = NO_FAULTS,
        access: Access | None = None,
        record_s: float = 60.0,
    ) -> None:
        self.host, self.port = host, port
        self.timing = timing
        self.access = access or Access()
        self.record_s = record_s
        self.persona = make_persona(persona) if isinstance(persona, str) else persona
        self._owns_persona = isinstance(persona, str)
        self.sessions: list[RealtimeSession] = []
        self.lanes: list[BenchLane] = []
        self.connections = 0
        self._faults = (faults,) if isinstance(faults, Faults) else tuple(faults)
        self._server: Server | BenchServer | None = None

    @property
    def url(self) -> str:
        """WebSocket address of the endpoint, without the model."""
        return f"ws://{join_host_port(self.host, self.port)}{PATHS[0]}"

    @property
    def base_url(self) -> str:
        """Base URL for OpenAI clients."""
        return f"http://{join_host_port(self.host, self.port)}/v1"

    async def start(self) -> None:
        """Open the port."""
        if isinstance(self.persona, BenchPersona):
            self._server = lean = BenchServer(self.access, self.lanes)
            await lean.start(self.host, self.port)
            self.port = lean.port
            return
        self._server = server = await serve(
            self._serve,
            self.host,
            self.port,
            process_request=self._process_request,
            select_subprotocol=_select_subprotocol,
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_INTERVAL_S,
            max_size=MOST_FRAME_BYTES,
            max_queue=16,
            close_timeout=1,
            compression=None,
            server_header=None,
        )
        self.port = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        if self._owns_persona:
            await _let_go(self.persona)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    # ---- connections -------------------------------------------------------------------------------

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse an upgrade: an unknown path, or because a fault says so."""
        if not knows_path(request.path):
            return connection.respond(404, f"There is nothing at {request.path}; use {PATHS[0]}?model=...\n")
        self.connections += 1
        faults = self._faults[min(self.connections, len(self._faults)) - 1]
        connection.talkpath_faults = faults  # type: ignore[attr-defined]  # rides along to the handler
        if faults.refuse_status is None:
            return None
        response = connection.respond(faults.refuse_status, "Simulated refusal.\n")
        response.headers["Retry-After"] = "1"
        return response

    async def _serve(self, socket: ServerConnection) -> None:
        """Speak with one client until either side ends it."""
        request = socket.request
        assert request is not None  # noqa: S101 - the library calls the handler after the handshake
        offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
        protocols = [name.strip() for name in offered.split(",")]
        try:
            model = admit(request.path, request.headers, protocols, self.access)
        except Refused as refused:
            await _refuse(socket, refused)
            return
        await self._serve_session(socket, model, self.persona)

    async def _serve_session(self, socket: ServerConnection, model: str, persona: Persona) -> None:
        """Run a session."""
        faults: Faults = socket.talkpath_faults  # type: ignore[attr-defined]  # set in _process_request
        options = SessionOptions(model=model, timing=self.timing, faults=faults, record_s=self.record_s)
        session = RealtimeSession(options, wall_time=time.time())
        self.sessions.append(session)
        del self.sessions[:-MOST_KEPT_SESSIONS]
        await Edge(socket, session, persona).run()


def _select_subprotocol(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Answer ``realtime`` to clients that offer it; browsers also offer their key, which is not echoed."""
    del connection
    return next((name for name in offered if name == "realtime"), None)


async def _refuse(socket: ServerConnection, refused: Refused) -> None:
    """Say why, then close."""
    frame = {"type": "error", "event_id": Ids().new("event"), "error": refused.error.as_error()}
    try:
        await socket.send(json.dumps(frame))
        await socket.close(refused.close_code, refused.close_reason)
    except ConnectionClosed:
        logger.debug("client left before it was told why it was refused")


async def run_simulator(
    host: str = "127.0.0.1",
    port: int = 8765,
    persona: str | Persona = "agent",
    *,
    timing: Timing = RECORDED,
    faults: Faults | Sequence[Faults] = NO_FAULTS,
    access: Access | None = None,
    listening: Callable[[str], None] | None = None,
) -> None:
    """Serve until cancelled or terminated (SIGTERM); what ``talkpath simulator`` runs.

    The persona is closed at the end, also when it was given as an object. ``listening`` is told the URL once
    the port is open.

    Raises:
        MissingExtraError: the persona needs packages that are not installed.
        OSError: the port cannot be opened.
    """
    simulator = Simulator(host, port, persona, timing=timing, faults=faults, access=access, record_s=0)
    terminated = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
    try:
        async with simulator:
            logger.info("simulator speaks as %s on %s", simulator.persona.name, simulator.url)
            if listening is not None:
                listening(simulator.url)
            await terminated.wait()
    finally:
        await _let_go(simulator.persona)


async def _let_go(persona: Persona) -> None:
    """Close a persona that has something to close. Closing twice does no harm."""
    close = getattr(persona, "close", None)
    if close is not None:
        await asyncio.to_thread(close)
