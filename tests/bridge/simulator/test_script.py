"""Scripts: matching, using up, and mistakes that name the turn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge.simulator.audio import tone_ladder
from talkpath.bridge.simulator.faults import Timing
from talkpath.bridge.simulator.personas import PERSONAS, make_persona
from talkpath.bridge.simulator.reply import FunctionCall, Speech
from talkpath.bridge.simulator.script import ScriptError, ScriptPersona, load_script, parse_script
from tests.bridge.simulator.driving import Driver

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
[[turn]]
tone = 660
reply = [{ say = "I heard the high one." }]

[[turn]]
tone = 440
reply = [{ commentary = "Let me see." }, { call = "look", arguments = { what = "bike" } }]

[[turn]]
output_of = "look"
output = "ready"
reply = [{ tones = [1020, 500], tone_ms = 100 }]

[[turn]]
heard = "story"
reply = [{ monologue_s = 3 }]

[[turn]]
heard = "fail"
reply = [{ fail = "rate_limit_exceeded" }]

[[turn]]
heard = "again"
repeat = true
reply = [{ text = "Once more." }]
"""


def scripted(tmp_path: Path) -> Driver:
    path = tmp_path / "script.toml"
    path.write_text(SCRIPT)
    return Driver(ScriptPersona(load_script(path)), timing=Timing.instant())


def write(driver: Driver, text: str) -> dict[str, object]:
    content = [{"type": "input_text", "text": text}]
    driver.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    driver.send("response.create")
    driver.run()
    response: dict[str, object] = driver.last("response.done")["response"]
    return response


def test_a_script_answers_tones_and_function_outputs(tmp_path: Path) -> None:
    driver = scripted(tmp_path)
    for hertz in (440, 660):
        driver.speak(400, hertz)
        driver.hush(700)
        driver.run()
        if hertz == 440:
            call = driver.last("response.function_call_arguments.done")
            assert json.loads(call["arguments"]) == {"what": "bike"}
            output = {"type": "function_call_output", "call_id": call["call_id"], "output": "is ready"}
            driver.send("conversation.item.create", item=output)
            driver.send("response.create")
            driver.run()
            item = driver.last("response.done")["response"]["output"][0]["id"]
            assert len(driver.audio(item)) == 200 * 48
    assert driver.last("response.output_audio_transcript.done")["transcript"] == "I heard the high one."


def test_written_words_match_too_and_turns_are_used_once(tmp_path: Path) -> None:
    driver = scripted(tmp_path)
    assert write(driver, "Tell me a STORY")["status"] == "completed"
    assert len(driver.audio()) == 3000 * 48
    assert write(driver, "now fail")["status"] == "failed"
    assert write(driver, "now fail")["status"] == "completed"
    for _ in range(2):
        write(driver, "again")
        assert driver.last("response.output_text.done")["text"] == "Once more."


def test_json_says_the_same_as_toml(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text('{"turn": [{"reply": [{"say": "hi"}, {"call": "f"}]}]}')
    speech, call = load_script(path)[0].reply.parts
    assert isinstance(speech, Speech)
    assert call == FunctionCall("f", "{}")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "no turns"),
        ({"turn": [{"reply": [{"shout": "x"}]}]}, r"turn 1: \['shout'\] is not a part"),
        ({"turn": [{"reply": [{"say": "x", "text": "y"}]}]}, "exactly one of"),
        ({"turn": [{"reply": []}, {"when": "x", "reply": []}]}, "turn 2: unknown key 'when'"),
        ({"turn": {"reply": []}}, r"\[\[turn\]\] has to be a list"),
        ({"turn": [{"reply": {"say": "x"}}]}, r"turn 1: \[\[turn.reply\]\] has to be a list"),
        ({"turn": [{"reply": [{"say": 5}]}]}, "say = 5 has the wrong type"),
        ({"turn": [{"heard": 4, "reply": []}]}, "heard = 4 has the wrong type"),
        ({"turn": [{"output": "(", "reply": []}]}, r"output = '\(' is no regular expression"),
    ],
)
def test_mistakes_name_the_turn(document: dict[str, object], message: str) -> None:
    with pytest.raises(ScriptError, match=message):
        parse_script(document)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "script.toml"
    path.write_text("[[turn")
    with pytest.raises(ScriptError, match=r"script\.toml"):
        load_script(path)
    path.write_text("[[turn]]\nwhen = 3\n")
    with pytest.raises(ScriptError, match=r"script\.toml: turn 1"):
        load_script(path)


def test_personas_are_made_by_name(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"turn": [{"reply": [{"tones": [500]}]}]}')
    assert [make_persona(name).name for name in ("tone", "echo", "bench")] == ["tone", "echo", "bench"]
    assert make_persona(f"script:{path}").name == "script"
    with pytest.raises(ValueError, match=", ".join(PERSONAS)):
        make_persona("parrot")


def test_the_ladder_repeats_its_rungs() -> None:
    assert len(tone_ladder(1250)) == 1250 * 24
    assert len(tone_ladder(0)) == 0
