"""The encryption of the load tools, against the daemon's own SRTP and a TLS client of Python's."""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING

import numpy as np

from talkpath.bridge.benchmark.tls_end import TlsEnd, make_identity
from talkpath.bridge.benchmark.uac import UserAgentClient
from talkpath.bridge.benchmark.wire_srtp import SUITE, SecureWire
from talkpath.bridge.media.srtp import Srtp
from talkpath.codecs import rtp
from talkpath.sip.messages import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from talkpath.bridge.media.counters import Cause

THEIRS = base64.b64encode(bytes(30)).decode()


def test_the_callers_and_a_lane_understand_each_other() -> None:
    wire = SecureWire()
    refused: list[Cause] = []
    lane = Srtp(refused.append)
    lane.configure(Secret(f"{SUITE} inline:{THEIRS}"), Secret(wire.offer.partition(" ")[2]))
    wire.agree(3, THEIRS)
    packet = rtp.build(np.full((1, 160), 7, np.uint8), 0, 1, 160, 4, False)[0]
    assert lane.unprotect(wire.seal(packet.data)) == packet.tobytes()
    room = bytearray(256)
    sealed = lane.protect(packet.data)
    room[: len(sealed)] = sealed
    wire.open(3, memoryview(room)[: len(sealed)])
    assert room[: packet.size] == packet.tobytes()
    assert not refused


def test_what_is_not_of_the_call_stays_as_it_is() -> None:
    wire = SecureWire()
    wire.agree(3, THEIRS)
    for call in (3, 4):
        room = bytearray(rtp.build(np.zeros((1, 160), np.uint8), 0, 1, 160, 4, False).tobytes())
        before = bytes(room)
        wire.open(call, memoryview(room))
        assert room == before


def test_a_key_is_offered_and_that_of_the_answer_taken() -> None:
    agent = UserAgentClient(("127.0.0.1", 5060), ("127.0.0.1", 5080), crypto="1 SUITE inline:MINE")
    call, invite = agent.invite(0, 4000, 0.0)
    assert b"m=audio 4000 RTP/SAVP 0 101\r\na=crypto:1 SUITE inline:MINE\r\n" in invite
    answer = [
        "SIP/2.0 200 OK",
        f"Call-ID: {call.call_id}",
        "CSeq: 1 INVITE",
        "To: <sip:100@127.0.0.1>;tag=x",
        "",
        "c=IN IP4 127.0.0.1",
        "m=audio 5000 RTP/SAVP 0",
        "a=crypto:1 SUITE inline:THEIRS|2^31",
    ]
    agent.receive("\r\n".join(answer).encode(), 0.1)
    assert (call.remote, call.remote_key) == (("127.0.0.1", 5000), "THEIRS")


def test_a_client_that_trusts_the_identity_talks_and_listens(tmp_path: Path) -> None:
    identity = make_identity(tmp_path)
    server = TlsEnd(identity.context())
    to_client, from_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=identity.public)
    client = context.wrap_bio(to_client, from_client, server_hostname="127.0.0.1")
    for _ in range(3):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            assert server.opened(from_client.read()) == b""
            to_client.write(server.sealed(b""))
    said = bytes(40_000)  # three records
    client.write(said)
    assert server.opened(from_client.read()) == said
    to_client.write(server.sealed(b"heard"))
    assert client.read() == b"heard"
