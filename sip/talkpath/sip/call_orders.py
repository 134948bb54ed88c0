"""Messages about one call from its worker to the SIP process: what shall be done."""

from __future__ import annotations

from talkpath.sip.settings import Header, Message, Secret


class Ring(Message, frozen=True):
    """Answer 180, or 183 with SDP. The RTP port goes into every SDP of this call from now on."""

    call: str
    rtp_port: int
    early_media: bool = False
    """The caller shall hear something before the answer: 183 with SDP, then `MediaUpdated`. Without an offer
    in the INVITE it is a 180 all the same."""
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
    """Of the REFER itself."""
    new_call_headers: tuple[Header, ...] = ()
    """Headers that the peer's call to the target shall have: they stand in Refer-To (RFC 3261, section
    19.1.5), and in the REFER itself when the target is a ``tel:`` URI, which has no room for them."""


class Hold(Message, frozen=True):
    """Put the peer on hold by a re-INVITE (we go on sending, a PBX may play its own music), or take it back.

    `HoldAnswered` tells what became of it, `MediaUpdated` what it means for the media. Collisions (491) are
    retried.
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
