"""The offline agent: what it understands, how it uses functions, and one call through a telephone band."""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from websockets.asyncio.client import connect

from talkpath.bridge.simulator import shop
from talkpath.bridge.simulator.agent import ANSWERS, AgentPersona, words_to_say
from talkpath.bridge.simulator.audio import PCMU, convert
from talkpath.bridge.simulator.faults import Timing
from talkpath.bridge.simulator.grammar import INTENTS, Understood, jsgf, understand
from talkpath.bridge.simulator.reply import Heard, Samples, Speech
from talkpath.bridge.simulator.server import Simulator
from talkpath.bridge.simulator.speech import EAR_RATE, LEAST_CONFIDENCE, MissingExtraError, Recogniser, Voice
from tests.bridge.simulator.driving import Driver

if TYPE_CHECKING:
    from collections.abc import Iterator

TELEPHONE_SENTENCES = {
    "Hello there.": "hello",
    "When are you open tomorrow?": "hours",
    "Are you open on Sunday?": "hours",
    "Where is your shop?": "address",
    "Is my bicycle ready?": "status",
    "My repair number is one zero three.": "status",
    "How much does a repair cost?": "price",
    "I would like to book a repair for Friday.": "book",
    "What can you do?": "help",
    "Tell me about the shop.": "tell",
    "Can I speak to a person?": "transfer",
    "Connect me to the workshop please.": "transfer",
    "Could you repeat that please?": "again",
    "Thank you, goodbye.": "goodbye",
}
FOREIGN_SENTENCES = ["Purple elephants dance on the moon.", "Seventeen clowns drove a small car."]
TRANSFER = {
    "type": "function",
    "name": "transfer_call",
    "parameters": {
        "type": "object",
        "properties": {
            "target": {"type": "string", "enum": ["sales", "workshop"]},
            "summary": {"type": "string"},
        },
        "required": ["target", "summary"],
    },
}


class Tones:
    """A voice of silence, and an ear that is told what it hears."""

    def __init__(self, *sentences: str) -> None:
        self.sentences = list(sentences)
        self.listened = 0

    def speak(self, text: str) -> Samples:
        return np.zeros(24 * 20 * len(text.split()), dtype=np.int16)

    def listen(self, heard: Heard) -> str:
        del heard
        self.listened += 1
        return self.sentences.pop(0)


def agent(*sentences: str) -> Driver:
    tones = Tones(*sentences)
    return Driver(AgentPersona(tones, tones), timing=Timing.instant())


def said(driver: Driver) -> str:
    """What the agent said last."""
    transcript: str = driver.last("response.output_audio_transcript.done")["transcript"]
    return transcript


def ask(driver: Driver) -> str:
    """Let the caller say the next sentence; return the answer."""
    driver.speak(300)
    driver.hush(700)
    driver.run()
    return said(driver)


def write(driver: Driver, text: str, role: str = "user") -> str:
    """Tell the agent something in writing; return the answer."""
    content = [{"type": "input_text", "text": text}]
    driver.send("conversation.item.create", item={"type": "message", "role": role, "content": content})
    driver.send("response.create")
    driver.run()
    return said(driver)


# ---- meaning ------------------------------------------------------------------------------------------


def test_every_intent_has_an_answer() -> None:
    for intent in set(INTENTS) - {"again"}:
        assert ANSWERS[intent](Understood(intent, ""))


@pytest.mark.parametrize(
    ("sentence", "intent", "slots"),
    [
        ("When are you open on Friday?", "hours", {"day": "friday"}),
        ("My repair number is 103", "status", {"number": "103"}),
        ("Connect me to the workshop, please!", "transfer", {"place": "the workshop"}),
        ("good bye", "goodbye", {}),
    ],
)
def test_sentences_have_a_meaning_and_slots(sentence: str, intent: str, slots: dict[str, str]) -> None:
    understood = understand(sentence)
    assert understood is not None
    assert understood.intent == intent
    assert {name: getattr(understood, name) for name in slots} == slots


@pytest.mark.parametrize("sentence", ["", "when are you", "the weather is nice", "hello there hello there"])
def test_half_and_foreign_sentences_mean_nothing(sentence: str) -> None:
    assert understand(sentence) is None


@pytest.mark.parametrize(
    ("instructions", "text"),
    [
        (
            "Be kind.\n\nGreet now. Say exactly the following, word for word, and nothing else:\nHello?",
            "Hello?",
        ),
        ('Say exactly: "Good morning."', "Good morning."),
        ('Say exactly "One moment." and nothing else.', "One moment."),
        ("Say exactly: \u201cWait: I come.\u201d Then stop.", "Wait: I come."),
        ("Never say exactly what you think. Say exactly: Hi.", "Hi."),
        ("Greet the caller.", None),
        ("You say exactly what the caller wants to know.", None),
    ],
)
def test_fixed_sentences_are_found_in_instructions(instructions: str, text: str | None) -> None:
    assert words_to_say(instructions) == text


# ---- behaviour ------------------------------------------------------------------------------------------


def test_it_greets_with_the_words_of_the_client_or_its_own() -> None:
    driver = agent()
    driver.send("response.create", response={"instructions": "Say exactly: Hello from the other side."})
    driver.run()
    assert said(driver) == "Hello from the other side."
    driver = agent()
    driver.send(
        "response.create", response={"instructions": "The caller has just been connected. Greet them."}
    )
    driver.run()
    assert said(driver) == shop.GREETING


def test_it_answers_repeats_and_says_when_it_did_not_understand() -> None:
    driver = agent("are you open on sunday", "could you repeat that", "")
    assert ask(driver) == shop.CLOSED
    assert ask(driver) == shop.CLOSED
    assert ask(driver) == shop.NOT_UNDERSTOOD


def test_the_transcription_is_what_it_recognised_and_is_recognised_once() -> None:
    tones = Tones("where is your shop")
    driver = Driver(AgentPersona(tones, tones), timing=Timing.instant())
    driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    assert ask(driver) == shop.ADDRESS
    done = driver.last("conversation.item.input_audio_transcription.completed")
    assert done["transcript"] == "where is your shop"
    assert tones.listened == 1


def test_a_wish_for_a_person_calls_the_transfer_function_with_its_required_arguments() -> None:
    driver = agent("connect me to the workshop please")
    driver.update(tools=[TRANSFER])
    assert ask(driver) == shop.TRANSFER
    call = driver.last("response.function_call_arguments.done")
    assert call["name"] == "transfer_call"
    arguments = json.loads(call["arguments"])
    assert arguments == {
        "target": "workshop",
        "summary": "The caller said: connect me to the workshop please.",
    }
    driver = agent("can i speak to a person")
    assert ask(driver) == shop.NO_TRANSFER


def test_goodbye_hangs_up_where_it_can() -> None:
    driver = agent("thank you goodbye")
    driver.update(tools=[{"type": "function", "name": "hang_up", "parameters": {"type": "object"}}])
    assert ask(driver) == shop.GOODBYE
    assert driver.last("response.function_call_arguments.done")["name"] == "hang_up"


def test_results_of_functions_are_spoken() -> None:
    driver = agent("my repair number is one zero three")
    schema = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
    driver.update(tools=[{"type": "function", "name": "get_repair_status", "parameters": schema}])
    assert ask(driver) == shop.LET_ME_SEE
    call = driver.last("response.function_call_arguments.done")
    assert json.loads(call["arguments"]) == {"number": 103}
    for output, sentence in (
        ('{"status": "ready", "price_dollars": 40}', "status: ready, price dollars: 40"),
        ('{"error": "no such repair"}', f"{shop.DID_NOT_WORK} error: no such repair"),
        ("It is ready.", "It is ready."),
    ):
        item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
        driver.send("conversation.item.create", item=item)
        driver.send("response.create")
        driver.run()
        assert said(driver) == sentence


def test_keys_and_written_sentences_are_answered() -> None:
    driver = agent()
    assert write(driver, "(The caller pressed 1 on the telephone keypad.)") == shop.HOURS
    assert write(driver, "The caller pressed 47#") == "You pressed four seven hash."
    assert write(driver, "The caller pressed 0") == shop.NO_TRANSFER
    assert write(driver, "What are your prices?") == shop.PRICE


def test_a_picture_is_thanked_for() -> None:
    driver = agent()
    content = [{"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}]
    driver.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    driver.send("response.create")
    driver.run()
    assert said(driver) == shop.PICTURE
    assert driver.last("response.done")["response"]["usage"]["input_token_details"]["image_tokens"] > 0


def test_without_the_extra_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'talkpath\[demo\]'"):
        AgentPersona()


# ---- with a real voice and a real ear ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def voice() -> Voice:
    pytest.importorskip("hibari")
    return Voice()


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    pytest.importorskip("pocketsphinx")
    return Recogniser(jsgf())


@pytest.fixture(scope="module")
def speaking_agent(voice: Voice) -> Iterator[AgentPersona]:
    pytest.importorskip("pocketsphinx")
    persona = AgentPersona(voice)
    yield persona
    persona.close()


def through_the_telephone(voice: Voice, sentence: str) -> bytes:
    """Speak a sentence as G.711 at 8 kHz, between pauses."""
    pause = np.zeros(8000 // 5, dtype=np.int16)
    spoken = convert(voice.speak(sentence), 24_000, 8_000)
    return PCMU.encode(np.concatenate((pause, spoken, pause)), 8_000)


def test_sentences_survive_a_telephone_band(voice: Voice, recogniser: Recogniser) -> None:
    missed = []
    for sentence, intent in TELEPHONE_SENTENCES.items():
        clip = convert(PCMU.decode(through_the_telephone(voice, sentence)), 8_000, EAR_RATE)
        text, confidence = recogniser.recognise(clip)
        understood = understand(text) if confidence >= LEAST_CONFIDENCE else None
        if understood is None or understood.intent != intent:
            missed.append((sentence, text, confidence))
    assert not missed


def test_foreign_sentences_are_not_forced_into_the_grammar(voice: Voice, recogniser: Recogniser) -> None:
    for sentence in FOREIGN_SENTENCES:
        clip = convert(PCMU.decode(through_the_telephone(voice, sentence)), 8_000, EAR_RATE)
        text, confidence = recogniser.recognise(clip)
        assert confidence < LEAST_CONFIDENCE or understand(text) is None, text


def test_a_caller_is_heard_and_answered_with_a_voice(voice: Voice, speaking_agent: AgentPersona) -> None:
    """A caller asks by telephone; the words are recognised, and the answer is speech of the right length."""

    async def run() -> tuple[str, str, bytes]:
        async with (
            Simulator(persona=speaking_agent, timing=Timing.instant()) as sim,
            connect(f"{sim.url}?model=m", additional_headers={"Authorization": "Bearer x"}) as socket,
        ):
            audio = {"input": {"format": {"type": "audio/pcmu"}, "transcription": {"model": "whisper-1"}}}
            audio |= {"output": {"format": {"type": "audio/pcmu"}}}
            await socket.send(
                json.dumps({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
            )
            sound = through_the_telephone(voice, "Is repair number one zero three ready?") + b"\xff" * 8000
            for start in range(0, len(sound), 160):
                chunk = base64.b64encode(sound[start : start + 160]).decode()
                await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": chunk}))
            words, answer, speech = "", "", bytearray()
            async with asyncio.timeout(20):
                while not (words and answer):
                    frame = json.loads(await socket.recv())
                    match frame["type"]:
                        case "conversation.item.input_audio_transcription.completed":
                            words = frame["transcript"]
                        case "response.output_audio.delta":
                            speech += base64.b64decode(frame["delta"])
                        case "response.done":
                            answer = frame["response"]["output"][0]["content"][0]["transcript"]
            return words, answer, bytes(speech)

    words, answer, speech = asyncio.run(run())
    assert words == "is repair number one zero three ready"
    assert answer == shop.REPAIRS["103"]
    spoken = PCMU.decode(speech)
    assert len(spoken) / 8000 == pytest.approx(len(voice.speak(answer)) / 24_000, abs=0.01)
    assert 20 * np.log10(np.sqrt(np.mean((spoken / 32768.0) ** 2))) > -30


def test_speech_of_the_agent_is_understood_again(voice: Voice, recogniser: Recogniser) -> None:
    """What the agent says word for word is speech: an ear at the other end understands it."""
    part = AgentPersona(voice, Tones())._say("What are your opening hours?")[0]
    assert isinstance(part, Speech)
    clip = convert(PCMU.decode(PCMU.encode(part.samples)), 8_000, EAR_RATE)
    assert recogniser.recognise(clip)[0] == "what are your opening hours"
