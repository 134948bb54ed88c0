from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace

from tests.soak.watch import Held, grown, kept, look, unread

IDLE = Held(memory=60 * 2**20, descriptors=20, udp=1, tcp=2, threads=3)


HOLDER = """
import socket
print("nothing", flush=True)
input()
sock = socket.socket(type=socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
print("a socket", flush=True)
input()
"""


def test_a_look_counts_what_a_process_holds() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == "nothing\n"
        before = look({"it": holder.pid})["it"]
        holder.stdin.write("go on\n")
        assert holder.stdout.readline() == "a socket\n"
        during = look({"it": holder.pid})["it"]
        holder.stdin.write("end\n")
    assert (during.udp, during.descriptors) == (before.udp + 1, before.descriptors + 1)
    assert during.memory > 1 << 20


def test_processes_that_are_gone_are_named() -> None:
    assert look({"nobody": 2**22 + 1}) == {}
    assert list(kept({"worker": IDLE}, {})) == ["worker is gone"]


def test_what_is_still_held_is_named_and_what_is_given_back_is_not() -> None:
    assert list(kept({"worker": IDLE}, {"worker": replace(IDLE, descriptors=18)})) == []
    (sentence,) = kept({"worker": IDLE}, {"worker": replace(IDLE, udp=3)})
    assert sentence == "worker holds 3 udp, 1 before the calls"


def test_memory_may_breathe_but_not_grow() -> None:
    def minutes(step: float, count: int) -> list[dict[str, Held]]:
        return [{"worker": replace(IDLE, memory=IDLE.memory + int(step * n * 2**20))} for n in range(count)]

    assert list(grown(minutes(0.1, 20))) == []
    (sentence,) = grown(minutes(1.0, 20))
    assert sentence == "worker grew by 19.0 MB in 19 minutes of the same load"
    assert list(grown(minutes(1.0, 1))) == []
    assert list(grown(minutes(1.0, 20), recorded=200)) == [], "journals of calls that live"
    assert list(grown(minutes(2.0, 20), recorded=200))


def test_datagrams_that_nobody_reads_are_counted_for_whose_they_are() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as deaf, socket.socket(type=socket.SOCK_DGRAM) as sender:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.bind(("127.0.0.1", 0))
        before = unread(os.getpid())
        for _ in range(50):
            sender.sendto(bytes(500), deaf.getsockname())
        assert 10 < unread(os.getpid()) - before < 50
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
            assert unread(other.pid) == 0
