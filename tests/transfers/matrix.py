"""Makes the calls of the matrix, all of one trunk at once, and judges each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.harness.listening import fit_tone
from tests.harness.peers import wait_until
from tests.transfers.office import AGENT_HZ, CALLER_HZ, HUMAN_HZ, RATE, Office
from tests.transfers.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from tests.transfers.rows import Row, Trunk

LISTEN_S: Final = 4.0
"""How long callers listen who are back with the agent."""
TALK_S: Final = 3.5
"""How long caller and human speak at the same time."""
PATIENCE_S: Final = 120.0


@dataclass
class Result:
    """One call and what was wrong with it; nothing: it is as it has to be."""

    row: Row
    trunk: Trunk
    reason: str = ""
    problems: list[str] = field(default_factory=list)


def run(folder: Path, trunk: Trunk, rows: Sequence[Row] = ROWS) -> list[Result]:
    """Make all calls of a trunk at the same time.

    Raises:
        PeerError: Something is left over at the end, or a peer did not do its part.
    """
    results = [Result(row, trunk) for row in rows]
    with Office(folder, trunk, rows) as office:
        for row in rows:
            office.dial(row)
        _settle(office, results)
        office.record(LISTEN_S)  # the agent tells those who are back
        _let_them_speak(office, results)
        office.hang_up()
        office.daemon.assert_baseline()
        for result in results:
            _judge(office, result)
    return results


def _outcome(office: Office, row: Row) -> dict[str, Any] | None:
    """The event that says what became of the transfer of a row, once there is one."""
    target = f"to-{row.number}"
    ended = office.daemon.events("transfer_ended", target=target)
    bridged = office.daemon.events("transfer_step", target=target, state="bridged")
    found = bridged or ended
    return found[-1] if found else None


def _settle(office: Office, results: Sequence[Result]) -> None:
    wait_until(
        lambda: all(_outcome(office, result.row) for result in results),
        "every transfer to succeed or to fail",
        timeout_s=PATIENCE_S,
        log=lambda: (
            "\n".join(
                f"{one.row}: {_outcome(office, one.row)}" for one in results if not _outcome(office, one.row)
            )
            + office.daemon.log()[-3000:]
        ),
    )


def _let_them_speak(office: Office, results: Sequence[Result]) -> None:
    for result in results:
        if not result.row.joins:
            continue
        for who, number in (("caller", result.row.dialled), ("human", result.row.number)):
            if not office.order(number, who, f"{who}-speaks"):
                result.problems.append(f"the {who} is not in a call any more")
    office.record(TALK_S)


def _judge(office: Office, result: Result) -> None:
    row, trunk = result.row, result.trunk
    outcome = _outcome(office, row)
    ended = office.daemon.events("transfer_ended", target=f"to-{row.number}")
    result.reason = str((ended or [outcome or {}])[-1].get("reason", ""))
    if result.reason not in row.reasons(trunk):
        result.problems.append(f"it ended as {result.reason}, not as {'/'.join(sorted(row.reasons(trunk)))}")
    caller = office.heard("caller", row.dialled)
    if row.joins:
        human = office.heard("human", row.number)
        for who, samples, hertz in (("caller", caller, HUMAN_HZ), ("human", human, CALLER_HZ)):
            if not _ends_with(samples, hertz):
                result.problems.append(f"the {who} does not hear the other")
    elif not _contains(caller, AGENT_HZ):
        result.problems.append("the caller does not hear the agent again")


def _ends_with(samples: NDArray[np.int16], hertz: int) -> bool:
    """Whether the tone was there shortly before the end."""
    return _contains(samples[-3 * RATE :], hertz)


def _contains(samples: NDArray[np.int16], hertz: int) -> bool:
    """Whether there is half a second of the tone, and of little else."""
    length = RATE // 2
    for first in range(0, samples.size - length + 1, RATE // 10):
        fit = fit_tone(samples[first : first + length], hertz=hertz, rate=RATE)
        if fit.snr > 20 and fit.peak > 2000:
            return True
    return False
