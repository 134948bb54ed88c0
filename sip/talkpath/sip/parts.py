"""Settings that are larger than one datagram: cut into parts, and put together again. Pure.

Everything that comes from a network fits one datagram by construction, and is refused when it does not. Only
what the operator wrote may be larger: a configuration with long instructions or many trunks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.sip import messages

if TYPE_CHECKING:
    from collections.abc import Iterator

PART_OCTETS = 64 * 1024
"""Octets of the whole in one part: small enough for the send buffer of a socket as the kernel makes it."""

MAX_WHOLE = 16 * 1024 * 1024
"""Octets of the largest message that may travel in parts."""


class TooLarge(ValueError):  # noqa: N818  it says what the message is
    """A message that can travel neither in one datagram nor in parts."""


def datagrams(message: messages.Message) -> list[bytes]:
    """Encode a message as the datagrams that carry it; usually one.

    Raises:
        TooLarge: the message is larger than its kind may be.
    """
    whole = messages.encode(message)
    if len(whole) <= messages.MAX_MESSAGE:
        return [whole]
    if not isinstance(message, messages.Large) or len(whole) > MAX_WHOLE:
        most = MAX_WHOLE if isinstance(message, messages.Large) else messages.MAX_MESSAGE
        raise TooLarge(f"{type(message).__name__} has {len(whole)} octets, {most} at most may travel")
    return [messages.encode(part) for part in _parts(whole)]


def _parts(whole: bytes) -> Iterator[messages.Part]:
    for start in range(0, len(whole), PART_OCTETS):
        yield messages.Part(body=whole[start : start + PART_OCTETS], last=start + PART_OCTETS >= len(whole))


class Assembler:
    """Puts the parts of a message together; other messages pass as they are.

    Parts of one message come in order with nothing between them, because each sender sends them in one go.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._octets = 0

    def take(self, datagram: bytes | memoryview) -> messages.AnyMessage | None:
        """Take one datagram; returns its message, or None while parts are missing.

        Raises:
            msgspec.MsgspecError: the datagram, or what its parts make, is not one of our messages.
        """
        message = messages.decode(datagram)
        if not isinstance(message, messages.Part):
            return message
        self._octets += len(message.body)
        if self._octets <= MAX_WHOLE:
            self._pieces.append(message.body)
        if not message.last:
            return None
        whole = b"".join(self._pieces)
        self._pieces.clear()
        self._octets = 0
        return messages.decode(whole)
