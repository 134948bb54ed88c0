"""Rows called through the running daemon, and what became of each of them."""

from __future__ import annotations

import bisect
import multiprocessing as mp
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from unittest import mock

import numpy as np

from talkpath.bridge.simulator import vad
from talkpath.bridge.simulator.faults import Timing
from talkpath.bridge.simulator.reply import Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.daemon import Daemon, RunningSimulator
from tests.impairments.callers import place
from tests.impairments.rows import batches
from tests.impairments.score import NOTHING, NotHeardError, Score, pace, score
from tests.impairments.signal import RATE, decoded
from tests.impairments.verdict import LATE_CALLER_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from talkpath.bridge.simulator.session import RealtimeSession
    from tests.impairments.callers import Told
    from tests.impairments.rows import Row
    from tests.impairments.signal import Samples, Signal

AT_ONCE: Final = 12
_AT_ONCE: Final = Timing.instant(rate=10.0)
"""The model begins to speak when it is asked, so that it has ended when the caller hangs up."""
_CODECS: Final = 'codecs = ["PCMU", "PCMA", "G722"]'
_SAMPLED_EVERY_S: Final = 0.005
_SETTLE_S: Final = 0.3
"""Before the first packet and before the BYE: the stream is filled by the clock alone there."""
_TAIL_S: Final = 1.0
_REPEATS: Final = 2
"""A machine that is busy for a moment makes the callers late; what they measured is measured again."""


@dataclass(frozen=True, slots=True)
class Result:
    """One row, judged.

    Attributes:
        row: What was done.
        score: What the model heard of the caller.
        back: What the caller heard of the model, which says the same at the same time.
        clock_ms: Audio appended beyond the time that went by, from before the first packet to after the
            last. Some tens of milliseconds are missing where the clock's silence gives way to the caller,
            once a call.
        delay_ms: From the time at which the last mark begins to be said to the append of its beginning,
            waiting in the network included. Its end would not do: behind it, a filter waits for more.
        lost: Frames of 20 ms that the daemon waited for in vain.
        late: Packets that came after that.
        duplicate: Packets that it had already.
        down_lost: Steps in the sequence numbers of its own stream.
        down_jumps: Packets of its own stream whose timestamp does not follow.
        down_gap_p99: Distance of its packets in ms.
        down_gap_most: The longest.
        caller_late_ms: How late the callers were with their own packets, 99th percentile.
    """

    row: Row
    score: Score
    back: Score
    clock_ms: float
    delay_ms: float
    lost: int
    late: int
    duplicate: int
    down_lost: int
    down_jumps: int
    down_gap_p99: float
    down_gap_most: float
    caller_late_ms: float

    def facts(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {"label": self.row.label, **asdict(self)}


class _Clock:
    """Notes every 5 ms how much audio each session of the simulator has been given."""

    def __init__(self, sessions: Callable[[], Sequence[RealtimeSession]]) -> None:
        self._sessions = sessions
        self._noted: dict[str, tuple[list[float], list[float]]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stream-clock")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def position_ms(self, session: str, at: float) -> float:
        """Milliseconds of audio that a session had been given at a monotonic time."""
        times, positions = self._noted[session]
        return positions[max(bisect.bisect_right(times, at) - 1, 0)]

    def reached(self, session: str, position_ms: float) -> float:
        """The monotonic time at which a session had been given as much."""
        times, positions = self._noted[session]
        return times[min(bisect.bisect_left(positions, position_ms), len(times) - 1)]

    def _run(self) -> None:
        while not self._over.wait(_SAMPLED_EVERY_S):
            for session in tuple(self._sessions()):
                if session.closed:
                    continue
                times, positions = self._noted.setdefault(session.id, ([], []))
                positions.append(session.input.position_ms)
                times.append(time.monotonic())


class Matrix:
    """A daemon and a model to run rows through; use it with `with`.

    Attributes:
        daemon: The daemon.
    """

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="talkpath-impairments-")))
            # Both speak at the same time: nothing that the caller says is to interrupt the model.
            stack.enter_context(mock.patch.object(vad, "START_FRAMES", 1 << 30))
            said = Reply((Speech(self._signal.for_model(), "The signal."),))
            persona = ScriptPersona([ScriptedTurn(reply=said, repeat=True)])
            self._model = stack.enter_context(RunningSimulator(persona, timing=_AT_ONCE, record_s=120.0))
            self.daemon = stack.enter_context(
                Daemon(folder, model_url=self._model.url, audio="pcmu", sip=_CODECS)
            )
            self._pool = stack.enter_context(ProcessPoolExecutor(1, mp_context=mp.get_context("spawn")))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def run(
        self, rows: Sequence[Row], *, seed: int, progress: Callable[[int], None] | None = None
    ) -> list[Result]:
        """Call all rows, `AT_ONCE` at a time, and judge them."""
        results: list[Result] = []
        for batch in batches(rows, AT_ONCE):
            own_seed = seed + len(results)
            found = self._run_batch(batch, own_seed)
            for _ in range(_REPEATS):
                if all(result.caller_late_ms <= LATE_CALLER_MS for result in found):
                    break
                found = self._run_batch(batch, own_seed)
            results += found
            if progress is not None:
                progress(len(results))
        return results

    def _run_batch(self, rows: Sequence[Row], seed: int) -> list[Result]:
        daemon = self.daemon
        before = len(daemon.events("call_ended"))
        with _Clock(lambda: self._model.simulator.sessions) as clock:
            told = self._pool.submit(place, daemon.address, rows, self._signal, seed).result()
        daemon.wait_for("call_ended", count=before + len(rows))
        return [self._judge(row, caller, clock) for row, caller in zip(rows, told, strict=True)]

    def _score(self, best: Samples, heard: Samples) -> Score:
        """Judge one direction; on a machine that is too busy, hardly anything may be heard."""
        try:
            return score(self._signal, best, heard)
        except NotHeardError:
            return NOTHING

    def _judge(self, row: Row, told: Told, clock: _Clock) -> Result:
        ended = self.daemon.events("call_ended", sip_call_id=told.call_id)[-1]
        ready = self.daemon.events("model_ready", sip_call_id=told.call_id)[-1]
        sessions = {session.id: session for session in self._model.simulator.sessions}
        session = sessions[ready["session"]]
        heard, rate = session.input.recorded()
        assert rate == RATE, "the model of the matrix reads G.711"
        codec = row.offer.codec
        found = self._score(self._signal.heard_at_best(codec), heard)
        back = decoded(np.frombuffer(told.heard, np.uint8), codec)
        first, last = told.first - _SETTLE_S, told.last + _TAIL_S
        appended = clock.position_ms(session.id, last) - clock.position_ms(session.id, first)
        mark = self._signal.last_mark.size
        said = told.first + (self._signal.samples.size - mark) / RATE
        steps, jumps, gap_p99, gap_most = pace(told.received)
        return Result(
            row=row,
            score=found,
            back=self._score(self._signal.spoken_at_best(codec), back),
            clock_ms=appended - (last - first) * 1000,
            delay_ms=(clock.reached(session.id, (found.ends - mark) * 1000 / RATE) - said) * 1000,
            lost=int(ended["rtp_lost"]),
            late=int(ended["rtp_late"]),
            duplicate=int(ended["rtp_duplicate"]),
            down_lost=steps,
            down_jumps=jumps,
            down_gap_p99=gap_p99,
            down_gap_most=gap_most,
            caller_late_ms=told.late_ms,
        )


@contextmanager
def matrix(signal: Signal) -> Iterator[Matrix]:
    """A matrix that is ready, and whose daemon is back at its baseline in the end."""
    with Matrix(signal) as ready:
        yield ready
        ready.daemon.assert_baseline()
