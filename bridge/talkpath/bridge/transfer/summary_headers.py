"""The SIP headers that tell the human's telephone, before it rings, what a call is about. Pure.

The text comes from a model that listens to a caller. So it is one line without invisible characters, long
numbers are left out of it (what a caller dictates, such as a card, has no place in the logs of a PBX), and it
is cut to the bytes that the configuration allows.

User-to-User is RFC 7433; what an ISDN gateway makes of it is RFC 7434: there the first byte is a protocol
discriminator, which ``user_to_user_prefix`` supplies.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from talkpath.sip.refer import user_to_user

if TYPE_CHECKING:
    from collections.abc import Collection

    from talkpath.bridge.config.transfer import TransferConfig
    from talkpath.bridge.transfer.briefing import Share, Subject
    from talkpath.sip.messages import Header

SUMMARY_HEADER: Final = "X-Talkpath-Summary"
USER_TO_USER: Final = "User-to-User"

_LONG_NUMBER: Final = re.compile(r"\+?\d(?:[\s().\-/]*\d){4,}")
_HIDDEN: Final = "[number]"
_UNSEEN: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that no display shows: controls, halves of pairs, private ones, line ends."""
_LONGEST: Final = 2000
"""Characters that are looked at; no header takes as many bytes."""


def headers(subject: Subject, settings: TransferConfig) -> tuple[Header, ...]:
    """The headers that carry the summary; none unless the configuration names them.

    Args:
        subject: What is known.
        settings: Which headers, how long they may be, and what may be shared.
    """
    text = summary(subject, settings.share)
    if not text:
        return ()
    made: list[Header] = []
    if SUMMARY_HEADER in settings.headers:
        made.append((SUMMARY_HEADER, clip(text, settings.summary_bytes)))
    if USER_TO_USER in settings.headers:
        prefix = bytes.fromhex(settings.user_to_user_prefix)
        data = prefix + clip(text, settings.user_to_user_bytes - len(prefix)).encode()
        made.append(user_to_user(data, settings.user_to_user_purpose, settings.user_to_user_content))
    return tuple(made)


def summary(subject: Subject, share: Collection[Share]) -> str:
    """One line for headers: the summary, else the reason; empty when neither may be shared."""
    if "reason" not in share:
        return ""
    text = (subject.summary or subject.reason)[:_LONGEST]
    seen = "".join(" " if unicodedata.category(character) in _UNSEEN else character for character in text)
    return _LONG_NUMBER.sub(_HIDDEN, " ".join(seen.split()))


def clip(text: str, longest: int) -> str:
    """As much of the text as fits into so many bytes of UTF-8, cut between words where that is possible.

    No character is cut in two, and none is parted from the accents that follow it.
    """
    if len(text.encode()) <= longest:
        return text
    room = longest - len("…".encode())
    cut = text.encode()[:room].decode(errors="ignore")
    while cut and unicodedata.combining(text[len(cut)]):
        cut = cut[:-1]
    words = cut if text[len(cut)] == " " else cut.rpartition(" ")[0]
    return f"{(words if len(words) > room // 2 else cut).rstrip()}…"
