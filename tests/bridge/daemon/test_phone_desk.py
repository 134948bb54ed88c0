from __future__ import annotations

import asyncio

import pytest

from talkpath.bridge.daemon import phone_desk as module
from talkpath.bridge.daemon.phone_desk import PhoneAnswered, PhoneDesk, PhoneRefusedError
from talkpath.sip import messages as m
from tests.harness.virtual_time import run_virtual


class Scene:
    def __init__(self, *, ready: bool = True) -> None:
        self.sent: list[m.Message] = []
        self.desk = PhoneDesk(self.sent.append, lambda: ready, lambda: ("reception", "sales"))

    async def offered(self) -> tuple[asyncio.Task[PhoneAnswered], str]:
        task = asyncio.create_task(self.desk.offer("sales", "v=0"))
        await asyncio.sleep(0)
        [offer] = self.sent
        assert isinstance(offer, m.PhoneOffer)
        assert (offer.agent, offer.sdp) == ("sales", "v=0")
        return task, offer.call


def ended(call: str, status: int = 200) -> m.CallEnded:
    return m.CallEnded(call=call, by="failure", status=status, reason="because")


def test_an_answer_reaches_the_browser_that_waits_and_the_call_lives_until_its_end() -> None:
    async def story() -> None:
        scene = Scene()
        task, call = await scene.offered()
        scene.desk.message(m.PhoneAnswer(call=call, sdp="v=1"))
        assert await task == PhoneAnswered(call, "v=1")
        assert scene.desk.press(call, "5")
        assert scene.desk.hang_up(call)
        assert scene.sent[1:] == [m.PhoneDigit(call=call, digit="5"), m.PhoneHangUp(call=call)]
        scene.desk.message(ended(call))
        assert scene.desk.hang_up(call), "it crossed the end of the connection"
        assert not scene.desk.hang_up("c-another")
        assert not scene.desk.press(call, "5")
        assert len(scene.sent) == 3
        assert len(scene.desk) == 0

    run_virtual(story)


def test_a_refusal_tells_its_reason() -> None:
    async def story() -> None:
        scene = Scene()
        task, call = await scene.offered()
        scene.desk.message(ended(call, 486))
        with pytest.raises(PhoneRefusedError, match="because") as refused:
            await task
        assert refused.value.status == 486
        assert len(scene.desk) == 0

    run_virtual(story)


def test_a_process_that_dies_refuses_who_waits() -> None:
    async def story() -> None:
        scene = Scene()
        task, _call = await scene.offered()
        scene.desk.lost()
        with pytest.raises(PhoneRefusedError, match="died"):
            await task
        assert len(scene.desk) == 0

    run_virtual(story)


def test_who_waits_too_long_is_hung_up() -> None:
    async def story() -> None:
        scene = Scene()
        task, call = await scene.offered()
        began = asyncio.get_running_loop().time()
        with pytest.raises(PhoneRefusedError, match="in time"):
            await task
        assert asyncio.get_running_loop().time() - began == pytest.approx(module.PATIENCE)
        assert scene.sent[-1] == m.PhoneHangUp(call=call)
        scene.desk.message(m.PhoneAnswer(call=call, sdp="late"))
        scene.desk.message(ended(call))
        assert len(scene.desk) == 0

    run_virtual(story)


def test_a_browser_that_goes_away_is_hung_up() -> None:
    async def story() -> None:
        scene = Scene()
        task, call = await scene.offered()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert scene.sent[-1] == m.PhoneHangUp(call=call)

    run_virtual(story)


def test_nobody_is_called_who_is_not_there() -> None:
    async def story() -> None:
        with pytest.raises(PhoneRefusedError, match="reception, sales"):
            await Scene().desk.offer("nobody", "v=0")
        with pytest.raises(PhoneRefusedError, match="not running"):
            await Scene(ready=False).desk.offer("sales", "v=0")
        with pytest.raises(ValueError, match="key"):
            Scene().desk.press("c-1", "x")

    run_virtual(story)
