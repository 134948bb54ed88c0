"""A PBX with whims, behind the SIP process: telephones that do anything, REFERs that end in any way.

It keeps the rules that the SIP process guarantees (a dialog ends once, and is silent then) and no others.
What it says about a REFER goes through the real reader of responses and NOTIFYs, malformed ones too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from talkpath.sip import messages as m
from talkpath.sip.refer_progress import ReferProgress
from tests.bridge.call.world import CONSULT, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

CALLER: Final = "c1"
_FAILURES: Final = (486, 404, 480, 482, 488, 503, 600, 603)
_REFUSALS: Final = (400, 403, 405, 420, 481, 491, 501, 603)
_RESPONSE: Final = "SIP/2.0 {status} X\r\nCSeq: 7 REFER\r\n\r\n"
_NOTIFY: Final = (
    "NOTIFY sip:us SIP/2.0\r\nEvent: refer\r\nSubscription-State: {state}\r\n"
    "Content-Type: message/sipfrag\r\n\r\n{body}"
)


class WildWorld(World):
    """A world whose peers decide by chance.

    Attributes:
        happened: What could end the caller's call without our fault.
        joined: The peer has reported, or done, what makes the caller a human's.
    """

    def __init__(self, monkeypatch: Any, chance: Random, **more: Any) -> None:
        super().__init__(monkeypatch, callee="", **more)
        self._dice = chance
        self.auto = False
        self.happened: set[str] = set()
        self.joined = False
        self.peaceful = False
        """Nothing happens any more but what we ask for."""
        self._dialogs: dict[str, str] = {CALLER: "early"}
        self._progress: ReferProgress | None = None

    # Dialogs --------------------------------------------------------------------------------------

    def is_up(self, call: str) -> bool:
        """Whether a dialog is confirmed and not over."""
        return self._dialogs.get(call) == "up"

    def consults(self) -> list[str]:
        """Second legs that are up."""
        return [call for call in self._dialogs if CONSULT in call and self.is_up(call)]

    def hang_up(self, call: str, status: int = 200, by: str = "caller") -> None:
        """A dialog ends, unless it has ended."""
        if self._dialogs.get(call, "over") == "over":
            return
        if call == CALLER and by != "us":
            self.happened.add("the caller hung up")
        self._dialogs[call] = "over"
        if call == CALLER and self._progress is not None:
            self._tell(self._progress.end("the call ended"))
        self.ended(call, by=by, status=status)

    def lose_sip(self) -> None:
        """The SIP process dies, and all dialogs with it."""
        self.happened.add("the SIP process died")
        calls = tuple(call for call, state in self._dialogs.items() if state != "over")
        self._dialogs = dict.fromkeys(self._dialogs, "over")
        self.worker.message(m.PeerLost(who="sip", calls=calls))

    def soon(self, action: Callable[[], None], most: float = 0.3) -> None:
        """Do something within some seconds; at once when there is peace."""
        self.later(action, 0.01 if self.peaceful else self._dice.random() * most)

    def later(self, action: Callable[[], None], seconds: float) -> None:
        """Do something, if the world still stands then."""
        self._timers.append(self.loop.call_later(seconds, action))

    # What the SIP process is told -----------------------------------------------------------------

    def _from_worker(self, message: m.Message) -> None:
        super()._from_worker(message)
        match message:
            case m.Answer(call=call):
                self.soon(lambda: self._confirm(call), 0.1)
            case m.Reject(call=call):
                self.soon(lambda: self.hang_up(call, message.status, "us"))
            case m.HangUp(call=call):
                self.soon(lambda: self.hang_up(call, 200, "us"))
            case m.PlaceCall(call=call):
                self._dialogs[call] = "early"
                self._ring(call, message.ring_timeout)
            case m.Refer():
                self._refer(message)
            case _:
                pass

    def _confirm(self, call: str) -> None:
        if self._dialogs[call] != "early":
            return
        self._dialogs[call] = "up"
        self.worker.message(self.media(call))
        self.worker.message(m.CallConfirmed(call=call))

    # The human ------------------------------------------------------------------------------------

    def _ring(self, call: str, ring_timeout: float) -> None:
        answer = self._dice.choices(["picks up", "fails", "rings on", "has no media"], [6, 3, 1, 0.5])[0]
        if self._dice.random() < 0.7:
            self.soon(lambda: self._tell_if(call, "early", m.CallRinging(call=call, status=180)))
        if answer == "picks up":
            self.soon(lambda: self._confirm(call), 2.0)
        elif answer == "fails":
            status = self._dice.choice(_FAILURES)
            self.soon(lambda: self.hang_up(call, status, "failure"), 2.0)
        elif answer == "has no media":
            self.soon(
                lambda: self._tell_if(call, "early", self.media(call, remote_address="pbx.example.com")), 1.0
            )
        self.later(lambda: self._give_up(call), ring_timeout)

    def _give_up(self, call: str) -> None:
        if self._dialogs[call] == "early":
            self.hang_up(call, 408, "failure")

    def _tell_if(self, call: str, state: str, message: m.AnyMessage) -> None:
        if self._dialogs[call] == state:
            self.worker.message(message)

    # REFER ----------------------------------------------------------------------------------------

    def _refer(self, order: m.Refer) -> None:
        if self._progress is not None and not self._progress.over:
            busy = m.ReferProgress(call=order.call, stage="refused", status=491, reason="busy")
            self.soon(lambda: self._tell_if(order.call, "up", busy))
            return
        self._progress = ReferProgress(count=lambda _cause: None)
        kinds = ["joins", "joins", "joins", "fails", "refuses", "says nothing", "loses", "babbles"]
        kind = self._dice.choice(kinds)
        if kind == "refuses":
            self._say(_RESPONSE.format(status=self._dice.choice(_REFUSALS)), 0.3)
            return
        if self._dice.random() < 0.9:
            self._say(_RESPONSE.format(status=202), 0.3)
        for status in self._dice.sample((100, 180, 183), self._dice.randint(0, 2)):
            self._say(_notify(status), 1.0)
        delay = self._dice.choice([0.5, 2.0, 12.0])
        if kind == "joins":
            self.soon(lambda: self._join(order), delay)
        elif kind == "fails":
            self._say(_notify(self._dice.choice(_FAILURES)), delay)
        elif kind == "loses":
            self._say(_NOTIFY.format(state="terminated;reason=noresource", body=""), delay)
        elif kind == "babbles":
            self._say(self._dice.choice(_MALFORMED), delay)

    def _join(self, order: m.Refer) -> None:
        """The peer gives the caller to the human: it says so, ends our legs, or both, in any order."""
        if not self.is_up(order.call) or (order.replaces_call and not self.is_up(order.replaces_call)):
            return
        steps: list[Callable[[], None]] = []
        if self._dice.random() < 0.8:
            steps.append(lambda: self._read(_notify(200)))
        if order.replaces_call and (self._dice.random() < 0.8 or not steps):
            steps.append(lambda: self.hang_up(order.replaces_call))
        if self._dice.random() < 0.4 or not steps:
            steps.append(lambda: self.hang_up(order.call))
        self._dice.shuffle(steps)
        self.joined = True
        for step in steps:
            self.soon(step)

    def _say(self, text: str, most: float) -> None:
        self.soon(lambda: self._read(text), most)

    def _read(self, text: str) -> None:
        if self._progress is not None and self.is_up(CALLER):
            self._tell(self._progress.take(text))

    def _tell(self, steps: Any) -> None:
        for step in steps:
            self.joined = self.joined or (step.stage == "done" and 200 <= step.status < 300)
            self.worker.message(
                m.ReferProgress(call=CALLER, stage=step.stage, status=step.status, reason=step.reason)
            )


def _notify(status: int) -> str:
    state = "terminated;reason=noresource" if status >= 200 else "active;expires=60"
    return _NOTIFY.format(state=state, body=f"SIP/2.0 {status} X\r\n")


_MALFORMED: Final = (
    _NOTIFY.format(state="active", body="SIP/2.0 two hundred OK"),
    _NOTIFY.format(state="active", body="\x00" * 40),
    _NOTIFY.format(state="terminated", body="SIP/3.0 200 OK\r\n"),
    _notify(200).replace("Event: refer", "Event: presence"),
    "NOTIFY\r\n\r\n",
)
