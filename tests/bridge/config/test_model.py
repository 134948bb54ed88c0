from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.bridge.config.with_one_agent import config


def test_the_configuration_is_immutable() -> None:
    with pytest.raises(ValidationError):
        config().sip.max_calls = 3


def test_turn_detection_is_a_name_or_a_table() -> None:
    named = config(agents={"a": {"turn_detection": "semantic_vad"}}).agents["a"].turn_detection
    table = config(agents={"a": {"turn_detection": {"silence_duration_ms": 300}}}).agents["a"].turn_detection
    assert named.type == "semantic_vad"
    assert (table.type, table.silence_duration_ms) == ("server_vad", 300)


@pytest.mark.parametrize(
    "table", [{"type": "semantic_vad", "threshold": 0.5}, {"type": "server_vad", "eagerness": "low"}]
)
def test_turn_detection_takes_only_what_its_type_knows(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(agents={"a": {"turn_detection": table}})


@pytest.mark.parametrize("name", ["os.path:join", "a:b.c"])
def test_tools_are_named_by_module_and_function(name: str) -> None:
    assert config(agents={"a": {"tools": [name]}}).agents["a"].tools == (name,)


@pytest.mark.parametrize("name", ["join", "os.path:", ":x", "a b:c", "a:b:c"])
def test_what_does_not_name_a_function_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        config(agents={"a": {"tools": [name]}})
