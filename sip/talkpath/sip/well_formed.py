"""What the SIP stack lets pass and RFC 3261 does not, in requests outside a dialog. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.sip.admission import Verdict

if TYPE_CHECKING:
    from talkpath.sip.headers import SipText

UNREADABLE = Verdict(400, "the request cannot be read", "malformed")
_MISMATCH = Verdict(400, "CSeq names another method than the request line", "malformed")
_ENCODED = Verdict(415, "the body is encoded", "offer", headers=(("Accept-Encoding", "identity"),))
_CUT_OFF = Verdict(400, "the body is shorter than Content-Length says", "malformed")

SERVED = frozenset({"ACK", "CANCEL", "INVITE", "NOTIFY", "OPTIONS"})
"""Methods that have a meaning outside a dialog here. NOTIFY is a PBX that tells of waiting messages."""

IN_DIALOGS = frozenset({"BYE", "INFO", "PRACK", "UPDATE"})
"""Methods that have one inside a dialog only."""

KNOWN = SERVED | IN_DIALOGS | {"MESSAGE", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE"}

ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, NOTIFY")

_NO_DIALOG = Verdict(481, "there is no such call", "no_dialog")
_NOT_ALLOWED = Verdict(405, "this server takes calls only", "method", headers=(ALLOW,))
_UNKNOWN_METHOD = Verdict(501, "this method is not known here", "method", headers=(ALLOW,))


def fault(message: SipText) -> Verdict | None:
    """What is wrong with the form of a request; None when nothing is."""
    if message.first("CSeq").rpartition(" ")[2].strip() != message.method:
        return _MISMATCH
    length = message.first("Content-Length").strip()
    is_number = length.isascii() and length.isdigit() and len(length) < 10
    if is_number and int(length) > len(message.body.encode("utf-8", "replace")):
        return _CUT_OFF
    encoded = message.body and message.first("Content-Encoding").strip().lower() not in {"", "identity"}
    return _ENCODED if encoded else None


def method_verdict(method: str) -> Verdict | None:
    """How to refuse a method that is not served outside a dialog (RFC 3261, section 8.2.1); None: it is."""
    if method in SERVED:
        return None
    if method in IN_DIALOGS:
        return _NO_DIALOG
    return _NOT_ALLOWED if method in KNOWN else _UNKNOWN_METHOD
