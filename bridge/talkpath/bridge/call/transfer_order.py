"""A transfer that the operator orders: to whom, and whether that may be. Pure.

A target of the configuration may be had by any call. A number must be one that calls of ours may go to anyhow
(``allow`` of the trunk): whoever gets hold of the operator's token shall not have the world to call.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from talkpath.bridge.transfer.targets import Attempt, Refusal, Selection, select
from talkpath.bridge.transfer.vocabulary import Reason
from talkpath.sip.headers import uri_host
from talkpath.sip.outbound import Destinations
from talkpath.sip.refer import ReferError

if TYPE_CHECKING:
    import datetime as dt

    from talkpath.bridge.call.peer import Peer
    from talkpath.bridge.config.model import Config
    from talkpath.bridge.transfer.targets import Mode

DenialCode = Literal["not_now", "unknown_target", "not_allowed", "closed", "invalid"]
"""``not_now``: the call is in no state for it. ``unknown_target``: no ``[[targets]]`` has that name.
``not_allowed``: the number is not in ``outbound.allow`` of the trunk. ``closed``: outside the target's hours.
``invalid``: what was ordered makes no sense."""

ORDERED_NUMBER: Final = "the operator's number"
"""Stands for a number in logs and records, where it would be private."""


class Denial(NamedTuple):
    """Why an order is not carried out; the sentence is for the operator."""

    code: DenialCode
    sentence: str


class TransferOrder(NamedTuple):
    """Whom the caller shall be transferred to: exactly one of ``target`` and ``number``.

    Attributes:
        target: Name of one of the ``[[targets]]``, whether the agent may use it or not.
        number: Extension, number or SIP address, which ``outbound.allow`` of the call's trunk must allow.
        mode: As in ``[[targets]]``; None: the target's own, and ``warm`` for a number.
        reason: What the caller wants, in a few words.
        summary: What the human is told about the call, by the briefing and by headers.
    """

    target: str = ""
    number: str = ""
    mode: Mode | None = None
    reason: str = ""
    summary: str = ""


def selection_for(order: TransferOrder, config: Config, peer: Peer, now: dt.datetime) -> Selection | Denial:
    """Decide what is tried for an order.

    Args:
        order: What the operator wants.
        config: Has the targets and the trunks.
        peer: Who the call is with.
        now: With a time zone.
    """
    if bool(order.target) == bool(order.number):
        return Denial("invalid", "Name either a target or a number.")
    if order.number:
        return _to_number(order.number, order.mode or "warm", config, peer)
    names = [target.name for target in config.targets]
    found = select(config.targets, names, order.target, now, peer.ourselves(config))
    if isinstance(found, Refusal):
        return _denial(found, names)
    if order.mode is None:
        return found
    return found._replace(attempts=tuple(one._replace(mode=order.mode) for one in found.attempts))


def _denial(refusal: Refusal, names: list[str]) -> Denial:
    if refusal.reason is Reason.UNKNOWN_TARGET:
        known = f"There are: {', '.join(names)}." if names else "Add [[targets]] to the configuration."
        return Denial("unknown_target", f'There is no target "{refusal.target}". {known}')
    if refusal.reason is Reason.CLOSED:
        return Denial("closed", f'Nobody is there for "{refusal.target}" at this hour.')
    return Denial("invalid", f'"{refusal.target}" leads back to this very line.')


def _to_number(number: str, mode: Mode, config: Config, peer: Peer) -> Selection | Denial:
    try:
        uri, trunk = peer.address(config, number, None)
    except ReferError as problem:
        return Denial("invalid", f"This cannot be called: {problem}.")
    if peer.ourselves(config).are(number):
        return Denial("invalid", "The number leads back to this very line.")
    if not _destinations(config, trunk, peer).allow(uri):
        where = f"[trunks.outbound] of {trunk}" if trunk else "[sip.outbound]"
        return Denial("not_allowed", f"The number is not in allow of {where}.")
    return Selection(ORDERED_NUMBER, (Attempt(mode, number),))


def _destinations(config: Config, name: str, peer: Peer) -> Destinations:
    """What may be called by a trunk; its hosts are those that it is configured with, and the caller's own."""
    trunk = config.trunk_named(name)
    own = uri_host(f"sip:{peer.domain}") if peer.domain and peer.trunk == name else ""
    if trunk is None:
        return Destinations(config.sip.outbound.allow, [own])
    return Destinations(
        trunk.outbound.allow, [*map(uri_host, trunk.servers), own], [str(network) for network in trunk.match]
    )


def asked_by_operator(output: str) -> str:
    """What the agent is told of a transfer that it did not ask for.

    Args:
        output: What it is told of its own (`talkpath.bridge.transfer.tool.told`).
    """
    note = "The operator, not you, asked for this transfer."
    return json.dumps({"note": note, **json.loads(output)}, ensure_ascii=False)
