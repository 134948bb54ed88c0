"""Every message between the SIP process, the supervisor and the media workers, in one place.

The processes talk over Unix-domain ``SOCK_SEQPACKET`` pairs; one datagram is one message, MessagePack
encoded and tagged by its type. All of them are star-routed through the supervisor, which knows who is
alive: ``call`` says which call a message is about, and the supervisor knows which worker has it.

Words: a *call* is one dialog of ours, named by our own id (``c-…``), not by the SIP Call-ID, because a
call exists before and after its dialog. Addresses are plain strings, ports are integers, times are
seconds, SDP is text.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from talkpath.sip.outcomes import Outcome
from talkpath.sip.settings import (
    Listener,
    Message,
    OutboundSettings,
    Secret,
    SipSettings,
    SrtpPolicy,
    TlsSettings,
    Transport,
    TrunkSettings,
)

# What stands in a module of its own is part of this vocabulary too.
__all__ = [
    "Listener",
    "Message",
    "OutboundSettings",
    "Outcome",
    "Secret",
    "SipSettings",
    "SrtpPolicy",
    "TlsSettings",
    "Transport",
    "TrunkSettings",
]

Header = tuple[str, str]
"""A SIP header as it stood in the message: name and value. Order and duplicates are kept."""

MAX_MESSAGE = 128 * 1024
"""Largest encoded message in bytes: a SIP message over TCP (64 KiB) plus room for the other fields."""


# --------------------------------------------------------------------------------------------------
# SIP process -> worker (the supervisor picks the worker for IncomingCall)
# --------------------------------------------------------------------------------------------------


class IncomingCall(Message, frozen=True):
    """An admitted INVITE that waits for a decision. Nothing but 100 has been answered yet."""

    call: str
    sip_call_id: str
    trunk: str
    source: str
    """Address the INVITE came from, ``host:port``."""
    transport: Transport
    from_uri: str
    from_name: str
    to_uri: str
    request_uri: str
    headers: tuple[Header, ...]
    """All headers of the INVITE except the authorisation ones."""
    offer: str
    """The SDP offer with stars instead of SRTP keys, or empty for a delayed offer."""
    local_address: str = ""
    """The address that our SDP will name. Its family says which kind of RTP socket the call needs."""


class MediaDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What an offer/answer exchange settled (RFC 3264), seen from us."""

    codec: Literal["PCMU", "PCMA", "G722", "OPUS"]
    payload_type: int
    packet_time: int = 20
    """Milliseconds per packet that the peer wants to receive."""
    dtmf_payload_type: int | None = None
    """Payload type of telephone-event at 8000 Hz; None when the peer did not agree to it."""
    comfort_noise_payload_type: int | None = None
    sends: bool = True
    """We may send audio."""
    receives: bool = True
    """The peer sends audio. Both False: inactive."""
    remote_address: str
    remote_port: int
    local_address: str
    """Address that our SDP told the peer to send to."""
    local_port: int
    rtcp_mux: bool = False
    """RTCP goes over the RTP port (RFC 5761); otherwise over the next higher port."""
    remote_rtcp_port: int = 0
    """Port on which the peer takes RTCP (``a=rtcp``, RFC 3605); 0: it does not say, then the next higher."""
    remote_rtcp_address: str = ""
    """The address with it; empty: that of its RTP."""
    signalling_address: str = ""
    """IP address that the peer's SIP comes from, as far as it is known: a telephone behind NAT sends RTP from
    there too, whatever its SDP says."""
    local_crypto: Secret = Secret("")
    """Our key for SRTP, ``SUITE inline:KEY`` as in RFC 4568 without tag and parameters: what we send is
    encrypted with it. Empty: plain RTP. It stays the same as long as the suite does."""
    remote_crypto: Secret = Secret("")
    """The peer's key in the same form: what it sends is decrypted with it. Another key in a later
    description of the same call means that the peer begins a new SRTP stream."""


class MediaUpdated(Message, frozen=True):
    """Media was negotiated, at the answer and again at each re-INVITE or UPDATE."""

    call: str
    media: MediaDescription


class CallRinging(Message, frozen=True):
    """Our outbound call got a provisional answer above 100."""

    call: str
    status: int
    early_media: bool = False
    """It came with SDP that the trunk wants to be heard: a `MediaUpdated` follows."""


class CallConfirmed(Message, frozen=True):
    """The dialog is confirmed: ACK received (inbound) or sent (outbound)."""

    call: str


class CallEnded(Message, frozen=True):
    """The dialog is over; the last message about this call."""

    call: str
    by: Literal["caller", "callee", "us", "failure"]
    """The remote party is the ``caller`` of an inbound call and the ``callee`` of an outbound one."""
    status: int
    """SIP status that ended it: 200 for a BYE, 487 for a CANCEL, 4xx to 6xx for a failed INVITE, 408, 503."""
    reason: str
    outcome: Outcome = Outcome.UNKNOWN
    """What that means. Tells more than the status: a 408 of a timer of ours is ``no_answer`` when the
    telephone rang, and ``unreachable`` when nothing came back at all."""


class CallDigit(Message, frozen=True):
    """A digit that came as SIP INFO."""

    call: str
    digit: str
    duration_ms: int


class InfoDigitAnswered(Message, frozen=True):
    """What became of a `SendInfoDigit`; comes once for each."""

    call: str
    status: int
    """Of the peer's final response; 408 or 503 when there was none, 481 without a dialog to send it in."""
    reason: str


class ReferProgress(Message, frozen=True):
    """What became of a `Refer`; comes any number of times, in this order, and ends with the outcome.

    ``accepted``: the peer will try (2xx). ``trying``, ``ringing``: what it told about the target (1xx), each
    at most once. The outcome is one of: ``done``, the target's final status as the peer told it (2xx: the
    caller is with the target, hang up; anything else: the caller is still ours); ``refused``, the peer or we
    ourselves refuse the REFER; ``lost``, the reports or the call ended without an outcome.
    A peer that reports nothing (``Refer-Sub: false``, RFC 4488) gives ``done`` with the status of its
    acceptance. A peer that accepts and falls silent gives nothing more: the worker keeps the time.
    """

    call: str
    stage: Literal["accepted", "trying", "ringing", "done", "refused", "lost"]
    status: int
    """SIP status that belongs to the stage; 0 for ``lost``."""
    reason: str


class HoldRefused(Message, frozen=True):
    """A `Hold` could not be carried out; media is as it was. Success is told by `MediaUpdated`."""

    call: str
    on: bool
    status: int
    reason: str


# --------------------------------------------------------------------------------------------------
# Worker -> SIP process
# --------------------------------------------------------------------------------------------------


class Ring(Message, frozen=True):
    """Answer 180. The RTP port goes into every SDP of this call from now on."""

    call: str
    rtp_port: int
    rtp_port_v6: int = 0
    """Used instead of ``rtp_port``, when it is not 0, in a call whose SDP names an IPv6 address."""


class Answer(Message, frozen=True):
    """Answer 200 with SDP. The port is that of ``Ring`` when there was one."""

    call: str
    rtp_port: int
    headers: tuple[Header, ...] = ()


class Reject(Message, frozen=True):
    """Answer with a final failure, before 200."""

    call: str
    status: int
    reason: str
    """Plain sentence, sent as the ``text`` of a Reason header (RFC 3326)."""
    retry_after: int = 0
    headers: tuple[Header, ...] = ()


class HangUp(Message, frozen=True):
    """End the call in whatever way its state asks for: BYE, CANCEL or a final response."""

    call: str
    reason: str = ""
    headers: tuple[Header, ...] = ()


class Refer(Message, frozen=True):
    """Ask the peer of an answered call to call somebody else (RFC 3515). The call itself goes on."""

    call: str
    refer_to: str = ""
    """URI of the target, ``sip:``, ``sips:`` or ``tel:``. May be empty in an attended transfer: then it is
    the address of the consult call's peer."""
    referred_by: str = ""
    """URI of who asks, for the Referred-By header; empty: no such header."""
    replaces_call: str = ""
    """Attended transfer: our id of an answered consult call, whose place the caller shall take (RFC 3891).
    The peer ends that call itself when it has joined the two."""
    headers: tuple[Header, ...] = ()


class Hold(Message, frozen=True):
    """Put the peer on hold by a re-INVITE (we go on sending, a PBX may play its own music), or take it back.

    `MediaUpdated` tells what it agreed to; `HoldRefused` that it did not. Collisions (491) are retried.
    """

    call: str
    on: bool


class SendInfoDigit(Message, frozen=True):
    """Send one digit as SIP INFO, ``application/dtmf-relay``. The next one waits for `InfoDigitAnswered`."""

    call: str
    digit: Secret
    """One of 0 to 9, ``*``, ``#``, A to D: digits are private, they may be a PIN."""
    duration_ms: int


class PlaceCall(Message, frozen=True):
    """Send an INVITE. Its end is always told by `CallEnded`, also when it is refused right here."""

    call: str
    uri: str
    rtp_port: int
    trunk: str = ""
    vouched: bool = False
    """The operator chose this destination: on the command line, or as a transfer target of the
    configuration. The allow-list is not asked then; the limits are. Never to be set for a destination that
    a model, a caller or a peer named."""
    from_uri: str = ""
    """Number or SIP URI of the caller; empty: the trunk's."""
    from_name: str = ""
    """Display name of the caller; empty: the trunk's."""
    private: bool | None = None
    """Hide the caller from the callee; None: as the trunk says."""
    headers: tuple[Header, ...] = ()
    ring_timeout: float = 0.0
    """Seconds until we give up; 0: as the trunk says."""


# --------------------------------------------------------------------------------------------------
# Supervisor <-> children
# --------------------------------------------------------------------------------------------------


class Ready(Message, frozen=True):
    """A child has read its settings and does its work."""

    detail: str = ""


class ListenFailed(Message, frozen=True):
    """A listener could not be opened. The supervisor prints ``problem`` and stops."""

    problem: str


class SetUpFailed(Message, frozen=True):
    """A worker cannot do its work with these settings: a tool or a certificate file is missing, say."""

    problem: str


class RegistrationState(Message, frozen=True):
    """A registration changed."""

    trunk: str
    registered: bool
    status: int
    reason: str
    expires_in: int = 0


class Admission(Message, frozen=True):
    """The supervisor's word on new calls: 503 while draining or when no worker has a free lane."""

    draining: bool
    free_lanes: int


class WorkerSettings(Message, frozen=True):
    """First message to a worker: who it is and the whole configuration as JSON."""

    index: int
    config_json: Secret
    first_rtp_port: int
    last_rtp_port: int
    lanes: int


class WorkerLoad(Message, frozen=True):
    """Sent by a worker when its number of calls changes."""

    calls: int
    lanes: int


class PeerLost(Message, frozen=True):
    """A process died. To a worker: the SIP process. To the SIP process: the worker that had ``calls``."""

    who: Literal["sip", "worker"]
    calls: tuple[str, ...] = ()


class Stop(Message, frozen=True):
    """End now: hang up what is left, close everything, exit."""

    reason: str = ""


class Drain(Message, frozen=True):
    """No new calls; say goodbye to the live ones after ``seconds``."""

    seconds: float


class CallReport(Message, frozen=True):
    """Worker to supervisor: one piece of all that is known of a finished call, for whoever keeps records.

    The pieces of one call come in order, with none of another call of the same worker between them.
    """

    call: str
    number: int
    """Which piece, from 0."""
    of: int
    """How many pieces there are."""
    body: bytes
    """Private: words of people. Encoded by the worker, read by nobody on the way."""

    def __repr__(self) -> str:
        return f"CallReport(call={self.call!r}, {self.number + 1} of {self.of}, {len(self.body)} octets)"


class Originate(Message, frozen=True):
    """Supervisor to a worker: place a call for an agent."""

    call: str
    uri: str
    agent: str
    trunk: str = ""
    vouched: bool = False
    """As in `PlaceCall`."""


class SipStatistics(Message, frozen=True):
    """Counters of the SIP process since its start, sent about once a second when they changed.

    Keys are ``name`` or ``name:label``; see the metrics catalogue for the meaning of each.
    """

    counters: dict[str, int]
    gauges: dict[str, int] = msgspec.field(default_factory=dict)
    """What is alive now: ``calls``, ``calls_max``, ``draining``, ``free_lanes``, ``registrations``,
    ``sources``."""


AnyMessage = (
    SipSettings
    | IncomingCall
    | MediaUpdated
    | CallRinging
    | CallConfirmed
    | CallEnded
    | CallDigit
    | InfoDigitAnswered
    | Ring
    | Answer
    | Reject
    | ReferProgress
    | HoldRefused
    | HangUp
    | Refer
    | Hold
    | SendInfoDigit
    | PlaceCall
    | Ready
    | ListenFailed
    | SetUpFailed
    | RegistrationState
    | Admission
    | WorkerSettings
    | WorkerLoad
    | PeerLost
    | Stop
    | Drain
    | CallReport
    | Originate
    | SipStatistics
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)


def encode(message: Message) -> bytes:
    """Encode one message as one datagram."""
    return _encoder.encode(message)


def decode(datagram: bytes | memoryview) -> AnyMessage:
    """Decode one datagram.

    Raises:
        msgspec.ValidationError: the datagram is not one of our messages.
    """
    return _decoder.decode(datagram)
