"""Identifiers of the shape that the Realtime API uses."""

from __future__ import annotations

import itertools
import secrets
import string

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE62 = str.maketrans("-_", "Zz")


def _base62(number: int, width: int) -> str:
    """Write ``number`` with ``width`` base-62 digits, dropping what does not fit."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


class Ids:
    """Names for events, items, responses: a prefix, five characters that grow, and random ones.

    The growing part makes identifiers sort in the order of their making, as the recorded ones do.
    """

    def __init__(self) -> None:
        self._counter = itertools.count(secrets.randbelow(62**4))

    def new(self, prefix: str) -> str:
        """Return ``prefix_`` and 21 base-62 characters; 16 for ``call`` (the limit is 32 in all)."""
        tail = secrets.token_urlsafe(12).translate(_BASE62)
        grown = "" if prefix == "call" else _base62(next(self._counter), 5)
        return f"{prefix}_{grown}{tail}"
