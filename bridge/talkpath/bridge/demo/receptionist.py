"""The demo's agent: the simulator's, with its first words ready."""

from __future__ import annotations

import numpy as np

from talkpath.bridge.demo.configuration import GREETING
from talkpath.bridge.demo.tools import opening_hours, shop_address
from talkpath.bridge.simulator import shop
from talkpath.bridge.simulator.agent import AgentPersona
from talkpath.bridge.simulator.reply import Heard
from talkpath.bridge.simulator.speech import EAR_RATE, Voice


def receptionist() -> AgentPersona:
    """Return the agent, warmed up.

    A speech model streams its first sound while it still thinks of the rest. The offline voice makes whole
    answers, the long one in half a second, which would stand in every gap that the demo measures; so the
    voice says them once beforehand. The ear opens its process with a clip of silence.

    Raises:
        MissingExtraError: voice or ear are not installed.
    """
    voice = Voice()
    for words in (GREETING, shop.LET_ME_SEE, shop.ABOUT, shop.GOODBYE, opening_hours(), shop_address()):
        voice.speak(words)
    persona = AgentPersona(voice=voice)
    persona.transcribe(Heard("", np.zeros(EAR_RATE // 2, dtype=np.int16), EAR_RATE, 0))
    return persona
