"""What an INVITE tells a worker: who calls, what a route may look at, what the record begins with. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.call.peer import Peer
from talkpath.bridge.config.by_trunk import phone_trunk
from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.routes import RouteRequest
from talkpath.sip import messages as m
from talkpath.sip.addresses import user_part

if TYPE_CHECKING:
    from talkpath.bridge.config.model import Config


def peer_of(config: Config, invite: m.IncomingCall) -> Peer:
    """Who calls."""
    if invite.trunk == m.CONSOLE:
        return Peer.of_browser(config, phone_trunk(config))
    return Peer.of_invite(invite)


def route_request(invite: m.IncomingCall) -> RouteRequest:
    """What a route may look at."""
    return RouteRequest(
        to=user_part(invite.request_uri),
        caller=user_part(invite.from_uri),
        trunk=invite.trunk,
        headers=invite.headers,
    )


def record_of(invite: m.IncomingCall) -> CallRecord:
    """A record with all that the INVITE tells."""
    return CallRecord(
        call=invite.call,
        sip_call_id=invite.sip_call_id,
        trunk=invite.trunk,
        caller=user_part(invite.from_uri),
        called=user_part(invite.request_uri),
        comeback=invite.comeback,
    )
