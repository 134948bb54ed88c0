"""The supervisor with children that are processes of their own and do what a test wants."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from talkpath.bridge.config.values import PortRange
from talkpath.bridge.daemon import changing, household
from talkpath.bridge.daemon import supervisor as module
from talkpath.bridge.daemon.capacity import port_share, stack_warning
from talkpath.bridge.daemon.supervisor import Supervisor
from talkpath.sip import messages as m
from tests.bridge.call.world import configuration
from tests.bridge.daemon.child_double import CALL
from tests.bridge.daemon.test_children import DOUBLE
from tests.harness.peers import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("ports", [PortRange(20_000, 20_999), PortRange(20_001, 21_000)])
def test_the_workers_share_the_ports_without_overlap(workers: int, ports: PortRange) -> None:
    shares = [port_share(ports, workers, index) for index in range(workers)]
    for share in shares:
        assert share.first % 2 == 0
        assert ports.first <= share.first < share.last <= ports.last
        assert share.calls == ports.calls // workers
    for before, after in itertools.pairwise(shares):
        assert before.last < after.first


class Desk:
    """A supervisor that runs, and what it reported."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sip: str = "", worker: str = "", **more: Any) -> None:
        monkeypatch.setattr(household, "SIP_PROCESS", DOUBLE)
        monkeypatch.setattr(household, "WORKER_PROCESS", DOUBLE)
        workers = {"count": 2, "drain_timeout": "5m", **more}
        self.events: list[tuple[str, m.Message]] = []
        self.supervisor = Supervisor(
            configuration(workers=workers),
            environment={"BEHAVIOUR_SIP": sip, "BEHAVIOUR_WORKER": worker},
            on_event=lambda process, message: self.events.append((process, message)),
        )
        self.task = asyncio.create_task(self.supervisor.run())

    async def ready(self) -> None:
        await asyncio.wait_for(self.supervisor.ready.wait(), 10)

    async def code(self) -> int:
        """Wait for the end; nothing may be left."""
        code = await asyncio.wait_for(self.task, PATIENCE_S)
        assert [child.pid for child in self.supervisor.children] == [None, None, None]
        return code


def live(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


def test_it_is_ready_when_all_are_and_ends_in_good_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch)
        await desk.ready()
        assert desk.supervisor.switchboard.free_lanes > 0
        assert not desk.supervisor.draining
        desk.supervisor.stop()
        assert await desk.code() == 0
        assert desk.supervisor.draining

    live(story)


def test_one_child_that_is_not_ready_keeps_the_daemon_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch, worker="mute")
        await until(lambda: desk.supervisor.sip_detail)
        assert not desk.supervisor.ready.is_set()
        desk.supervisor.stop()
        assert await desk.code() == 0

    live(story)


@pytest.mark.parametrize("who", ["sip", "worker"])
def test_a_child_that_says_why_it_cannot_work_ends_the_daemon_with_its_words(
    monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch, **{who: "refuses"})
        assert await desk.code() == 1
        assert desk.supervisor.failure == "There is no way."

    live(story)


def test_a_live_call_is_waited_for_and_a_second_stop_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch, sip="calls")
        await until(lambda: desk.supervisor.switchboard.calls == 1)
        desk.supervisor.stop()
        await asyncio.sleep(0.3)
        assert desk.supervisor.switchboard.calls == 1, "the call goes on"
        desk.supervisor.stop()
        assert await desk.code() == 0
        assert ("sip", m.CallEnded(call="c1", by="us", status=200, reason="")) in desk.events

    live(story)


def test_the_drain_time_ends_the_wait_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch, sip="calls", drain_timeout="200ms")
        await until(lambda: desk.supervisor.switchboard.calls == 1)
        desk.supervisor.stop()
        assert await desk.code() == 0
        assert desk.supervisor.switchboard.calls == 0

    live(story)


def test_a_worker_that_does_not_hang_up_and_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HANG_UP_PATIENCE", 0.1)
    monkeypatch.setattr(module, "EXIT_PATIENCE", 0.2)

    async def story() -> None:
        desk = Desk(monkeypatch, sip="calls", worker="deaf", drain_timeout="0s")
        await until(lambda: desk.supervisor.switchboard.calls == 1)
        desk.supervisor.stop()
        assert await desk.code() == 0

    live(story)


def test_a_stop_during_the_start_ends_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch)
        await asyncio.sleep(0)
        desk.supervisor.stop()
        assert await desk.code() == 0

    live(story)


def test_the_loss_of_a_worker_ends_its_calls_and_it_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch, sip="calls")
        await until(lambda: desk.supervisor.switchboard.calls == 1)
        await desk.ready()
        lanes = desk.supervisor.switchboard.free_lanes + 1
        load = desk.supervisor.switchboard.load()
        loaded = next(index for index, calls in load.items() if calls)
        pid = desk.supervisor.children[1 + loaded].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: desk.supervisor.switchboard.calls == 0)
        await until(lambda: desk.supervisor.switchboard.free_lanes == lanes)
        desk.supervisor.stop()
        assert await desk.code() == 0

    live(story)


def test_signals_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch)
        desk.supervisor.handle_signals()
        try:
            await desk.ready()
            os.kill(os.getpid(), signal.SIGTERM)
            assert await desk.code() == 0
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().remove_signal_handler(number)

    live(story)


def test_what_no_restart_cures_ends_the_daemon_without_waiting_for_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch, sip="calls")
        await until(lambda: desk.supervisor.switchboard.calls == 1)
        desk.supervisor._fail("There is no way.")
        assert await desk.code() == 1

    live(story)


def test_no_call_is_ordered_while_draining(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch)
        order = m.Originate(call="o1", uri="sip:b@test", agent="reception")
        assert not desk.supervisor.originate(order), "nobody is there yet"
        await desk.ready()
        assert desk.supervisor.originate(order)
        desk.supervisor.stop()
        await until(lambda: desk.supervisor.draining)
        assert not desk.supervisor.originate(order)
        assert await desk.code() == 0

    live(story)


def test_a_child_whose_care_breaks_ends_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any) -> Any:  # noqa: ARG001 - in place of a method
        raise RuntimeError("no settings")

    async def story() -> None:
        monkeypatch.setattr(household, "sip_settings", broken)
        desk = Desk(monkeypatch)
        assert await desk.code() == 1
        assert "The care of the process sip broke" in desk.supervisor.failure

    live(story)


def test_the_published_wheel_is_said_to_be_small_and_old() -> None:
    warning = stack_warning("pjsua2 2.15.1, 4 calls, OpenSSL 1.0.2k", 1000)
    assert "4 calls at once" in warning
    assert "TLS up to 1.2 only" in warning
    assert warning.endswith("make pjsua2.")


def test_nothing_is_said_about_a_stack_that_is_large_enough() -> None:
    assert stack_warning("pjsua2 2.17, 1024 calls, OpenSSL 3.0.22", 1024) == ""
    assert stack_warning("an unknown stack", 1000) == ""


def used(desk: Desk) -> list[int]:
    """Generations that workers have changed to."""
    return [message.calls for _, message in desk.events if isinstance(message, m.WorkerLoad)]


def test_a_configuration_that_every_child_can_use_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch)
        await desk.ready()
        other = configuration({"greeting": "Good evening."}, workers={"count": 2})
        assert await desk.supervisor.change(other) == []
        assert desk.supervisor.config is other
        await until(lambda: len(used(desk)) == 2)
        assert used(desk) == [1, 1]
        desk.supervisor.stop()
        assert await desk.code() == 0

    live(story)


def test_a_configuration_that_one_worker_cannot_use_is_used_by_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch, worker="objects")
        await desk.ready()
        before = desk.supervisor.config
        problems = await desk.supervisor.change(configuration(workers={"count": 2}))
        assert sorted(problems) == ["worker-0: The tool is missing.", "worker-1: The tool is missing."]
        assert desk.supervisor.config is before
        assert used(desk) == []
        desk.supervisor.stop()
        assert await desk.code() == 0

    live(story)


def test_what_the_sip_process_cannot_change_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch, sip="objects")
        await desk.ready()
        assert await desk.supervisor.change(configuration(workers={"count": 2})) == ["sip: no"]
        desk.supervisor.stop()
        assert await desk.code() == 0

    live(story)


def test_a_child_that_does_not_answer_keeps_the_change_from_happening(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(changing, "CHANGE_PATIENCE", 0.1)

    async def story() -> None:
        desk = Desk(monkeypatch, worker="silent")
        await desk.ready()
        problems = await desk.supervisor.change(configuration(workers={"count": 2}))
        assert problems[0] == "worker-0: no answer within 0.1 s"
        desk.supervisor.stop()
        assert await desk.code() == 0

    live(story)


def test_a_worker_that_dies_during_a_change_catches_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch)
        await desk.ready()
        victim = desk.supervisor.children[1]
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGSTOP)
        change = asyncio.create_task(desk.supervisor.change(configuration(workers={"count": 2})))
        await asyncio.sleep(0.05)
        assert not change.done()
        os.kill(victim.pid, signal.SIGKILL)
        assert await asyncio.wait_for(change, 10) == []
        await until(lambda: victim.ready and desk.supervisor._changing._told[0] == 1)
        assert set(used(desk)) == {1}
        desk.supervisor.stop()
        assert await desk.code() == 0

    live(story)


def test_a_caller_who_was_given_away_is_known_to_whichever_worker_gets_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        desk = Desk(monkeypatch)
        await desk.ready()
        supervisor = desk.supervisor
        delivered: list[tuple[int, m.Message]] = []
        told = m.Handover(
            call="c0",
            trunk="pbx",
            caller=m.Secret("4711"),
            target="sales",
            record=m.Secret("Reason: a bicycle"),
            remember=120.0,
        )
        invite = msgspec.structs.replace(CALL, trunk="pbx", from_uri="sip:4711@pbx")
        with monkeypatch.context() as patch:
            patch.setattr(supervisor, "_deliver", delivered.extend)
            supervisor._from_worker(1, told)
            for call in ("c1", "c2"):
                supervisor._from_sip(msgspec.structs.replace(invite, call=call))
                supervisor._from_sip(m.CallEnded(call=call, by="caller", status=200, reason="BYE"))
        first, second = (message for _, message in delivered if isinstance(message, m.IncomingCall))
        assert first.comeback == m.Comeback(
            call="c0", target="sales", taken=False, record=m.Secret("Reason: a bicycle")
        )
        assert second.comeback is None
        assert not [message for _, message in desk.events if isinstance(message, m.Handover)]
        supervisor.stop()
        await desk.code()

    live(story)
