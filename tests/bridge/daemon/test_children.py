"""One child at a time; the children are real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from talkpath.bridge.daemon import children
from talkpath.bridge.daemon.children import LONGEST_BACKOFF, Child, ChildSpec, inherited, restart_delay
from talkpath.bridge.daemon.processes import ProcessWatch
from talkpath.bridge.daemon.supervisor import Supervisor
from talkpath.bridge.observe.metrics import Metrics
from talkpath.sip import messages as m
from tests.bridge.call.world import configuration
from tests.harness.peers import until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    import pytest

DOUBLE = "tests.bridge.daemon.child_double"
SETTINGS = m.SipSettings(listeners=())


def test_the_wait_grows_to_a_limit_and_never_overflows() -> None:
    assert [restart_delay(failures) for failures in (0, 1, 2, 3, 4)] == [0.0, 0.1, 0.2, 0.4, 0.8]
    assert restart_delay(10) == restart_delay(5_000) == LONGEST_BACKOFF


class Care:
    """A child, and what its spec was told."""

    def __init__(self, behaviour: str = "", module: str = DOUBLE) -> None:
        self.messages: list[m.AnyMessage] = []
        self.lost: list[str] = []
        self.starts = 0
        self.child = Child(
            ChildSpec(
                name="sip",
                module=module,
                on_started=self.started,
                on_message=self.messages.append,
                on_lost=self.lost.append,
                environment={"BEHAVIOUR_SIP": behaviour},
            )
        )
        self.task = asyncio.create_task(self.child.run())

    def started(self, child: Child) -> None:
        self.starts += 1
        child.send(SETTINGS)

    async def ready(self) -> None:
        await until(lambda: any(isinstance(message, m.Ready) for message in self.messages))

    async def end(self, patience: float = 5.0) -> None:
        await self.child.end(patience)
        await asyncio.wait_for(self.task, 5)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def live(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


def test_a_child_gets_its_settings_answers_and_stops_when_told() -> None:
    async def story() -> None:
        care = Care()
        await care.ready()
        pid = care.child.pid
        assert pid is not None
        await care.end()
        assert not alive(pid)
        assert care.child.pid is None
        assert (care.starts, care.lost) == (1, [])

    live(story)


def test_ctrl_c_while_a_child_is_still_being_loaded_does_not_end_it() -> None:
    async def story() -> None:
        care = Care()
        await until(lambda: care.child.pid)
        assert care.child.pid is not None
        os.kill(care.child.pid, signal.SIGINT)
        await care.ready()
        assert (care.starts, care.lost) == (1, [])
        await care.end()

    live(story)


def test_a_child_that_dies_is_reported_and_started_again() -> None:
    async def story() -> None:
        care = Care()
        await care.ready()
        first = care.child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: care.starts == 2 and len(care.messages) == 2)
        assert care.lost == ["killed by signal 9"]
        assert care.child.pid not in {None, first}
        assert care.child.restarts == 1
        await care.end()

    live(story)


def test_messages_that_are_lost_on_the_way_to_or_from_a_child_are_counted() -> None:
    async def story() -> None:
        care = Care("babbles")
        await care.ready()
        care.child.send(m.Ready(detail="x" * m.MAX_MESSAGE))
        await care.end()
        assert care.child.dropped == {"undecodable": 1, "too_large": 1}

    live(story)


def test_the_lost_messages_of_all_children_become_one_metric() -> None:
    metrics = Metrics()
    supervisor = Supervisor(configuration(workers={"count": 2}))
    for child in supervisor.children:
        child.dropped["undecodable"] += 1
    ProcessWatch(supervisor, metrics).look()
    found = metrics.registry.get_sample_value("talkpath_messages_dropped_total", {"cause": "undecodable"})
    assert found == len(supervisor.children)


def test_a_child_that_dies_at_every_start_is_started_more_and_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        waits: list[float] = []

        def delay(failures: int) -> float:
            waits.append(restart_delay(failures))
            return 0.001

        monkeypatch.setattr(children, "restart_delay", delay)
        care = Care("dies")
        await until(lambda: care.starts >= 4)
        await care.end()
        assert set(care.lost) == {"exit code 7"}
        assert sorted(set(waits))[:4] == [0.0, 0.1, 0.2, 0.4]

    live(story)


def test_a_life_that_was_long_enough_forgives_the_deaths_before(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        failures: list[int] = []

        def delay(count: int) -> float:
            failures.append(count)
            return 0.001

        monkeypatch.setattr(children, "restart_delay", delay)
        monkeypatch.setattr(children, "HEALTHY_AFTER", -1.0)
        care = Care("dies")
        await until(lambda: care.starts >= 3)
        await care.end()
        assert set(failures) == {0, 1}

    live(story)


def test_a_child_that_takes_no_notice_of_stop_is_killed() -> None:
    async def story() -> None:
        care = Care("deaf")
        await care.ready()
        pid = care.child.pid
        assert pid is not None
        await care.end(patience=0.1)
        assert not alive(pid)

    live(story)


def test_a_child_that_closes_its_channel_and_stays_is_killed_and_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "PATIENCE_WITHOUT_CHANNEL", 0.05)

    async def story() -> None:
        care = Care("closes")
        await until(lambda: care.starts == 2)
        assert care.lost[0] == "killed by signal 9"
        await care.end(patience=0.05)

    live(story)


def test_a_child_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        executable = sys.executable
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        care = Care()
        await until(lambda: care.lost)
        assert "cannot be started" in care.lost[0]
        monkeypatch.setattr(sys, "executable", executable)
        await care.ready()
        await care.end()

    live(story)


def test_a_stop_while_a_child_is_being_started_reaches_it() -> None:
    async def story() -> None:
        for pause in (0, 1, 2, 3):
            care = Care()
            for _ in range(pause):
                await asyncio.sleep(0.002)
            await care.end()
            assert care.child.pid is None
            assert care.lost == []

    live(story)


def test_a_stop_during_the_wait_for_a_restart_is_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        monkeypatch.setattr(children, "FIRST_BACKOFF", 60.0)
        monkeypatch.setattr(children, "LONGEST_BACKOFF", 60.0)
        care = Care("dies")
        await until(lambda: care.lost)
        await care.end()
        assert care.starts == 1

    live(story)


def test_a_message_to_nobody_goes_nowhere() -> None:
    async def story() -> None:
        care = Care()
        care.child.send(m.Stop())
        await care.ready()
        await care.end()
        care.child.send(m.Stop())

    live(story)


def test_a_child_that_reads_what_strangers_send_inherits_no_secret() -> None:
    ours = {"PATH": "/bin", "PYTHONPATH": "/x", "LC_ALL": "C", "OPENAI_API_KEY": "k", "TALKPATH_TOKEN": "t"}
    assert inherited(ours, everything=False) == {"PATH": "/bin", "PYTHONPATH": "/x", "LC_ALL": "C"}
    assert inherited(ours, everything=True) == ours
