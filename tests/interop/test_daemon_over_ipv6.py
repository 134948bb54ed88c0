"""A whole call over IPv6: SIP, SDP, RTP both ways."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import numpy as np
import pytest

from talkpath.bridge.simulator.audio import dominant_hz
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.peers import wait_until
from tests.harness.telephone import Telephone, udp

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = """
[sip]
listen = ["udp:[::1]:{sip_port}", "udp:127.0.0.1:{sip_port}"]
rtp_ports = "{first_rtp}-{last_rtp}"

[realtime]
url = "{model_url}"
api_key = "test"
model = "gpt-realtime-2"
audio = "pcmu"

[agents.reception]
instructions = "You answer the phone."
greeting = "Hello."
"""


def has_ipv6() -> bool:
    try:
        udp("::1").close()
    except OSError:
        return False
    return socket.has_ipv6


pytestmark = [
    pytest.mark.daemon,
    pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6"),
]


@pytest.mark.parametrize("address", ["::1", "127.0.0.1"])
def test_a_call_comes_by_either_family_and_both_sides_are_heard(address: str, tmp_path: Path) -> None:
    with (
        RunningSimulator("tone") as model,
        Daemon(tmp_path, model_url=model.url, configuration=CONFIGURATION) as daemon,
    ):
        with Telephone((address, daemon.address[1]), address) as telephone:
            telephone.wait_for_answer()
            family = "IP6" if ":" in address else "IP4"
            assert f"c=IN {family} {address}" in telephone.answer
            wait_until(lambda: bool(np.any(np.abs(telephone.heard()) > 1000)), "the agent's voice")
            telephone.speaks = True
            session = model.simulator.sessions[-1]
            wait_until(
                lambda: abs(dominant_hz(session.input.recorded()[0][-4000:], 8000) - 1000) < 5,
                "the tone at the model",
            )
            assert len(daemon.events("rtp_latched")) == 1
        ended = daemon.wait_for("call_ended")
        assert (ended["outcome"], ended["ended_by"]) == ("completed", "caller")
        assert daemon.metric("talkpath_rtp_anomalies_total", cause="wrong_source") == 0
        daemon.assert_baseline()
