"""SRTP of one lane (RFC 3711, and RFC 7714 for GCM), with keys from the session description (RFC 4568).

No socket, no clock: packets in, packets out. What cannot be opened comes back as the cause it is counted
under; nothing that the network sends raises. libsrtp does the cryptography; what stands here is what it
leaves to its user: which key opens a packet while keys change, and the rollover counter of a stream whose
beginning was missed.
"""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Final

from pylibsrtp import Error, Policy, Session

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.sockets import PACKET_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from talkpath.sip.messages import Secret

__all__ = ["PROFILES", "ProtectionError", "Srtp"]

PROFILES: Final[dict[str, int]] = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
"""Suites by their names in SDP."""

MAX_SOURCES: Final = 256
"""SSRCs that may send under one key: libsrtp keeps a window for each as long as the key lives."""
OLD_KEY_PACKETS: Final = 1_500
"""Packets that the key before still opens while the new one has opened none: 30 s."""
OLD_KEY_STRAGGLERS: Final = 50
"""The same after the new key has opened its first: what the network overtook, a second."""
MAX_ROLLOVER_GUESSES: Final = 64
"""Guesses of a rollover counter, per key: somebody may send nonsense, and guesses cost."""
_MAX_ROLLOVER: Final = 64
"""Rollover counters beyond are not guessed: 23 hours of packets of 20 ms."""

_HEADER: Final = struct.Struct(">BBHII")
_HALF: Final = 1 << 15

_CAUSES: Final = {
    "authentication failure": Cause.SRTP_UNAUTHENTICATED,
    "cipher failure": Cause.SRTP_UNAUTHENTICATED,  # GCM; its cipher authenticates
    "replay check failed (bad index)": Cause.SRTP_REPLAYED,
    "replay check failed (index too old)": Cause.SRTP_REPLAYED,
    "packet index is too old to consider": Cause.SRTP_REPLAYED,
}


class ProtectionError(OSError):
    """A packet of ours could not be encrypted; for a lane that is the same as a socket that refuses."""


class _Key:
    """A suite and its master key with salt. Has no repr of its own, so that none can show the key."""

    def __init__(self, secret: Secret) -> None:
        suite, _, key = secret.value.partition(" inline:")
        if suite not in PROFILES:
            raise ValueError(f"the SRTP suite {suite[:40]} is not one of {', '.join(PROFILES)}")
        self.profile = PROFILES[suite]
        try:
            self._key = base64.b64decode(key, validate=True)
            self.session(Policy.SSRC_ANY_INBOUND)
        except (ValueError, Error):  # its text and its traceback could show the key
            raise ValueError(f"the SRTP key for {suite} has the wrong length or is not base64") from None

    def session(self, direction: int) -> Session:
        """A libsrtp session for every SSRC of one direction."""
        return Session(Policy(key=self._key, ssrc_type=direction, srtp_profile=self.profile))


class _Opener:
    """Opens what the peer encrypted with one key."""

    def __init__(self, secret: Secret) -> None:
        self.secret = secret
        self.newest: dict[int, int] = {}  # packet index by SSRC (RFC 3711, section 3.3.1)
        self._sources: set[int] = set()
        self._key = _Key(secret)
        self._session = self._key.session(Policy.SSRC_ANY_INBOUND)
        self._guesses = MAX_ROLLOVER_GUESSES

    def open(self, packet: bytes) -> bytes | Cause:
        """Open SRTP, or say why not."""
        ssrc = int.from_bytes(packet[8:12])
        if self._crowded(ssrc):
            return Cause.SRTP_SOURCES
        opened = _attempt(self._session.unprotect, packet)
        if not isinstance(opened, Cause):
            self._note(opened, ssrc)
        return opened

    def open_control(self, packet: bytes) -> bytes | Cause:
        """The same for SRTCP."""
        ssrc = int.from_bytes(packet[4:8])
        if self._crowded(ssrc):
            return Cause.SRTP_SOURCES
        opened = _attempt(self._session.unprotect_rtcp, packet)
        if not isinstance(opened, Cause):
            self._sources.add(ssrc)
        return opened

    def _crowded(self, ssrc: int) -> bool:
        return len(self._sources) >= MAX_SOURCES and ssrc not in self._sources

    def open_late(self, packet: bytes, rollovers: Iterable[int]) -> bytes | Cause:
        """Open the first packet of all, in a stream whose rollover counter is not zero but one of those."""
        for rollover in sorted(rollovers):
            if self._guesses <= 0 or self.newest:
                break
            self._guesses -= 1
            opened = self._open_after(packet, rollover)
            if opened is not None:
                return opened
        return Cause.SRTP_UNAUTHENTICATED

    def _open_after(self, packet: bytes, rollover: int) -> bytes | None:
        # libsrtp's Python face cannot set the counter. It counts by itself in a session that is shown
        # packets of the stream, and with the key in hand we can make some.
        _, _, sequence, _, ssrc = _HEADER.unpack_from(packet)
        index = (rollover << 16) + sequence
        trial = self._key.session(Policy.SSRC_ANY_INBOUND)
        sender = self._key.session(Policy.SSRC_ANY_OUTBOUND)
        last = max(index - 1, 0)
        for number in [*range(0, last, _HALF - 1), last]:
            trial.unprotect(sender.protect(_HEADER.pack(0x80, 0, number & 0xFFFF, 0, ssrc)))
        opened = _attempt(trial.unprotect, packet)
        if isinstance(opened, Cause):
            return None
        self._session = trial
        self.newest[ssrc] = index
        return opened

    def _note(self, packet: bytes, ssrc: int) -> None:
        self._sources.add(ssrc)
        sequence = int.from_bytes(packet[2:4])
        newest = self.newest.get(ssrc, sequence)
        step = (sequence - newest + _HALF) % (1 << 16) - _HALF
        self.newest[ssrc] = newest + max(step, 0)


class Srtp:
    """Both directions of one lane.

    Args:
        count: Called with the cause of everything worth a counter.
    """

    def __init__(self, count: Callable[[Cause], None]) -> None:
        self._count = count
        self._local: Secret | None = None
        self._sealer: Session | None = None
        self._opener: _Opener | None = None
        self._before: _Opener | None = None
        self._patience = 0

    def configure(self, local: Secret, remote: Secret) -> None:
        """Set the keys that SDP settled; one that stays the same goes on as it is.

        The peer's key before stays valid until its new one has been heard, because what is on its way, or
        sent before our answer arrived, was encrypted with it.

        Args:
            local: ``SUITE inline:KEY`` for what we send.
            remote: The same for what the peer sends.

        Raises:
            ValueError: A suite is unknown or a key is malformed; nothing was changed.
        """
        opener = self._opener
        if opener is None or opener.secret != remote:
            opener = _Opener(remote)
        if self._sealer is None or self._local != local:
            self._sealer = _Key(local).session(Policy.SSRC_ANY_OUTBOUND)
            self._local = local
        if opener is not self._opener:
            if self._opener is not None and self._opener.newest:
                self._before, self._patience = self._opener, OLD_KEY_PACKETS
            self._opener = opener

    def protect(self, packet: bytes | memoryview) -> bytes:
        """Encrypt RTP.

        Raises:
            ProtectionError: It cannot be.
        """
        return self._seal(packet, control=False)

    def protect_control(self, packet: bytes) -> bytes:
        """Encrypt RTCP; raises as `protect` does."""
        return self._seal(packet, control=True)

    def _seal(self, packet: bytes | memoryview, *, control: bool) -> bytes:
        if self._sealer is None:
            raise ProtectionError("there is no key yet")
        try:
            return (self._sealer.protect_rtcp if control else self._sealer.protect)(bytes(packet))
        except (Error, ValueError) as error:
            raise ProtectionError(str(error)) from error

    def unprotect(self, packet: bytes) -> bytes | None:
        """Open a datagram of the RTP port; what is not RTP at all comes back as it is, for its own counters.

        Returns:
            RTP or RTCP (RFC 5761), or `None` when it was refused, and counted.
        """
        if len(packet) >= PACKET_BYTES:  # it was cut short
            return self._refuse(Cause.OVERSIZED)
        if len(packet) < 2 or packet[0] >> 6 != 2:
            return packet
        if 192 <= packet[1] <= 223:  # RFC 5761, section 4: RTCP where both share a port
            return self.unprotect_control(packet)
        if len(packet) < _HEADER.size:
            return packet
        opener = self._opener
        if opener is None:
            return self._refuse(Cause.SRTP_UNAUTHENTICATED)
        opened = opener.open(packet)
        if isinstance(opened, Cause):
            opened = self._open_otherwise(opener, packet, opened)
        elif self._before is not None:
            self._patience = min(self._patience, OLD_KEY_STRAGGLERS)
            self._spend()
        return self._refuse(opened) if isinstance(opened, Cause) else opened

    def unprotect_control(self, packet: bytes) -> bytes | None:
        """Open SRTCP. Returns RTCP, or `None` when it was refused, and counted."""
        for opener in (self._opener, self._before):
            if opener is not None:
                opened = opener.open_control(packet)
                if not isinstance(opened, Cause):
                    return opened
        # Apart: some stacks shorten the tag of RTCP too, against RFC 4568, section 6.2.2, and are well heard.
        return self._refuse(Cause.SRTCP_REFUSED)

    def _open_otherwise(self, opener: _Opener, packet: bytes, cause: Cause) -> bytes | Cause:
        """Open what the key could not: the old key's packet, or one in the middle of a stream."""
        if self._before is not None:
            opened = self._before.open(packet)
            if not isinstance(opened, Cause):
                self._count(Cause.SRTP_OLD_KEY)
                self._spend()
                return opened
        if cause is Cause.SRTP_UNAUTHENTICATED:
            return opener.open_late(packet, self._rollovers(packet))
        return cause

    def _rollovers(self, packet: bytes) -> set[int]:
        """What the counter may be, if not zero.

        One: the first packets, with the highest numbers, were lost. What it was under the key before: RFC
        3711 lets it run on when keys change, RFC 4568 begins anew, and telephones do either.
        """
        guesses = {1} if int.from_bytes(packet[2:4]) < _HALF else set()
        if self._before is not None:
            newest = self._before.newest.get(int.from_bytes(packet[8:12]))
            if newest is not None:
                guesses |= {newest >> 16, (newest + _HALF) >> 16}
        return {guess for guess in guesses if 0 < guess <= _MAX_ROLLOVER}

    def _spend(self) -> None:
        self._patience -= 1
        if self._patience <= 0:
            self._before = None

    def _refuse(self, cause: Cause) -> bytes | None:
        self._count(cause)
        return None


def _attempt(unprotect: Callable[[bytes], bytes], packet: bytes) -> bytes | Cause:
    try:
        return unprotect(packet)
    except Error as error:
        return _CAUSES.get(str(error), Cause.SRTP_MALFORMED)
    except ValueError:  # longer than libsrtp's own buffer
        return Cause.SRTP_MALFORMED
