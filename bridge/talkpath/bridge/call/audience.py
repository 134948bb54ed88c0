"""Who is told what happens in a call while it lives: a view for people, beside log, metrics and records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from talkpath.bridge.realtime.effects import Effect
    from talkpath.sip.messages import TransferAccount


class Audience(Protocol):
    """Takes what happens; must not raise and not block. Times in seconds."""

    def state(self, call: str, state: str) -> None:
        """The call is in another state."""

    def media(self, call: str, codec: str) -> None:
        """Media was negotiated."""

    def effect(self, call: str, effect: Effect) -> None:
        """The session with the model did something."""

    def turn(self, call: str, latency: float) -> None:
        """The agent is heard, so long after the caller's last word."""

    def interrupted(self, call: str, stopped_after: float) -> None:
        """The caller interrupted the agent."""

    def transfer(self, call: str, state: str, account: TransferAccount) -> None:
        """A transfer took a step."""


class Nobody:
    """The audience of a call that nobody watches."""

    def state(self, call: str, state: str) -> None:
        """Pass over it."""

    def media(self, call: str, codec: str) -> None:
        """Pass over it."""

    def effect(self, call: str, effect: Effect) -> None:
        """Pass over it."""

    def turn(self, call: str, latency: float) -> None:
        """Pass over it."""

    def interrupted(self, call: str, stopped_after: float) -> None:
        """Pass over it."""

    def transfer(self, call: str, state: str, account: TransferAccount) -> None:
        """Pass over it."""
