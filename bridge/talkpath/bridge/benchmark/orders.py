"""What the benchmark orders its callers and its model to do, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from talkpath.bridge.benchmark.clock import Effort


@dataclass(frozen=True, slots=True)
class Dial:
    """Place ``count`` calls, ``rate`` a second. Answered by `Dialled` when the last has its answer."""

    count: int
    rate: float
    hang_up_at_once: bool = False


@dataclass(frozen=True, slots=True)
class Aim:
    """Talk to these addresses without any SIP, one call each."""

    addresses: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Talk:
    """Send RTP from now on."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin a window: forget what was written down."""


@dataclass(frozen=True, slots=True)
class Report:
    """End the window. Callers answer with `Heard`, the model with `Served`."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End all calls. Answered by `Dialled` when each BYE has its answer."""


@dataclass(frozen=True, slots=True)
class TakeTurns:
    """Let the first ``lanes`` connections answer in bursts and be interrupted, instead of echoing."""

    lanes: int


@dataclass(frozen=True, slots=True)
class Dialled:
    """How the calls came about: seconds from INVITE to 200 of those answered, and the other outcomes."""

    setup: list[float]
    failed: dict[int, int]
    retransmissions: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What happened in a window.

    Attributes:
        sent: (n, 3) call, frame number, time in ns.
        received: (n, 6) call, sequence number, time in ns, marked call, marked frame, audible.
        effort: What this process needed.
    """

    sent: NDArray[np.int64]
    received: NDArray[np.int64]
    effort: Effort


@dataclass(frozen=True, slots=True)
class Served:
    """What happened in a window.

    Attributes:
        appended: (n, 4) connection, time in ns, marked call, marked frame.
        deltas: (n, 2) connection, time in ns.
        answers: (n, 3) connection, ns before the answer was written, ns before the interruption was written.
        calls: The marked call of each connection.
        blocked: Deltas given up because the client did not read.
        effort: What this process needed.
    """

    appended: NDArray[np.int64]
    deltas: NDArray[np.int64]
    answers: NDArray[np.int64]
    calls: list[int]
    blocked: int
    effort: Effort
