"""The telephone's side of one call: its RTP port, its lane, and the sounds that the call itself plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from talkpath.bridge.call.sounds import comfort_sound, early_sound
from talkpath.bridge.media.lane import PLAIN_SOUND, LaneMedia, LaneSound, NoFreeLane

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from talkpath.bridge.config.sound import SoundConfig
    from talkpath.bridge.media.lane import LaneStatistics, ModelFormat
    from talkpath.bridge.media.plane import MediaPlane
    from talkpath.bridge.media.ports import RtpPorts
    from talkpath.bridge.media.recording_tap import Piece
    from talkpath.sip.messages import MediaDescription


class UnusableMediaError(Exception):
    """What was negotiated cannot be carried; the sentence says why."""


class PhoneLeg:
    """A port and a lane, from `open` to `close`.

    Args:
        plane: The media plane.
        ports: The worker's RTP ports.
        loop: Its clock is the plane's.
        sound: What an agent's configuration says of what the far end hears; None: nothing is changed.
    """

    def __init__(
        self,
        plane: MediaPlane,
        ports: RtpPorts,
        loop: asyncio.AbstractEventLoop,
        sound: SoundConfig | None = None,
    ) -> None:
        self.lane = -1
        self._plane = plane
        self._ports = ports
        self._loop = loop
        self._sound = lane_sound(sound) if sound else PLAIN_SOUND
        self._early = early_sound(sound.before_answer if sound else None)
        self._socket: socket.socket | None = None
        self._event_type: int | None = None

    @property
    def rtp_port(self) -> int:
        """The UDP port of the call; 0 when it has none."""
        return cast("int", self._socket.getsockname()[1]) if self._socket is not None else 0

    def open(self, model_format: ModelFormat, *, ipv6: bool = False) -> None:
        """Take a port, of the IP family that our SDP names, and a lane.

        Raises:
            NoFreePort: every RTP port of this worker is taken.
            NoFreeLane: every lane of this worker is taken.
        """
        now = self._loop.time()
        sock = self._ports.open(now, ipv6=ipv6)
        try:
            self.lane = self._plane.open_lane(sock, model_format, now, self._ports.open_rtcp(sock))
        except NoFreeLane:
            self._ports.close(sock, now)
            raise
        self._socket = sock
        self._plane.shape(self.lane, self._sound)

    def configure(self, description: MediaDescription) -> None:
        """Apply what SDP settled.

        Raises:
            UnusableMediaError: the codec is not ours to carry, or the far end's address is no IP address.
        """
        lane_media = LaneMedia(
            codec=description.codec,
            payload_type=description.payload_type,
            remote_address=description.remote_address,
            remote_port=description.remote_port,
            codec_parameters=description.parameters,
            dtmf_payload_type=description.dtmf_payload_type,
            dtmf_clock_rate=description.dtmf_clock_rate,
            sends=description.sends,
            receives=description.receives,
            packet_time=description.packet_time,
            rtcp_mux=description.rtcp_mux,
            local_crypto=description.local_crypto,
            remote_crypto=description.remote_crypto,
            remote_rtcp=_rtcp_address(description),
            signalling_host=description.signalling_address,
        )
        try:
            self._plane.configure_lane(self.lane, lane_media, self._loop.time())
        except (ValueError, ImportError) as error:  # such as an Opus without its library
            raise UnusableMediaError(f"The far end's media cannot be used: {error}") from None
        self._event_type = description.dtmf_payload_type

    def deafen(self) -> None:
        """Keep what comes from the far end from the model: early media are no speech."""
        self._plane.set_uplink(self.lane, "nothing")

    def mute(self) -> None:
        """Let the model hear silence instead of the far end; its sense of time goes on."""
        self._plane.set_uplink(self.lane, "silence")

    def listen(self) -> None:
        """Let the model hear the far end."""
        self._plane.set_uplink(self.lane, "caller")

    def record(self, deliver: Callable[[Piece], None]) -> None:
        """Give both sides' sound to a recording, from here on."""
        self._plane.tap.start(self.lane, deliver)

    def silence_recording(self, *, silenced: bool) -> None:
        """Give the recording silence, or sound again."""
        self._plane.tap.silence(self.lane, silenced=silenced)

    def stop_recording(self) -> None:
        """Give the recording nothing more."""
        if self._socket is not None:  # else the lane may be another call's
            self._plane.tap.stop(self.lane)

    @property
    def speechless(self) -> bool:
        """Whether no model audio is queued, playing or expected."""
        return self._plane.idle(self.lane)

    @property
    def silent_seconds(self) -> float:
        """How long no voice packet has come."""
        return self._plane.silent_seconds(self.lane)

    @property
    def takes_events(self) -> bool:
        """Whether telephone events (RFC 4733) were negotiated."""
        return self._event_type is not None

    @property
    def queued_seconds(self) -> float:
        """Speech still to be heard."""
        return self._plane.queued_ms(self.lane) / 1_000

    def dial(self, digits: str) -> None:
        """Send keys as telephone events; `DigitsSent` follows."""
        self._plane.dial(self.lane, digits, self._loop.time())

    def stop_dialling(self) -> None:
        """Send no more of them."""
        self._plane.stop_dialling(self.lane)

    def comfort_on(self) -> None:
        """Play the comfort sound between what the model says, until `comfort_off`."""
        self._plane.play_sound(self.lane, comfort_sound(), loop=True, now=self._loop.time())

    def play_early(self) -> bool:
        """Play what is to be heard before the answer, until `early_over`; False: there is nothing."""
        if self._early is None:
            return False
        self.deafen()
        self._plane.play_sound(self.lane, self._early, loop=True, now=self._loop.time())
        return True

    def early_over(self) -> None:
        """The answer is near."""
        if self._early is not None:
            self._plane.stop_sound(self.lane)

    def comfort_off(self) -> None:
        """Stop the sound."""
        self._plane.stop_sound(self.lane)

    def announce(self, samples: NDArray[np.int16]) -> None:
        """Play 8 kHz samples once, after what the model has said; `SoundFinished` follows."""
        self._plane.play_sound(self.lane, samples, loop=False, now=self._loop.time())

    def close(self) -> LaneStatistics | None:
        """Give lane and port back. Returns the figures of the call's media; None: there were none."""
        sock, self._socket = self._socket, None
        if sock is None:
            return None
        try:
            return self._plane.close_lane(self.lane)
        finally:
            self._ports.close(sock, self._loop.time())


def lane_sound(own: SoundConfig) -> LaneSound:
    """What an agent's configuration means for a lane."""
    return LaneSound(own.gain, own.limiter, own.comfort_noise)


def _rtcp_address(description: MediaDescription) -> tuple[str, int] | None:
    """Where the far end says that it takes RTCP; None: it says nothing."""
    if not description.remote_rtcp_port:
        return None
    return description.remote_rtcp_address or description.remote_address, description.remote_rtcp_port
