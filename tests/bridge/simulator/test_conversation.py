"""Items, their order, and what the model remembers after a truncation."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from talkpath.bridge.simulator.personas import TonePersona
from tests.bridge.simulator.driving import Driver


def message(item_id: str, text: str = "hi", role: str = "user") -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"id": item_id, "type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def order(driver: Driver) -> list[str]:
    return [item.id for item in driver.session.conversation.items]


def spoken() -> tuple[Driver, str]:
    """A driver that received 3,700 ms of speech, and the name of its item."""
    driver = Driver(TonePersona(3700))
    driver.send("response.create")
    driver.run()
    return driver, driver.last("response.output_audio.delta")["item_id"]


def test_items_go_where_their_predecessor_says() -> None:
    driver = Driver()
    driver.send("conversation.item.create", item=message("b"))
    driver.send("conversation.item.create", item=message("c"))
    driver.send("conversation.item.create", item=message("a"), previous_item_id="root")
    driver.send("conversation.item.create", item=message("bb"), previous_item_id="b")
    assert order(driver) == ["a", "b", "bb", "c"]
    assert [f["previous_item_id"] for f in driver.of("conversation.item.added")] == [None, "b", None, "b"]
    driver.send("conversation.item.create", item=message("x"), previous_item_id="nobody")
    assert driver.error()["param"] == "previous_item_id"
    assert not driver.of("response.created")


def test_deleting_repairs_the_chain() -> None:
    driver = Driver()
    for name in "abc":
        driver.send("conversation.item.create", item=message(name))
    driver.send("conversation.item.delete", item_id="b")
    assert driver.last("conversation.item.deleted")["item_id"] == "b"
    driver.send("conversation.item.create", item=message("d"), previous_item_id="a")
    assert order(driver) == ["a", "d", "c"]


@pytest.mark.parametrize("verb", ["delete", "retrieve", "truncate"])
def test_verbs_on_unknown_items_are_refused_by_name(verb: str) -> None:
    driver = Driver()
    more = {"content_index": 0, "audio_end_ms": 0} if verb == "truncate" else {}
    driver.send(f"conversation.item.{verb}", item_id="nobody", event_id="mine", **more)
    assert driver.error()["code"] == f"item_{verb}_invalid_item_id"
    assert driver.error()["event_id"] == "mine"


def test_a_name_can_be_used_once() -> None:
    driver = Driver()
    driver.send("conversation.item.create", item=message("a"))
    driver.send("conversation.item.create", item=message("a"))
    assert driver.error()["code"] == "item_create_duplicate_item_id"


def test_an_output_needs_its_call() -> None:
    driver = Driver()
    output = {"type": "function_call_output", "call_id": "call_nobody", "output": "1"}
    driver.send("conversation.item.create", item=output)
    assert driver.error()["code"] == "invalid_tool_call_id"
    call = {"type": "function_call", "call_id": "call_nobody", "name": "f", "arguments": "{}"}
    driver.send("conversation.item.create", item=call)
    driver.send("conversation.item.create", item=output)
    assert len(driver.session.conversation.items) == 2


def test_truncating_past_the_end_is_refused_with_both_numbers() -> None:
    driver, item_id = spoken()
    driver.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=3760)
    assert driver.error()["code"] is None
    assert driver.error()["message"] == "Audio content of 3700ms is already shorter than 3760ms"
    assert driver.session.conversation.remembered()[0].audio_ms == 3700
    assert driver.session.conversation.remembered()[0].text


def test_truncating_at_the_very_end_is_allowed() -> None:
    driver, item_id = spoken()
    driver.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=3700)
    assert driver.last("conversation.item.truncated")["audio_end_ms"] == 3700


def test_negative_positions_are_refused_with_their_path() -> None:
    driver, item_id = spoken()
    driver.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=-1)
    assert (driver.error()["code"], driver.error()["param"]) == ("integer_below_min_value", "audio_end_ms")


def test_only_speech_of_the_model_can_be_truncated() -> None:
    driver = Driver()
    driver.send("conversation.item.create", item=message("a"))
    driver.send("conversation.item.create", item=message("b", role="assistant"))
    for name in "ab":
        driver.send("conversation.item.truncate", item_id=name, content_index=0, audio_end_ms=0)
        assert driver.error()["code"] is None
        assert driver.error()["message"] == "Only model output audio messages can be truncated"


def test_after_truncation_the_model_remembers_what_was_heard_and_no_words() -> None:
    driver, item_id = spoken()
    driver.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1500)
    memory = driver.session.conversation.remembered()[0]
    assert (memory.role, memory.text, memory.audio_ms) == ("assistant", "", 1500)
    driver.send("conversation.item.retrieve", item_id=item_id)
    content = driver.last("conversation.item.retrieved")["item"]["content"][0]
    assert "transcript" not in content
    assert base64.b64decode(content["audio"]) == driver.audio()[: 1500 * 48]


def test_an_item_can_be_truncated_while_it_is_being_generated() -> None:
    driver = Driver(TonePersona(9000))
    driver.send("response.create")
    driver.wait(0.55)
    item_id = driver.last("response.output_audio.delta")["item_id"]
    driver.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=400)
    driver.run()
    assert driver.last("conversation.item.truncated")["audio_end_ms"] == 400
    memory = driver.session.conversation.remembered()[0]
    assert (memory.text, memory.audio_ms) == ("", 400)


def test_the_callers_audio_can_be_retrieved() -> None:
    driver = Driver()
    driver.update(audio={"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}})
    driver.speak(200)
    driver.send("input_audio_buffer.commit")
    item_id = driver.last("input_audio_buffer.committed")["item_id"]
    driver.send("conversation.item.retrieve", item_id=item_id)
    content = driver.last("conversation.item.retrieved")["item"]["content"][0]
    assert len(base64.b64decode(content["audio"])) == 1600


def test_a_deleted_item_is_not_announced_as_done() -> None:
    driver = Driver(TonePersona(9000))
    driver.send("response.create")
    driver.wait(0.6)
    item_id = driver.last("response.output_audio.delta")["item_id"]
    driver.send("conversation.item.delete", item_id=item_id)
    driver.send("response.cancel")
    driver.run()
    assert not driver.of("conversation.item.done")
    assert driver.last("response.done")["response"]["status"] == "cancelled"
    assert driver.session.conversation.remembered() == []
