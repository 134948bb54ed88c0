"""A name server of a few lines (RFC 1035): A and SRV records of one test zone, over UDP."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Self

A, SRV = 1, 33

Record = tuple[int, bytes]
"""Type and data."""


def name(text: str) -> bytes:
    """A domain name on the wire."""
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def service(priority: int, port: int, target: str) -> Record:
    """An SRV record (RFC 2782)."""
    return SRV, struct.pack("!HHH", priority, 10, port) + name(target)


def address(text: str) -> Record:
    """An A record."""
    return A, socket.inet_aton(text)


class NameServer:
    """Answers on port 53 of an address of loopback.

    Args:
        host: The address.
        zone: Records by name.

    Raises:
        PermissionError: ports below 1024 are not for us.
    """

    def __init__(self, host: str, zone: dict[str, list[Record]]) -> None:
        self.asked: list[str] = []
        self._zone = zone
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, 53))
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(0.05)
        self._running = True
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while self._running:
            try:
                query, peer = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            self._socket.sendto(self._answer(query), peer)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind = int.from_bytes(query[at + 1 : at + 3])
        self.asked.append(f"{'.'.join(labels)} {kind}")
        found = [data for record, data in self._zone.get(".".join(labels), []) if record == kind]
        flags = 0x8580 if found else 0x8583  # an answer with authority; or: no such name
        head = query[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0) + query[12 : at + 5]
        rows = (struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data for data in found)
        return head + b"".join(rows)
