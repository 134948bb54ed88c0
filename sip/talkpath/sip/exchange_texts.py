"""Replaces and Refer-To as they come from a peer that wants to exchange who we talk to. Pure.

RFC 3891 (Replaces), RFC 3515 (REFER). What is read here came from the network and is refused rather than
guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from talkpath.sip.headers import parse_address
from talkpath.sip.refer import MAX_URI, DialogIds, ReferError

if TYPE_CHECKING:
    from talkpath.sip.headers import SipText

ALLOWED_HEADERS: Final = frozenset({"replaces", "require", "user-to-user", "x-talkpath-summary"})
"""Headers that a Refer-To may put into our INVITE: any other could make us claim what is not so."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A Replaces header: the dialog, seen from us, and whether it may only be one that still rings."""

    dialog: DialogIds
    early_only: bool


def replaced_dialog(invite: SipText) -> Replaced | None:
    """The dialog that an INVITE wants to replace; None when it wants to replace none.

    Raises:
        ReferError: there are several Replaces headers, or one that cannot be read (RFC 3891, section 3: 400).
    """
    values = [value for name, value in invite.headers if name.lower() == "replaces"]
    if not values:
        return None
    if len(values) > 1 or "," in values[0]:
        raise ReferError("more than one Replaces header")
    call_id, *parameters = (part.strip() for part in values[0].split(";"))
    pairs = {key.strip().lower(): value.strip() for key, _, value in (p.partition("=") for p in parameters)}
    local, remote = pairs.get("to-tag", ""), pairs.get("from-tag", "")
    if not (call_id and local and remote):
        raise ReferError("a Replaces header without Call-ID and both tags")
    return Replaced(DialogIds(call_id, local, remote), "early-only" in pairs)


def refer_target(request: SipText) -> str:
    """The URI that a REFER wants us to call, without the headers in it.

    Raises:
        ReferError: there is not exactly one Refer-To (RFC 3515, section 2.4.2), it names another method than
            INVITE, or a header that nobody but we may set.
    """
    values = [value for name, value in request.headers if name.lower() == "refer-to"]
    if len(values) != 1:
        raise ReferError("a REFER must have one Refer-To")
    uri, _, headers = parse_address(values[0]).uri.partition("?")
    if len(uri) > MAX_URI or not uri:
        raise ReferError("the Refer-To cannot be read")
    method = uri.lower().partition(";method=")[2].partition(";")[0]
    if method not in {"", "invite"}:
        raise ReferError("the Refer-To asks for another method than INVITE")
    named = {unquote(field.partition("=")[0]).strip().lower() for field in headers.split("&") if field}
    if not named <= ALLOWED_HEADERS:
        raise ReferError(f"the Refer-To sets headers besides {', '.join(sorted(ALLOWED_HEADERS))}")
    return uri
