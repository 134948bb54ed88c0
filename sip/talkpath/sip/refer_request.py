"""Sending a REFER with headers of our own.

The stack's call object always writes a Referred-By of its own and takes no other. So the same public
functions that it uses are called directly: they find the dialog by its ids, and do everything else
(authentication, the subscription, the answers to NOTIFY) as they do it for the call object.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from talkpath.sip._native import find_dialog, header_list, text
from talkpath.sip._pj import PJ_SUCCESS, StackError, library

if TYPE_CHECKING:
    from talkpath.sip.messages import Header
    from talkpath.sip.refer import DialogIds


def send_refer(ids: DialogIds, target: str, headers: tuple[Header, ...]) -> None:
    """Send a REFER in a dialog.

    Args:
        ids: The dialog.
        target: Value of Refer-To.
        headers: More headers, Referred-By among them.

    Raises:
        StackError: the dialog is gone, or the stack refuses.
    """
    stack = library()
    dialog = find_dialog(ids)
    subscription, request = ctypes.c_void_p(), ctypes.c_void_p()
    _check(stack.pjsip_xfer_create_uac(dialog, None, ctypes.addressof(subscription)))
    with header_list(headers) as head:
        _check(stack.pjsip_evsub_add_header(subscription, head))
    value = text(target)
    _check(stack.pjsip_xfer_initiate(subscription, ctypes.addressof(value), ctypes.addressof(request)))
    _check(stack.pjsip_xfer_send_request(subscription, request))


def _check(status: int) -> None:
    if status != PJ_SUCCESS:
        raise StackError(f"the SIP stack refused a REFER (status {status})")
