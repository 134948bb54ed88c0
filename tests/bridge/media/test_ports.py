from __future__ import annotations

import socket
from random import Random

import pytest

from talkpath.bridge.media.ports import LISTENING_SECONDS, QUARANTINE_SECONDS, NoFreePort, NoisyPort, RtpPorts
from tests.harness.peers import free_port


def free_range(pairs: int) -> tuple[int, int]:
    """A range that nobody else has."""
    first = free_port(room=2 * pairs)
    return first, first + 2 * pairs - 1


def ports(pairs: int, seed: int = 1) -> RtpPorts:
    return RtpPorts(*free_range(pairs), "127.0.0.1", Random(seed))  # noqa: S311 - a fixed seed is the point


def test_every_port_is_even_and_used_once() -> None:
    pool = ports(4)
    sockets = [pool.open(0.0) for _ in range(4)]
    numbers = [sock.getsockname()[1] for sock in sockets]
    assert len(set(numbers)) == len(pool) == 4
    assert all(number % 2 == 0 for number in numbers)
    assert not any(sock.getblocking() for sock in sockets)
    for sock in sockets:
        pool.close(sock, 0.0)
    assert len(pool) == 0


def test_an_empty_pool_says_its_range_and_what_to_do() -> None:
    pool = ports(1)
    sock = pool.open(0.0)
    with pytest.raises(NoFreePort, match=r"No free RTP port in \d+ to \d+.*1 are in use.*Widen the range"):
        pool.open(0.0)
    pool.close(sock, 0.0)


def test_a_closed_port_rests_before_it_is_given_again() -> None:
    pool = ports(1)
    pool.close(pool.open(0.0), 10.0)
    with pytest.raises(NoFreePort, match="1 rest after a call"):
        pool.open(10.0 + QUARANTINE_SECONDS - 0.1)
    pool.close(pool.open(10.0 + QUARANTINE_SECONDS), 20.0)


def used(pool: RtpPorts, now: float) -> int:
    """Open and close a port; its number."""
    sock = pool.open(now)
    number: int = sock.getsockname()[1]
    pool.close(sock, now)
    return number


def test_a_port_that_somebody_still_sends_to_is_not_given_until_it_is_quiet() -> None:
    pool = ports(2)
    noisy = used(pool, 0.0)
    now = QUARANTINE_SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old_caller:
        for heard in ([NoisyPort(noisy, "127.0.0.1")], []):  # said once, however long it goes on
            assert pool.tend(now) == []
            old_caller.sendto(bytes(172), ("127.0.0.1", noisy))
            now += LISTENING_SECONDS
            assert pool.tend(now) == heard
            assert used(pool, now) != noisy
            now += QUARANTINE_SECONDS
    pool.tend(now)
    pool.tend(now + LISTENING_SECONDS)
    free = [pool.open(now + LISTENING_SECONDS) for _ in range(2)]
    assert noisy in {sock.getsockname()[1] for sock in free}
    for sock in free:
        pool.close(sock, now)
    pool.close_all()


def test_a_noisy_port_is_better_than_no_call_and_a_quiet_one_better_than_it() -> None:
    pool = ports(2)
    first, second = pool.open(0.0), pool.open(0.0)
    noisy = first.getsockname()
    for sock in (first, second):
        pool.close(sock, 0.0)
    pool.tend(QUARANTINE_SECONDS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old_caller:
        old_caller.sendto(bytes(172), noisy)
    now = QUARANTINE_SECONDS + LISTENING_SECONDS
    assert [each.port for each in pool.tend(now)] == [noisy[1]]
    given = [pool.open(now), pool.open(now)]
    assert [sock.getsockname()[1] == noisy[1] for sock in given] == [False, True]
    with pytest.raises(NoFreePort):
        pool.open(now)
    for sock in given:
        pool.close(sock, now)


def test_nothing_is_left_open_when_the_worker_ends() -> None:
    pool = ports(1)
    port = used(pool, 0.0)
    pool.tend(QUARANTINE_SECONDS)
    pool.close_all()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        assert pool.tend(100.0) == []  # another program has it now


def test_when_no_other_is_left_a_quiet_port_is_given_before_a_noisy_one() -> None:
    pool = ports(2)
    noisy = used(pool, 0.0)
    now = QUARANTINE_SECONDS
    pool.tend(now)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old_caller:
        old_caller.sendto(bytes(172), ("127.0.0.1", noisy))
    now += LISTENING_SECONDS
    assert pool.tend(now) == [NoisyPort(noisy, "127.0.0.1")]
    quiet = used(pool, now)
    now += QUARANTINE_SECONDS
    pool.tend(now)
    sock = pool.open(now)
    assert sock.getsockname()[1] == quiet != noisy
    pool.close(sock, now)
    pool.close_all()


def test_ports_of_other_programs_are_passed_over() -> None:
    first, last = free_range(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", first))
        pool = RtpPorts(first, last, "127.0.0.1")
        sock = pool.open(0.0)
        assert sock.getsockname()[1] == first + 2
        pool.close(sock, 0.0)


def test_the_starting_point_is_random() -> None:
    starts = set()
    for seed in range(8):
        pool = ports(8, seed)
        sock = pool.open(0.0)
        starts.add(sock.getsockname()[1])
        pool.close(sock, 0.0)
    assert len(starts) > 2


@pytest.mark.parametrize(("first", "last"), [(10_000, 10_000), (10_001, 10_002), (0, 5), (65_000, 70_000)])
def test_a_range_without_a_pair_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="give a range"):
        RtpPorts(first, last)


def test_an_address_that_is_not_ours_is_an_error_not_an_empty_pool() -> None:
    with pytest.raises(OSError, match="assign"):
        RtpPorts(20_000, 20_010, "192.0.2.1").open(0.0)


def test_rtcp_has_the_port_above_and_closes_with_its_rtp() -> None:
    pool = ports(1)
    sock = pool.open(0.0)
    rtcp = pool.open_rtcp(sock)
    assert rtcp is not None
    assert rtcp.getsockname()[1] == sock.getsockname()[1] + 1
    assert not rtcp.getblocking()
    pool.close(sock, 0.0)
    assert rtcp.fileno() == -1


def test_rtcp_is_left_out_when_its_port_is_taken() -> None:
    pool = ports(1)
    sock = pool.open(0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", sock.getsockname()[1] + 1))
        assert pool.open_rtcp(sock) is None
    pool.close(sock, 0.0)


def test_a_call_over_ipv6_gets_a_pair_of_ports_of_that_family_and_no_other() -> None:
    pool = RtpPorts(*free_range(2), "127.0.0.1", Random(1))  # noqa: S311 - a fixed seed is the point
    usual, other = pool.open(0.0), pool.open(0.0, ipv6=True)
    control = pool.open_rtcp(other)
    assert control is not None
    assert (usual.family, other.family, control.family) == (
        socket.AF_INET,
        socket.AF_INET6,
        socket.AF_INET6,
    )
    assert control.getsockname()[1] == other.getsockname()[1] + 1
    assert other.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    assert other.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS) == 46 << 2
    for sock in (usual, other):
        pool.close(sock, 0.0)
    assert control.fileno() == -1
