import av
import numpy as np
import pytest
from numpy.typing import NDArray

from talkpath.codecs import g711

CODES = np.arange(256, dtype=np.uint8)
SAMPLES = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)


def decoded_by_ffmpeg(codec: str) -> NDArray[np.int16]:
    context = av.CodecContext.create(codec, "r")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = 8000, "mono"
    return np.concatenate([f.to_ndarray()[0] for f in context.decode(av.Packet(CODES.tobytes()))])


def encoded_by_ffmpeg(codec: str) -> NDArray[np.uint8]:
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format = 8000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(SAMPLES[None, :], format="s16", layout="mono")
    frame.sample_rate = 8000
    packets = [*context.encode(frame), *context.encode(None)]
    return np.frombuffer(b"".join(bytes(p) for p in packets), np.uint8)


# G.711, Tables 1a/2a: the output values at the ends of the segments, of positive samples


@pytest.mark.parametrize(
    ("character", "value"),
    [
        (0b10000000, 8031), (0b10001111, 4191), (0b10011111, 2079), (0b10101111, 1023), (0b10111111, 495),
        (0b11001111, 231), (0b11011111, 99), (0b11101111, 33), (0b11111110, 2), (0b11111111, 0),
    ],
)  # fmt: skip
def test_ulaw_output_values_are_those_of_table_2(character: int, value: int) -> None:
    code = np.array([character, character & 0x7F], np.uint8)
    assert g711.ulaw_to_linear(code).tolist() == [4 * value, -4 * value]


@pytest.mark.parametrize(
    ("character", "value"),
    [
        (0b11111111, 4032), (0b11110000, 2112), (0b11100000, 1056), (0b11010000, 528), (0b11000000, 264),
        (0b10110000, 132), (0b10100000, 66), (0b10000000, 1),
    ],
)  # fmt: skip
def test_alaw_output_values_are_those_of_table_1_with_even_bits_inverted(character: int, value: int) -> None:
    code = np.array([character ^ 0x55, character ^ 0x55 ^ 0x80], np.uint8)
    assert g711.alaw_to_linear(code).tolist() == [8 * value, -8 * value]


@pytest.mark.parametrize("decision", [1, 31, 95, 223, 479, 991, 2015, 4063, 7903])
def test_a_ulaw_tie_goes_towards_plus_infinity(decision: int) -> None:
    around = np.array([4 * decision - 1, 4 * decision, -4 * decision - 1, -4 * decision], np.int16)
    below, tie, under, negative_tie = g711.ulaw_to_linear(g711.linear_to_ulaw(around)).tolist()
    assert tie > 4 * decision > below
    assert negative_tie > -4 * decision > under


@pytest.mark.parametrize("decision", [64, 128, 256, 512, 1024, 2048, 3968])
def test_an_alaw_tie_goes_towards_plus_infinity(decision: int) -> None:
    around = np.array([8 * decision - 1, 8 * decision, -8 * decision - 1, -8 * decision], np.int16)
    below, tie, under, negative_tie = g711.alaw_to_linear(g711.linear_to_alaw(around)).tolist()
    assert tie > 8 * decision > below
    assert negative_tie > -8 * decision > under


def decisions(first_segment: NDArray[np.int64], first_step: int) -> NDArray[np.int64]:
    """Decision values as the tables list them: 16 steps to a segment, each segment's twice as wide."""
    values = list(first_segment)
    step = first_step
    while len(values) < 128:
        values += [values[-1] + step * number for number in range(1, 17)]
        step *= 2
    return np.array(values[:128])


@pytest.mark.parametrize(
    ("law", "values", "unit", "first_negative"),
    [
        ("ulaw", decisions(np.array([0, *range(1, 32, 2)]), 4), 4, 0x7F),
        ("alaw", decisions(np.arange(0, 65, 2), 4), 8, 0x55),
    ],
)
def test_every_sample_gets_the_code_of_its_interval(
    law: str, values: NDArray[np.int64], unit: int, first_negative: int
) -> None:
    """Positive and negative intervals are mirror images, but for the ties: -1 stands where 0 does."""
    positive, negative = SAMPLES[32768:], SAMPLES[:32768][::-1]
    number = np.searchsorted(values * unit, positive.astype(np.int64), side="right") - 1
    codes = getattr(g711, f"linear_to_{law}")
    below = (first_negative - number) if law == "ulaw" else (number ^ first_negative)
    assert np.array_equal(codes(negative), below)
    assert np.array_equal(codes(positive), below | 0x80 if law == "ulaw" else below ^ 0x80)


# Peers


def test_decoding_is_that_of_ffmpeg() -> None:
    assert np.array_equal(g711.ulaw_to_linear(CODES), decoded_by_ffmpeg("pcm_mulaw"))
    assert np.array_equal(g711.alaw_to_linear(CODES), decoded_by_ffmpeg("pcm_alaw"))


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_encoding_is_that_of_ffmpeg_for_output_values_and_nearly_so_between_them(law: str) -> None:
    """ffmpeg decides half-way between output values; G.711 does not where the step size changes."""
    encode, decode = getattr(g711, f"linear_to_{law}"), getattr(g711, f"{law}_to_linear")
    theirs = encoded_by_ffmpeg("pcm_mulaw" if law == "ulaw" else "pcm_alaw")
    ours = encode(SAMPLES)
    exact = decode(CODES).astype(np.int32) + 32768
    assert np.array_equal(ours[exact], theirs[exact])
    assert np.mean(ours != theirs) < 0.03
    differing = ours != theirs
    assert (np.abs(decode(ours)[differing].astype(np.int32) - decode(theirs)[differing]) <= 1024).all()


# Round trips and shapes


def test_codes_survive_decoding_and_encoding_except_minus_zero() -> None:
    again = g711.linear_to_ulaw(g711.ulaw_to_linear(CODES))
    assert np.flatnonzero(again != CODES).tolist() == [0x7F]
    assert again[0x7F] == g711.ULAW_SILENCE
    assert np.array_equal(g711.linear_to_alaw(g711.alaw_to_linear(CODES)), CODES)


def test_silence_is_the_code_of_zero() -> None:
    zero = np.zeros(1, np.int16)
    assert g711.linear_to_ulaw(zero)[0] == g711.ULAW_SILENCE
    assert g711.linear_to_alaw(zero)[0] == g711.ALAW_SILENCE
    assert g711.ulaw_to_alaw(np.array([g711.ULAW_SILENCE], np.uint8))[0] == g711.ALAW_SILENCE


def test_transcoding_is_decoding_and_encoding() -> None:
    ulaw, alaw = decoded_by_ffmpeg("pcm_mulaw"), decoded_by_ffmpeg("pcm_alaw")
    assert np.array_equal(g711.ulaw_to_alaw(CODES), g711.linear_to_alaw(ulaw))
    assert np.array_equal(g711.alaw_to_ulaw(CODES), g711.linear_to_ulaw(alaw))


def test_transcoding_there_and_back_moves_a_code_by_at_most_one() -> None:
    back = g711.alaw_to_ulaw(g711.ulaw_to_alaw(CODES)).astype(int)
    assert np.abs(back - CODES)[np.arange(256) != 0x7F].max() <= 1


def test_any_shape_is_kept_and_out_is_filled() -> None:
    codes = CODES.reshape(2, 16, 8)
    out = np.empty(codes.shape, np.int16)
    assert g711.ulaw_to_linear(codes, out=out) is out
    assert np.array_equal(out, g711.ulaw_to_linear(codes))
    back = np.empty(codes.shape, np.uint8)
    assert g711.linear_to_alaw(out[:, ::-1], out=back) is back
    assert np.array_equal(back[:, ::-1], g711.linear_to_alaw(out))
    assert g711.ulaw_to_linear(CODES[:0]).shape == (0,)
