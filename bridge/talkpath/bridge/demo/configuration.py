"""The configuration that the demo writes, and the free ports it needs."""

from __future__ import annotations

import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
GREETING: Final = "Hello, this is the bicycle shop. How can I help you?"
SILENCE_MS: Final = 400
"""Quiet after which the model takes its turn."""

_TEXT: Final = """\
# Written by `talkpath demo`. This is a whole, working configuration:  talkpath run -c {path}

[sip]
listen = ["udp:127.0.0.1:{sip_port}"]
rtp_ports = "{first_rtp}-{last_rtp}"

[realtime]
url = "{model_url}"                # the simulator; leave it out to reach OpenAI
api_key = "none-needed"

[realtime.transcription]           # so that the log can show what callers say

[agents.reception]
instructions = "You answer the phone for a bicycle shop. Be brief and friendly."
greeting = "{greeting}"
tools = ["talkpath.bridge.demo.tools:opening_hours", "talkpath.bridge.demo.tools:shop_address"]
turn_detection = {{ type = "server_vad", silence_duration_ms = {silence} }}

[http]
listen = "127.0.0.1:0"

[log]
format = "json"
private = true                     # words of callers in the log: for a demo only

[workers]
count = 1
drain_timeout = "2s"
"""


def free_udp_port() -> int:
    """Return a UDP port of the loopback that nobody has at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def free_rtp_ports(wanted: int = 20) -> tuple[int, int]:
    """Return the first and the last of ``wanted`` free UDP ports in a row, the first one even.

    Raises:
        OSError: there is no such row.
    """
    for first in range(20_000, 60_000, wanted):
        if all(_is_free(port) for port in range(first, first + wanted)):
            return first, first + wanted - 1
    raise OSError(f"no {wanted} free UDP ports in a row between 20000 and 60000")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def configuration(model_url: str, sip_port: int, rtp_ports: tuple[int, int], path: str) -> str:
    """Return the text of the configuration file that will stand at ``path``."""
    first, last = rtp_ports
    return _TEXT.format(
        path=path,
        model_url=model_url,
        sip_port=sip_port,
        first_rtp=first,
        last_rtp=last,
        greeting=GREETING,
        silence=SILENCE_MS,
    )
