from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

import pytest

from talkpath.sip import link as link_module
from talkpath.sip import messages as m
from talkpath.sip.counters import Counters
from talkpath.sip.json_log import JsonFormatter
from talkpath.sip.link import Link

if TYPE_CHECKING:
    from collections.abc import Iterator

Ends = tuple[Link, socket.socket, Counters]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    counters = Counters()
    link = Link(ours.detach(), counters)
    with theirs:
        yield link, theirs, counters
    socket.socket(fileno=link.fileno()).close()
    link._socket.detach()


def test_messages_go_both_ways(ends: Ends) -> None:
    link, theirs, _ = ends
    link.send(m.Ready(detail="here"))
    assert m.decode(theirs.recv(m.MAX_MESSAGE)) == m.Ready(detail="here")
    for reason in "abc":
        theirs.send(m.encode(m.Stop(reason=reason)))
    assert link.receive(limit=1) == [m.Stop(reason="a")]
    assert link.receive() == [m.Stop(reason="b"), m.Stop(reason="c")]
    assert link.receive() == []
    assert link.open


def test_what_is_no_message_is_counted_and_passed_over(ends: Ends) -> None:
    link, theirs, counters = ends
    theirs.send(b"\xc1")
    theirs.send(m.encode(m.Stop()))
    assert link.receive() == [m.Stop()]
    assert counters.get("undecodable_message") == 1


def test_a_supervisor_that_closes_is_gone(ends: Ends) -> None:
    link, theirs, _ = ends
    theirs.close()
    assert link.receive() == []
    assert not link.open


def test_a_slow_supervisor_gets_everything_in_order(ends: Ends) -> None:
    link, theirs, _ = ends
    sent = 0
    while not link.waits_to_write:
        link.send(m.Ready(detail=str(sent)))
        sent += 1
    received: list[m.AnyMessage] = []
    while len(received) < sent:
        received.append(m.decode(theirs.recv(m.MAX_MESSAGE)))
        link.flush()
    assert received == [m.Ready(detail=str(number)) for number in range(sent)]


def test_a_supervisor_that_never_reads_is_taken_for_lost(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "MAX_QUEUED", 3)
    link, _, _ = ends
    for _ in range(5000):
        link.send(m.Ready(detail="x" * 1000))
    assert not link.open


def test_counters_tell_when_they_changed() -> None:
    counters = Counters()
    assert counters.take_changed() is None
    counters.add("refused", "rate")
    counters.add("calls")
    assert counters.take_changed() == {"refused:rate": 1, "calls": 1}
    assert counters.take_changed() is None
    assert counters.all() == {"refused:rate": 1, "calls": 1}


def test_a_log_line_is_one_json_object_even_with_odd_text() -> None:
    record = logging.LogRecord("talkpath.sip", logging.INFO, "", 0, "bad \udc80 text\n%s", ("x",), None)
    record.call = "c-1"
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert '"call":"c-1"' in line
    assert '"level":"info"' in line
