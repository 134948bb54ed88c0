"""The caller of the load tests keeps to RFC 3261 where it matters to the figures."""

from __future__ import annotations

from talkpath.bridge.benchmark.uac import Call, CallState, UserAgentClient, parse

PEER, LOCAL = ("127.0.0.1", 5060), ("127.0.0.1", 5070)
SDP = "v=0\r\nc=IN IP4 127.0.0.9\r\nm=audio 30002 RTP/AVP 0\r\n"


def invited() -> tuple[UserAgentClient, Call, bytes]:
    agent = UserAgentClient(PEER, LOCAL)
    call, invite = agent.invite(3, 40_000, 10.0)
    return agent, call, invite


def answer(request: bytes, status: str, body: str = "") -> bytes:
    message = parse(request)
    assert message is not None
    head = message.headers
    lines = [f"SIP/2.0 {status}", f"Via: {head['via']}", f"From: {head['from']}", f"To: {head['to']};tag=far"]
    lines += [
        f"i: {head['call-id']}",
        f"CSeq: {head['cseq']}",
        "m: <sip:127.0.0.1:5061;ob>",
        f"l: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def test_a_call_is_answered_acknowledged_and_ended() -> None:
    agent, call, invite = invited()
    assert agent.receive(answer(invite, "100 Trying"), 10.1) == []
    (ack,) = agent.receive(answer(invite, "200 OK", SDP), 10.2)
    assert ack.startswith(b"ACK sip:127.0.0.1:5061;ob SIP/2.0")
    assert (call.state, call.remote) == (CallState.TALKING, ("127.0.0.9", 30_002))
    bye = agent.bye(call, 20.0)
    assert b"tag=far" in bye
    assert agent.receive(answer(bye, "200 OK"), 20.1) == []
    assert call.state is CallState.ENDED


def test_the_200_is_acknowledged_as_often_as_it_comes_but_timed_once() -> None:
    agent, call, invite = invited()
    first = agent.receive(answer(invite, "200 OK", SDP), 10.2)
    assert agent.receive(answer(invite, "200 OK", SDP), 10.7) == first
    assert call.answered_at == 10.2


def test_an_invite_without_an_answer_is_sent_again_with_growing_waits() -> None:
    agent, call, invite = invited()
    sent = [tenth for tenth in range(1, 40) for _ in agent.due(10.0 + tenth / 10)]
    assert sent == [5, 15, 35]
    assert call.pending == invite
    agent.receive(answer(invite, "100 Trying"), 14.0)
    assert list(agent.due(100.0)) == []


def test_a_refusal_is_acknowledged_in_the_transaction_of_the_invite() -> None:
    agent, call, invite = invited()
    (ack,) = agent.receive(answer(invite, "503 Service Unavailable"), 10.2)
    told, said = parse(ack), parse(invite)
    assert told is not None
    assert said is not None
    assert told.headers["via"] == said.headers["via"]
    assert (call.state, call.status) == (CallState.ENDED, 503)


def test_nobody_there_is_given_up_after_32_seconds() -> None:
    agent, call, _ = invited()
    list(agent.due(42.1))
    assert (call.state, call.status) == (CallState.ENDED, 408)


def test_a_bye_of_the_other_side_is_answered() -> None:
    agent, call, invite = invited()
    agent.receive(answer(invite, "200 OK", SDP), 10.2)
    bye = f"BYE sip:caller SIP/2.0\r\nVia: SIP/2.0/UDP x\r\nCall-ID: {call.call_id}\r\nCSeq: 1 BYE\r\n\r\n"
    (said,) = agent.receive(bye.encode(), 11.0)
    assert said.startswith(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x\r\n")
    assert call.state is CallState.ENDED


def test_what_is_not_sip_is_ignored() -> None:
    agent, _, _ = invited()
    for junk in (b"", b"\x80\x00\x01", b"SIP/2.0 abc\r\n\r\n", b"hello\r\n\r\n"):
        assert agent.receive(junk, 11.0) == []
