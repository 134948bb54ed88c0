"""What every ability has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from talkpath.bridge.realtime.settings import ToolDefinition


class Answer(Protocol):
    """Gives the model the result of a tool, now or later; once the session is over, nothing happens."""

    def __call__(self, output: str, *, respond: bool = True) -> None:
        """Answer.

        Args:
            output: What the model is told, best as JSON.
            respond: Whether the agent shall say something about it.
        """


@dataclass(frozen=True, slots=True)
class Order:
    """The model has called the tool.

    Attributes:
        arguments: What the model sent; to be checked.
        spoken: Whether the agent has said something in the same response.
        answer: To be called once.
    """

    arguments: dict[str, Any]
    spoken: bool
    answer: Answer


class Ability(Protocol):
    """A tool that the call carries out itself."""

    @property
    def definition(self) -> ToolDefinition:
        """What the model is told about it."""

    def carry_out(self, order: Order) -> None:
        """Do it, and answer."""
