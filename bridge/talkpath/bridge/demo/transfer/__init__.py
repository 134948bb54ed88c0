"""``talkpath demo transfer``: caller, agent and human in one warm transfer, heard, checked and drawn."""


def main() -> int:
    """Run the demo; returns the exit code of the command."""
    # Imported here because the telephones' process, which lives in this package too, needs none of it.
    from talkpath.bridge.demo.transfer.show import show  # noqa: PLC0415

    return show()
