"""Tells the agent who picked up, and keeps it from talking to a machine that does not listen yet.

While a machine talks, nothing of the agent is heard, although the model answers every pause of it. When the
machine records, the agent is told so and speaks, or hangs up, as its instructions say.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, Protocol

from talkpath.bridge.call.machine import IN_CONVERSATION, State
from talkpath.bridge.call.screening.judge import LONG_WORDS, Finding, Judge, Phase
from talkpath.bridge.call.screening.sound import Ear
from talkpath.bridge.config.endpoint import endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.bookkeeping import Bookkeeping
    from talkpath.bridge.call.model_line import ModelLine
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.config.outbound import AgentOutboundConfig
    from talkpath.bridge.media.lane import ModelFormat
    from talkpath.bridge.observe.call_record import Cause

MACHINE_NOTE: Final = (
    f"(Whoever picked up has been speaking for {LONG_WORDS:.0f} seconds without a pause: probably an "
    "answering machine. Nothing that you say is heard until it records; you will be told. If your "
    "instructions say to leave no message, hang up now.)"
)
RECORDS_NOTE: Final = (
    "(The answering machine {has} and records what you say from now on; nothing of you is on it so far. Do "
    "what your instructions say about answering machines: leave your message, or hang up. If they say "
    "nothing about them, say in one or two sentences who calls and why, and hang up.)"
)
_HAS: Final = {Finding.BEEP: "has beeped", Finding.QUIET: "has stopped speaking"}
_WITH_THE_AGENT: Final = IN_CONVERSATION | {State.GOODBYE, State.RECOVERING}
"""Else, in a transfer for example, others decide who is heard."""


class ScreenedCall(Protocol):
    """The call."""

    state: State

    def hang_up(self, cause: Cause) -> None:
        """End the call from our side."""


class Screening:
    """Listens to one callee.

    Args:
        call: The call.
        own: What the agent's configuration says of its calls.
        line: The agent.
        books: Where the finding is noted.
        model_format: What the callee's frames are.
    """

    def __init__(
        self,
        call: ScreenedCall,
        own: AgentOutboundConfig,
        line: ModelLine,
        books: Bookkeeping,
        model_format: ModelFormat,
    ) -> None:
        self._call = call
        self._own = own
        self._line = line
        self._books = books
        self._ear = Ear(model_format)
        self._judge = Judge()

    @property
    def over(self) -> bool:
        """Whether nothing more is to be found out."""
        return self._judge.phase is Phase.OVER or self._call.state not in _WITH_THE_AGENT

    def hear(self, audio: bytes) -> None:
        """Take 20 ms of the callee."""
        finding = self._judge.feed(self._ear.kind(audio))
        if finding is not None and self._call.state in _WITH_THE_AGENT:
            self._act_on(finding)

    def _act_on(self, finding: Finding) -> None:
        self._books.picked_up("human" if finding is Finding.HUMAN else "machine", finding.value)
        if finding is Finding.HUMAN:
            return
        if self._own.answering_machine == "hang_up":
            self._call.hang_up("answering_machine")
        elif finding is Finding.MACHINE:
            self._line.silence()
            self._line.tell(MACHINE_NOTE, respond=False)
        else:
            self._line.unsilence()
            self._line.tell(RECORDS_NOTE.format(has=_HAS[finding]), respond=True)


def screening_of(
    call: ScreenedCall, config: Config, agent: str, line: ModelLine, books: Bookkeeping
) -> Callable[[], Screening] | None:
    """How to find out who picks up when an agent calls; None: nobody wants to know."""
    own = config.agents[agent].outbound
    if own.answering_machine == "ignore":
        return None
    return functools.partial(Screening, call, own, line, books, endpoint(config, agent).audio)
