from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from talkpath.bridge.config.load import load
from talkpath.bridge.demo.configuration import LOOPBACK, configuration, free_rtp_ports, free_udp_port
from talkpath.bridge.demo.tools import opening_hours, shop_address
from talkpath.bridge.realtime.tools import ToolRegistry

if TYPE_CHECKING:
    from pathlib import Path


def test_the_configuration_is_accepted_and_names_the_simulator(tmp_path: Path) -> None:
    path = tmp_path / "talkpath.toml"
    path.write_text(configuration("ws://127.0.0.1:1/v1/realtime", 5070, (20_000, 20_019), str(path)))
    config = load(path, environment={}).config
    assert config.realtime.url == "ws://127.0.0.1:1/v1/realtime"
    assert str(config.sip.listen[0]) == "udp:127.0.0.1:5070"
    assert config.log.private
    names = [tool.name for tool in ToolRegistry.load(config.agents["reception"].tools).definitions()]
    assert names == ["opening_hours", "shop_address"]


def test_ports_that_somebody_has_are_passed_over() -> None:
    first, last = free_rtp_ports()
    assert first % 2 == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOOPBACK, first + 7))
        assert free_rtp_ports()[0] > last
        assert free_udp_port() != first + 7


def test_the_tools_know_the_shop() -> None:
    assert "nine to six" in opening_hours()
    assert "closed" in opening_hours("Sunday")
    assert "River Street" in shop_address()
