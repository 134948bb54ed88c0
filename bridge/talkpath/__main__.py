"""``python -m talkpath`` is the ``talkpath`` command."""

from talkpath.bridge.cli import main

if __name__ == "__main__":
    main()
