"""Keeps the books of the transfers of one call: what its record, its watchers and the metrics are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from talkpath.bridge.call.audience import Audience
    from talkpath.bridge.observe.call_record import CallRecord
    from talkpath.bridge.observe.metrics import Metrics
    from talkpath.sip import messages as m


class TransferBooks:
    """Writes down the transfers of one call, one after the other.

    Args:
        record: Of the call.
        metrics: Where transfers are counted when their outcome can change no more.
        log: Logger with the call's ids bound.
        audience: Told what happens, for a live view.
    """

    def __init__(
        self, record: CallRecord, metrics: Metrics, log: FilteringBoundLogger, audience: Audience
    ) -> None:
        self._record = record
        self._metrics = metrics
        self._log = log
        self._audience = audience
        self._uncounted: tuple[str, str] | None = None
        """Outcome and reason that a late report may still change; counted when it no longer can."""

    def step(self, account: m.TransferAccount, state: str, event: str) -> None:
        """A transfer has taken a step."""
        self._record.account = account
        self._audience.transfer(self._record.call, state, account)
        self._record.note("call", "", f"transfer: {state.replace('_', ' ')}", event.replace("_", " "))
        self._log.info("transfer_step", target=account.target, state=state, event_name=event)

    def ended(self, account: m.TransferAccount, *, preliminary: bool = False) -> None:
        """A transfer is over, or was refused at once.

        Args:
            account: What came of it.
            preliminary: The peer may still report a success, which then takes the place of this outcome.
        """
        self.settle()
        target, outcome, reason = account.target, account.outcome, account.cause
        self._record.transfer, self._record.transfer_target = reason, target
        self._record.account = account
        self._audience.transfer(self._record.call, outcome, account)
        self._record.note("call", "", f"transfer to {target}", f"{outcome}: {reason}".replace("_", " "))
        self._uncounted = outcome, reason
        if not preliminary:
            self.settle()
        self._log.info("transfer_ended", target=target, outcome=outcome, reason=reason)

    def succeeded_late(self) -> None:
        """The peer reports, late, that the last transfer has succeeded after all."""
        self._uncounted = None

    def caller_kept(self) -> None:
        """After a failed transfer nothing comes from the caller any more."""
        self._record.reason = (
            "The peer reported that the transfer failed, and did not give the caller back: let its dialplan "
            "say what happens then (docs/transfer.md)."
        )
        self._log.warning("caller_kept_by_peer", problem=self._record.reason)

    def settle(self) -> None:
        """Nothing can change the outcome of the last transfer any more: count it."""
        counted, self._uncounted = self._uncounted, None
        if counted is not None:
            self._metrics.transfers.labels(*counted).inc()
