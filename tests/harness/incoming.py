"""What the SIP process tells of a new call."""

from __future__ import annotations

from typing import Any

from talkpath.sip import messages as m


def incoming(call: str = "c1", **facts: Any) -> m.IncomingCall:
    """An INVITE of 127.0.0.1 over UDP, without trunk, headers and offer unless ``facts`` say more."""
    known: dict[str, Any] = {
        "sip_call_id": f"{call}@test",
        "trunk": "",
        "source": "127.0.0.1:5060",
        "transport": "udp",
        "from_uri": "sip:alice@test",
        "from_name": "",
        "to_uri": "sip:100@test",
        "request_uri": "sip:100@test",
        "headers": (),
        "offer": "",
    }
    return m.IncomingCall(call=call, **{**known, **facts})
