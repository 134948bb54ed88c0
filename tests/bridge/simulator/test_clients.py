"""Independent clients, unmodified, hold conversations with the simulator."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import numpy as np
import openai
import pytest
from agents import function_tool, set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimeRunner

from talkpath.bridge.simulator.audio import PCMU, tone, tone_ladder
from talkpath.bridge.simulator.faults import Timing
from talkpath.bridge.simulator.reply import FunctionCall, Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from talkpath.bridge.simulator.server import Simulator

QUICK = Timing.instant()


@pytest.fixture(autouse=True)
def nothing_goes_to_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")
    set_tracing_disabled(disabled=True)


def test_the_openai_client_holds_a_conversation() -> None:
    async def run() -> None:
        async with Simulator(persona="echo", timing=QUICK) as sim:
            client = openai.AsyncOpenAI(api_key="sk-anything", base_url=sim.base_url)
            async with client, client.realtime.connect(model="gpt-realtime") as connection:
                fmt: Any = {"format": {"type": "audio/pcmu"}}
                await connection.session.update(
                    session={"type": "realtime", "audio": {"input": fmt, "output": fmt}}
                )
                samples = np.concatenate((tone(700, 600, rate=8000), np.zeros(8000, dtype=np.int16)))
                audio = PCMU.encode(samples, 8000)
                for start in range(0, len(audio), 160):
                    chunk = base64.b64encode(audio[start : start + 160]).decode()
                    await connection.input_audio_buffer.append(audio=chunk)
                heard = bytearray()
                async with asyncio.timeout(10):
                    async for event in connection:
                        if event.type == "response.output_audio.delta":
                            heard += base64.b64decode(event.delta)
                        if event.type == "response.done":
                            assert event.response.status == "completed"
                            break
                assert len(heard) > 600 * 8
                session = sim.sessions[0]
                assert session.received_counts["input_audio_buffer.append"] == len(audio) / 160
                recorded, rate = session.input.recorded()
                assert (len(recorded), rate) == (len(audio), 8000)

    asyncio.run(run())


def test_openai_agents_holds_a_conversation_with_a_tool() -> None:
    asked: list[str] = []

    @function_tool
    def repair_status(number: str) -> str:
        """Look up a repair."""
        asked.append(number)
        return "ready"

    script = [
        ScriptedTurn(reply=Reply((FunctionCall("repair_status", '{"number": "103"}'),)), heard="bicycle"),
        ScriptedTurn(reply=Reply((Speech(tone_ladder(800), "It is ready."),)), output_of="repair_status"),
    ]

    async def run() -> list[Any]:
        async with Simulator(persona=ScriptPersona(script), timing=QUICK) as sim:
            agent = RealtimeAgent(name="shop", instructions="Be kind.", tools=[repair_status])
            settings: Any = {"model_name": "gpt-realtime-2.1", "audio": {"input": {"transcription": None}}}
            runner = RealtimeRunner(agent, config={"model_settings": settings, "tracing_disabled": True})
            model: Any = {"api_key": "sk-x", "url": f"{sim.url}?model=gpt-realtime-2.1"}
            events: list[Any] = []
            async with await runner.run(model_config=model) as session, asyncio.timeout(10):
                await session.send_message("Is my bicycle ready?")
                async for event in session:
                    events.append(event)
                    if event.type == "audio_end":
                        break
            assert sim.sessions[0].received_counts["(rejected)"] == 0
            return events

    events = asyncio.run(run())
    kinds = {event.type for event in events}
    assert asked == ["103"]
    assert {"tool_start", "tool_end", "audio", "audio_end"} <= kinds
    assert not [event for event in events if event.type == "error"]
    heard = b"".join(event.audio.data for event in events if event.type == "audio")
    assert len(heard) == 800 * 48


def test_openai_agents_truncates_to_what_was_played_when_the_caller_interrupts() -> None:

    async def run() -> None:
        script = [ScriptedTurn(reply=Reply((Speech(tone_ladder(20_000), "A long story."),)), repeat=True)]
        async with Simulator(persona=ScriptPersona(script), timing=Timing.instant(rate=20)) as sim:
            runner = RealtimeRunner(
                RealtimeAgent(name="shop", instructions="x"), config={"tracing_disabled": True}
            )
            model: Any = {"api_key": "sk-x", "url": f"{sim.url}?model=gpt-realtime-2.1"}
            async with await runner.run(model_config=model) as session, asyncio.timeout(10):
                await session.send_message("Tell me a story.")
                spoke = False
                async for event in session:
                    if event.type == "audio" and not spoke:
                        spoke = True
                        await session.send_audio(tone(440, 500).tobytes())
                    if event.type == "audio_interrupted":
                        break
                served = sim.sessions[0]
                while not served.sent_counts["conversation.item.truncated"]:  # noqa: ASYNC110 - the client is theirs
                    await asyncio.sleep(0.01)
            truncate = served.events("conversation.item.truncate")[0]
            memory = next(m for m in served.conversation.remembered() if m.item_id == truncate["item_id"])
            assert memory.audio_ms == truncate["audio_end_ms"]
            assert served.received_counts["(rejected)"] == 0

    asyncio.run(run())
