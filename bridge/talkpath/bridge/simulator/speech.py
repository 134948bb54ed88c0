"""A voice and an ear that need no network: text to 24 kHz samples, and samples to sentences of the grammar.

Both come with the extra ``talkpath[demo]`` and are imported only when they are made. The recogniser holds the
interpreter lock while it works (about 0.2 s a sentence), so it lives in a process of its own.
"""

from __future__ import annotations

import importlib
import math
import multiprocessing
import signal
import threading
from collections import OrderedDict
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from talkpath.bridge.simulator.audio import convert
from talkpath.bridge.simulator.reply import MODEL_RATE

if TYPE_CHECKING:
    from types import ModuleType

    from talkpath.bridge.simulator.reply import Heard, Samples

EAR_RATE = 16_000
"""Sample rate of the recogniser's acoustic model in hertz."""
MARGIN_S = 0.3
"""Faint noise before and after the sentence, without which the recogniser loses the first word."""
MARGIN_LEVEL = 8.0
"""Standard deviation of that noise in int16 steps (-72 dBFS)."""
LOUDNESS_PEAK = 0.5
"""Peak to which the ear scales a sentence, and the voice what it says."""
LEAST_CONFIDENCE = -5.0
"""Mean log score per frame below which a sentence counts as not understood.

Measured through a telephone band: sentences of the grammar -4.6 and better with rare exceptions, foreign
sentences forced into it -4.9 and worse.
"""
LEAD_S, PAUSE_S, TAIL_S = 0.04, 0.35, 0.1
"""Silence before, between and after the sentences that the voice says, instead of the engine's own 0.7 s a
sentence: a caller waits through all of it."""
_QUIET = 0.01
"""Share of the peak below which the ends of a sentence are cut off."""
SPOKEN_SENTENCES = 256
"""Sentences kept in the voice's cache."""


class MissingExtraError(RuntimeError):
    """The packages of the demo extra are not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"The persona 'agent' needs {package}, which is not installed. "
            "Install it with:  pip install 'talkpath[demo]'   or choose another persona, for example 'tone'."
        )


def _import(module: str, package: str) -> ModuleType:
    """Import an optional module.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError(package) from None


def scale(samples: Samples) -> Samples:
    """Scale a clip so that its peak is at ``LOUDNESS_PEAK`` of full scale; silence stays silence."""
    peak = int(np.max(np.abs(samples.astype(np.int32)), initial=0))
    gain = LOUDNESS_PEAK * 32767 / peak if peak > 50 else 1.0
    return np.asarray(np.clip(samples * gain, -32768, 32767), dtype=np.int16)


def trim(audio: np.ndarray[tuple[int], np.dtype[np.float32]]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Cut the quiet ends off a clip."""
    loud = np.flatnonzero(np.abs(audio) > _QUIET * np.max(np.abs(audio), initial=0.0))
    return audio[loud[0] : loud[-1] + 1] if len(loud) else audio


class Voice:
    """Speaks English: one voice, 24 kHz, the same text always the same audio.

    Raises:
        MissingExtraError: the voice is not installed.
    """

    def __init__(self) -> None:
        self._engine: Any = _import("hibari", "hibari-tts").Hibari()
        self._lock = threading.Lock()
        self._spoken: OrderedDict[str, Samples] = OrderedDict()

    def speak(self, text: str) -> Samples:
        """Return the spoken text, int16 at 24 kHz."""
        with self._lock:
            if text not in self._spoken:
                self._spoken[text] = scale((np.clip(self._speak(text), -1.0, 1.0) * 32767).astype(np.int16))
            self._spoken.move_to_end(text)
            while len(self._spoken) > SPOKEN_SENTENCES:
                self._spoken.popitem(last=False)
            return self._spoken[text]

    def _speak(self, text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        """Join the sentences of a text with short pauses."""
        lead, pause, tail = (
            np.zeros(int(seconds * MODEL_RATE), np.float32) for seconds in (LEAD_S, PAUSE_S, TAIL_S)
        )
        pieces = [lead]
        for sentence in self._engine.stream(text, seed=0):
            pieces += [trim(sentence), pause]
        return np.concatenate([*pieces[:-1], tail])


class Recogniser:
    """The recogniser itself, in the process that made it.

    Args:
        grammar: JSGF.

    Raises:
        MissingExtraError: it is not installed.
    """

    def __init__(self, grammar: str) -> None:
        decoder_type = _import("pocketsphinx", "pocketsphinx").Decoder
        self._decoder: Any = decoder_type(samprate=EAR_RATE, lm=None, loglevel="FATAL")
        self._decoder.add_jsgf_string("grammar", grammar)
        self._decoder.activate_search("grammar")
        noise = np.random.default_rng(0).normal(0, MARGIN_LEVEL, int(MARGIN_S * EAR_RATE))
        self._margin = noise.astype(np.int16)

    def recognise(self, samples: Samples) -> tuple[str, float]:
        """Return the sentence in a clip (int16, 16 kHz) and how sure it is: mean log score per frame."""
        clip = np.concatenate((self._margin, scale(samples), self._margin))
        self._decoder.start_utt()
        self._decoder.process_raw(clip.tobytes(), full_utt=True)
        self._decoder.end_utt()
        best = self._decoder.hyp()
        if best is None or not best.hypstr:
            return "", -math.inf
        words = [s for s in self._decoder.seg() if not s.word.startswith(("<", "SIL"))]
        frames = sum(s.end_frame - s.start_frame + 1 for s in words)
        score = sum(math.log(max(s.ascore, 1e-300)) for s in words)
        return best.hypstr, score / max(frames, 1)


_recogniser: Recogniser | None = None


def _open(grammar: str) -> None:
    """Make the recogniser of this process; a keyboard interrupt is the parent's business."""
    global _recogniser  # noqa: PLW0603 - the pool gives a process no other place to keep it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _recogniser = Recogniser(grammar)


def _warm_up() -> None:
    """Do nothing, in the process of the pool."""


def _recognise(samples: Samples) -> tuple[str, float]:
    """Recognise in the process of the pool."""
    if _recogniser is None:
        raise RuntimeError("The recogniser was not opened in this process.")
    return _recogniser.recognise(samples)


class Ear:
    """Understands sentences of a grammar, in a process of its own.

    Args:
        grammar: JSGF.

    Raises:
        MissingExtraError: the recogniser is not installed.
    """

    def __init__(self, grammar: str) -> None:
        _import("pocketsphinx", "pocketsphinx")
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_open, initargs=(grammar,))
        self._pool.submit(_warm_up)  # starts the process now, not at the first sentence

    def listen(self, heard: Heard) -> str:
        """Return the sentence, "" when nothing was understood. Blocks for some tenths of a second."""
        if not len(heard.samples):
            return ""
        clip = convert(heard.samples, heard.rate, EAR_RATE)
        sentence, confidence = self._pool.submit(_recognise, clip).result()
        return sentence if confidence >= LEAST_CONFIDENCE else ""

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown(wait=True, cancel_futures=True)
