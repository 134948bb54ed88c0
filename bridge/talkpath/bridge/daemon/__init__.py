"""The supervisor: child processes, the switchboard between them, signals, drain."""

from talkpath.bridge.daemon.run import run

__all__ = ["run"]
