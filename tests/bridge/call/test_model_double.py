"""The doubles have to look like what they stand for."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from talkpath.bridge.realtime import connection
from tests.bridge.call.model_double import ModelSocket
from tests.bridge.call.world import World


def shape(function: Any) -> list[tuple[str, Any, Any]]:
    """Parameters by name, kind and default."""
    parameters = inspect.signature(function).parameters.values()
    return [(one.name, one.kind, one.default) for one in parameters if one.name != "self"]


@pytest.mark.parametrize("name", ["send_soon", "send_audio_soon", "close"])
def test_the_socket_has_the_methods_of_the_real_one(name: str) -> None:
    assert shape(getattr(ModelSocket, name)) == shape(getattr(connection.RealtimeConnection, name))


def test_it_is_opened_like_the_real_one() -> None:
    assert shape(World._open_connection) == shape(connection.open_connection)
