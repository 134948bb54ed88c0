"""What the agent is told when a caller is back whom a blind transfer had given away. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from talkpath.bridge.transfer.briefing import RECORD, record

if TYPE_CHECKING:
    from talkpath.bridge.transfer.briefing import Subject
    from talkpath.sip.messages import Comeback

LINES: Final = 16
CHARACTERS: Final = 2400
"""Of the conversation before: its end."""


class Welcome(NamedTuple):
    """The words for the session.

    Attributes:
        instructions: Come after the agent's own.
        opening: Hint for what it says first (greeting mode ``own_words``).
    """

    instructions: str
    opening: str


_BACK: Final = """\
The caller of this call is back: a moment ago they spoke on this line, and were transferred to "{target}". \
{outcome}
- Pick the conversation up where it was. No second welcome, and no question they have answered already.
- Do not transfer to "{target}" again unless they ask for it. Offer to help them yourself, to take a \
message, or to try somebody else.
- They are recognised by their number alone, which others may share. Say nothing personal out of the \
record before they have said it themselves. If it is somebody else, forget it and help them as usual."""
_NOBODY: Final = "Nobody took the call there."
_REPORTED: Final = (
    "The telephone system reported that the call was put through, and yet they are here again: perhaps "
    "nobody took it, perhaps the talk was short. Ask what is still open."
)
_OPENING: Final = (
    'They are no new caller: they are back after a transfer to "{target}" that has come to nothing. Do not '
    "welcome them again and do not introduce yourself: say in one short sentence that you are sorry, and go "
    "on where the conversation was."
)
_OPENING_REPORTED: Final = (
    'They are no new caller: they are back after a transfer to "{target}". Do not welcome them again and do '
    "not introduce yourself: ask in one short sentence what is still open."
)


def farewell(subject: Subject) -> str:
    """What the next agent shall know of the call, some lines: reason, summary and the last turns."""
    return record(subject, ("reason", "conversation"), lines=LINES, characters=CHARACTERS)


def welcome(comeback: Comeback) -> Welcome:
    """Write what the agent of the new call is told."""
    outcome = _REPORTED if comeback.taken else _NOBODY
    opening = _OPENING_REPORTED if comeback.taken else _OPENING
    told = _BACK.format(target=comeback.target, outcome=outcome)
    kept = RECORD.format(record=comeback.record.value)
    return Welcome(f"{told}\n\n{kept}", opening.format(target=comeback.target))
