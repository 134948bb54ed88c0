"""Who says what in the demo of a transfer, and on what cue. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from talkpath.bridge.demo.ears import Ears

Speaker = Literal["caller", "human"]
JOINED: Final = "joined"
"""What the telephones are told when caller and human are in one conversation."""


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence, or one key.

    Attributes:
        who: Says or presses it.
        words: What is said.
        key: What is pressed instead.
        joined: The two must have been joined before.
    """

    who: Speaker
    words: str = ""
    key: str = ""
    joined: bool = False


SCRIPT: Final = (
    Line("caller", "Connect me to the workshop, please."),
    Line("human", key="1"),
    Line("human", "Workshop, hello. What can I do for you?", joined=True),
    Line("caller", "My chain is broken. Can you repair it today?", joined=True),
    Line("human", "Bring it in, it takes an hour.", joined=True),
    Line("caller", "Thank you very much, goodbye.", joined=True),
)
"""Each line is said when the one before is over and its speaker has heard somebody speak since."""


def is_cued(line: Line, ears: Ears, since: float, *, joined: bool) -> bool:
    """Whether it is time for a line.

    Args:
        line: What comes next.
        ears: Of its speaker.
        since: When the speaker last spoke, or picked up, by the speaker's clock.
        joined: Caller and human are in one conversation.
    """
    if line.joined and not joined:
        return False
    if line is SCRIPT[2]:  # the first words after the join: nobody speaks before them
        return True
    return ears.began is not None and ears.began >= since and not ears.speaking
