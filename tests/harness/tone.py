"""A tone to speak, and the tone that was heard."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def write_tone(path: Path, *, frequency: float, rate: int, seconds: float) -> None:
    """Write a WAV file with a sine: mono, 16 bit, `rate` samples a second, a quarter of full scale."""
    time = np.arange(int(rate * seconds)) / rate
    samples = (8000 * np.sin(2 * np.pi * frequency * time)).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def loudest_frequency(samples: NDArray[np.int16], *, rate: int) -> float:
    """Return the frequency in Hz with the most energy in samples of shape (n,), to within rate / n."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum)) * rate / samples.size
