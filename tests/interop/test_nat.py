"""Calls from behind a NAT, through real routers: the kernel's own, in network namespaces.

    caller 10.77.0.2 ── 10.77.0.1 ┐
                                  router ── 203.0.113.1 ── 203.0.113.10 bridge (daemon and model)
    stranger 198.51.100.66 ───────┘   192.0.2.10 and .11 lead to the bridge too

The router gives callers ports from 40000 on, and lets nobody in who was not called first.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from talkpath.bridge.simulator.audio import dominant_hz
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.network import Host, Network, missing_tools
from tests.harness.peers import wait_until
from tests.harness.telephone import Telephone, tone_packets, udp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = [
    pytest.mark.interop,
    pytest.mark.daemon,
    pytest.mark.skipif(bool(missing_tools()), reason=missing_tools() or "-"),
]

SIP_PORT = 5060
BRIDGE, ROUTER, CALLER, STRANGER = "203.0.113.10", "203.0.113.1", "10.77.0.2", "198.51.100.66"
PUBLIC, PUBLIC_OF_TRUNK = "192.0.2.10", "192.0.2.11"

RULES = """
table ip nat {{
  chain before {{
    type nat hook prerouting priority dstnat;
    ip daddr {{ 192.0.2.10, 192.0.2.11 }} dnat to 203.0.113.10
  }}
  chain after {{
    type nat hook postrouting priority srcnat;
    ip saddr 10.77.0.0/24 oifname "bridge" meta l4proto udp masquerade to :{first}-{last}
  }}
}}
table ip filter {{
  chain forward {{
    type filter hook forward priority filter;
    {extra}
    ct state established,related accept
    ip daddr 10.77.0.0/24 drop
  }}
}}
"""
CONFIGURATION = """
[sip]
listen = ["udp:203.0.113.10:5060"]
rtp_ports = "20000-20100"
{sip}
[[trunks]]
name = "nat"
match = ["203.0.113.0/24"]
{trunk}
[realtime]
url = "{{model_url}}"
api_key = "test"
model = "gpt-realtime-2"
audio = "pcmu"

[agents.reception]
instructions = "You answer the phone."
greeting = "Hello."
{agent}
"""


@dataclass(frozen=True)
class World:
    """The hosts, and a model that the daemon of each test uses."""

    caller: Host
    router: Host
    bridge: Host
    stranger: Host
    model: RunningSimulator

    def route(self, *, first_port: int = 40_000, extra: str = "") -> None:
        """Set the router's rules; known connections go on as they are."""
        self.router.firewall(RULES.format(first=first_port, last=first_port + 999, extra=extra))

    def daemon(self, folder: Path, *, sip: str = "", trunk: str = "", agent: str = "") -> Daemon:
        text = CONFIGURATION.format(sip=sip, trunk=trunk, agent=agent)
        return Daemon(folder, model_url=self.model.url, configuration=text)

    def telephone(self, peer: str = BRIDGE) -> Telephone:
        with self.caller.inside():
            return Telephone((peer, SIP_PORT), CALLER)

    def heard_by_model(self) -> NDArray[np.int16]:
        return self.model.simulator.sessions[-1].input.recorded()[0]


@pytest.fixture
def world() -> Iterator[World]:
    """Hosts, cables and rules; the test itself runs on the bridge."""
    with Network() as network:
        caller, bridge, stranger = map(network.host, ("caller", "bridge", "stranger"))
        router = network.router("router")
        network.connect(router, "10.77.0.1/24", caller, f"{CALLER}/24", names=("callers", "cable"))
        network.connect(router, f"{ROUTER}/24", bridge, f"{BRIDGE}/24", names=("bridge", "cable"))
        network.connect(router, "198.51.100.1/24", stranger, f"{STRANGER}/24", names=("strangers", "cable"))
        for host, gateway in ((caller, "10.77.0.1"), (bridge, ROUTER), (stranger, "198.51.100.1")):
            host.run(f"ip route add default via {gateway}")
        with bridge.inside(), RunningSimulator("tone") as model:
            made = World(caller, router, bridge, stranger, model)
            made.route()
            yield made


def says_the_tone(samples: NDArray[np.int16]) -> bool:
    """Whether the last half second is the caller's tone."""
    return samples.size >= 4000 and abs(dominant_hz(samples[-4000:], 8000) - 1000) < 5


def connection(answer: str) -> str:
    return next(line for line in answer.splitlines() if line.startswith("c=")).split()[-1]


def wait_for_tone(world: World, telephone: Telephone) -> None:
    """Both directions: the caller hears something of the agent, then the model the caller's tone."""
    wait_until(lambda: bool(np.any(np.abs(telephone.heard()) > 1000)), "the agent's voice")
    telephone.speaks = True
    wait_until(lambda: says_the_tone(world.heard_by_model()), "the tone at the model")


def test_a_caller_behind_nat_is_heard_and_hears(world: World, tmp_path: Path) -> None:
    with world.daemon(tmp_path) as daemon:
        with world.telephone() as telephone:
            telephone.wait_for_answer()
            assert connection(telephone.answer) == BRIDGE
            wait_for_tone(world, telephone)
            assert daemon.events("media")[-1]["remote"].startswith(CALLER), (
                "the SDP names the private address"
            )
            host, _, port = daemon.wait_for("rtp_latched")["remote"].partition(":")
            assert (host, int(port) // 1000) == (ROUTER, 40)
        ended = daemon.wait_for("call_ended")
        assert (ended["outcome"], ended["ended_by"]) == ("completed", "caller")
        daemon.assert_baseline()


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"sip": f'advertised_address = "{PUBLIC}"'}, PUBLIC),
        (
            {
                "sip": f'advertised_address = "{PUBLIC}"',
                "trunk": f'advertised_address = "{PUBLIC_OF_TRUNK}"',
            },
            PUBLIC_OF_TRUNK,
        ),
    ],
    ids=["sip", "trunk"],
)
def test_a_bridge_behind_nat_advertises_its_public_address(
    world: World, tmp_path: Path, settings: dict[str, str], address: str
) -> None:
    with world.daemon(tmp_path, **settings) as daemon, world.telephone(PUBLIC) as telephone:
        telephone.wait_for_answer()
        assert connection(telephone.answer) == address
        assert telephone.call.remote[0] == address
        wait_for_tone(world, telephone)
        assert PUBLIC in telephone.call.contact
        assert daemon.events("media")[-1]["local"].startswith(address)


def test_our_bye_reaches_a_caller_behind_nat(world: World, tmp_path: Path) -> None:
    with world.daemon(tmp_path, agent='max_duration = "1s"') as daemon, world.telephone() as telephone:
        telephone.wait_for_answer()
        telephone.wait_for_end()
        ended = daemon.wait_for("call_ended")
        assert (ended["outcome"], ended["cause"], ended["sip_status"]) == ("completed", "time_limit", 200)


def test_rtp_that_a_firewall_drops_is_reported_with_what_to_do(world: World, tmp_path: Path) -> None:
    world.route(extra=f"ip daddr {BRIDGE} udp dport 20000-20100 drop")
    with world.daemon(tmp_path) as daemon, world.telephone() as telephone:
        telephone.wait_for_answer()
        problem = daemon.wait_for("no_rtp")["problem"]
        local = daemon.events("media")[-1]["local"]
        assert f"no RTP from {CALLER}:" in problem
        assert f"advertised {local}" in problem
        assert "sip.advertised_address" in problem
        assert "firewall" in problem
        world.route()
        daemon.wait_for("rtp_resumed")
        telephone.speaks = True
        wait_until(lambda: says_the_tone(world.heard_by_model()), "the tone at the model")


def test_a_nat_that_forgets_is_followed_to_its_new_port(world: World, tmp_path: Path) -> None:
    with world.daemon(tmp_path) as daemon, world.telephone() as telephone:
        telephone.wait_for_answer()
        wait_for_tone(world, telephone)
        assert ":40" in daemon.wait_for("rtp_latched")["remote"]
        world.route(first_port=42_000)
        rebound = time.monotonic()
        world.router.forget_connections()
        assert f"{ROUTER}:42" in daemon.wait_for("rtp_latched", count=2)["remote"]
        assert time.monotonic() - rebound >= 0.8, "the old address was not silent long enough to be left"
        wait_until(lambda: says_the_tone(world.heard_by_model()), "the tone at the model again")
        before = len(telephone.received)
        wait_until(lambda: len(telephone.received) > before + 10, "packets at the new port")
        wait_until(lambda: counted(daemon, "relatched") == 1, "the change in the metrics")
        assert 20 < counted(daemon, "wrong_source") < 70, "a second of the new address was refused"


def test_a_stranger_who_sprays_rtp_is_neither_heard_nor_answered(world: World, tmp_path: Path) -> None:
    with world.daemon(tmp_path) as daemon, world.telephone() as telephone:
        telephone.wait_for_answer()
        wait_for_tone(world, telephone)
        with world.stranger.inside():
            noise = udp(STRANGER)
        target = telephone.call.remote
        sent = spray(noise, target, seconds=2.0)
        wait_until(lambda: counted(daemon, "wrong_source") == sent, "every packet refused")
        assert len(daemon.events("rtp_latched")) == 1
        assert share_of(world.heard_by_model()[-16_000:], 2000) < 0.001
        assert share_of(world.heard_by_model()[-16_000:], 1000) > 0.9
        with pytest.raises(BlockingIOError):
            noise.recv(100)
        noise.close()


def spray(sock: Any, target: tuple[str, int], *, seconds: float) -> int:
    """Send a tone of 2 kHz as valid RTP; returns the number of packets."""
    packets = tone_packets(2000, round(seconds / 0.02), ssrc=0xBAD)
    pause = threading.Event()
    for packet in packets:
        sock.sendto(packet, target)
        pause.wait(0.02)
    return len(packets)


def share_of(samples: NDArray[np.int16], hertz: float) -> float:
    """Share of the energy within 50 Hz of a frequency."""
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) ** 2
    frequency = np.fft.rfftfreq(samples.size, 1 / 8000)
    return float(power[np.abs(frequency - hertz) < 50].sum() / power.sum())


def counted(daemon: Daemon, cause: str) -> float:
    """A counter of the media plane."""
    return daemon.metric("talkpath_rtp_anomalies_total", cause=cause)
