"""The door to pjsua2: everything else in this package takes the stack from here.

pjsua2 ships no types, so its names are ``Any``. A few functions of the stack that its Python face does not
show are called by ctypes; both builds that we know export them.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import logging
from typing import TYPE_CHECKING, Any

import pjsua2

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.counters import Counters

pj: Any = pjsua2

PJ_SUCCESS = 0
PJ_FALSE = 0
PJ_TRUE = 1

_log = logging.getLogger(__name__)


class StackError(RuntimeError):
    """The SIP stack refused something. The text says what and why."""


def error_text(error: Exception) -> str:
    """The short sentence of a ``pjsua2.Error``, without source file and line."""
    return plain(getattr(error, "reason", "") or str(error)).splitlines()[0][:200]


def plain(text: str) -> str:
    """What a peer wrote, as text that can be written again: octets that are no UTF-8 become ``?``.

    The stack hands such octets over as lone surrogates, which no message and no log line of ours can carry.
    """
    return str(text).encode("utf-8", "replace").decode()


def guarded(method: Callable[..., None]) -> Callable[..., None]:
    """Wrap a callback of the stack: an exception is logged and counted, never lost inside C++.

    The object that has the method must have an attribute ``counters``.
    """

    @functools.wraps(method)
    def wrapper(self: Any, *arguments: Any) -> None:
        try:
            method(self, *arguments)
        except Exception:  # noqa: BLE001  a task root: nothing above us but C++
            counters: Counters = self.counters
            counters.add("callback_error", method.__name__)
            _log.exception("error in the callback %s", method.__name__)

    return wrapper


@functools.cache
def library() -> ctypes.CDLL:
    """The stack as a C library, with the signatures that we use.

    Raises:
        StackError: this build of pjsua2 hides its functions.
    """
    # The wheel from PyPI is a package that holds the extension; our build puts it beside the module.
    name = "pjsua2._pjsua2" if hasattr(pjsua2, "__path__") else "_pjsua2"
    path = str(importlib.import_module(name).__file__)
    found = ctypes.CDLL(path)
    pointer, number = ctypes.c_void_p, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "pjsua_get_pjsip_endpt": (pointer, []),
        "pjsua_call_get_max_count": (ctypes.c_uint, []),
        "pjsua_call_get_user_data": (pointer, [number]),
        "pjsua_acc_find_for_incoming": (number, [pointer]),
        "pjsua_pool_create": (pointer, [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t]),
        "pj_pool_release": (None, [pointer]),
        "pj_log_set_level": (None, [number]),
        "pj_gettickcount": (number, [pointer]),
        "pj_timer_heap_count": (ctypes.c_size_t, [pointer]),
        "pj_timer_heap_earliest_time": (number, [pointer, pointer]),
        "pjsip_endpt_get_timer_heap": (pointer, [pointer]),
        "pjsip_endpt_register_module": (number, [pointer, pointer]),
        "pjsip_endpt_respond_stateless": (number, [pointer, pointer, number, pointer, pointer, pointer]),
        "pjsip_ua_find_dialog": (pointer, [pointer, pointer, pointer, number]),
        "pjsip_rdata_get_dlg": (pointer, [pointer]),
        "pjsip_dlg_respond": (number, [pointer, pointer, number, pointer, pointer, pointer]),
        "pjsip_dlg_set_route_set": (number, [pointer, pointer]),
        "pjsip_parse_hdr": (pointer, [pointer, pointer, pointer, ctypes.c_size_t, pointer]),
        "pj_pool_alloc": (pointer, [pointer, ctypes.c_size_t]),
        "pjsip_xfer_create_uac": (number, [pointer, pointer, pointer]),
        "pjsip_evsub_add_header": (number, [pointer, pointer]),
        "pjsip_xfer_initiate": (number, [pointer, pointer, pointer]),
        "pjsip_xfer_send_request": (number, [pointer, pointer]),
        "pjsip_generic_string_hdr_create": (pointer, [pointer, pointer, pointer]),
        "pjmedia_sdp_print": (number, [pointer, ctypes.c_char_p, ctypes.c_size_t]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(found, name, None)
        if function is None:
            raise StackError(f"this build of pjsua2 hides {name}; use the build of `make pjsua2` ({path})")
        function.restype, function.argtypes = result, arguments
    return found


def tls_library() -> str:
    """Name and version of the TLS library that the stack is linked with."""
    for symbol in ("OpenSSL_version", "SSLeay_version"):
        function = getattr(library(), symbol, None)
        if function is not None:
            function.restype, function.argtypes = ctypes.c_char_p, [ctypes.c_int]
            return " ".join(bytes(function(0)).decode("ascii", "replace").split()[:2])
    return "no TLS"
