"""From the model's audio to the codes that go to the caller.

The model's bytes are queued as they come, and converted when they leave: the frames of all lanes of a slot
in one operation each for passing through, changing the law, or PCM16 from 24 to 8 kHz. Converting each delta
on arrival would cost eight times as much, and positions would have to survive a change of rate.

For wide-band lanes `take` leaves samples with the encoder, where a sound may still replace them; `encode`
makes octets of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.g711_law import ALAW, LAWS, ULAW
from talkpath.bridge.media.lane import FRAME_BYTES, PLAIN_SOUND
from talkpath.bridge.media.loudness import Loudness
from talkpath.bridge.media.noise_fill import NoiseFill
from talkpath.bridge.media.playout import Playout
from talkpath.bridge.media.playout_room import PlayoutRoom
from talkpath.bridge.media.underruns import bridge_underruns
from talkpath.bridge.media.wideband import WIDE_FRAME, WidebandEncoder
from talkpath.codecs.resample import ResamplerBank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.counters import Counters
    from talkpath.bridge.media.lane import LaneSound, MediaEvent, ModelFormat, PhoneCodec

    Rows = NDArray[np.intp]
    Codes = NDArray[np.uint8]
    Samples = NDArray[np.int16]

__all__ = ["Downlink"]

_STEP: Final = 3  # 24 to 8 kHz
_PCM_FRAME_BYTES: Final = FRAME_BYTES * _STEP * 2
_FADE_SAMPLES: Final = 40  # 5 ms: short enough to be "now", long enough not to click
_LAW_OF_MODEL: Final[dict[ModelFormat, PhoneCodec]] = {"pcmu": "PCMU", "pcma": "PCMA"}


class Downlink:
    """Playout and conversion of all lanes.

    Args:
        lanes: Number of lanes.
        counters: Where frames and overflow are counted.

    Attributes:
        wideband: Holds what the wide-band lanes send next.
    """

    def __init__(self, lanes: int, counters: Counters) -> None:
        self.wideband = WidebandEncoder(lanes)
        self._loudness = Loudness(lanes)
        self._noise = NoiseFill(lanes, self.wideband)
        self._counters = counters
        room = PlayoutRoom(lanes)
        self._codes = Playout(lanes, counters, frame_bytes=FRAME_BYTES, sample_bytes=1, room=room)
        self._pcm = Playout(lanes, counters, frame_bytes=_PCM_FRAME_BYTES, sample_bytes=2, room=room)
        self._format: list[ModelFormat] = ["pcmu"] * lanes
        self._is_pcm = np.zeros(lanes, np.bool_)
        self._is_ulaw = np.ones(lanes, np.bool_)  # the law on the wire
        self._translates = np.zeros(lanes, np.bool_)
        self._silence = np.full(lanes, ULAW.silence, np.uint8)
        self._resampler = ResamplerBank(lanes, 1, _STEP)
        self._pcm_to_wide = ResamplerBank(lanes, 2, _STEP)
        self._narrow_to_wide = ResamplerBank(lanes, 2, 1)
        self._warm = np.zeros(lanes, np.bool_)  # whose resampler remembers audio
        self._waits = np.zeros(lanes, np.bool_)
        self._any_waits = False
        self._only_codes = True  # no lane's model speaks PCM
        self._any_translates = False
        counters.derive(self._count_played)

    def configure(
        self, lane: int, model_format: ModelFormat, codec: PhoneCodec, parameters: str = ""
    ) -> None:
        """Set the lane's formats; what is queued stays as it is and leaves in the new codec.

        `parameters` is what the far end wants of the codec, as in ``a=fmtp``. The model's format must not
        change while audio is queued.
        """
        self._format[lane] = model_format
        self._is_pcm[lane] = model_format == "pcm"
        self._is_ulaw[lane] = codec == "PCMU"
        if self.wideband.configure(lane, codec, parameters):
            self._forget(lane)
        self._translates[lane] = False
        if codec in LAWS:
            self._translates[lane] = model_format != "pcm" and _LAW_OF_MODEL[model_format] != codec
            self._silence[lane] = LAWS[codec].silence
        self._only_codes = not self._is_pcm.any()
        self._any_translates = bool(self._translates.any())
        if model_format != "pcm":
            self._codes.pad[lane] = LAWS[_LAW_OF_MODEL[model_format]].silence

    def shape(self, lane: int, sound: LaneSound) -> None:
        """Set what is done to the lane's sound."""
        self._loudness.configure(lane, sound.gain, limits=sound.limits)
        self._noise.configure(lane, sound.noise)

    def playout(self, lane: int) -> Playout:
        """The queue of a lane."""
        return self._pcm if self._format[lane] == "pcm" else self._codes

    def wait(self, lane: int, *, waits: bool) -> None:
        """Let the lane's speech wait, or go on where it stopped."""
        if waits:
            self._forget(lane)  # what its resampler holds back belongs before the pause
        self._waits[lane] = waits
        self._any_waits = bool(self._waits.any())

    def reset(self, lane: int) -> None:
        """Make the lane ready for another call."""
        self.wait(lane, waits=False)
        self.configure(lane, "pcmu", "PCMU")
        self.shape(lane, PLAIN_SOUND)
        self._codes.reset(lane)
        self._pcm.reset(lane)
        self._forget(lane)

    def _forget(self, lane: int) -> None:
        """The next frame follows silence."""
        for resampler in (self._resampler, self._pcm_to_wide, self._narrow_to_wide):
            resampler.reset(np.array([lane], np.intp))
        self._warm[lane] = False

    def fade(self, lane: int, frame: Codes) -> None:
        """Fade a frame of model audio out over 5 ms, in place."""
        model_format = self._format[lane]
        if model_format == "pcm":
            samples = frame.view(np.int16)
            samples[:] = samples * _ramp(len(samples), _FADE_SAMPLES * _STEP)
            return
        law = LAWS[_LAW_OF_MODEL[model_format]]
        frame[:] = law.encode((law.decode(frame) * _ramp(FRAME_BYTES, _FADE_SAMPLES)).astype(np.int16))
        frame[_FADE_SAMPLES:] = law.silence

    def report_overflow(self, now: float, events: list[MediaEvent]) -> None:
        """Append what was dropped since the last report."""
        self._codes.report_overflow(now, events)
        self._pcm.report_overflow(now, events)

    def take(self, rows: Rows, out: Codes, now: float, events: list[MediaEvent]) -> NDArray[np.bool_]:
        """Write the next frame of each of some lanes, in its law; silence where there is none.

        Args:
            rows: The lanes (k,), each at most once.
            out: Where the frames go (k, 160), those of wide-band lanes with `encode`.
            now: Monotonic seconds.
            events: Items started or drained are appended.

        Returns:
            Which rows carry model audio (k,).
        """
        if self._any_waits and (waits := self._waits[rows]).any():
            return self._take_without(waits, rows, out, now, events)
        if self.wideband.any_wide and (wide := self.wideband.wide[rows]).any():
            return self._take_mixed(rows, wide, out, now, events)
        return self._take_narrow(rows, out, now, events)

    def fill(self, rows: Rows, carries: NDArray[np.bool_], out: Codes) -> None:
        """Write noise for those of some lanes (k,) that want it and carry nothing, in place (k, 160)."""
        if self._noise.any_wanted:
            self._noise.fill(rows, carries, self._is_ulaw[rows], out)

    def encode(self, rows: Rows, out: Codes) -> dict[int, int]:
        """Write the octets of those of some lanes (k,) that are wide-band into `out` (k, 160).

        Returns:
            The octets of those rows that have less than 160.
        """
        return self.wideband.encode(rows, out)

    def _take_mixed(
        self, rows: Rows, wide: NDArray[np.bool_], out: Codes, now: float, events: list[MediaEvent]
    ) -> NDArray[np.bool_]:
        ready = np.zeros(len(rows), np.bool_)
        ready[wide] = self._take_wide(rows[wide], now, events)
        if not wide.all():
            part = np.empty((len(rows) - np.count_nonzero(wide), FRAME_BYTES), np.uint8)
            ready[~wide] = self._take_narrow(rows[~wide], part, now, events)
            out[~wide] = part
        return ready

    def _take_wide(self, rows: Rows, now: float, events: list[MediaEvent]) -> NDArray[np.bool_]:
        """Leave the next frames with the encoder, zeros where there is none."""
        samples = np.zeros((len(rows), WIDE_FRAME), np.int16)
        ready = np.zeros(len(rows), np.bool_)
        pcm = self._is_pcm[rows]
        for chosen, queue, resampler in (
            (pcm, self._pcm, self._pcm_to_wide),
            (~pcm, self._codes, self._narrow_to_wide),
        ):
            if not chosen.any():
                continue
            raw = np.empty((np.count_nonzero(chosen), queue.frame_bytes), np.uint8)
            has_audio = queue.take(rows[chosen], raw, now, events)
            if queue.starving:
                bridge_underruns(queue, rows[chosen], raw, has_audio, self._counters)
            ready[chosen] = has_audio
            ends = self._ends(rows[chosen], has_audio)
            raw[ends] = 0 if queue.linear else queue.pad[rows[chosen][ends], None]
            sounding = has_audio | ends
            own, there = rows[chosen][sounding], np.flatnonzero(chosen)[sounding]
            if own.size:
                wider = resampler.process(own, self._linear(own, raw[sounding]))
                samples[there] = self._loudness.samples(own, wider)
            if ends.any():
                resampler.reset(rows[chosen][ends])
        self.wideband.samples[rows] = samples
        return ready

    def _linear(self, rows: Rows, raw: Codes) -> Samples:
        """Frames of models that all speak PCM, or all speak codes, as samples."""
        if self._is_pcm[rows[0]]:
            return raw.view(np.int16)
        of_ulaw = self._codes.pad[rows] == ULAW.silence
        return np.where(of_ulaw[:, None], ULAW.decode(raw), ALAW.decode(raw))

    def _ends(self, rows: Rows, ready: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which lanes (k,) have nothing more to say: what their resamplers still hold is to go out now.

        That are some milliseconds; then a resampler begins from silence.
        """
        ends = ~ready & self._warm[rows]
        self._warm[rows] = ready
        return np.asarray(ends)

    def _take_narrow(self, rows: Rows, out: Codes, now: float, events: list[MediaEvent]) -> NDArray[np.bool_]:
        if self._only_codes:
            return self._take_codes(rows, out, now, events)
        pcm = self._is_pcm[rows]
        if pcm.all():
            return self._take_pcm(rows, out, now, events)
        if not pcm.any():
            return self._take_codes(rows, out, now, events)
        ready = np.zeros(len(rows), np.bool_)
        for chosen, take in ((pcm, self._take_pcm), (~pcm, self._take_codes)):
            part = np.empty((np.count_nonzero(chosen), FRAME_BYTES), np.uint8)
            ready[chosen] = take(rows[chosen], part, now, events)
            out[chosen] = part
        return ready

    def _take_without(
        self, waits: NDArray[np.bool_], rows: Rows, out: Codes, now: float, events: list[MediaEvent]
    ) -> NDArray[np.bool_]:
        """Leave out the lanes whose speech waits."""
        ready, goes = np.zeros(len(rows), np.bool_), ~waits
        if goes.any():
            part = np.empty((np.count_nonzero(goes), out.shape[1]), np.uint8)
            ready[goes] = self.take(rows[goes], part, now, events)
            out[goes] = part
        out[waits] = self._silence[rows[waits]][:, None]
        self.wideband.samples[rows[waits]] = 0
        return ready

    def _take_codes(self, rows: Rows, out: Codes, now: float, events: list[MediaEvent]) -> NDArray[np.bool_]:
        ready = self._codes.take(rows, out, now, events)
        if self._codes.starving:
            bridge_underruns(self._codes, rows, out, ready, self._counters)
        self._silent(rows, out, ready)
        if self._any_translates:
            self._translate(rows, out, ready)
        if self._loudness.any_wanted:
            self._loudness.codes(rows, out, self._is_ulaw[rows], ready)
        return ready

    def _translate(self, rows: Rows, out: Codes, ready: NDArray[np.bool_]) -> None:
        translated = ready & self._translates[rows]
        if translated.any():
            to_ulaw = self._is_ulaw[rows]
            for law, chosen in ((ALAW, translated & to_ulaw), (ULAW, translated & ~to_ulaw)):
                out[chosen] = law.to_other[out[chosen]]

    def _take_pcm(self, rows: Rows, out: Codes, now: float, events: list[MediaEvent]) -> NDArray[np.bool_]:
        raw = np.empty((len(rows), _PCM_FRAME_BYTES), np.uint8)
        ready = self._pcm.take(rows, raw, now, events)
        if self._pcm.starving:
            bridge_underruns(self._pcm, rows, raw, ready, self._counters)
        self._silent(rows, out, ready)
        if ready.all():
            self._warm[rows] = True
            out[:] = self._convert(rows, raw)
            return ready
        ends = self._ends(rows, ready)
        raw[ends] = 0
        sounding = ready | ends
        if sounding.any():
            out[sounding] = self._convert(rows[sounding], raw[sounding])
        if ends.any():
            self._resampler.reset(rows[ends])
        return ready

    def _convert(self, rows: Rows, raw: Codes) -> Codes:
        """From PCM16 at 24 kHz to the laws of the lanes."""
        samples = self._resampler.process(rows, raw.view(np.int16))
        if self._loudness.any_wanted:
            samples = self._loudness.samples(rows, samples)
        ulaw = self._is_ulaw[rows]
        if ulaw.all():
            return ULAW.encode(samples)
        codes = np.empty(samples.shape, np.uint8)
        for law, chosen in ((ULAW, ulaw), (ALAW, ~ulaw)):
            if chosen.any():
                codes[chosen] = law.encode(samples[chosen])
        return codes

    def _silent(self, rows: Rows, out: Codes, ready: NDArray[np.bool_]) -> None:
        if not ready.all():
            out[~ready] = self._silence[rows[~ready]][:, None]

    def _count_played(self) -> None:
        self._counters.table[:, Cause.FRAMES_PLAYED] = self._codes.frames_played() + self._pcm.frames_played()


def _ramp(samples: int, fade: int) -> NDArray[np.float64]:
    return np.maximum(1.0 - np.arange(samples) / fade, 0.0)
