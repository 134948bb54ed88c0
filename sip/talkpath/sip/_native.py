"""A few things of the stack for ctypes: strings, lists of headers, dialogs.

Only what has not changed since pjproject 1.0 and cannot depend on how a build was configured.
"""

from __future__ import annotations

import contextlib
import ctypes
from typing import TYPE_CHECKING

from talkpath.sip._pj import PJ_FALSE, StackError, library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.sip.messages import Header
    from talkpath.sip.refer import DialogIds


class Text(ctypes.Structure):
    """``pj_str_t``."""

    _fields_ = (("pointer", ctypes.c_char_p), ("length", ctypes.c_ssize_t))


class ListHead(ctypes.Structure):
    """The start of every list node of pjlib."""

    _fields_ = (("previous", ctypes.c_void_p), ("next", ctypes.c_void_p))


def text(value: str) -> Text:
    """A string for the stack; it holds the bytes itself."""
    data = value.encode("utf-8", "replace")
    return Text(data, len(data))


@contextlib.contextmanager
def header_list(headers: tuple[Header, ...]) -> Iterator[int]:
    """A list of headers for the stack, gone at the end of the block: the stack must have copied it.

    Yields:
        The address of its head.
    """
    pool = library().pjsua_pool_create(b"headers", 512, 512)
    try:
        head = ListHead()
        head.previous = head.next = ctypes.addressof(head)
        keep = [_append(pool, head, header) for header in headers]
        yield ctypes.addressof(head)
        del keep
    finally:
        library().pj_pool_release(pool)


def _append(pool: int, head: ListHead, header: Header) -> list[Text]:
    """Add one header; the texts that are returned must live as long as the list."""
    texts = [text(part) for part in header]
    address = library().pjsip_generic_string_hdr_create(pool, *(ctypes.addressof(part) for part in texts))
    node = ListHead.from_address(address)
    last = ListHead.from_address(head.previous)
    node.previous, node.next = head.previous, ctypes.addressof(head)
    last.next = head.previous = address
    return texts


def find_dialog(ids: DialogIds) -> int:
    """The address of a dialog of the stack.

    Raises:
        StackError: it is gone.
    """
    names = [text(part) for part in (ids.call_id, ids.local_tag, ids.remote_tag)]
    found = library().pjsip_ua_find_dialog(*(ctypes.addressof(name) for name in names), PJ_FALSE)
    if not found:
        raise StackError("the stack does not know the dialog any more")
    return int(found)
