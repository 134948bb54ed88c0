"""Changes to packets that parsers get wrong, by a seeded source of chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

_EDGES: Final = (0x00, 0x01, 0x7F, 0x80, 0x81, 0xBF, 0xC8, 0xFE, 0xFF)
_LONGEST: Final = 1_500


def mutated(datagram: bytes, random: Random, others: Sequence[bytes] = ()) -> bytes:
    """Return the datagram with one to four changes.

    Args:
        datagram: What to change.
        random: Source of chance.
        others: Datagrams that a piece may be taken from.
    """
    changed = bytearray(datagram)
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        random.choice(_CHANGES)(changed, random, others)
    return bytes(changed[:_LONGEST])


def _flip(data: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _edge(data: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    """An octet, of the header as a rule, at an end of its range."""
    if data:
        data[random.randrange(min(len(data), random.choice((4, 16, len(data)))))] = random.choice(_EDGES)


def _cut(data: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    del data[random.randrange(len(data) + 1) :]


def _remove(data: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    start = random.randrange(len(data) + 1)
    del data[start : start + random.randrange(1, 9)]


def _insert(data: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    start = random.randrange(len(data) + 1)
    data[start:start] = random.randbytes(random.choice((1, 2, 4, 16, 300, 1_400)))


def _splice(data: bytearray, random: Random, others: Sequence[bytes]) -> None:
    if others:
        other = random.choice(others)
        at = random.randrange(min(len(data), len(other)) + 1)
        data[at:] = other[at:]


def _nothing(_data: bytearray, _random: Random, _others: Sequence[bytes]) -> None:
    """A packet as it should be, so that the state behind the parser moves."""


_CHANGES: Final[tuple[Callable[[bytearray, Random, Sequence[bytes]], None], ...]] = (
    _flip,
    _edge,
    _cut,
    _remove,
    _insert,
    _splice,
    _nothing,
)
