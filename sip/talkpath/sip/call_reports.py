"""Messages about one call from the SIP process to the worker that has it.

The supervisor picks the worker for `IncomingCall`; everything after it goes the same way.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from talkpath.sip.handovers import Comeback  # noqa: TC001 - msgspec reads the annotations when it decodes
from talkpath.sip.outcomes import Outcome
from talkpath.sip.settings import Header, Message, Secret, Transport


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
    comeback: Comeback | None = None
    """Added by the supervisor: the caller had been given away by a transfer a moment ago."""


class MediaDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What an offer/answer exchange settled (RFC 3264), seen from us."""

    codec: Literal["PCMU", "PCMA", "G722", "OPUS"]
    payload_type: int
    packet_time: int = 20
    """Milliseconds per packet that the peer wants to receive."""
    parameters: str = ""
    """What the peer wants of the codec (``a=fmtp``), as it stood."""
    dtmf_payload_type: int | None = None
    """Payload type of telephone-event; None when the peer did not agree to it."""
    dtmf_clock_rate: int = 8000
    """Ticks per second in which its durations are counted: 8000 or 48000."""
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


class CallMoved(Message, frozen=True):
    """The other side exchanged who we talk to: from now on the call is with somebody else.

    A `MediaUpdated` about the new peer follows. The call keeps its id; its dialog is another one.
    """

    call: str
    by: Literal["replaces", "refer"]
    """An INVITE with Replaces came (RFC 3891), or we obeyed a REFER (RFC 3515)."""
    sip_call_id: str
    """Call-ID of the new dialog; empty when it is not known."""
    peer_uri: str
    """SIP URI of who it is now; private."""
    peer_name: str = ""


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


class HoldAnswered(Message, frozen=True):
    """What became of a `Hold`; one that another took the place of before it was sent has no answer."""

    call: str
    on: bool
    status: int
    """Of the peer's final response. 300 and more: it refuses, and media is as it was; 481 without a dialog.
    Below, a `MediaUpdated` tells the same about the media, before or after this."""
    reason: str
