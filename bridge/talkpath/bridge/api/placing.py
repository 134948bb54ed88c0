"""From a request for a call to the order for a worker. Pure.

The destination is one that somebody with a token has named, so the allow-list of the trunk holds for it, as
for everything that does not stand in the configuration or on the command line.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from talkpath.bridge.call.peer import Peer
from talkpath.bridge.config.problems import nearest
from talkpath.bridge.config.process_settings import sip_settings
from talkpath.sip import messages as m
from talkpath.sip.outbound import OutboundPolicy
from talkpath.sip.refer import ReferError

from .problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from talkpath.bridge.config.model import Config

    from .models import PlaceCall

_WRONG = HTTPStatus.UNPROCESSABLE_ENTITY


def originate(config: Config, request: PlaceCall, call: str) -> m.Originate:
    """Make the order for a call.

    Args:
        config: Has agents, trunks and what may be called.
        request: Whom to call.
        call: Our id of the new call.

    Raises:
        ApiError: the request makes no sense, or the destination is not allowed.
    """
    agent = request.agent or _only(config.agents)
    _known("agent", agent, config.agents)
    if request.trunk:
        _known("trunk", request.trunk, [trunk.name for trunk in config.trunks])
    try:
        uri, _trunk = Peer(request.trunk).address(config, request.to, None)
    except ReferError as problem:
        raise ApiError(_WRONG, f"This cannot be called: {problem}.") from None
    if not OutboundPolicy(sip_settings(config)).allows(request.trunk, uri):
        where = f"[trunks.outbound] of {request.trunk}" if request.trunk else "[sip.outbound]"
        raise ApiError(HTTPStatus.FORBIDDEN, f"The destination is not in allow of {where}.")
    return m.Originate(call=call, uri=uri, agent=agent, trunk=request.trunk)


def _only(agents: Iterable[str]) -> str:
    names = list(agents)
    if len(names) != 1:
        raise ApiError(_WRONG, f"There are several agents; choose one: {', '.join(names)}.")
    return names[0]


def _known(what: str, name: str, names: Iterable[str]) -> None:
    known = list(names)
    if name not in known:
        raise ApiError(_WRONG, f'There is no {what} "{name}". {nearest(name, known)}'.strip())
