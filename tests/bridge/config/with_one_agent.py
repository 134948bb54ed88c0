"""The smallest configuration, for tests that are about one part of it."""

from __future__ import annotations

from typing import Any

from talkpath.bridge.config.model import Config


def config(**parts: Any) -> Config:
    """One agent named ``a``, and what the test is about."""
    return Config.model_validate({"agents": {"a": {}}, **parts})
