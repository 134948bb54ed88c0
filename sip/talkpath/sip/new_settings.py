"""Messages about settings that change while the daemon runs, or that are too large for one datagram."""

from __future__ import annotations

from talkpath.sip.settings import Message, Secret


class NewSettings(Message, frozen=True):
    """To a worker: make everything ready for another configuration, and go on with the present one."""

    generation: int
    """Which one; that of `WorkerSettings` is older than all."""
    config_json: Secret


class SettingsReady(Message, frozen=True):
    """Worker: the new configuration can be used. SIP process: new `SipSettings` are in use.

    With a problem: it cannot, and the present one stays.
    """

    generation: int = 0
    problem: str = ""


class UseSettings(Message, frozen=True):
    """To a worker that is ready for it: calls that come from now on get this configuration."""

    generation: int


class DebugCall(Message, frozen=True):
    """To the SIP process and the worker of a call: show everything about it from now on, or no longer."""

    call: str
    on: bool = True


class Part(Message, frozen=True):
    """A part of settings that do not fit one datagram; see `talkpath.sip.parts`."""

    body: bytes
    """Private: there are passwords in settings."""
    last: bool

    def __repr__(self) -> str:
        return f"Part({len(self.body)} octets, last={self.last})"
