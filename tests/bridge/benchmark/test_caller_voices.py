"""What the callers write down of the packets that come."""

from __future__ import annotations

import socket

import numpy as np

from talkpath.bridge.benchmark.caller_voices import Sockets
from talkpath.bridge.benchmark.clock import Log
from talkpath.codecs import rtp


def test_rtcp_of_a_neighbour_is_not_taken_for_voice_with_a_gap() -> None:
    sockets, log = Sockets(0, None), Log(6)
    port = sockets.open()
    payload = np.zeros((1, 160), np.uint8)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        for packet in (
            rtp.build(payload, 0, 7, 0, 1, False)[0].tobytes(),
            bytes((0x80, 200, 0, 6)) + bytes(24),  # a sender report
            rtp.build(payload, 0, 8, 160, 1, False)[0].tobytes(),
        ):
            daemon.sendto(packet, ("127.0.0.1", port))
            sockets.drain(log)
    sockets.close()
    assert log.rows()[:, 1].tolist() == [7, 8]
