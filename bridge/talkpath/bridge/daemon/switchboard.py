"""Which worker has which call, and where each message goes. Pure: messages in, deliveries out.

All messages between the processes that have dialogs (SIP, and the phone of browsers) and the media workers
pass here, because the supervisor is the only process that knows who is alive. Three promises: every call has
at most one worker; a message about a call that ended goes nowhere; when a process dies, every call it had is
ended on the other side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from talkpath.sip import messages as m

SIP: Final = -1
"""The SIP process as a destination; workers are 0, 1, 2, …"""
PHONE: Final = -2
"""The phone process: its dialogs are with browsers."""

Delivery = tuple[int, m.Message]
"""Destination and message."""

RETRY_AFTER = 5
"""Seconds named in Retry-After when no worker can take a call."""

BUSY: Final = "every line is busy"
OVERLOADED: Final = "this server does not keep up with its calls"
SHUTTING_DOWN: Final = "shutting down"


@dataclass(slots=True)
class _Worker:
    lanes: int
    calls: set[str] = field(default_factory=set)
    overloaded: bool = False

    @property
    def free(self) -> int:
        return 0 if self.overloaded else max(0, self.lanes - len(self.calls))


class Switchboard:
    """Places new calls on the least-loaded worker and forwards messages by call."""

    def __init__(self) -> None:
        self._workers: dict[int, _Worker] = {}
        self._worker_of: dict[str, int] = {}
        self._browsers: set[str] = set()
        """Calls whose dialog the phone process has."""
        self._sip_alive = False
        self._draining = False
        self._last_admission: tuple[bool, bool, bool] | None = None

    # What the supervisor looks at ---------------------------------------------------------------

    @property
    def calls(self) -> int:
        """Calls that exist now."""
        return len(self._worker_of)

    @property
    def free_lanes(self) -> int:
        """Calls that could be added now, over all workers."""
        return sum(worker.free for worker in self._workers.values())

    @property
    def draining(self) -> bool:
        """Whether new calls are refused."""
        return self._draining

    @property
    def overloaded(self) -> set[int]:
        """Workers that do not keep up with their calls, and get no more."""
        return {index for index, worker in self._workers.items() if worker.overloaded}

    def load(self) -> dict[int, int]:
        """Calls by worker."""
        return {index: len(worker.calls) for index, worker in self._workers.items()}

    # Processes come and go ----------------------------------------------------------------------

    def sip_ready(self) -> list[Delivery]:
        """The SIP process listens."""
        self._sip_alive = True
        self._last_admission = None
        return self._admission()

    def sip_lost(self) -> list[Delivery]:
        """The SIP process died: every worker ends the calls it has by it, the dialogs are gone."""
        self._sip_alive = False
        return self._dialogs_lost({*self._worker_of} - self._browsers)

    def phone_lost(self) -> list[Delivery]:
        """The phone process died: the workers end the calls of browsers."""
        lost = self._dialogs_lost(set(self._browsers))
        concerned = [
            (who, message) for who, message in lost if isinstance(message, m.PeerLost) and message.calls
        ]
        return [*concerned, *self._admission()]

    def _dialogs_lost(self, calls: set[str]) -> list[Delivery]:
        lost: list[Delivery] = []
        for index, worker in self._workers.items():
            gone, worker.calls = worker.calls & calls, worker.calls - calls
            if gone:
                lost.append((index, m.PeerLost(who="sip", calls=tuple(sorted(gone)))))
        for call in calls:
            del self._worker_of[call]
        self._browsers -= calls
        return lost

    def worker_ready(self, index: int, lanes: int) -> list[Delivery]:
        """Worker ``index`` can take ``lanes`` calls."""
        self._workers[index] = _Worker(lanes)
        return self._admission()

    def worker_load(self, index: int, *, overloaded: bool) -> list[Delivery]:
        """Worker ``index`` does not keep up with its calls, or does again: its word counts until its next."""
        if index in self._workers:
            self._workers[index].overloaded = overloaded
        return self._admission()

    def worker_lost(self, index: int) -> list[Delivery]:
        """Worker ``index`` died: its dialogs are ended with a reason, the others do not notice."""
        worker = self._workers.pop(index, None)
        if worker is None:
            return []
        for call in worker.calls:
            self._worker_of.pop(call, None)
        lost: list[Delivery] = []
        by_phone, by_sip = worker.calls & self._browsers, worker.calls - self._browsers
        self._browsers -= by_phone
        if self._sip_alive and by_sip:
            lost.append((SIP, m.PeerLost(who="worker", calls=tuple(sorted(by_sip)))))
        if by_phone:
            lost.append((PHONE, m.PeerLost(who="worker", calls=tuple(sorted(by_phone)))))
        return lost + self._admission()

    def drain(self) -> list[Delivery]:
        """No new calls from now on."""
        self._draining = True
        return self._admission()

    # Messages -----------------------------------------------------------------------------------

    def from_sip(self, message: m.AnyMessage) -> list[Delivery]:
        """Deliver a message of the SIP process that is about a call."""
        return self._from_dialogs(SIP, message)

    def from_phone(self, message: m.AnyMessage) -> list[Delivery]:
        """Deliver a message of the phone process that is about a call."""
        return self._from_dialogs(PHONE, message)

    def _from_dialogs(self, who: int, message: m.AnyMessage) -> list[Delivery]:
        if isinstance(message, m.IncomingCall):
            return self._place(who, message)
        call = getattr(message, "call", None)
        index = self._worker_of.get(call) if isinstance(call, str) else None
        if index is None:
            return []
        deliveries: list[Delivery] = [(index, message)]
        if isinstance(message, m.CallEnded):
            self._forget(message.call, index)
            deliveries += self._admission()
        return deliveries

    def from_worker(self, index: int, message: m.AnyMessage) -> list[Delivery]:
        """Deliver a message of worker ``index`` that is about a call."""
        if isinstance(message, m.PlaceCall):
            return self._place_outbound(index, message)
        call = getattr(message, "call", None)
        if not isinstance(call, str) or self._worker_of.get(call) != index:
            return []
        if call in self._browsers:
            return [(PHONE, message)]
        return [(SIP, message)] if self._sip_alive else []

    def originate(self, order: m.Originate) -> list[Delivery]:
        """Hand an order for an outbound call to the least-loaded worker; none free, or draining: nothing."""
        index = None if self._draining else self._least_loaded()
        return [] if index is None else [(index, order)]

    def debug(self, message: m.DebugCall) -> list[Delivery]:
        """Tell those who have the call; nothing: nobody has it.

        The SIP process does not hear of a browser's call: it never sees its end, and would not forget it.
        """
        index = self._worker_of.get(message.call)
        if index is None:
            return []
        to_worker: Delivery = (index, message)
        return [to_worker] if message.call in self._browsers else [(SIP, message), to_worker]

    # Inside -------------------------------------------------------------------------------------

    def _place(self, who: int, invite: m.IncomingCall) -> list[Delivery]:
        index = None if self._draining else self._least_loaded()
        if index is None:
            reject = m.Reject(call=invite.call, status=503, reason=self._why(), retry_after=RETRY_AFTER)
            return [(who, reject)]
        self._remember(invite.call, index)
        if who == PHONE:
            self._browsers.add(invite.call)
        return [(index, invite), *self._admission()]

    def _why(self) -> str:
        """Why no worker takes a call."""
        if self._draining:
            return SHUTTING_DOWN
        return OVERLOADED if self.overloaded else BUSY

    def _place_outbound(self, index: int, order: m.PlaceCall) -> list[Delivery]:
        if not self._sip_alive:
            return [(index, m.PeerLost(who="sip", calls=(order.call,)))]
        self._remember(order.call, index)
        return [(SIP, order), *self._admission()]

    def _least_loaded(self) -> int | None:
        free = [(-worker.free, index) for index, worker in self._workers.items() if worker.free]
        return min(free)[1] if free else None

    def _remember(self, call: str, index: int) -> None:
        self._worker_of[call] = index
        self._workers[index].calls.add(call)

    def _forget(self, call: str, index: int) -> None:
        self._worker_of.pop(call, None)
        self._browsers.discard(call)
        self._workers[index].calls.discard(call)

    def _admission(self) -> list[Delivery]:
        """Tell the SIP process when the answer to "may a new call come?" changes, not for every call."""
        if not self._sip_alive:
            return []
        free, overloaded = self.free_lanes, bool(self.overloaded)
        verdict = (self._draining, free > 0, overloaded)
        if verdict == self._last_admission:
            return []
        self._last_admission = verdict
        return [(SIP, m.Admission(draining=self._draining, free_lanes=free, overloaded=overloaded))]
