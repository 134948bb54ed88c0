"""The ``talkpath`` command. Its parts are imported when they are needed, so that help is quick."""

from __future__ import annotations


def main() -> None:
    """Entry point of the ``talkpath`` command."""
    from talkpath.bridge.cli.app import app  # noqa: PLC0415 - keeps `import talkpath.bridge.cli` free of cost

    app()
