"""Races of a transfer against everything that can happen meanwhile, in virtual time, each from a seed.

However a race goes: the caller talks to a human, or to the agent, or the call is over for a reason that
somebody gave; and nothing is left of it. ``make torture`` runs a thousand.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import sys
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest
import structlog

from talkpath.bridge.call.transfer_order import TransferOrder
from talkpath.bridge.transfer import machine
from talkpath.bridge.transfer.vocabulary import State
from talkpath.sip import messages as m
from tests.bridge.call.model_double import HELLO
from tests.bridge.call.world import configuration
from tests.harness.virtual_time import run_virtual
from tests.transfers.wild_peer import CALLER, WildWorld

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.transfer.targets import Mode

FASTER: Final = 4.0
"""The limits of the table are so much shorter here: the races are the same, the waiting is not."""
CHAOS_SECONDS: Final = 9.0
SETTLED_WITHIN: Final = 120.0
NUMBER: Final = "701"
TRANSFER: Final = {
    "reply": [
        {"say": "One moment."},
        {"call": "transfer_call", "arguments": {"target": "sales", "reason": "a bicycle"}},
    ]
}
BACK: Final = {"reply": [{"say": "Nobody is there."}]}
BRIEFINGS: Final[tuple[tuple[dict[str, Any], ...], ...]] = (
    ({"reply": [{"say": "Alice calls."}]},),
    ({"reply": [{"say": "Alice calls."}, {"call": "accept_call", "arguments": {}}]},),
    ({"reply": [{"say": "Alice calls."}, {"call": "decline_call", "arguments": {"message": "Later."}}]},),
)


class WrongEndError(AssertionError):
    """A race ended as none may."""


class Race:
    """One call with a transfer, and what happens to it.

    Args:
        world: Where it takes place.
        chance: Decides.
    """

    def __init__(self, world: WildWorld, chance: Random) -> None:
        self._w = world
        self._chance = chance
        self._held = self._deaf = False

    async def run(self) -> str:
        """Run it; returns how it ended."""
        w = self._w
        w.invite(CALLER)
        await w.until(lambda: w.state() != "offered")
        for _ in range(self._chance.randint(2, 7)):
            self._w.later(self._safely(self._pick()), self._chance.random() * CHAOS_SECONDS)
        w.later(self._safely(self.transfer), self._chance.random() * 1.5)
        await w.sleep(CHAOS_SECONDS)
        w.peaceful = True
        await w.until(self._settled, SETTLED_WITHIN)
        end = await self._judge()
        w.hang_up(CALLER)
        for call in w.consults():
            w.hang_up(call)
        await w.until(lambda: not w.worker.calls)
        return end

    def _pick(self) -> Callable[[], None]:
        actions: list[tuple[float, Callable[[], None]]] = [
            (3, lambda: self._w.hang_up(CALLER)),
            (3, self.human_leaves),
            (3, self.human_presses),
            (2, self.caller_presses),
            (2, self.drop),
            (2, self.transfer),
            (2, self.hold),
            (1, self.whistle),
            (0.6, self.lose_rtp),
            (0.5, self.stop),
            (0.5, self.operator_ends),
            (0.5, self.note),
            (0.4, self._w.lose_sip),
        ]
        weights = [weight for weight, _ in actions]
        return self._chance.choices([action for _, action in actions], weights)[0]

    def _safely(self, action: Callable[[], None]) -> Callable[[], None]:
        return lambda: action() if self._w.worker.calls else None

    # What happens ---------------------------------------------------------------------------------

    def transfer(self) -> None:
        """The operator transfers, or the caller asks the agent for it."""
        if self._chance.random() < 0.3:
            self.whistle()
        else:
            modes: list[Mode | None] = ["blind", "warm", "bridge", None]
            mode = self._chance.choice(modes)
            order = TransferOrder(target="sales", mode=mode)
            if mode is not None and self._chance.random() < 0.2:
                order = TransferOrder(number=NUMBER, mode=mode)
            self._w.worker.calls[CALLER].operator.transfer(order)

    def whistle(self) -> None:
        """The caller speaks for a while."""
        self._w.phone.hertz = 700.0
        self._w.later(lambda: setattr(self._w.phone, "hertz", 0.0), 0.6)

    def human_leaves(self) -> None:
        """Whoever was called hangs up."""
        for call in self._w.consults():
            self._w.hang_up(call)

    def human_presses(self) -> None:
        """Whoever was called presses a key."""
        for call in self._w.consults():
            digit = self._chance.choice("11125")
            self._w.worker.message(m.CallDigit(call=call, digit=digit, duration_ms=100))

    def caller_presses(self) -> None:
        """So does the caller."""
        self._w.worker.message(m.CallDigit(call=CALLER, digit="1", duration_ms=100))

    def drop(self) -> None:
        """A model goes."""
        self._chance.choice(self._w.models).drop()

    def hold(self) -> None:
        """The caller holds us, or takes it back."""
        if self._w.is_up(CALLER):
            self._held = not self._held
            self._w.worker.message(self._w.media(CALLER, sends=not self._held, receives=not self._held))

    def lose_rtp(self) -> None:
        """The human's network goes."""
        self._w.human.gone = self._deaf = True

    def stop(self) -> None:
        """The drain time is over."""
        self._w.happened.add("the worker was stopped")
        self._w.worker.message(m.Stop())

    def operator_ends(self) -> None:
        """The operator hangs up."""
        self._w.happened.add("the operator hung up")
        self._w.worker.calls[CALLER].operator.hang_up()

    def note(self) -> None:
        """The operator tells the agent something."""
        self._w.worker.calls[CALLER].operator.note("The shop closes soon.")

    # How it ended ---------------------------------------------------------------------------------

    def _transfer_state(self) -> State | None:
        runner = self._w.worker.calls.get(CALLER)
        active = runner._desk._active if runner is not None else None
        return active._course.state if active is not None else None

    def _settled(self) -> bool:
        state = self._w.state()
        return state in {"ended", "talking"} or self._transfer_state() is State.BRIDGED

    async def _judge(self) -> str:
        w = self._w
        if w.state() == "ended":
            self._judge_record()
            return f"ended: {w.record.transfer or 'no transfer'}"
        if self._held:
            self.hold()
        if self._transfer_state() is State.BRIDGED:
            await self._both_hear()
            return "with a human, through us"
        await self._agent_hears()
        return "with the agent"

    def _judge_record(self) -> None:
        record, happened = self._w.record, self._w.happened
        if record.cause == "transferred":
            if record.transfer != "bridged" and not self._w.joined:
                raise WrongEndError(f"{record.transfer}, and nobody has joined anything")
        elif record.cause == "no_media":
            pass  # the limit for voice packets, which a race may bring about
        elif not happened:
            raise WrongEndError(f"the call ended as {record.cause} ({record.reason}), and nobody wanted that")

    async def _both_hear(self) -> None:
        w = self._w
        if self._deaf:
            return
        for speaker, listener in ((w.phone, w.human), (w.human, w.phone)):
            since = w.loop.time()
            speaker.hertz = 700.0
            await w.sleep(0.6)
            speaker.hertz = 0.0
            await w.sleep(0.2)
            if self._transfer_state() is State.BRIDGED and listener.loud_after(since) < 15:
                raise WrongEndError("caller and human are bridged and do not hear each other")

    async def _agent_hears(self) -> None:
        w = self._w
        runner = w.worker.calls[CALLER]
        if runner._line.leg is None:
            raise WrongEndError("the caller is with an agent that has no session")
        await w.until(lambda: runner._line.alive or w.state() != "talking")
        before = {id(model): len(model.heard) for model in w.models}
        w.phone.hertz = 700.0
        await w.sleep(0.6)
        w.phone.hertz = 0.0
        heard = b"".join(model.heard[before.get(id(model), 0) :] for model in w.models)
        if w.state() == "talking" and not set(heard) - {0xFF, 0x7F}:
            raise WrongEndError("the caller is with the agent, who does not hear them")


async def _race(monkeypatch: pytest.MonkeyPatch, seed: int) -> str:
    chance = Random(seed)  # noqa: S311 - a fixed seed is the point
    target: dict[str, Any] = {
        "name": "sales",
        "description": "Orders.",
        "uri": chance.choice([["700"], ["700", "702"]]),
        "mode": chance.choice(["blind", "warm", "bridge"]),
        "ring_timeout": "5s",
        "last_resort": chance.choice(["agent", {"uri": "799"}]),
    }
    own = {
        "greeting": chance.choice([None, "Hello."]),
        "transfer": {"targets": ["sales"], "briefing_timeout": "10s"},
        "max_duration": chance.choice(["5s", "1h", "1h"]),
    }
    sip = {"outbound": {"allow": [NUMBER]}, "rtp_timeout": "20s"}
    config = configuration(own, targets=[target], sip=sip)
    async with WildWorld(monkeypatch, chance, config=config, script=[HELLO, TRANSFER, BACK, TRANSFER]) as w:
        w.briefing = chance.choice(BRIEFINGS)
        if own["max_duration"] == "5s":
            w.happened.add("the time was over")
        return await Race(w, chance).run()


def run_race(seed: int) -> str:
    """Run the race of a seed; returns how it ended.

    Raises:
        AssertionError: It ended wrongly, or something is left.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        for state, seconds in machine.TIMEOUTS.items():
            monkeypatch.setitem(machine.TIMEOUTS, state, seconds / FASTER)
        return run_virtual(lambda: _race(monkeypatch, seed))


def _attempt(seed: int) -> tuple[int, str, str]:
    try:
        return seed, run_race(seed), ""
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to this seed
        return seed, "", f"{type(error).__name__}: {error}"[:600]


def _quiet() -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory(), processors=[])


def main() -> int:
    """Run many; print how they ended, and the seeds of those that ended wrongly."""
    parser = argparse.ArgumentParser(prog="python -m tests.transfers.torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--races", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    began, ends, wrong = time.monotonic(), Counter[str](), 0
    seeds = range(arguments.seed, arguments.seed + arguments.races)
    with concurrent.futures.ProcessPoolExecutor(arguments.processes, initializer=_quiet) as pool:
        for seed, end, problem in pool.map(_attempt, seeds, chunksize=5):
            ends[end or "WRONG"] += 1
            if problem:
                wrong += 1
                sys.stdout.write(f"seed {seed}: {problem}\n")
    for end, count in ends.most_common():
        sys.stdout.write(f"{count:6} {end}\n")
    sys.stdout.write(f"{arguments.races} races in {time.monotonic() - began:.0f} s, {wrong} wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
