"""The fenced blocks of a documentation page, so that tests use the very text that readers copy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def snippets(page: Path) -> dict[str, str]:
    """Return the fenced blocks whose first line is a comment (``#`` or ``;``), by the words of that line."""
    found = {}
    for block in re.findall(r"^```\w+\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
        title = re.match(r"[#;] *(.+)\n", block)
        if title:
            found[title[1]] = block
    return found


def for_daemon(text: str, changes: dict[str, str]) -> str:
    """Return a page's talkpath.toml as the `configuration` of a `Daemon`, with further changes.

    Raises:
        AssertionError: as `replaced`.
    """
    ours = {
        "udp:0.0.0.0:5060": "{transport}:127.0.0.1:{sip_port}",
        "20000-29999": "{first_rtp}-{last_rtp}",
        "wss://api.openai.com/v1/realtime": "{model_url}",
    }
    return replaced(text, ours | changes)


def replaced(text: str, changes: dict[str, str]) -> str:
    """Return the text with each key replaced by its value.

    Raises:
        AssertionError: a key does not occur: the page was changed, the test was not.
    """
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in:\n{text}"
        text = text.replace(old, new)
    return text
