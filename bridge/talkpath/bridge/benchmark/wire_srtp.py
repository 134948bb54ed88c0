"""What the callers of the benchmark do to speak SRTP, with keys in the SDP (RFC 3711, RFC 4568).

One key of ours for all calls, whose streams differ by their SSRC; a key of the daemon for each. Nothing here
shares code with what is measured but libsrtp itself.
"""

from __future__ import annotations

import base64
from typing import Final

from pylibsrtp import Error, Policy, Session

SUITE: Final = "AES_CM_128_HMAC_SHA1_80"
"""The suite that every telephone has."""
_KEY: Final = bytes(range(30))
_FIRST_RTCP, _LAST_RTCP = 192, 223  # second byte (RFC 5761, section 4)


class SecureWire:
    """The keys of all callers.

    Attributes:
        offer: The value of ``a=crypto`` to offer.
    """

    def __init__(self) -> None:
        self.offer = f"1 {SUITE} inline:{base64.b64encode(_KEY).decode()}"
        self._sealer = _session(_KEY, Policy.SSRC_ANY_OUTBOUND)
        self._openers: dict[int, Session] = {}

    def agree(self, call: int, key: str) -> None:
        """Take the key of an answer, in base64; a call keeps its first."""
        if key and call not in self._openers:
            self._openers[call] = _session(base64.b64decode(key), Policy.SSRC_ANY_INBOUND)

    def seal(self, packet: memoryview) -> bytes:
        """Encrypt RTP."""
        return self._sealer.protect(bytes(packet))

    def open(self, call: int, packet: memoryview) -> None:
        """Decrypt RTP in place; what is not RTP of the call stays as it is, and cannot be read."""
        if _FIRST_RTCP <= packet[1] <= _LAST_RTCP or call not in self._openers:
            return
        try:
            opened = self._openers[call].unprotect(bytes(packet))
        except Error:
            return
        packet[: len(opened)] = opened


def _session(key: bytes, direction: int) -> Session:
    profile = Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    return Session(Policy(key=key, ssrc_type=direction, srtp_profile=profile))
