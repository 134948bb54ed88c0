"""The agent of the demo: the offline one, who also briefs the human."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from talkpath.bridge.demo.receptionist import receptionist
from talkpath.bridge.simulator.grammar import understand
from talkpath.bridge.simulator.reply import FunctionCall, Reply, Speech
from talkpath.bridge.simulator.speech import Voice
from talkpath.bridge.transfer.tool import ACCEPT_TOOL, DECLINE_TOOL

if TYPE_CHECKING:
    from talkpath.bridge.simulator.reply import Heard, Turn

_REASON: Final = re.compile(r"^Reason: (.+)$", re.MULTILINE)
ASK: Final = "Do you take the call?"
DECISIONS: Final = {"yes": ACCEPT_TOOL, "no": DECLINE_TOOL}


class BriefingAgent:
    """The offline agent; in a session with the tools of a briefing it tells the human what it was told."""

    name = "agent"
    blocking = True

    def __init__(self) -> None:
        self._agent = receptionist()
        self._voice = Voice()

    def transcribe(self, heard: Heard) -> str:
        """Return the sentence."""
        return self._agent.transcribe(heard)

    def reply(self, turn: Turn) -> Reply:
        """Answer the caller, or brief the human."""
        if ACCEPT_TOOL not in turn.instructions:  # the tools are not on offer for the first words
            return self._agent.reply(turn)
        if turn.heard is None:
            found = _REASON.search(turn.instructions)
            words = f"Here is the bicycle shop. {found[1] if found else 'Somebody calls.'} {ASK}"
            return Reply((Speech(self._voice.speak(words), words),))
        meant = understand(self.transcribe(turn.heard))
        if meant is None or meant.intent not in DECISIONS:
            return Reply((Speech(self._voice.speak(ASK), ASK),))
        return Reply((FunctionCall(DECISIONS[meant.intent], "{}"),))
