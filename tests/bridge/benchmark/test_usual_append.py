"""Appends of one client, read as rows of an array."""

from __future__ import annotations

import numpy as np

from talkpath.bridge.benchmark.usual_append import UsualAppend

HEAD = b'{"type":"input_audio_buffer.append","audio":"'
TEXT = HEAD + b"A" * 216 + b'"}'


def frame(text: bytes, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    masked = np.frombuffer(text, np.uint8) ^ np.resize(np.frombuffer(mask, np.uint8), len(text))
    return bytes((0x81, 0x80 | 126)) + len(text).to_bytes(2, "big") + mask + masked.tobytes()


def learned() -> UsualAppend:
    usual = UsualAppend()
    usual.learn(TEXT, len(HEAD))
    return usual


def test_before_one_is_learned_nothing_is_usual() -> None:
    rest = bytearray(frame(TEXT))
    usual = UsualAppend()
    assert not usual.is_one(bytes(rest))
    assert usual.cut(rest) == []
    assert rest == frame(TEXT)


def test_usual_appends_are_cut_from_the_front_and_the_rest_stays() -> None:
    usual = learned()
    assert usual.is_one(frame(TEXT))
    rest = bytearray(frame(TEXT) * 2 + frame(b"{}"))
    assert usual.cut(rest) == [frame(TEXT)] * 2
    assert rest == frame(b"{}")


def test_the_audio_of_many_is_unmasked_at_once() -> None:
    usual = learned()
    other = HEAD + b"B" * 216 + b'"}'
    texts, strange = usual.texts(frame(TEXT) + frame(other, b"\xff\x00\xaa\x55"))
    assert not strange.any()
    assert [row.tobytes() for row in usual.audio(texts)] == [b"A" * 216, b"B" * 216]


def test_something_else_of_the_same_length_is_told_apart() -> None:
    texts, strange = learned().texts(frame(TEXT) + frame(b"{" + b" " * (len(TEXT) - 2) + b"}"))
    assert strange.tolist() == [False, True]
    assert texts[1].tobytes().rstrip(b"}") == b"{" + b" " * (len(TEXT) - 2)
