"""Opus (RFC 6716) as telephones speak it in RTP (RFC 7587): one channel, wide band, 20 ms of ours a packet.

Opus samples at any of five rates whatever the far end does; 16 kHz is taken here, as everywhere in wide band.
Its RTP clock runs at 48 kHz all the same. Packets are of any size and of 2.5 to 120 ms. Both directions
remember what they heard, so that each call needs an encoder and a decoder of its own.

The work is done by libopus, which PyAV brings along, or the system has. It is called directly, because
PyAV's own face of it gives no access to what a telephone call lives on: the decoder's concealment, and the
copy of the packet before that packets may carry (in-band forward error correction).
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from talkpath.codecs.types import Samples

__all__ = ["CLOCK_RATE", "SAMPLE_RATE", "OpusDecoder", "OpusEncoder", "OpusWishes", "available", "duration"]

CLOCK_RATE: Final = 48_000
"""Ticks of the RTP clock per second (RFC 7587, section 4.1)."""
SAMPLE_RATE: Final = 16_000
"""Samples per second on our side."""
LARGEST_PACKET: Final = 160
"""Octets of a packet of ours at most: no more than 20 ms of G.711."""
CONCEALMENT_STEP: Final = SAMPLE_RATE // 400
"""What is made up is a multiple of so many samples, 2.5 ms."""

_LONGEST: Final = SAMPLE_RATE * 120 // 1000  # samples of a packet (RFC 6716, section 3.2.5)
_FRAMES: Final = 48  # at most in a packet
_BIT_RATE: Final = 40_000
_LEAST_BIT_RATE: Final = 6_000  # RFC 7587, section 6.1
_COMPLEXITY: Final = 1
"""Of 0 to 10. Measured with 20 ms of speech: 1 costs 50 us, 5 costs 120, 10 costs 100 to 210."""
_EXPECTED_LOSS: Final = 10  # percent, for which the copies in our packets are made

_VOIP: Final = 2048
_SET_BIT_RATE, _SET_VBR, _SET_MAX_BANDWIDTH = 4002, 4006, 4004
_SET_COMPLEXITY, _SET_INBAND_FEC, _SET_LOSS = 4010, 4012, 4014
_NARROW, _MEDIUM, _WIDE = 1101, 1102, 1103


class MissingLibraryError(ImportError):
    """There is no libopus."""

    def __init__(self) -> None:
        super().__init__(
            "Opus needs libopus, which comes with the package av. Install it with `pip install av` or as "
            "libopus0 of the system, or take OPUS out of the codecs."
        )


@dataclass(frozen=True, slots=True)
class OpusWishes:
    """What the far end wants to receive, by the ``fmtp`` of its description (RFC 7587, section 6.1).

    Attributes:
        bit_rate: Bits per second on average.
        playback_rate: Samples per second that it can use.
        constant: Every packet is to have the same size.
        recovers: It makes use of copies of the packet before.
    """

    bit_rate: int = _BIT_RATE
    playback_rate: int = CLOCK_RATE
    constant: bool = False
    recovers: bool = False

    @classmethod
    def of(cls, parameters: str) -> OpusWishes:
        """Read ``name=value; name=value``; what is unknown or senseless is left out, as section 7 demands."""
        values: dict[str, int] = {}
        for parameter in parameters.split(";")[:32]:
            name, _, value = parameter.partition("=")
            text = value.strip()
            if text.isascii() and text.isdigit() and len(text) <= 6:
                values.setdefault(name.strip().lower(), int(text))
        most = values.get("maxaveragebitrate", _BIT_RATE)
        return cls(
            bit_rate=min(max(most, _LEAST_BIT_RATE), _BIT_RATE),
            playback_rate=values.get("maxplaybackrate", CLOCK_RATE),
            constant=values.get("cbr") == 1,
            recovers=values.get("useinbandfec") == 1,
        )


class OpusEncoder:
    """Encodes one direction of one call.

    Args:
        wishes: Of whom it encodes for.

    Raises:
        MissingLibraryError: There is no libopus.
    """

    def __init__(self, wishes: OpusWishes | None = None) -> None:
        wishes = wishes or OpusWishes()
        self._library = library = _library()
        error = ctypes.c_int()
        self._state = library.opus_encoder_create(SAMPLE_RATE, 1, _VOIP, ctypes.byref(error))
        _succeeded(error.value)
        weakref.finalize(self, library.opus_encoder_destroy, self._state)
        self._out = ctypes.create_string_buffer(LARGEST_PACKET)
        self._set(_SET_COMPLEXITY, _COMPLEXITY)
        self._set(_SET_BIT_RATE, wishes.bit_rate)
        self._set(_SET_VBR, int(not wishes.constant))
        self._set(_SET_MAX_BANDWIDTH, _bandwidth(wishes.playback_rate))
        if wishes.recovers:
            self._set(_SET_INBAND_FEC, 1)
            self._set(_SET_LOSS, _EXPECTED_LOSS)

    def encode(self, samples: Samples) -> bytes:
        """Encode the next samples.

        Args:
            samples: int16 (320,), 20 ms.

        Returns:
            A packet of 1 to 160 octets.

        Raises:
            ValueError: They are not 20 ms in one row of int16.
        """
        if samples.shape != (SAMPLE_RATE // 50,) or samples.dtype != np.int16:
            raise ValueError(f"Opus encodes 320 samples of int16, and not {samples.dtype} {samples.shape}.")
        samples = np.ascontiguousarray(samples)
        size = self._library.opus_encode(
            self._state, samples.ctypes.data, len(samples), self._out, LARGEST_PACKET
        )
        return self._out.raw[: _succeeded(size)]

    def _set(self, request: int, value: int) -> None:
        _succeeded(self._library.opus_encoder_ctl(self._state, request, ctypes.c_int32(value)))


class OpusDecoder:
    """Decodes one direction of one call. Nothing that the network sends raises.

    Raises:
        MissingLibraryError: There is no libopus.
    """

    def __init__(self) -> None:
        self._library = library = _library()
        error = ctypes.c_int()
        self._state = library.opus_decoder_create(SAMPLE_RATE, 1, ctypes.byref(error))
        _succeeded(error.value)
        weakref.finalize(self, library.opus_decoder_destroy, self._state)
        self._out = np.zeros(_LONGEST, np.int16)
        self._address = self._out.ctypes.data

    def decode(self, packet: bytes) -> Samples:
        """Decode the next packet: int16 (n,) as long as its `duration`, none where it cannot be decoded."""
        return self._decode(packet, _LONGEST, 0)

    def conceal(self, samples: int) -> Samples:
        """Make up what is lost, from what was heard: int16 (samples,), a multiple of `CONCEALMENT_STEP`."""
        return self._decode(None, samples, 0)

    def recover(self, packet: bytes, samples: int) -> Samples:
        """Restore what is lost from its copy in the packet after it; without one this is `conceal`.

        Args:
            packet: The packet after the loss, which is still to be decoded by itself.
            samples: How much is lost, a multiple of `CONCEALMENT_STEP`.

        Returns:
            int16 (samples,).
        """
        return self._decode(packet, samples, 1)

    def _decode(self, packet: bytes | None, samples: int, recovers: int) -> Samples:
        length = len(packet) if packet else 0
        count = self._library.opus_decode(self._state, packet, length, self._address, samples, recovers)
        return self._out[: max(count, 0)].copy()


def duration(packet: bytes) -> int | None:
    """Ticks of the 48 kHz clock that a packet lasts, 120 to 5,760; None: it is no packet of Opus."""
    library, sizes = _library(), (ctypes.c_int16 * _FRAMES)()
    frames = library.opus_packet_parse(packet, len(packet), None, None, sizes, None)
    if frames <= 0:
        return None
    return int(frames * library.opus_packet_get_samples_per_frame(packet, CLOCK_RATE))


def available() -> bool:
    """Tell whether there is a libopus."""
    try:
        _library()
    except MissingLibraryError:
        return False
    return True


def _bandwidth(playback_rate: int) -> int:
    """The widest band of ours that somebody who plays so many samples a second can use."""
    if playback_rate >= SAMPLE_RATE:
        return _WIDE
    return _MEDIUM if playback_rate >= 12_000 else _NARROW


def _succeeded(result: int) -> int:
    """Pass on what libopus returned.

    Raises:
        RuntimeError: That is an error. None is possible with arguments that are right.
    """
    if result < 0:
        raise RuntimeError(f"libopus returned the error {result}")
    return result


@functools.cache
def _library() -> ctypes.PyDLL:
    """Load libopus. PyDLL: to let go of the interpreter for 50 us is dearer than to keep it."""
    for path in _places():
        try:
            return _declared(ctypes.PyDLL(path))
        except OSError:
            continue
    raise MissingLibraryError


def _places() -> Iterator[str]:
    """Where libopus may be: beside PyAV, and where the system has it."""
    package = importlib.util.find_spec("av")
    if package is not None and package.origin is not None:
        site = Path(package.origin).parent.parent
        yield from map(str, sorted(site.glob("av.libs/libopus*.so*")))
    yield "libopus.so.0"


def _declared(library: ctypes.PyDLL) -> ctypes.PyDLL:
    state, integer, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    for create, arguments in (
        (library.opus_encoder_create, [integer] * 3),
        (library.opus_decoder_create, [integer] * 2),
    ):
        create.restype, create.argtypes = state, [*arguments, state]
    for destroy in (library.opus_encoder_destroy, library.opus_decoder_destroy):
        destroy.restype, destroy.argtypes = None, [state]
    library.opus_encoder_ctl.argtypes = [state, integer]
    library.opus_encode.argtypes = [state, state, integer, text, integer]
    library.opus_decode.argtypes = [state, text, integer, state, integer, integer]
    library.opus_packet_parse.argtypes = [text, integer, state, state, state, state]
    library.opus_packet_get_samples_per_frame.argtypes = [text, integer]
    return library
