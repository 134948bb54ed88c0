"""What became of a REFER of ours: its response and its NOTIFYs, as one line of stages. Pure.

| seen | stage |
|---|---|
| 2xx to the REFER | ``accepted`` |
| 2xx with ``Refer-Sub: false`` (RFC 4488) | ``accepted``, then ``done``: no more will be told |
| final failure to the REFER | ``refused`` |
| NOTIFY with 100; with another 1xx | ``trying``; ``ringing``, each once |
| NOTIFY with a final status | ``done`` |
| NOTIFY that ends the subscription without one; the end of the call | ``lost`` |

A NOTIFY may overtake the response. What cannot be read is counted by cause and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from talkpath.sip.headers import HeaderError, parse_message, reason_text
from talkpath.sip.refer import ReferError, parse_fragment

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.headers import SipText

Stage = Literal["accepted", "trying", "ringing", "done", "refused", "lost"]

FINAL: frozenset[Stage] = frozenset({"done", "refused", "lost"})

NO_REPORT = "the peer takes the transfer and reports nothing more"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the stage, and the status and reason that belong to it (0 and a sentence when it is ours)."""

    stage: Stage
    status: int
    reason: str


class ReferProgress:
    """Follows one REFER.

    Args:
        count: Called with the cause of each message that changes nothing.
    """

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._seen: set[Stage] = set()

    @property
    def over(self) -> bool:
        """Whether the outcome is known."""
        return bool(self._seen & FINAL)

    def take(self, text: str) -> list[Step]:
        """Take a message of the dialog: the response to the REFER or a NOTIFY; others give no step."""
        notify = text.startswith("NOTIFY ")
        if not notify and not text.startswith("SIP/2.0 "):
            return []
        try:
            message = parse_message(text)
        except HeaderError:
            self._count("malformed")
            return []
        if notify:
            return self._notify(message)
        return self._response(message) if message.first("CSeq").upper().endswith("REFER") else []

    def fail(self, status: int, reason: str) -> list[Step]:
        """The REFER is refused, was not answered, or could not be sent."""
        return self._steps(Step("refused", status, reason))

    def end(self, reason: str) -> list[Step]:
        """The call is over."""
        return self._steps(Step("lost", 0, reason))

    def _response(self, message: SipText) -> list[Step]:
        try:
            status, phrase = parse_fragment(message.start_line)
        except ReferError:
            self._count("malformed")
            return []
        if status < 200:
            return []
        if status >= 300:
            # A challenge that the stack answers is not shown: a 401 or 407 here is its last word.
            return self.fail(status, reason_text(message.first("Reason")) or phrase)
        if message.first("Refer-Sub").strip().lower().startswith("false"):
            return self._steps(Step("accepted", status, phrase), Step("done", status, NO_REPORT))
        return self._steps(Step("accepted", status, phrase))

    def _notify(self, message: SipText) -> list[Step]:
        if message.first("Event").partition(";")[0].strip().lower() != "refer":
            self._count("other_event")
            return []
        if self.over:
            self._count("late")
            return []
        state = message.first("Subscription-State").lower()
        steps = self._fragment(message)
        if state.partition(";")[0].strip() == "terminated" and not any(
            step.stage == "done" for step in steps
        ):
            reason = state.partition("reason=")[2].partition(";")[0].strip()
            steps.append(Step("lost", 0, f"the reports ended without an outcome ({reason or 'no reason'})"))
        return self._steps(Step("accepted", 202, "Accepted"), *steps) if steps else []

    def _fragment(self, message: SipText) -> list[Step]:
        try:
            status, phrase = parse_fragment(message.body)
        except ReferError:
            self._count("malformed")
            return []
        if status >= 200:
            return [Step("done", status, phrase)]
        return [Step("trying" if status == 100 else "ringing", status, phrase)]

    def _steps(self, *steps: Step) -> list[Step]:
        """The steps that are news; none after the outcome."""
        fresh = []
        for step in steps:
            if not self.over and step.stage not in self._seen:
                self._seen.add(step.stage)
                fresh.append(step)
        return fresh
