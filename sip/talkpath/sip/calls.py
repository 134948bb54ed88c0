"""All dialogs by our id: taking incoming calls, placing calls, and carrying out messages about them."""

from __future__ import annotations

import functools
import itertools
import logging
import secrets
import time
from typing import TYPE_CHECKING

from talkpath.sip import messages
from talkpath.sip.addresses import (
    Port,
    advertised_address,
    is_ipv6,
    join_host_port,
    local_address_towards,
    split_host_port,
)
from talkpath.sip.dialog import Dialog
from talkpath.sip.ending import OurEnd
from talkpath.sip.headers import parse_address, parse_message, uri_host, without_secrets
from talkpath.sip.nat import way_back
from talkpath.sip.offer_answer import OfferAnswer
from talkpath.sip.outgoing import OutgoingDialog
from talkpath.sip.placing import Placing
from talkpath.sip.sdes import without_keys
from talkpath.sip.stack_calls import release
from talkpath.sip.successors import Successors
from talkpath.sip.trace import Tracer
from talkpath.sip.transports import transport_in, transport_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from talkpath.sip.account import TrunkAccount
    from talkpath.sip.admission import Verdict
    from talkpath.sip.counters import Counters
    from talkpath.sip.gate import Request
    from talkpath.sip.reception import Reception
    from talkpath.sip.refer import DialogIds

_Command = (
    messages.Ring
    | messages.Answer
    | messages.Reject
    | messages.HangUp
    | messages.Hold
    | messages.SendInfoDigit
)

_log = logging.getLogger(__name__)


class Calls:
    """The dialogs that live.

    Args:
        settings: Listeners, for the addresses in SDP.
        counters: Where everything is counted.
        send: Takes messages for the worker of a call.
    """

    def __init__(
        self, settings: messages.SipSettings, counters: Counters, send: Callable[[messages.Message], None]
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._send = send
        self._dialogs: dict[str, Dialog] = {}
        self._ended: list[str] = []
        self._accounts: Mapping[str, TrunkAccount] = {}
        self._reception: Reception | None = None
        self._tracer = Tracer(settings.trace, counters)
        self._placing = Placing(settings, counters, self._report)
        self._successors = Successors(self._dialogs, self._placing, counters, self._report)
        # Ids must not repeat after a restart, while a worker still holds calls of the process before.
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._dialogs)

    @property
    def all(self) -> int:
        """How many there are."""
        return len(self._dialogs)

    def on_trunk(self, name: str) -> int:
        """How many of them are of one trunk."""
        return sum(dialog.trunk == name for dialog in self._dialogs.values())

    def is_answered(self, trunk: str, ids: DialogIds) -> bool:
        """Whether these ids name an answered dialog of a trunk."""
        return any(one.trunk == trunk and one.is_named(ids) for one in self._dialogs.values())

    def is_ringing(self, trunk: str, ids: DialogIds) -> bool:
        """Whether these ids name a dialog of a trunk that we began and nobody has answered yet."""
        return any(one.trunk == trunk and one.rings_as(ids) for one in self._dialogs.values())

    @property
    def ending(self) -> bool:
        """Whether dialogs are left that are not those of their calls any more."""
        return len(self._successors) > 0

    def use(self, accounts: Mapping[str, TrunkAccount], reception: Reception) -> None:
        """Take the accounts to place calls from, and the policy that knows the codecs of a trunk."""
        self._accounts, self._reception = accounts, reception

    def change(self, settings: messages.SipSettings) -> None:
        """Take other settings for the calls that come from now on."""
        if settings.trace != self._settings.trace:
            self._tracer.use(settings.trace)
        self._settings = settings
        self._placing = self._successors.placing = Placing(settings, self._counters, self._report)

    def has_account(self, account: TrunkAccount) -> bool:
        """Whether a call of an account lives."""
        mine = any(dialog.account is account for dialog in self._dialogs.values())
        return mine or self._successors.has_account(account)

    # Incoming -----------------------------------------------------------------------------------------

    def take(self, account: TrunkAccount, stack_id: int, request: Request, verdict: Verdict) -> None:
        """Make a dialog of an admitted INVITE and tell the worker about it."""
        message = parse_message(request.text)
        transport = transport_of(message)
        source = split_host_port(request.source)[0]
        address = self._address(account.trunk, transport, source)
        call = f"c-{self._prefix}-{next(self._numbers)}"
        media = OfferAnswer(self._codecs(verdict.trunk), address, account.trunk.srtp, peer=source)
        dialog = Dialog(account, call, media, self._counters, self._report, stack_id=stack_id)
        if not account.trunk.trust_contact:
            dialog.way_back = way_back(message, request.source, transport)
        dialog.deadline = time.monotonic() + self._settings.decision_seconds
        dialog.successors = self._successors
        self._dialogs[call] = dialog
        self._counters.add("calls", "incoming")
        caller = parse_address(message.first("From"))
        local = self._trace(dialog, address, transport, caller.uri, message.request_uri)
        self._tracer.message(call, "received", request.text, local, request.source)
        self._send(
            messages.IncomingCall(
                call=call,
                sip_call_id=message.first("Call-ID"),
                trunk=verdict.trunk,
                source=request.source,
                transport=transport,
                from_uri=caller.uri,
                from_name=caller.name,
                to_uri=parse_address(message.first("To")).uri,
                request_uri=message.request_uri,
                headers=without_secrets(message.headers),
                offer=without_keys(message.body) if message.body.startswith("v=") else "",
                local_address=address,
            )
        )

    def _trace(self, dialog: Dialog, address: str, transport: messages.Transport, *numbers: str) -> str:
        """Let the tracer see what a dialog says; returns our own end of it, ``host:port``."""
        ports = {listener.transport: listener.port for listener in reversed(self._settings.listeners)}
        local = join_host_port(address, ports.get(transport, 0))
        self._tracer.begin(dialog.call, *numbers)
        dialog.trace = functools.partial(self._tracer.event, dialog.call, local)
        return local

    def _codecs(self, trunk: str) -> tuple[str, ...]:
        return self._reception.codecs(trunk) if self._reception else self._settings.codecs

    def _address(self, trunk: messages.TrunkSettings, transport: messages.Transport, peer: str) -> str:
        """The address for our SDP towards a peer."""
        route = local_address_towards(peer)
        same = [item for item in self._settings.listeners if is_ipv6(item.host) == is_ipv6(peer)]
        same = (
            [item for item in same if item.transport == transport] or same or list(self._settings.listeners)
        )
        listener = next((item for item in same if item.host == route), same[0])
        found = advertised_address(
            trunk.advertised_address, listener.advertised_address, listener.host, route
        )
        if not found:
            self._counters.add("no_local_address")
        return found or "127.0.0.1"

    # Messages -----------------------------------------------------------------------------------------

    def perform(self, message: messages.AnyMessage) -> bool:
        """Carry out one message about calls. Returns False when it is not one."""
        match message:
            case messages.PlaceCall():
                self._place(message)
            case messages.PeerLost():
                for call in message.calls:
                    self._end(call, OurEnd("failure", 500, "the media process of this call is gone"))
            case messages.Refer():
                self._refer(message)
            case messages.DebugCall():
                self._tracer.watch(message.call, on=message.on)
            case _ if isinstance(message, _Command):
                self._command(message)
            case _:
                return False
        return True

    def _command(self, message: _Command) -> None:
        dialog = self._dialogs.get(message.call)
        if dialog is None:  # it ended while the message was on its way
            self._counters.add("late_command", type(message).__name__.lower())
            return
        match message:
            case messages.Ring():
                dialog.ring(Port(message.rtp_port, message.rtp_port_v6), early_media=message.early_media)
            case messages.Answer():
                dialog.accept(Port(message.rtp_port), message.headers)
            case messages.Reject():
                status = message.status if 300 <= message.status <= 699 else 500
                self._counters.add("rejected", str(status))
                dialog.end(OurEnd("us", status, message.reason), message.headers, message.retry_after)
            case messages.Hold():
                dialog.hold(message.on, time.monotonic())
            case messages.SendInfoDigit():
                dialog.send_digit(message.digit.value, message.duration_ms)
            case messages.HangUp():
                end = OurEnd("us", 200 if dialog.confirmed else 480, message.reason)
                self._successors.end(message.call, end)
                dialog.end(end, message.headers)

    def _refer(self, message: messages.Refer) -> None:
        dialog = self._dialogs.get(message.call)
        consult = self._dialogs.get(message.replaces_call)
        if dialog is None:
            self._counters.add("late_command", "refer")
        elif message.replaces_call and consult is None:
            reason = "the consult call is over"
            self._send(messages.ReferProgress(call=message.call, stage="refused", status=481, reason=reason))
        else:
            dialog.refer(message, consult)

    def _end(self, call: str, end: OurEnd) -> None:
        dialog = self._dialogs.get(call)
        if dialog is not None:
            self._successors.end(call, end)
            dialog.end(end)

    def _place(self, order: messages.PlaceCall) -> None:
        if order.call in self._dialogs:
            self._counters.add("duplicate_call")
            return
        now = time.monotonic()
        ended = self._placing.refuse(order, self._dialogs.values(), now)
        if ended is not None:
            self._send(ended)
            return
        account = self._accounts[order.trunk]
        peer = self._peer(order)
        address = self._address(account.trunk, transport_in(order.uri), peer)
        media = OfferAnswer(self._codecs(order.trunk), address, account.trunk.srtp, peer=peer)
        dialog = self._placing.begin(order, account, media, now)
        dialog.successors = self._successors
        self._dialogs[order.call] = dialog
        self._trace(dialog, address, transport_in(order.uri), order.uri, order.from_uri)
        ended = self._placing.dial(order, dialog, account)
        if ended is not None:
            self._report(ended)

    def _peer(self, message: messages.PlaceCall) -> str:
        """The IP address that an INVITE of ours goes to, as far as it is known without a name look-up."""
        known = self._reception.addresses.get(message.trunk, ()) if self._reception else ()
        return known[0] if known else uri_host(message.uri)

    # Time and end -------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """End calls whose deadline has passed, and do what else is due."""
        self._successors.expire(now)
        for dialog in list(self._dialogs.values()):
            dialog.tick(now)
            if dialog.deadline is None or now < dialog.deadline:
                continue
            if dialog.incoming:
                self._counters.add("undecided")
                dialog.end(OurEnd("failure", 503, "no decision about this call in time"), retry_after=5)
            elif isinstance(dialog, OutgoingDialog):
                dialog.give_up()

    def end_all(self, end: OurEnd) -> None:
        """Begin to end every dialog."""
        self._successors.end_all(end)
        for dialog in list(self._dialogs.values()):
            dialog.end(end)

    def bury(self) -> None:
        """Give back the dialogs that are over. Outside of callbacks: the stack still holds them there."""
        while self._ended:
            call = self._ended.pop()
            dialog = self._dialogs.pop(call, None)
            if dialog is not None:
                release(dialog, self._counters)
            self._tracer.end(call)
        self._successors.bury()

    def _report(self, message: messages.Message) -> None:
        """Pass on what a dialog says, and note its end."""
        if isinstance(message, messages.CallEnded):
            self._ended.append(message.call)
        self._send(message)

    def forget_all(self) -> None:
        """Let go of all dialogs, over or not, before the stack goes down."""
        for dialog in self._dialogs.values():
            release(dialog, self._counters)
        self._dialogs.clear()
        self._successors.forget_all()
