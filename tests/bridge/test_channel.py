from __future__ import annotations

import asyncio
import itertools
import socket
from typing import TYPE_CHECKING

import pytest

from talkpath.bridge import channel
from talkpath.bridge.channel import Channel, channel_pair
from talkpath.sip import messages as m
from tests.harness.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from types import TracebackType


class Ends:
    """Two channels, or one and the bare socket of the other side."""

    def __init__(self) -> None:
        self.ours, self.theirs = channel_pair()
        self.received: list[m.AnyMessage] = []
        self.lost: list[str] = []
        self.dropped: list[str] = []
        self.channel = Channel(self.ours, self.received.append, self.lost.append, self.dropped.append)

    async def __aenter__(self) -> Ends:  # noqa: PYI034 - nobody inherits
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()
        self.theirs.close()

    def read_all(self) -> list[m.AnyMessage]:
        found = []
        while True:
            try:
                found.append(m.decode(self.theirs.recv(m.MAX_MESSAGE)))
            except BlockingIOError:
                return found


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def ringing(number: int) -> m.CallRinging:
    return m.CallRinging(call="c1", status=number)


@in_virtual_time
async def test_messages_arrive_in_order_and_whole() -> None:
    async with Ends() as ends:
        for number in range(100):
            ends.theirs.send(m.encode(ringing(number)))
            ends.channel.send(ringing(number))
        await turns()
        assert ends.received == [ringing(number) for number in range(100)]
        assert ends.read_all() == [ringing(number) for number in range(100)]


@in_virtual_time
async def test_what_the_peer_does_not_read_waits_and_keeps_its_order() -> None:
    async with Ends() as ends:
        for number in range(3_000):
            ends.channel.send(ringing(number))
        found: list[m.AnyMessage] = []
        while len(found) < 3_000:
            new = ends.read_all()
            assert new or found
            found += new
            await turns(2)
        assert found == [ringing(number) for number in range(3_000)]
        assert ends.lost == []
        assert not ends.channel._queue


@in_virtual_time
async def test_a_peer_that_never_reads_is_lost_and_not_from_within_send(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "MAX_QUEUED", 100)
    async with Ends() as ends:
        for number in range(5_000):
            ends.channel.send(ringing(number))
        assert ends.lost == [], "whoever sends is not called back"
        await turns()
        assert ends.lost == ["100 messages unread"]
        assert not ends.channel._queue


@in_virtual_time
async def test_a_peer_that_closes_is_lost_once() -> None:
    async with Ends() as ends:
        ends.theirs.send(m.encode(ringing(180)))
        ends.theirs.close()
        await turns()
        assert ends.received == [ringing(180)], "what it said before counts"
        assert ends.lost == ["closed by the other side"]
        ends.channel.send(ringing(1))
        await turns()
        assert len(ends.lost) == 1


@in_virtual_time
async def test_sending_to_a_peer_that_died_is_a_loss_and_no_exception() -> None:
    async with Ends() as ends:
        ends.theirs.close()
        ends.channel.send(ringing(1))
        ends.channel.send(ringing(2))
        await turns()
        assert len(ends.lost) == 1


@in_virtual_time
async def test_closing_it_ourselves_is_no_loss() -> None:
    async with Ends() as ends:
        ends.channel.close()
        ends.channel.close()
        ends.channel.send(ringing(1))
        await turns()
        assert ends.lost == []


@pytest.mark.parametrize("datagram", [b"\x00", b"\xff" * 50, b"\x81\xa4type\xa7Unknown", b"\xc1"])
def test_what_is_no_message_is_counted_and_the_next_one_is_read(datagram: bytes) -> None:
    @in_virtual_time
    async def read() -> None:
        async with Ends() as ends:
            ends.theirs.send(datagram)
            ends.theirs.send(m.encode(ringing(1)))
            await turns()
            assert ends.dropped == ["undecodable"]
            assert ends.received == [ringing(1)]

    read()


@in_virtual_time
async def test_a_message_that_is_too_large_is_refused_and_the_channel_lives() -> None:
    async with Ends() as ends:
        ends.channel.send(m.Ready(detail="x" * m.MAX_MESSAGE))
        ends.channel.send(ringing(1))
        await turns()
        assert ends.dropped == ["too_large"]
        assert ends.read_all() == [ringing(1)]
        assert ends.lost == []


@in_virtual_time
async def test_a_busy_peer_does_not_keep_the_loop_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "READS_PER_WAKE", 4)
    async with Ends() as ends:
        for number in range(10):
            ends.theirs.send(m.encode(ringing(number)))
        seen = []
        for _ in range(12):
            await asyncio.sleep(0)
            seen.append(len(ends.received))
        steps = [later - earlier for earlier, later in itertools.pairwise(seen)]
        assert max(steps) == 4
        assert seen[-1] == 10


@in_virtual_time
async def test_a_channel_may_be_closed_by_the_message_it_delivers() -> None:
    ours, theirs = channel_pair()
    with theirs:
        received: list[m.AnyMessage] = []

        def take(message: m.AnyMessage) -> None:
            received.append(message)
            end.close()

        end = Channel(ours, take, received.append)  # type: ignore[arg-type]  # a loss would show there
        for number in range(3):
            theirs.send(m.encode(ringing(number)))
        await turns()
        assert received == [ringing(0)]


def test_a_pair_does_not_block_and_keeps_message_boundaries() -> None:
    ours, theirs = channel_pair()
    with ours, theirs:
        assert ours.type == socket.SOCK_SEQPACKET
        assert ours.getblocking() is False
        ours.send(b"one")
        ours.send(b"two")
        assert theirs.recv(100) == b"one"
