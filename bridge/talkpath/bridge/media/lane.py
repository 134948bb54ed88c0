"""What a lane is configured with, and what the media plane reports about it.

Plain values only: no socket, no clock. A *lane* is the row of every array of the media plane that
belongs to one call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from talkpath.codecs.opus import CLOCK_RATE
from talkpath.sip.messages import Secret

__all__ = [
    "PLAIN_SOUND",
    "Beat",
    "Digit",
    "DigitsSent",
    "LaneMedia",
    "LaneSound",
    "LaneStatistics",
    "Latched",
    "MediaEvent",
    "ModelFormat",
    "NoFreeLane",
    "PeerView",
    "PhoneCodec",
    "Played",
    "PlayoutDrained",
    "PlayoutOverflow",
    "PlayoutStarted",
    "RtpResumed",
    "RtpStopped",
    "SoundFinished",
    "UplinkMode",
]

PhoneCodec = Literal["PCMU", "PCMA", "G722", "OPUS"]
ModelFormat = Literal["pcmu", "pcma", "pcm"]
UplinkMode = Literal["caller", "silence", "nothing", "joined"]

TICK_SECONDS = 0.005
PHASES = 4
FRAME_SECONDS = TICK_SECONDS * PHASES
FRAME_MS = 20
SAMPLE_RATE = 8_000
FRAME_BYTES = 160
"""20 ms of G.711: one byte per sample, one sample per tick of the RTP clock (RFC 3551, 4.5.14). Of G.722 as
well: one byte per two samples, two samples per tick (section 4.5.2)."""

MODEL_RATE = 24_000
"""Sampling rate of the model's `pcm` format, 16-bit little endian, mono."""

NO_KEY: Final = Secret("")


class NoFreeLane(RuntimeError):  # noqa: N818 - an ordinary outcome of a full worker, not a failure
    """Every lane of this media plane carries a call."""


@dataclass(frozen=True, slots=True)
class LaneMedia:
    """What SDP negotiation settled for one call.

    Attributes:
        codec: The codec on the wire, both directions.
        payload_type: RTP payload type of the codec.
        remote_address: Where the far end's SDP says it listens: a numeric IP address.
        remote_port: The port there.
        codec_parameters: What the far end wants of the codec, as its ``a=fmtp`` says it.
        dtmf_payload_type: Payload type of RFC 4733 telephone events, `None` when not negotiated.
        dtmf_clock_rate: Ticks per second in which their durations are counted.
        sends: We send (the far end's direction is `sendrecv` or `recvonly`).
        receives: We take what arrives (the far end's direction is `sendrecv` or `sendonly`).
        packet_time: Milliseconds per packet that the far end announced; a hint, every size is taken.
        rtcp_mux: RTCP shares the RTP port (RFC 5761); otherwise it has the port above it.
        local_crypto: ``SUITE inline:KEY`` for SRTP that we send; empty: plain RTP, both ways.
        remote_crypto: The same for what the far end sends.
        remote_rtcp: Where the far end's SDP says it takes RTCP, when not at the port above its RTP.
        signalling_host: IP address that the far end's SIP comes from, if known.
    """

    codec: PhoneCodec
    payload_type: int
    remote_address: str
    remote_port: int
    codec_parameters: str = ""
    dtmf_payload_type: int | None = None
    dtmf_clock_rate: int = SAMPLE_RATE
    sends: bool = True
    receives: bool = True
    packet_time: int = 20
    rtcp_mux: bool = False
    local_crypto: Secret = NO_KEY
    remote_crypto: Secret = NO_KEY
    remote_rtcp: tuple[str, int] | None = None
    signalling_host: str = ""

    @property
    def clock_rate(self) -> int:
        """Ticks per second of the codec's RTP clock."""
        return CLOCK_RATE if self.codec == "OPUS" else SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class LaneSound:
    """What is done to the sound that the caller of a lane hears.

    Attributes:
        gain: By how many dB the agent is louder; other than 0 it brings the limiter with it.
        limits: A soft limiter keeps the agent 1 dB below the loudest that there is.
        noise: Level in dBov of a noise in place of silence; `None`: silence is silence.
    """

    gain: float = 0.0
    limits: bool = False
    noise: float | None = None


PLAIN_SOUND: Final = LaneSound()


@dataclass(frozen=True, slots=True)
class Played:
    """How much of one item the caller was sent.

    Attributes:
        item_id: The item.
        played_ms: Milliseconds handed to the socket; never more than `received_ms`.
        received_ms: Milliseconds received from the model.
    """

    item_id: str
    played_ms: int
    received_ms: int


@dataclass(frozen=True, slots=True)
class Latched:
    """The lane now exchanges RTP with this address (symmetric RTP, RFC 4961)."""

    lane: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Digit:
    """The caller pressed a key (RFC 4733)."""

    lane: int
    digit: str = field(repr=False)
    duration_ms: int


@dataclass(frozen=True, slots=True)
class DigitsSent:
    """The digits that a lane was told to send are out.

    Attributes:
        lane: The lane.
        complete: `False`: the far end stopped taking digits in RTP before all of them were sent.
    """

    lane: int
    complete: bool


@dataclass(frozen=True, slots=True)
class PlayoutStarted:
    """The first frame of an item went out.

    Attributes:
        lane: The lane.
        item_id: The item.
        delay: Seconds from the first delta of the item to that frame.
    """

    lane: int
    item_id: str
    delay: float


@dataclass(frozen=True, slots=True)
class PlayoutDrained:
    """All audio of a finished item went out."""

    lane: int
    item_id: str


@dataclass(frozen=True, slots=True)
class PlayoutOverflow:
    """The model sent more than a lane may queue; the newest audio was dropped."""

    lane: int
    dropped_ms: int


@dataclass(frozen=True, slots=True)
class SoundFinished:
    """A sound that does not loop was played to its end."""

    lane: int


@dataclass(frozen=True, slots=True)
class RtpStopped:
    """Nothing valid has arrived from the caller for `seconds`; said once per stop."""

    lane: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RtpResumed:
    """The caller's RTP is back after `RtpStopped`."""

    lane: int


MediaEvent = (
    Latched
    | Digit
    | DigitsSent
    | PlayoutStarted
    | PlayoutDrained
    | PlayoutOverflow
    | SoundFinished
    | RtpStopped
    | RtpResumed
)


@dataclass(slots=True)
class Beat:
    """What one heartbeat brought.

    Attributes:
        uplink: `(lane, audio)` in the lane's model format, each entry 20 ms (160 bytes of G.711 or
            960 bytes of PCM16 at 24 kHz), in order; a lane may appear several times.
        events: What happened, oldest first.
        control: RTCP that came to RTP ports, `(lane, datagram, source)`; for the plane itself.
    """

    uplink: list[tuple[int, bytes]] = field(default_factory=list)
    events: list[MediaEvent] = field(default_factory=list)
    control: list[tuple[int, bytes, Any]] = field(default_factory=list)


@dataclass(slots=True)
class PeerView:
    """What the far end reported by RTCP about the audio we sent it; `None` as long as it did not.

    Attributes:
        reports_sent: Our reports.
        reports_received: Its reports.
        packets_lost: How many of our packets it misses since the start of the call.
        fraction_lost: The same as a part of one since its report before.
        jitter_ms: Interarrival jitter of our packets there.
        round_trip_ms: From us to it and back, as of its last report.
        said_goodbye: It announced the end of its stream.
    """

    reports_sent: int = 0
    reports_received: int = 0
    packets_lost: int | None = None
    fraction_lost: float | None = None
    jitter_ms: float | None = None
    round_trip_ms: float | None = None
    said_goodbye: bool = False


@dataclass(frozen=True, slots=True)
class LaneStatistics:
    """The media figures of one call, for its record.

    Attributes:
        seconds: From `open_lane` to `close_lane`.
        counters: The lane's counters by cause (`talkpath.bridge.media.counters.Cause`).
        packets_expected: RTP packets the caller sent, by its sequence numbers (RFC 3550, 6.4.1).
        packets_lost: How many of them never arrived.
        jitter_ms: Interarrival jitter at the end of the call (RFC 3550, 6.4.1).
        played_ms: Model audio sent to the caller.
        peer: What the far end reported.
    """

    seconds: float
    counters: dict[str, int]
    packets_expected: int
    packets_lost: int
    jitter_ms: float
    played_ms: int
    peer: PeerView = field(default_factory=PeerView)
