"""The offers and answers of one dialog over its life, and what they settled.

Pure. The SIP stack asks for our description (`describe`), tells when an exchange is complete (`complete`),
and shows messages that may hold the peer's answer (`learn_answer`); `take_settled` gives each exchange once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from talkpath.sip.addresses import is_ipv6
from talkpath.sip.negotiation import LocalMedia, choose, settle, write_answer, write_offer
from talkpath.sip.sdp import SdpError, parse

if TYPE_CHECKING:
    from talkpath.sip.messages import MediaDescription


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
    """

    def __init__(self, codecs: tuple[str, ...], address: str) -> None:
        self.codecs = codecs
        self.local = LocalMedia(address, 0)
        self._ours = ""
        self._theirs = ""
        self._origin = ""
        self._completed = False
        self._waits_for_answer = False

    def use_port(self, port: int) -> None:
        """Name this RTP port in every description from now on. 0 keeps the port that is set."""
        if port:
            self.local = LocalMedia(self.local.address, port)

    def check_offer(self, text: str) -> None:
        """Check that an offer can be answered.

        Raises:
            SdpError: it cannot; its ``status`` says how to refuse.
        """
        choose(parse(text), self.codecs)

    def describe(self, stack_text: str, remote_text: str) -> str:
        """Write our description: an answer when there is a remote offer, else an offer.

        Args:
            stack_text: What the SIP stack would send; its origin line is kept.
            remote_text: The peer's offer, or empty.

        Raises:
            SdpError: the offer cannot be answered.
        """
        self._origin = parse(stack_text).origin
        self._theirs = remote_text
        self._waits_for_answer = not remote_text
        self._ours = self._write_answer() if remote_text else self._write_offer()
        return self._ours

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
        return write_answer(offer, choose(offer, self.codecs), self._named(), self._origin)

    def _write_offer(self) -> str:
        return write_offer(self.codecs, self._named(), self._origin)

    def _named(self) -> LocalMedia:
        return self.local if self.local.port else LocalMedia(self.local.address, PLACEHOLDER_PORT)

    def learn_answer(self, text: str) -> None:
        """Take the peer's answer to our offer; ignored when we did not offer."""
        if self._waits_for_answer and text.startswith("v="):
            self._theirs = text

    def learn_stream(self, stream: StreamFacts) -> None:
        """Take the peer's answer from the stack's own knowledge."""
        lines = [
            "v=0",
            f"c=IN IP{6 if is_ipv6(stream.address) else 4} {stream.address}",
            f"m=audio {stream.port} RTP/AVP {stream.payload_type} {max(0, stream.dtmf_payload_type) or ''}",
            f"a=rtpmap:{stream.payload_type} {stream.codec}/8000",
            f"a={_REMOTE_DIRECTION[stream.sends, stream.receives]}",
        ]
        if stream.dtmf_payload_type > 0:
            lines.append(f"a=rtpmap:{stream.dtmf_payload_type} telephone-event/8000")
        self.learn_answer("\r\n".join(lines))

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
        try:
            return settle(parse(self._ours), parse(self._theirs))
        except SdpError:
            self._theirs = ""
            raise
