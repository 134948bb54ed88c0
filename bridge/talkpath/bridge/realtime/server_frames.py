"""What a server sends, cut into whole text messages and the rest (RFC 6455, section 5.2).

Nearly all that comes is one text message in one frame. Those are cut out here and never see the parser, the
queue and the tasks of the library, which cost more than all that is done with a message. The rest stays with
the library: pings and pongs one by one, and from the first frame on that is anything else (a close, a
fragment, a binary or malformed frame, one that is too long) the whole stream.
"""

from __future__ import annotations

from typing import Final

_TEXT: Final = 0x81
_PING_OR_PONG: Final = (0x89, 0x8A)
_LENGTH_16, _LENGTH_64 = 126, 127


class ServerFrames:
    """Cuts the stream of one connection.

    Args:
        longest: Bytes of the longest message that is taken.

    Attributes:
        handed_over: Whether everything that still comes is for the library.
    """

    def __init__(self, longest: int) -> None:
        self.handed_over = False
        self._longest = longest
        self._rest = bytearray()
        self._wanted = 0

    def cut(self, data: bytes) -> tuple[list[bytes], bytes]:
        """Take what was read from the socket.

        Returns:
            The payloads of text messages, in order, and the whole frames after them that are for the library.
        """
        if self.handed_over:
            return [], data
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return [], b""
            data = bytes(self._rest)
            self._rest.clear()
        return self._cut(data)

    def _cut(self, data: bytes) -> tuple[list[bytes], bytes]:
        messages: list[bytes] = []
        others = b""
        start, end = 0, len(data)
        while end - start >= 2:
            kind, length, head = data[start], data[start + 1], 2
            if not (kind == _TEXT and length <= _LENGTH_64) and not (
                kind in _PING_OR_PONG and length < _LENGTH_16
            ):
                return self._hand_over(messages, others + data[start:])
            if length >= _LENGTH_16:
                head = 4 if length == _LENGTH_16 else 10
                if end - start < head:
                    break
                length = int.from_bytes(data[start + 2 : start + head], "big")
                if length > self._longest:
                    return self._hand_over(messages, others + data[start:])
            stop = start + head + length
            if stop > end:
                self._wanted = stop - start
                break
            if kind == _TEXT:
                messages.append(data[start + head : stop])
            else:
                others += data[start:stop]
            start = stop
        if start < end:
            self._rest += data[start:]
        return messages, others

    def _hand_over(self, messages: list[bytes], others: bytes) -> tuple[list[bytes], bytes]:
        self.handed_over = True
        return messages, others
