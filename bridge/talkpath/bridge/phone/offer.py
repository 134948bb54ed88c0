"""What a browser's SDP offer may hold. Pure: text in, text out.

A peer connection would take whatever an offer names: video, data channels, hundreds of candidates. The phone
is for one voice, so everything else is refused or left out before a peer connection sees it.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

MAX_OFFER: Final = 20_000
"""Characters; a browser's offer for one voice has about 3,000."""
MAX_CANDIDATES: Final = 20
"""Addresses of the browser that are tried."""

_CANDIDATE: Final = "a=candidate:"
_OPUS: Final = re.compile(r"^a=rtpmap:\d+ opus/48000/2\s*$", re.IGNORECASE | re.MULTILINE)


class OfferError(ValueError):
    """The offer cannot be taken; the sentence says why."""


def clean_offer(sdp: str) -> str:
    """Check an offer, and leave out what is of no use.

    The end of the candidates is left out, too: a browser behind NAT is found by the checks that it sends,
    from an address that no candidate names (peer-reflexive, RFC 8445, section 7.3.1.3), however late.

    Args:
        sdp: As the browser wrote it.

    Returns:
        The offer with usable candidates only, lines ended by CR and LF.

    Raises:
        OfferError: it is not an offer of one voice in Opus over DTLS.
    """
    if len(sdp) > MAX_OFFER:
        raise OfferError(f"The offer has {len(sdp)} characters; at most {MAX_OFFER} are read.")
    lines = sdp.splitlines()
    media = [line for line in lines if line.startswith("m=")]
    if len(media) != 1 or not media[0].startswith("m=audio "):
        raise OfferError(f"The offer must hold one stream of audio, and nothing else; it holds {len(media)}.")
    if _OPUS.search(sdp) is None:
        raise OfferError("The offer does not name the codec Opus (a=rtpmap:… opus/48000/2).")
    for wanted in ("a=fingerprint:", "a=ice-ufrag:", "a=ice-pwd:"):
        if not any(line.startswith(wanted) for line in lines):
            raise OfferError(f"The offer has no line {wanted}…: a browser always writes one.")
    kept = [line for line in lines if not line.startswith((_CANDIDATE, "a=end-of-candidates"))]
    candidates = [line for line in lines if line.startswith(_CANDIDATE) and usable(line)]
    return "".join(f"{line}\r\n" for line in [*kept, *candidates[:MAX_CANDIDATES]] if line)


def usable(candidate: str) -> bool:
    """Whether a candidate is a UDP address: no TCP, and no name that had to be looked up (mDNS).

    Args:
        candidate: A line ``a=candidate:…`` (RFC 8839, section 5.1).
    """
    fields = candidate.removeprefix(_CANDIDATE).split()
    if len(fields) < 8 or fields[2].lower() != "udp":
        return False
    try:
        ipaddress.ip_address(fields[4])
    except ValueError:
        return False
    return fields[5].isdecimal() and 0 < int(fields[5][:6]) <= 65_535
