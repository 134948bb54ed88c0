from __future__ import annotations

import numpy as np
import pytest

from talkpath.bridge.demo.scenario import SCRIPT
from talkpath.bridge.demo.voice import TELEPHONE_RATE, speak
from talkpath.bridge.simulator.audio import convert
from talkpath.bridge.simulator.grammar import jsgf
from talkpath.bridge.simulator.speech import EAR_RATE, Recogniser
from talkpath.codecs.g711 import linear_to_ulaw, ulaw_to_linear

pytest.importorskip("hibari")
pytest.importorskip("pocketsphinx")


def test_the_agent_understands_the_caller_through_a_telephone() -> None:
    ear = Recogniser(jsgf())
    wanted = [act.words for act in SCRIPT if act.words]
    understood = []
    for clip in speak(wanted).values():
        noise = np.random.default_rng(0).normal(0, 10, len(clip) + TELEPHONE_RATE)
        noise[TELEPHONE_RATE // 2 : TELEPHONE_RATE // 2 + len(clip)] += clip
        heard = ulaw_to_linear(linear_to_ulaw(noise.astype(np.int16)))
        understood.append(ear.recognise(convert(heard, TELEPHONE_RATE, EAR_RATE))[0])
    assert understood == [words.lower().replace(",", "").rstrip("?.") for words in wanted]
