"""The gate: a module inside the SIP stack that sees a request before a call or a dialog exists for it.

pjsua2 shows an application an INVITE only when it has built a dialog and used up one of its call slots, and
it answers OPTIONS all by itself. Both are too late for a server on the open Internet: a scanner would cost a
dialog for each probe, and a draining server could not tell its balancer. So a ``pjsip_module`` is registered
by ctypes between the dialog layer and pjsua. It answers what is refused statelessly and lets the rest pass.

No structure of the stack is read here except the module's own and the first two pointers of a list: the
request's text and source come through the public callback ``onSelectAccount``, which is made to run by
``pjsua_acc_find_for_incoming``.
"""

from __future__ import annotations

import ctypes
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from talkpath.sip._native import ListHead, Text, header_list
from talkpath.sip._pj import PJ_FALSE, PJ_SUCCESS, PJ_TRUE, StackError, library, plain
from talkpath.sip.headers import reason_header, retry_after_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.admission import Verdict
    from talkpath.sip.counters import Counters
    from talkpath.sip.messages import Header

_log = logging.getLogger(__name__)

PRIORITY = 48
"""After transactions (16) and dialogs (32), before pjsua (64): only requests outside a dialog come here."""

_OnRequest = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class _Module(ctypes.Structure):
    """``pjsip_module``, unchanged since pjproject 1.0."""

    _fields_ = (
        ("list", ListHead),
        ("name", Text),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", ctypes.c_void_p),
        ("start", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("unload", ctypes.c_void_p),
        ("on_rx_request", _OnRequest),
        ("on_rx_response", ctypes.c_void_p),
        ("on_tx_request", ctypes.c_void_p),
        ("on_tx_response", ctypes.c_void_p),
        ("on_tsx_state", ctypes.c_void_p),
    )


@dataclass(frozen=True, slots=True)
class Request:
    """A request outside a dialog: whole text and source ``host:port``."""

    text: str
    source: str

    @property
    def method(self) -> str:
        """The method as it stands in the request line."""
        return self.text.partition(" ")[0]


class Gate:
    """Refuses requests before they cost anything.

    Args:
        decide: Called with each request outside a dialog; a verdict that is not "admitted" is carried out.
        counters: Where refusals are counted.
    """

    def __init__(self, decide: Callable[[Request], Verdict], counters: Counters) -> None:
        self.counters = counters
        self.passing: tuple[Request, Verdict] | None = None
        """The INVITE that was let through last; pjsua hands it over next."""
        self._decide = decide
        self._seen: Request | None = None
        # ctypes objects must live as long as the stack knows them.
        self._callback = _OnRequest(self._on_request)
        self._name = ctypes.create_string_buffer(b"mod-talkpath-gate")
        self._module = _Module()

    def install(self) -> None:
        """Register the module. The stack must have been initialised.

        Raises:
            StackError: it was refused.
        """
        self._module.name = Text(ctypes.addressof(self._name), len(self._name.value))
        self._module.id = -1
        self._module.priority = PRIORITY
        self._module.on_rx_request = self._callback
        endpoint = library().pjsua_get_pjsip_endpt()
        status = library().pjsip_endpt_register_module(endpoint, ctypes.addressof(self._module))
        if status != PJ_SUCCESS:
            raise StackError(f"the admission gate was refused by the SIP stack (status {status})")

    def observe(self, text: str, source: str) -> None:
        """Called by ``onSelectAccount`` with what it was shown."""
        self._seen = Request(plain(text), source)

    def _on_request(self, rdata: int | None) -> int:
        try:
            return self._check(rdata)
        except Exception:  # noqa: BLE001  a task root: nothing above us but C
            self.counters.add("callback_error", "gate")
            _log.exception("error in the admission gate")
            return PJ_FALSE

    def _check(self, rdata: int | None) -> int:
        self._seen = self.passing = None
        library().pjsua_acc_find_for_incoming(rdata)
        return self._judge(self._seen, rdata)

    def _judge(self, request: Request | None, rdata: int | None) -> int:
        if request is None or request.method == "ACK":
            return PJ_FALSE
        verdict = self._decide(request)
        if verdict.admitted:
            self.passing = (request, verdict)
            return PJ_FALSE
        self.counters.add("refused", verdict.counter)
        if verdict.status > 0:
            respond(rdata, verdict)
        return PJ_TRUE


def refusal_headers(verdict: Verdict) -> tuple[Header, ...]:
    """The headers that go with a refusal: why, what is needed, and when to try again."""
    headers = [reason_header(verdict.status, verdict.reason), *verdict.headers]
    if verdict.retry_after:
        headers.append(retry_after_header(verdict.retry_after))
    return tuple(headers)


def respond(rdata: int | None, verdict: Verdict) -> None:
    """Answer a request statelessly (RFC 3261, section 8.2.7)."""
    stack = library()
    with header_list(refusal_headers(verdict)) as head:
        stack.pjsip_endpt_respond_stateless(
            stack.pjsua_get_pjsip_endpt(), rdata, verdict.status, None, head, None
        )
