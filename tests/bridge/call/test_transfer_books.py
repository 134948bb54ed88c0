from __future__ import annotations

import structlog

from talkpath.bridge.call.audience import Nobody
from talkpath.bridge.call.transfer_books import TransferBooks
from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.observe.metrics import Metrics
from talkpath.sip import messages as m
from tests.bridge.observe.samples import value

FAILED = m.TransferAccount(target="sales", asked_by="agent", outcome="returned", cause="refer_failed")
TAKEN = m.TransferAccount(target="sales", asked_by="agent", outcome="transferred", cause="referred")


class Page:
    """The transfers of one call."""

    def __init__(self) -> None:
        self.record, self.metrics = CallRecord(call="c1"), Metrics()
        self.books = TransferBooks(self.record, self.metrics, structlog.get_logger(), Nobody())

    def counted(self, account: m.TransferAccount) -> float:
        labels = {"outcome": account.outcome, "reason": account.cause}
        return value(self.metrics, "talkpath_transfers_total", **labels) or 0.0


def test_the_record_tells_of_the_last_transfer() -> None:
    page = Page()
    page.books.ended(FAILED)
    page.books.ended(TAKEN)
    assert (page.record.transfer, page.record.transfer_target) == ("referred", "sales")
    assert page.record.account == TAKEN
    assert (page.counted(FAILED), page.counted(TAKEN)) == (1, 1)


def test_an_outcome_that_may_still_change_is_counted_when_the_call_ends() -> None:
    page = Page()
    page.books.ended(FAILED, preliminary=True)
    assert page.counted(FAILED) == 0
    page.books.settle()
    page.books.settle()
    assert page.counted(FAILED) == 1


def test_a_success_that_is_reported_late_takes_the_place_of_the_failure() -> None:
    page = Page()
    page.books.ended(FAILED, preliminary=True)
    page.books.succeeded_late()
    page.books.ended(TAKEN)
    page.books.settle()
    assert (page.counted(FAILED), page.counted(TAKEN)) == (0, 1)


def test_a_peer_that_keeps_the_caller_is_the_reason_of_the_end() -> None:
    page = Page()
    page.books.caller_kept()
    assert "docs/transfer.md" in page.record.reason
