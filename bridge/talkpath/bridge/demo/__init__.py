"""``talkpath demo``: one real call, heard, checked and drawn, without key, phone or network."""


def main() -> int:
    """Run the demo; returns the exit code of the command."""
    # Imported here because the caller's process, which lives in this package too, needs none of it.
    from talkpath.bridge.demo.show import show  # noqa: PLC0415

    return show()
