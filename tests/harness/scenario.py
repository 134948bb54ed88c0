"""SIPp scenarios of a few steps, written down as Python.

path = write_scenario(tmp_path, invite(PCMU), progress(), receive(200), ack(), pause(500), bye())
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PCMU = "v=0\no=caller 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\nm=audio [media_port] RTP/AVP 0"
"""An ordinary offer."""
OPUS = f"{PCMU[:-1]}96\na=rtpmap:96 opus/48000/2"
"""An offer without any codec that is configured unless it is asked for."""
BROKEN = "v=0\nc=IN IP4 nonsense\nm=audio much RTP/AVP ?"
"""An offer that cannot be read."""

_HEAD = """\
{method} sip:700@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}
Max-Forwards: 70
From: <sip:caller@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:700@[remote_ip]:[remote_port]>{to_tag}
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>
"""


def write_scenario(folder: Path, *steps: str) -> Path:
    """Write the steps as a scenario file and return its path."""
    path = folder / "scenario.xml"
    path.write_text(f'<?xml version="1.0"?>\n<scenario name="test">\n{"".join(steps)}</scenario>\n')
    return path


def request(
    method: str,
    number: int,
    *,
    branch: str = "[branch]",
    in_dialog: bool = True,
    sdp: str = "",
    headers: str = "",
) -> str:
    """Send a request; a `branch` of its own lets two steps send the same transaction.

    ``headers`` are whole lines, each with its line end.
    """
    to_tag = "[peer_tag_param]" if in_dialog else ""
    text = _HEAD.format(method=method, number=number, branch=branch, to_tag=to_tag) + headers
    text += "Content-Type: application/sdp\n" if sdp else ""
    return f"<send><![CDATA[\n{text}Content-Length: [len]\n\n{sdp}\n]]></send>\n"


def invite(sdp: str, *, branch: str = "[branch]", headers: str = "") -> str:
    """Send the INVITE that starts the call."""
    return request("INVITE", 1, branch=branch, in_dialog=False, sdp=sdp, headers=headers)


def ack(number: int = 1, *, branch: str = "[branch]") -> str:
    """Send an ACK."""
    return request("ACK", number, branch=branch)


def receive(status: int, *, optional: bool = False) -> str:
    """Wait for a response; an optional one may also be left out."""
    return f'<recv response="{status}" optional="{str(optional).lower()}"/>\n'


def take(method: str) -> str:
    """Wait for a request and answer it 200."""
    return f'<recv request="{method}"/>\n' + answer("200 OK")


def answer(status: str, *, sdp: str = "", headers: str = "", to_tag: str = "") -> str:
    """Answer the last request. ``headers`` are whole lines, each with its line end."""
    copied = "[last_Via:]\n[last_From:]\n[last_To:]" + to_tag + "\n[last_Call-ID:]\n[last_CSeq:]\n"
    own = "Contact: <sip:peer@[local_ip]:[local_port];transport=[transport]>\n"
    contact = "" if "Contact:" in headers else own
    kind = "Content-Type: application/sdp\n" if sdp else ""
    text = f"SIP/2.0 {status}\n{copied}{contact}{headers}{kind}Content-Length: [len]\n\n{sdp}"
    return f"<send><![CDATA[\n{text}\n]]></send>\n"


def progress() -> str:
    """Take the provisional responses that may come."""
    return receive(100, optional=True) + receive(180, optional=True)


def pause(milliseconds: int) -> str:
    """Do nothing for a while."""
    return f'<pause milliseconds="{milliseconds}"/>\n'


def until_released() -> str:
    """Do nothing until the test says `Sipp.release`."""
    return '<recv request="INFO"/>\n'


def bye(number: int = 2) -> str:
    """End the call, and wait for the answer."""
    return request("BYE", number) + receive(200)
