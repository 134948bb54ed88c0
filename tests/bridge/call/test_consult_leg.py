"""The second leg of a transfer with the worker's own plane and ports; the test is the SIP process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.call.consult_leg import ConsultLeg
from talkpath.bridge.transfer.vocabulary import Event
from talkpath.sip import messages as m
from tests.bridge.call.world import World
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.media import lane as media

Monkeypatch = pytest.MonkeyPatch
CALL = "c1-t1.1"


class Transfer:
    """The owner: notes what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[Event, int]] = []
        self.digits = ""

    def consult_event(self, event: Event, status: int = 0) -> None:
        self.events.append((event, status))

    def consult_digit(self, digit: str) -> None:
        self.digits += digit

    def consult_audio(self, audio: bytes) -> None:
        raise AssertionError(f"nobody listens yet to {len(audio)} bytes")

    def consult_media(self, event: media.MediaEvent) -> None:
        """Of no interest here."""

    def guarded(self, action: Callable[[], None]) -> None:
        action()

    def broke(self, error: Exception) -> None:
        raise error


def dialled(w: World) -> tuple[ConsultLeg, Transfer]:
    """A leg whose INVITE is out."""
    w.auto = False
    owner = Transfer()
    leg = ConsultLeg(CALL, "reception", w.worker._services, owner, w.loop)
    assert leg.lane == -1
    leg.dial("sip:700@pbx", "pbx", 25.0, (("X-Talkpath-Summary", "Red."),))
    return leg, owner


@in_virtual_time
async def test_the_invite_is_vouched_for_and_has_the_headers(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        leg, _ = dialled(w)
        (order,) = w.of(m.PlaceCall)
        assert (order.call, order.uri, order.trunk, order.ring_timeout) == (CALL, "sip:700@pbx", "pbx", 25.0)
        assert (order.vouched, order.headers) == (True, (("X-Talkpath-Summary", "Red."),))
        assert len(w.worker.plane) == len(w.worker.ports) == 1
        leg.close("nobody is wanted")


@in_virtual_time
async def test_closing_gives_everything_back_once_and_hangs_up(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        leg, owner = dialled(w)
        leg.close("transfer busy")
        leg.close("again")
        assert [(one.call, one.reason) for one in w.of(m.HangUp)] == [(CALL, "transfer busy")]
        assert len(w.worker.plane) == 0
        w.worker.message(m.CallConfirmed(call=CALL))
        assert owner.events == []


@in_virtual_time
async def test_an_answer_is_told_once(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        leg, owner = dialled(w)
        leg.message(m.CallRinging(call=CALL, status=180))
        for _ in range(2):
            leg.message(m.CallConfirmed(call=CALL))
        leg.message(m.CallDigit(call=CALL, digit="1", duration_ms=100))
        assert owner.events == [(Event.TARGET_RINGING, 0), (Event.ANSWERED, 0)]
        assert owner.digits == "1"
        leg.close("")


@in_virtual_time
@pytest.mark.parametrize(
    ("message", "told"),
    [
        (m.CallEnded(call=CALL, by="callee", status=486, reason="Busy"), (Event.BUSY, 486)),
        (m.CallEnded(call=CALL, by="callee", status=603, reason="Decline"), (Event.REJECTED, 603)),
        (m.CallEnded(call=CALL, by="callee", status=482, reason="Loop"), (Event.TARGET_IS_US, 482)),
        (m.PeerLost(who="sip", calls=(CALL,)), (Event.UNREACHABLE, 0)),
    ],
)
async def test_a_leg_that_ends_says_why_and_is_not_hung_up_again(
    monkeypatch: Monkeypatch, message: m.AnyMessage, told: tuple[Event, int]
) -> None:
    async with World(monkeypatch) as w:
        leg, owner = dialled(w)
        leg.message(message)
        leg.close("over")
        assert owner.events == [told]
        assert not w.of(m.HangUp)


@in_virtual_time
async def test_media_that_cannot_be_carried_make_the_target_unreachable(monkeypatch: Monkeypatch) -> None:
    async with World(monkeypatch) as w:
        leg, owner = dialled(w)
        leg.message(w.media(CALL, remote_address="no address", remote_port=0))
        assert owner.events == [(Event.UNREACHABLE, 0)]
        leg.close("")
