"""Giving a dialog of the stack another way to its peer.

The stack keeps the first hop of a dialog apart from the Contact, as its route set. A Route header whose
URI has the parameter ``hide``, a word of the stack's own, is followed and not written into the request, so
that the peer sees what it would have seen without NAT.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from talkpath.sip._native import ListHead, find_dialog, text
from talkpath.sip._pj import PJ_SUCCESS, StackError, library

if TYPE_CHECKING:
    from talkpath.sip.refer import DialogIds

_NAME = b"Route"


def send_by(ids: DialogIds, uri: str) -> None:
    """Send all requests of a dialog to the host of a SIP URI, whatever the peer's Contact says.

    Raises:
        StackError: the dialog is gone, or the stack refuses.
    """
    stack = library()
    dialog = find_dialog(ids)
    pool = stack.pjsua_pool_create(b"route", 1024, 512)
    try:
        head = ListHead()
        route = _parsed(pool, f"<{uri};lr;hide>")
        node = ListHead.from_address(route)
        head.previous = head.next = route
        node.previous = node.next = ctypes.addressof(head)
        status = stack.pjsip_dlg_set_route_set(dialog, ctypes.addressof(head))  # it copies
    finally:
        stack.pj_pool_release(pool)
    if status != PJ_SUCCESS:
        raise StackError(f"the SIP stack refused a route (status {status})")


def _parsed(pool: int, value: str) -> int:
    """A Route header made by the stack's own parser; it lives as long as the pool."""
    stack = library()
    name, line = text(_NAME.decode()), ctypes.create_string_buffer(value.encode())
    kept = stack.pj_pool_alloc(pool, len(line))  # the header points into the text
    ctypes.memmove(kept, line, len(line))
    header = stack.pjsip_parse_hdr(pool, ctypes.addressof(name), kept, len(line) - 1, None)
    if not header:
        raise StackError(f"the SIP stack cannot read the route {value}")
    return int(header)
