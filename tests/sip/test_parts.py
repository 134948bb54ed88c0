from __future__ import annotations

import msgspec
import pytest

from talkpath.sip import messages as m
from talkpath.sip import parts


def worker(config: str) -> m.WorkerSettings:
    return m.WorkerSettings(
        index=0, config_json=m.Secret(config), first_rtp_port=20_000, last_rtp_port=20_009, lanes=2
    )


def test_what_fits_is_one_datagram() -> None:
    message = m.Stop(reason="enough")
    assert parts.datagrams(message) == [m.encode(message)]
    assert parts.Assembler().take(m.encode(message)) == message


@pytest.mark.parametrize("octets", [m.MAX_MESSAGE, 3 * parts.PART_OCTETS, 1_000_003])
def test_large_settings_arrive_whole_and_what_follows_too(octets: int) -> None:
    message = worker("ä" * (octets // 2))
    assembler = parts.Assembler()
    sent = parts.datagrams(message)
    assert len(sent) > 1
    assert max(map(len, sent)) <= m.MAX_MESSAGE
    received = [assembler.take(datagram) for datagram in sent]
    assert received == [None] * (len(sent) - 1) + [message]
    assert assembler.take(m.encode(m.Stop())) == m.Stop()


def test_what_a_network_could_make_large_does_not_travel_in_parts() -> None:
    with pytest.raises(parts.TooLarge, match="Ready has"):
        parts.datagrams(m.Ready(detail="x" * m.MAX_MESSAGE))


def test_there_is_an_end_to_settings_too() -> None:
    with pytest.raises(parts.TooLarge, match="WorkerSettings has"):
        parts.datagrams(worker("x" * parts.MAX_WHOLE))


def test_more_parts_than_may_come_are_not_kept() -> None:
    assembler = parts.Assembler()
    part = m.encode(m.Part(body=b"x" * parts.PART_OCTETS, last=False))
    for _ in range(parts.MAX_WHOLE // parts.PART_OCTETS + 10):
        assert assembler.take(part) is None
    with pytest.raises(msgspec.MsgspecError):
        assembler.take(m.encode(m.Part(body=b"", last=True)))
    assert assembler.take(m.encode(m.Stop())) == m.Stop()


def test_a_part_does_not_show_what_is_in_it() -> None:
    assert "secret" not in repr(m.Part(body=b"secret", last=True))
