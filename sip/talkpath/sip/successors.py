"""Dialogs that take the place of others: an INVITE with Replaces came, or we obey a REFER.

What is allowed stands in the trunk's settings; a REFER must also pass what calls of ours must pass.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from talkpath.sip.addresses import split_host_port
from talkpath.sip.dialog import Dialog
from talkpath.sip.ending import OurEnd
from talkpath.sip.exchange_texts import refer_target
from talkpath.sip.headers import HeaderError, parse_address, parse_message, reason_header, uri_host
from talkpath.sip.messages import CallMoved
from talkpath.sip.nat import way_back
from talkpath.sip.refer import ReferError
from talkpath.sip.request_answer import RequestAnswer
from talkpath.sip.stack_calls import release
from talkpath.sip.succession import Succession
from talkpath.sip.transports import transport_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.account import TrunkAccount
    from talkpath.sip.counters import Counters
    from talkpath.sip.messages import Message
    from talkpath.sip.placing import Placing

_log = logging.getLogger(__name__)

FAREWELL_SECONDS = 4.0
"""Who sent a REFER ends its own dialog when it hears that we have obeyed (RFC 3515 leaves that to it); after
this time we do."""

_GONE = OurEnd("us", 200, "the call has moved to another dialog")


class Successors:
    """Makes the dialogs that take the place of others, and sees the others off.

    Args:
        dialogs: The dialog of each call, which is exchanged here.
        placing: What calls of ours must pass.
        counters: Where exchanges and refusals are counted.
        report: Takes messages for the worker.
    """

    def __init__(
        self,
        dialogs: dict[str, Dialog],
        placing: Placing,
        counters: Counters,
        report: Callable[[Message], None],
    ) -> None:
        self._dialogs = dialogs
        self.placing = placing
        """What calls of ours must pass; exchanged when the settings change."""
        self._counters = counters
        self._report = report
        self._pending: dict[str, tuple[Dialog, Succession]] = {}
        self._leaving: list[tuple[Dialog, float]] = []

    def __len__(self) -> int:
        """Dialogs that are not yet, or no longer, those of their calls."""
        return len(self._pending) + len(self._leaving)

    def has_account(self, account: TrunkAccount) -> bool:
        """Whether one of them is of this account."""
        dialogs = (*self._pending.values(), *self._leaving)
        return any(dialog.account is account for dialog, _ in dialogs)

    # An INVITE with Replaces --------------------------------------------------------------------------

    def replacing(self, old: Dialog, text: str, source: str) -> Dialog | None:
        """The dialog of an INVITE with Replaces that reception has let pass; None refuses it.

        Args:
            old: The dialog that it replaces.
            text: The INVITE.
            source: Where it came from, ``host:port``.
        """
        if self._is_busy(old):
            self._counters.add("refused", "replaces")
            return None
        account, invite = old.account, parse_message(text)
        media = old.media.for_another_peer(split_host_port(source)[0])
        caller = parse_address(invite.first("From"))
        moved = CallMoved(
            call=old.call,
            by="replaces",
            sip_call_id=invite.first("Call-ID"),
            peer_uri=caller.uri,
            peer_name=caller.name,
        )
        succession = self._succession(old, moved)
        new = Dialog(account, old.call, media, self._counters, succession.from_new, incoming=True)
        if not account.trunk.trust_contact:
            new.way_back = way_back(invite, source, transport_of(invite))
        new.take_call_of(old)
        self._begin(old, new, succession)
        return new

    def replaced(self, old: Dialog) -> None:
        """The INVITE with Replaces is about to be answered: its dialog is the call's from now on."""
        pending = self._pending.get(old.call)
        if pending is not None:
            pending[1].complete()

    # A REFER ------------------------------------------------------------------------------------------

    def refuse_refer(self, old: Dialog, text: str) -> RequestAnswer | None:
        """The answer to a REFER that is not obeyed; None: `referred` has to follow.

        Args:
            old: The dialog that the REFER came in.
            text: The request.
        """
        status, reason = self._obstacle(old, text)
        if not status:
            return None
        self._counters.add("refused", "refer")
        _log.warning("REFER refused: %s", reason, extra={"call": old.call})
        return RequestAnswer(status, (reason_header(status, reason),))

    def _obstacle(self, old: Dialog, text: str) -> tuple[int, str]:
        """Status and sentence to refuse a REFER with; 0: it may pass."""
        try:
            target = refer_target(parse_message(text))
        except (ReferError, HeaderError) as error:
            return 400, str(error)
        if not old.account.trunk.accept_refer:
            return 603, "calls of this trunk may not be sent elsewhere"
        if self._is_busy(old) or not old.confirmed:
            return 491, "the call is on its way to somebody else already"
        now = time.monotonic()
        refused = self.placing.refuse_target(old.trunk, target, self._dialogs.values(), now)
        return (refused.status, refused.reason) if refused is not None else (0, "")

    def referred(self, old: Dialog, text: str) -> Dialog:
        """The dialog with the target of a REFER that may pass; the stack is about to call it.

        Args:
            old: The dialog that the REFER came in.
            text: The request.
        """
        target = refer_target(parse_message(text))
        moved = CallMoved(call=old.call, by="refer", sip_call_id="", peer_uri=target)
        succession = self._succession(old, moved)
        media = old.media.for_another_peer(uri_host(target))
        new = self.placing.towards(old.call, old.account, media, succession.from_new)
        new.deadline = time.monotonic() + new.rules.ring_timeout
        new.take_call_of(old)
        self._begin(old, new, succession)
        return new

    # All of them --------------------------------------------------------------------------------------

    def _is_busy(self, dialog: Dialog) -> bool:
        begun = self._pending.get(dialog.call)
        return dialog.transferring or dialog.over or (begun is not None and begun[1].pending)

    def _succession(self, old: Dialog, moved: CallMoved) -> Succession:
        return Succession(
            moved,
            inbound=old.of_a_caller,
            answered=old.confirmed,
            tell=self._report,
            exchange=lambda: self._exchange(old.call, moved.by),
        )

    def _begin(self, old: Dialog, new: Dialog, succession: Succession) -> None:
        succession.begin(old.told_media)
        old.send = succession.from_old
        if old.call in self._pending:  # it has failed a moment ago, and the stack may still hold it
            self._leaving.append((self._pending[old.call][0], 0.0))
        old.successor = new  # the stack's call object points to it
        self._pending[old.call] = (new, succession)

    def _exchange(self, call: str, by: str) -> None:
        new, _ = self._pending.pop(call)
        old, self._dialogs[call] = self._dialogs[call], new
        self._leaving.append((old, time.monotonic() + FAREWELL_SECONDS))
        self._counters.add("moved", by)
        _log.info("the call goes on in another dialog", extra={"call": call})

    def end(self, call: str, end: OurEnd) -> None:
        """End the dialog that was to be the call's."""
        if call in self._pending:
            self._pending[call][0].end(end)

    def end_all(self, end: OurEnd) -> None:
        """End all of them."""
        for dialog, _ in (*self._pending.values(), *self._leaving):
            dialog.end(end)

    def expire(self, now: float) -> None:
        """Give up targets that do not answer, and end dialogs that should have ended themselves."""
        for dialog, _ in self._pending.values():
            dialog.tick(now)
            if dialog.deadline is not None and now >= dialog.deadline:
                dialog.give_up()
        for dialog, until in self._leaving:
            if now >= until:
                dialog.end(_GONE)

    def bury(self) -> None:
        """Give back dialogs that are over. Outside of callbacks: the stack still holds them there."""
        failed = [call for call, (_, succession) in self._pending.items() if succession.failed]
        for call in failed:
            release(self._pending.pop(call)[0], self._counters)
        for dialog, _ in self._leaving:
            if dialog.over:
                release(dialog, self._counters)
        self._leaving = [(dialog, until) for dialog, until in self._leaving if not dialog.over]

    def forget_all(self) -> None:
        """Let go of all of them, before the stack goes down."""
        for dialog, _ in (*self._pending.values(), *self._leaving):
            release(dialog, self._counters)
        self._pending.clear()
        self._leaving.clear()
