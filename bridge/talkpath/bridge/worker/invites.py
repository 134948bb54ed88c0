"""What an INVITE tells a worker: who calls, what routes, record and agent are told of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.call.context_headers import select
from talkpath.bridge.call.peer import Peer
from talkpath.bridge.config.by_trunk import phone_trunk, told_names
from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.realtime.tools import CallContext
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


def context_of(config: Config, invite: m.IncomingCall, record: CallRecord) -> CallContext:
    """What the tools of the agent that takes the call may know about it."""
    return CallContext(
        call_id=invite.call,
        sip_call_id=invite.sip_call_id,
        caller=record.caller,
        called=record.called,
        headers=dict(invite.headers),
        facts=select(invite.headers, told_names(config, invite.trunk, record.agent)),
    )
