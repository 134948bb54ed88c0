"""What is told about a transfer to whoever watches, and kept: whom it tried, and what came of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from talkpath.bridge.transfer.vocabulary import FINAL, Event, Reason, State
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from talkpath.bridge.transfer.briefing import Subject
    from talkpath.bridge.transfer.targets import Attempt

_TRY_OVER: Final = FINAL | {State.CHOOSING, State.RETURNING, State.BRIDGED}
"""States that are reached when a destination has taken the call, or has not."""


class Account:
    """Keeps the account of one transfer.

    Args:
        target: Name of the target.
        subject: What is known about the call.
        nameless: Stands for destinations that the configuration does not name; None: it names all.

    Attributes:
        told: The account so far.
    """

    def __init__(self, target: str, subject: Subject, nameless: str | None = None) -> None:
        self.told = m.TransferAccount(
            target=target,
            asked_by="operator" if subject.ordered else "agent",
            reason=subject.reason,
            summary=subject.summary,
        )
        self._nameless = nameless

    def tries(self, attempt: Attempt) -> None:
        """A destination, or an announcement, is tried."""
        mode = attempt.mode if attempt.announcement is None else "announcement"
        destination = "" if attempt.announcement is not None else self._nameless or attempt.uri
        one = m.TransferTry(destination=destination, mode=mode)
        self._change(attempts=(*self.told.attempts, one))

    def happened(self, event: Event, state: State, reason: Reason, status: int) -> None:
        """A step was taken.

        Args:
            event: What happened.
            state: Where the transfer is now.
            reason: Why, as far as it is known.
            status: The SIP status that came with it; 0: none did.
        """
        if event is Event.ACCEPTED:
            self._change(accepted_by=self._destination(), accepted_how="briefing")
        if state in _TRY_OVER:
            self._end_try(reason, status)
        if state is State.TRANSFERRED:
            self._connected("report" if reason is Reason.REFERRED else "answer")
        elif state in FINAL:
            self._change(accepted_by="", accepted_how="")
        if state in FINAL:
            self.over(state.value, reason)

    def over(self, outcome: str, reason: Reason) -> None:
        """The transfer has ended, or was refused at once."""
        self._change(outcome=outcome, cause=reason.value)

    def succeeded_late(self) -> None:
        """The peer reports, after the end, that the last destination has the caller after all."""
        *others, last = self.told.attempts
        self._change(attempts=(*others, msgspec.structs.replace(last, outcome=Reason.REFERRED.value)))
        self._connected("report")
        self.over(State.TRANSFERRED.value, Reason.REFERRED)

    def _connected(self, how: m.Acceptance) -> None:
        if not self.told.accepted_how:
            self._change(accepted_by=self._destination(), accepted_how=how)

    def _end_try(self, reason: Reason, status: int) -> None:
        if self.told.attempts and not self.told.attempts[-1].outcome:
            *others, last = self.told.attempts
            ended = msgspec.structs.replace(last, outcome=reason.value, status=status)
            self._change(attempts=(*others, ended))

    def _destination(self) -> str:
        return self.told.attempts[-1].destination if self.told.attempts else ""

    def _change(self, **facts: object) -> None:
        self.told = msgspec.structs.replace(self.told, **facts)
