"""What calls tell the media plane about open lanes: what to play, what to dial, who hears whom.

`talkpath.bridge.media.plane` is one of these with lanes to open and a heartbeat.
"""

from __future__ import annotations

from random import SystemRandom
from typing import TYPE_CHECKING, Final

from talkpath.bridge.media.control import ControlChannels
from talkpath.bridge.media.counters import Counters
from talkpath.bridge.media.downlink import Downlink
from talkpath.bridge.media.join import Joins
from talkpath.bridge.media.lane import FRAME_SECONDS
from talkpath.bridge.media.receive import Receiver
from talkpath.bridge.media.sounds import SoundPlayer
from talkpath.bridge.media.taps import Taps
from talkpath.bridge.media.transmit import Transmitter

if TYPE_CHECKING:
    import socket
    from random import Random

    import numpy as np
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import LaneSound, ModelFormat, PhoneCodec, Played, UplinkMode
    from talkpath.bridge.media.srtp import Srtp

__all__ = ["FIRST_CODEC", "LaneControls", "OpenLane"]

FIRST_CODEC: Final = "PCMU"
"""What the arrays of a lane hold before it is configured."""


class OpenLane:
    """What the plane remembers of one open lane besides the arrays."""

    def __init__(
        self,
        sock: socket.socket,
        rtcp_sock: socket.socket | None,
        model_format: ModelFormat,
        opened_at: float,
    ) -> None:
        self.sock = sock
        self.rtcp_sock = rtcp_sock
        self.model_format = model_format
        self.opened_at = opened_at
        self.codec: PhoneCodec = FIRST_CODEC
        self.srtp: Srtp | None = None


class LaneControls:
    """The parts of a media plane, and what calls want of them.

    Args:
        lanes: The most calls at once.
        start: Monotonic seconds of the first tick.
        random: Source of SSRCs and first numbers; by default the operating system's.

    Attributes:
        counters: Counters by cause, per lane and in total.
        tap: What follows the sound of lanes.
    """

    def __init__(self, lanes: int, start: float, random: Random | None) -> None:
        random = random or SystemRandom()
        self.counters = Counters(lanes)
        self.tap = Taps(lanes, start)
        self._now = start
        self._calls: dict[int, OpenLane] = {}
        self._receiver = Receiver(lanes, self.counters, self.tap)
        self._downlink = Downlink(lanes, self.counters)
        self._sounds = SoundPlayer(self.counters, self._downlink.wideband)
        self._joins = Joins(self.counters, self._downlink.wideband)
        self._receiver.uplink.joined = self._joins.put
        self._transmitter = Transmitter(
            lanes,
            self.counters,
            self._downlink,
            self._sounds,
            self._joins,
            tap=self.tap,
            random=random,
            start=start,
        )
        self._control = ControlChannels(
            lanes,
            self.counters,
            self._transmitter,
            self._receiver.reception,
            self._receiver.latch,
            random=random,
        )

    def play(self, lane: int, item_id: str, audio: bytes, now: float) -> None:
        """Queue model audio, in the lane's model format and in pieces of any size.

        Pieces of one item come together; a new item follows the one before without a gap and finishes it.
        """
        self._downlink.playout(lane).play(lane, item_id, audio, now)

    def finish_item(self, lane: int, item_id: str) -> None:
        """No more audio of the item will come; `PlayoutDrained` follows when all of it went out."""
        self._downlink.playout(lane).finish(lane, item_id)

    def flush(self, lane: int, now: float) -> list[Played]:
        """Stop now (barge-in): drop what is queued, with a fade of 5 ms.

        Returns:
            Every item that was queued or playing, oldest first; `played_ms` counts the frames handed to the
            socket, the fade does not.
        """
        self._now = now
        fade = self._downlink.fade if self._transmitter.sends(lane) else None
        return self._downlink.playout(lane).flush(lane, fade)

    def position(self, lane: int) -> Played | None:
        """The item being played, or next to be, and how much of it went out."""
        return self._downlink.playout(lane).position(lane)

    def queued_ms(self, lane: int) -> int:
        """Milliseconds of model audio still to be sent."""
        return self._downlink.playout(lane).queued_ms(lane)

    def jitter_target_ms(self, lane: int) -> float:
        """Milliseconds that a hole in the caller's audio may wait at present."""
        return float(self._receiver.jitter.target[lane]) * 1000

    def idle(self, lane: int) -> bool:
        """Whether no model audio is queued, playing or expected."""
        return self._downlink.playout(lane).idle(lane)

    def play_sound(self, lane: int, samples: NDArray[np.int16], loop: bool, now: float) -> None:
        """Play 8 kHz samples whenever there is no model audio; `SoundFinished` follows unless it loops."""
        self._now = now
        self._sounds.start(lane, samples, self._calls[lane].codec, loop=loop)

    def stop_sound(self, lane: int) -> None:
        """Let the lane's sound fade out, if there is one."""
        self._sounds.stop(lane)

    def wait_with(self, lane: int, samples: NDArray[np.int16], after: float) -> None:
        """Repeat 8 kHz samples once the line has been dead for `after` seconds, until `wait_over`."""
        frames = round(after / FRAME_SECONDS)
        self._sounds.wait_with(lane, samples, self._calls[lane].codec, after=frames)

    def wait_over(self, lane: int) -> None:
        """What was waited for is there: that sound ends with the next thing that the model says."""
        self._sounds.wait_over(lane)

    def shape(self, lane: int, sound: LaneSound) -> None:
        """Set the loudness of the agent and the noise in its pauses, until the lane is closed."""
        self._downlink.shape(lane, sound)

    def dial(self, lane: int, digits: str, now: float) -> None:
        """Send digits (RFC 4733) after the speech that is queued; later speech waits for `DigitsSent`.

        Raises:
            ValueError: A character is neither a key nor a pause, or digits are being sent already.
        """
        self._transmitter.dialler.dial(lane, digits, now)

    def stop_dialling(self, lane: int) -> None:
        """Send no more digits."""
        self._transmitter.dialler.stop(lane)

    def silent_seconds(self, lane: int) -> float:
        """How long nothing has come from the lane's source, up to the last beat."""
        return self._now - float(self._receiver.latch.heard_at[lane])

    def set_uplink(self, lane: int, mode: UplinkMode) -> None:
        """Choose what the model hears: the caller, silence in stream time, or nothing at all."""
        self._receiver.uplink.set_mode(lane, mode)
        self._receiver.jitter.patience.hurry(lane, hurried=mode == "joined")

    def join(self, one: int, other: int) -> None:
        """Let the far ends of two lanes talk to each other; no model hears them any more.

        Raises:
            ValueError: It is one and the same lane, or one of them is joined already.
        """
        self._joins.join((one, self._calls[one].codec), (other, self._calls[other].codec))
        for lane in (one, other):
            self.set_uplink(lane, "joined")

    def part(self, lane: int) -> None:
        """End what `join` began, for both lanes; their models hear nothing. Not joined: nothing happens."""
        partner = self._joins.part(lane)
        if partner is not None:
            for each in (lane, partner):
                self.set_uplink(each, "nothing")

    def _change_codec(self, lane: int, call: OpenLane, codec: PhoneCodec) -> None:
        """Take what the lane holds over to another codec."""
        if codec != call.codec:
            self._receiver.change_codec(lane, call.codec, codec)
            self._sounds.change_codec(lane, codec)
            self._joins.change_codec(lane, codec)
            self.tap.recode(lane, codec)
            call.codec = codec
