"""The offers and answers of one dialog over its life, and what they settled.

Pure. The SIP stack asks for our description (`describe`), tells when an exchange is complete (`complete`),
and shows messages that may hold the peer's answer (`learn_answer`); `take_settled` gives each exchange once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from talkpath.sip.addresses import is_ipv6
from talkpath.sip.negotiation import OFFER_CODECS, LocalMedia, choose, settle, write_answer, write_offer
from talkpath.sip.sdes import OwnKeys, pair
from talkpath.sip.sdp import SdpError, origin_of, parse

if TYPE_CHECKING:
    from talkpath.sip.messages import MediaDescription, SrtpPolicy
    from talkpath.sip.sdes import Crypto
    from talkpath.sip.sdp import Direction, SessionDescription


PLACEHOLDER_PORT = 9
"""Stands in a description that is never sent (the discard port). 0 would switch the audio line off."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """The peer's side of an exchange as the SIP stack knows it, when its SDP was not shown to us.

    ``dtmf_payload_type`` is 0 or negative when there is none; ``sends`` and ``receives`` are seen from us.
    """

    address: str
    port: int
    codec: str
    payload_type: int
    dtmf_payload_type: int
    sends: bool
    receives: bool


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the exchanges of a dialog stood."""

    ours: str = field(repr=False)
    theirs: str = field(repr=False)
    completed: bool
    waits_for_answer: bool


_REMOTE_DIRECTION = {
    (True, True): "sendrecv",
    (True, False): "recvonly",
    (False, True): "sendonly",
    (False, False): "inactive",
}


class OfferAnswer:
    """One dialog's media negotiation.

    Args:
        codecs: Names of the codecs that the trunk allows, in our order of preference.
        address: The address that our descriptions name.
        srtp: What the trunk wants.
        keys: Our SRTP keys.
        peer: IP address that the peer's SIP comes from, if known; passed on.
    """

    def __init__(
        self,
        codecs: tuple[str, ...],
        address: str,
        srtp: SrtpPolicy = "off",
        keys: OwnKeys | None = None,
        *,
        peer: str = "",
    ) -> None:
        self.codecs = codecs
        self.hold = False
        """We hold the peer; named in every description from now on."""
        self.may_fork = False
        """Our INVITE may have reached several telephones: until one has taken the call, each may answer the
        offer, and the last answer holds (RFC 3261, section 13.2.2.4)."""
        self.local = LocalMedia(address, 0)
        self._peer = peer
        self._srtp: SrtpPolicy = srtp
        self._keys = keys or OwnKeys()
        self._protocol = "RTP/SAVP" if srtp == "mandatory" else "RTP/AVP"
        self._their_crypto: Crypto | None = None
        self._they_hold = False
        self._ours = ""
        self._theirs = ""
        self._origin = ""
        self._completed = False
        self._waits_for_answer = False

    def for_another_peer(self, peer: str) -> OfferAnswer:
        """The beginning of a dialog with another peer about the same RTP port, with keys of its own.

        Args:
            peer: IP address that its SIP comes from, if known.
        """
        other = OfferAnswer(self.codecs, self.local.address, self._srtp, peer=peer)
        other.use_port(self.local.port)
        return other

    def use_port(self, port: int) -> None:
        """Name this RTP port in every description from now on. 0 keeps the port that is set."""
        if port:
            self.local = LocalMedia(self.local.address, port)

    def check_offer(self, text: str) -> None:
        """Check that an offer can be answered.

        Raises:
            SdpError: it cannot; its ``status`` says how to refuse.
        """
        choose(parse(text), self.codecs, self._srtp)

    def describe(self, stack_text: str, remote_text: str) -> str:
        """Write our description: an answer when there is a remote offer, else an offer.

        Args:
            stack_text: What the SIP stack would send; its origin line is kept.
            remote_text: The peer's offer, or empty.

        Raises:
            SdpError: the offer cannot be answered.
        """
        self._origin = origin_of(stack_text.splitlines())
        self._theirs = remote_text
        self._waits_for_answer = not remote_text
        self._ours = self._write_answer() if remote_text else self._write_offer()
        return self._ours

    def offered(self, text: str) -> None:
        """Take an offer that the stack has made by itself: what holds, once more, to refresh the session.

        The answer to it may say anything (RFC 4028, section 7.4), another address for example.
        """
        if text.startswith("v=") and not self._waits_for_answer:
            self._ours, self._theirs = text, ""
            self._waits_for_answer = True

    def checkpoint(self) -> Checkpoint:
        """Where the exchanges stand, to come back to when an offer of ours is not taken."""
        return Checkpoint(self._ours, self._theirs, self._completed, self._waits_for_answer)

    def back_to(self, checkpoint: Checkpoint) -> None:
        """Forget the offer that was described since then."""
        self._ours, self._theirs = checkpoint.ours, checkpoint.theirs
        self._completed, self._waits_for_answer = checkpoint.completed, checkpoint.waits_for_answer

    def final_answer(self) -> str:
        """The answer to the first offer once our port is known; empty when there was no offer.

        The stack asks for a description as soon as an INVITE is there, before a worker has chosen a port.
        """
        if not self._theirs:
            return ""
        self._ours = self._write_answer()
        return self._ours

    def _write_answer(self) -> str:
        offer = parse(self._theirs)
        choice = choose(offer, self.codecs, self._srtp)
        crypto = self._keys.answer_to(choice.crypto) if choice.crypto else None
        return write_answer(offer, choice, self._named(), self._origin, crypto=crypto, hold=self.hold)

    def _write_offer(self) -> str:
        return write_offer(
            self.codecs,
            self._named(),
            self._origin,
            cryptos=self._keys.offer() if self._srtp != "off" else (),
            protocol=self._protocol,
            direction=self._wanted(),
        )

    def _wanted(self) -> Direction:
        """The direction of an offer of ours (RFC 3264, section 8.4)."""
        if not self.hold:
            return "sendrecv"
        return "inactive" if self._they_hold else "sendonly"

    def _named(self) -> LocalMedia:
        return self.local if self.local.port else LocalMedia(self.local.address, PLACEHOLDER_PORT)

    def learn_answer(self, text: str) -> None:
        """Take the peer's answer to our offer; ignored when we did not offer."""
        if not text.startswith("v="):
            return
        if self._waits_for_answer:
            self._theirs = text
        elif self.may_fork and text != self._theirs:
            self._theirs, self._completed = text, True

    def learn_stream(self, stream: StreamFacts) -> None:
        """Take the peer's answer from the stack's own knowledge."""
        known = OFFER_CODECS.get(stream.codec.upper())
        clock_rate = known.clock_rate if known else 8000
        lines = [
            "v=0",
            f"c=IN IP{6 if is_ipv6(stream.address) else 4} {stream.address}",
            f"m=audio {stream.port} RTP/AVP {stream.payload_type} {max(0, stream.dtmf_payload_type) or ''}",
            f"a=rtpmap:{stream.payload_type} {stream.codec}/{clock_rate}",
            f"a={_REMOTE_DIRECTION[stream.sends, stream.receives]}",
        ]
        if stream.dtmf_payload_type > 0:
            lines.append(f"a=rtpmap:{stream.dtmf_payload_type} telephone-event/8000")
        lines += self._known_crypto()
        self.learn_answer("\r\n".join(lines))

    def _known_crypto(self) -> list[str]:
        """The peer's last key as the answer to our offer: keys stay as they are (RFC 4568, section 7.1.4)."""
        last = self._their_crypto
        if last is None:
            return []
        return [replace(own, key=last.key).attribute for own in self._keys.offer() if own.suite == last.suite]

    @property
    def answer_is_missing(self) -> bool:
        """The stack says that an exchange is complete, but no message with the peer's answer was shown."""
        return self._completed and self._waits_for_answer and not self._theirs

    def complete(self) -> None:
        """The stack says that an exchange is complete."""
        self._completed = True

    def take_settled(self) -> MediaDescription | None:
        """What the last exchange settled, once; None while there is nothing new or no answer yet.

        Raises:
            SdpError: the exchange left nothing that can be used.
        """
        if not (self._completed and self._ours and self._theirs):
            return None
        self._completed = self._waits_for_answer = False
        ours, theirs = parse(self._ours), parse(self._theirs)
        try:
            settled = settle(ours, theirs)
        except SdpError:
            self._theirs = ""
            raise
        self._remember(ours, theirs)
        return msgspec.structs.replace(settled, signalling_address=self._peer)

    def _remember(self, ours: SessionDescription, theirs: SessionDescription) -> None:
        """Keep what our next offer needs: the transport, the peer's key, whether the peer holds us."""
        mine, peer = ours.audio, theirs.audio
        if mine is None or peer is None:
            return
        self._protocol = mine.protocol
        keys = pair(mine.cryptos, peer.cryptos)
        self._their_crypto = keys[1] if keys else None
        # To an inactive offer of ours the answer can only be inactive, which tells nothing about the peer.
        if mine.direction != "inactive" or peer.direction != "inactive":
            self._they_hold = peer.direction in {"sendonly", "inactive"}
