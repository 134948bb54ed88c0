"""Speech, packets that get lost from it, and how much of it is left."""

import importlib

import numpy as np
from numpy.typing import NDArray

from talkpath.codecs.concealment import ConcealmentBank
from talkpath.codecs.resample import Resampler

SENTENCES = (
    "Good morning, this is the reception of the city library, how may I help you today?",
    "I would like to change my appointment from Tuesday the fourteenth to Friday at half past nine.",
    "Your order number is seven three nine two, and it should arrive before the end of the week.",
)
_LEVEL = 32768 * 10 ** (-24 / 20)  # an effective value of -24 dBov, usual in telephony


def speech(rate: int) -> list[NDArray[np.int16]]:
    """Synthesise each sentence twice, as it is and by a voice a fifth lower, at 8 or 16 kHz.

    Raises:
        ModuleNotFoundError: the extra `demo` is not installed.
    """
    engine = importlib.import_module("hibari").Hibari()
    voices = []
    for sentence in SENTENCES:
        wave = np.asarray(engine(sentence, seed=0), np.float64)
        wave *= _LEVEL / np.sqrt(np.mean(wave**2))
        samples = np.clip(wave, -32768, 32767).astype(np.int16)
        # Said to be of 16 kHz, what was spoken at 24 kHz is slower and lower by a fifth.
        for spoken in (3, 2):
            resampler = Resampler(rate // 8000, spoken)
            voices.append(resampler.process(samples))
    return voices


def frames_of(voices: list[NDArray[np.int16]], rate: int) -> NDArray[np.int16]:
    """Cut speech into frames of 20 ms, one lane for each voice: int16 (lanes, frames, frame)."""
    frame = rate // 50
    frames = np.zeros((len(voices), max(map(len, voices)) // frame, frame), np.int16)
    for lane, samples in zip(frames, voices, strict=True):
        flat = lane.reshape(-1)
        flat[: len(samples)] = samples[: len(flat)]
    return frames


def losses(shape: tuple[int, int], rate: float, burst: float, seed: int) -> NDArray[np.bool_]:
    """Return which frames of some lanes get lost: a Gilbert model with bursts of `burst` frames on average.

    `burst` 1 / (1 - rate) is random loss.
    """
    rng = np.random.default_rng(seed)
    leave = 1.0 / burst
    enter = rate * leave / (1.0 - rate)
    lost = np.zeros(shape, np.bool_)
    for frame in range(3, shape[1]):
        chance = rng.random(shape[0])
        lost[:, frame] = np.where(lost[:, frame - 1], chance >= leave, chance < enter)
    return lost


def zero_filled(frames: NDArray[np.int16], lost: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Return the frames with silence for what is lost."""
    return np.where(lost[:, :, None], np.int16(0), frames)


def repeated(frames: NDArray[np.int16], lost: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Return the frames with the frame before for what is lost."""
    out = frames.copy()
    for frame in range(1, frames.shape[1]):
        out[lost[:, frame], frame] = out[lost[:, frame], frame - 1]
    return out


def concealed(frames: NDArray[np.int16], lost: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Return the frames with concealment for what is lost."""
    bank = ConcealmentBank(len(frames), frames.shape[2] * 50)
    out = np.zeros_like(frames)
    for frame in range(frames.shape[1]):
        rows = np.flatnonzero(~lost[:, frame])
        out[rows, frame] = bank.good(rows, frames[rows, frame])
        rows = np.flatnonzero(lost[:, frame])
        out[rows, frame] = bank.lost(rows)
    return out


def spectral_distance(frames: NDArray[np.int16], heard: NDArray[np.int16], lost: NDArray[np.bool_]) -> float:
    """Return the mean log-spectral distance of the lost frames that hold speech, in dB.

    Each is seen in a window of 40 ms around it.
    """
    distance = np.sqrt(((_spectra(frames) - _spectra(heard)) ** 2).mean(axis=-1))
    return float(distance[lost & _speaking(frames)].mean())


def segmental_snr(frames: NDArray[np.int16], heard: NDArray[np.int16], lost: NDArray[np.bool_]) -> float:
    """Return the mean signal-to-noise ratio of the lost frames that hold speech, each from -10 to 35 dB."""
    clean = frames.astype(np.float64)
    signal = (clean**2).mean(axis=-1)
    noise = ((heard - clean) ** 2).mean(axis=-1)
    ratio = 10 * np.log10((signal + 1e-9) / (noise + 1e-9))
    return float(ratio.clip(-10, 35)[lost & _speaking(frames)].mean())


def _speaking(frames: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Return which frames are at most 20 dB below the level of the speech."""
    return np.asarray((frames.astype(np.float64) ** 2).mean(axis=-1) > _LEVEL**2 / 100)


def _spectra(frames: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the spectrum of a window of two frames around each frame in dB, at least that of a whisper."""
    lanes, count, frame = frames.shape
    flat = np.zeros((lanes, (count + 1) * frame))
    flat[:, frame // 2 : frame // 2 + count * frame] = frames.reshape(lanes, -1)
    windows = np.lib.stride_tricks.sliding_window_view(flat, 2 * frame, axis=1)[:, ::frame]
    power = np.abs(np.fft.rfft(windows * np.hanning(2 * frame))) ** 2
    return np.asarray(10 * np.log10(power + 100.0 * frame), np.float64)
