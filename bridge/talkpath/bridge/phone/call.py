"""One call of a browser: a peer connection on one side, a loopback socket to the lane on the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from aiortc import MediaStreamError, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from talkpath.bridge.phone.dialog import Effect, Event, State, step
from talkpath.bridge.phone.lane_socket import LOOPBACK, LaneSocket
from talkpath.bridge.phone.offer import OfferError, clean_offer
from talkpath.bridge.phone.track import LaneTrack
from talkpath.bridge.phone.voice import PAYLOAD_TYPE, FromLane, ToLane
from talkpath.sip import messages as m
from talkpath.sip.outcomes import outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from aiortc import MediaStreamTrack

    By = Literal["caller", "callee", "us", "failure"]

log = structlog.get_logger(__name__)

PREPARING: Final = 5.0
"""Seconds to read an offer and open the sockets of ICE."""
CONNECTING: Final = 15.0
"""Seconds from the answer until the browser must have found a way."""
CLOSING: Final = 5.0
"""Seconds that a peer connection gets to say goodbye."""

NO_WAY: Final = (
    "The browser found no way to this machine: it must reach an address of [phone] addresses by UDP."
)
WAY_LOST: Final = "Nothing comes from the browser any more."


class CallOwner(Protocol):
    """The phone process."""

    def send(self, message: m.Message) -> None:
        """Send a message to the supervisor."""

    def call_over(self, call: str) -> None:
        """The call has given everything back."""


class BrowserCall:
    """One call, from the offer until it has given everything back.

    Args:
        offer: What the browser wants.
        owner: The phone process.
    """

    def __init__(self, offer: m.PhoneOffer, owner: CallOwner) -> None:
        self.state = State.OFFERED
        self._offer = offer
        self._owner = owner
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # not aiortc's default
        self._connection.on("connectionstatechange", self._connection_changed)
        self._connection.on("track", self._track_added)
        self._track = LaneTrack()
        self._to_lane, self._from_lane = ToLane(), FromLane()
        self._socket: LaneSocket | None = None
        self._tasks = {asyncio.create_task(self._prepare())}
        self._deadline: asyncio.TimerHandle | None = None
        self._rtp_port = 0
        self._end: tuple[By, int, str] = ("failure", 500, "")
        self._perform: dict[Effect, Callable[[], None]] = {
            Effect.ACCEPT: self._accept,
            Effect.CONFIRM: self._confirm,
            Effect.CLOSE: self._close,
        }

    # What happens ---------------------------------------------------------------------------------

    def message(self, message: m.AnyMessage) -> None:
        """Take an order of the worker, or a wish of the browser."""
        call = self._offer.call
        match message:
            case m.Answer(rtp_port=port):
                self._rtp_port = port
                self._happen(Event.ANSWER_ORDERED)
            case m.Reject(status=status, reason=reason):
                self._ends(Event.END_ORDERED, "us", status, reason)
            case m.HangUp(reason=reason):
                self._ends(Event.END_ORDERED, "us", 200, reason)
            case m.PhoneHangUp():
                self._ends(Event.HUNG_UP, "caller", 200, "the browser hung up")
            case m.PeerLost():
                self._ends(Event.WORKER_LOST, "failure", 503, "the media worker died")
            case m.PhoneDigit(digit=digit) if self.state is State.TALKING:
                self._owner.send(m.CallDigit(call=call, digit=digit, duration_ms=100))
            case m.Refer():  # the worker calls the target itself then, and joins the two lanes
                refused = m.ReferProgress(
                    call=call, stage="refused", status=405, reason="a browser cannot call others"
                )
                self._owner.send(refused)
            case m.Hold(on=on):
                self._owner.send(m.HoldAnswered(call=call, on=on, status=405, reason="a browser has no hold"))
            case m.SendInfoDigit():
                answer = m.InfoDigitAnswered(call=call, status=405, reason="a browser takes no keys")
                self._owner.send(answer)
            case _:
                pass  # ringing: the page shows that it waits

    def stop(self) -> None:
        """The process ends."""
        self._ends(Event.STOPPED, "us", 503, "shutting down")

    def _happen(self, event: Event) -> None:
        self.state, effects = step(self.state, event)
        for effect in effects:
            self._perform[effect]()

    def _ends(self, event: Event, by: By, status: int, reason: str) -> None:
        if self.state is not State.OVER:
            self._end = by, status, reason
            self._happen(event)

    def _connection_changed(self) -> None:
        match self._connection.connectionState:
            case "connected":
                self._happen(Event.CONNECTED)
            case "closed":
                self._ends(Event.HUNG_UP, "caller", 200, "the browser closed the connection")
            case "failed":
                reason = WAY_LOST if self.state is State.TALKING else NO_WAY
                self._ends(Event.WAY_LOST, "failure", 408, reason)
            case _:
                pass

    # The offer ------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        """Read the offer and open the sockets of ICE; then the call is a call."""
        try:
            async with asyncio.timeout(PREPARING):
                await self._negotiate(clean_offer(self._offer.sdp))
        except OfferError as error:
            self._ends(Event.END_ORDERED, "failure", 400, str(error))
        except Exception as error:  # noqa: BLE001 - a parser of somebody else's reads what a stranger wrote
            log.warning("phone_offer_unreadable", call=self._offer.call, problem=repr(error)[:300])
            self._ends(Event.END_ORDERED, "failure", 400, "The offer cannot be read.")
        else:
            if self.state is State.OFFERED:
                self._owner.send(_invite(self._offer))

    async def _negotiate(self, sdp: str) -> None:
        connection = self._connection
        await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        connection.addTrack(self._track)
        await connection.setLocalDescription(await connection.createAnswer())

    def _track_added(self, track: MediaStreamTrack) -> None:
        task = asyncio.create_task(self._listen(track))
        self._tasks.add(task)

    async def _listen(self, track: MediaStreamTrack) -> None:
        """Pass on what the browser says; before there is a lane, it goes nowhere."""
        try:
            while True:
                frame = await track.recv()
                for packet in self._to_lane.packets_of(frame):  # type: ignore[arg-type]  # audio has AudioFrames
                    if self._socket is not None:
                        self._socket.send(packet)
        except MediaStreamError:
            pass  # the browser's track ended; what that means, the connection tells
        except Exception:
            log.exception("phone_voice_broke", call=self._offer.call)
            self._ends(Event.WAY_LOST, "failure", 500, "What the browser says cannot be converted.")

    # Effects --------------------------------------------------------------------------------------

    def _accept(self) -> None:
        call = self._offer.call
        self._socket = LaneSocket(self._rtp_port, self._heard)
        self._owner.send(m.MediaUpdated(call=call, media=_media(self._socket.port, self._rtp_port)))
        self._owner.send(m.PhoneAnswer(call=call, sdp=self._connection.localDescription.sdp))
        self._deadline = asyncio.get_running_loop().call_later(
            CONNECTING, self._ends, Event.WAY_LOST, "failure", 408, NO_WAY
        )
        self._connection_changed()

    def _heard(self, datagram: bytes) -> None:
        frame = self._from_lane.frame_of(datagram)
        if frame is not None:
            self._track.put(frame)

    def _confirm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._owner.send(m.CallConfirmed(call=self._offer.call))

    def _close(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        failed = 0
        if self._socket is not None:
            self._socket.close()
            failed = self._socket.failed
        by, status, reason = self._end
        call = self._offer.call
        self._owner.send(
            m.CallEnded(call=call, by=by, status=status, reason=reason, outcome=outcome_of(status))
        )
        log.info(
            "phone_call_ended",
            call=call,
            by=by,
            reason=reason,
            packets_up=self._to_lane.packets,
            lost_up=self._to_lane.lost,
            packets_down=self._from_lane.packets,
            late_down=self._track.dropped,
            rejected_down=self._from_lane.rejected,
            failed_up=failed,
        )
        self._tasks.add(asyncio.create_task(self._give_back()))

    async def _give_back(self) -> None:
        """Close the peer connection, which says goodbye to the browser, and wait for what still runs."""
        own = asyncio.current_task()
        others = {task for task in self._tasks if task is not own}
        for task in others:
            task.cancel()
        try:
            await asyncio.gather(*others, return_exceptions=True)
            async with asyncio.timeout(CLOSING):
                await self._connection.close()
        except Exception:
            log.exception("phone_close_failed", call=self._offer.call)
        finally:
            self._owner.call_over(self._offer.call)


def _invite(offer: m.PhoneOffer) -> m.IncomingCall:
    """The call as a worker sees it."""
    agent = f"sip:{offer.agent}@{m.CONSOLE}"
    return m.IncomingCall(
        call=offer.call,
        sip_call_id=f"{offer.call}@{m.CONSOLE}",
        trunk=m.CONSOLE,
        source=f"{LOOPBACK}:0",
        transport="udp",
        from_uri=f"sip:browser@{m.CONSOLE}",
        from_name="",
        to_uri=agent,
        request_uri=agent,
        headers=(),
        offer="",
        local_address=LOOPBACK,
    )


def _media(own_port: int, lane_port: int) -> m.MediaDescription:
    """What an offer and answer with ourselves would settle."""
    return m.MediaDescription(
        codec="G722",
        payload_type=PAYLOAD_TYPE,
        remote_address=LOOPBACK,
        remote_port=own_port,
        local_address=LOOPBACK,
        local_port=lane_port,
        rtcp_mux=True,
    )
