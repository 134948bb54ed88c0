"""What a web address is told: from an event of the control API to the body of a webhook. Pure.

The body is that of the Standard Webhooks specification: ``type``, ``timestamp``, ``data``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from talkpath.bridge.api import events as ev

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from talkpath.bridge.api.models import Call, LiveCall
    from talkpath.bridge.config.api import Event, WebhookConfig

PUBLIC: Final = ("direction", "trunk", "agent", "model")
"""Facts of a call that say nothing about a person."""
TAKEN: Final = ("accepted_by", "accepted_how", "attempts")
"""Facts of a transfer: destinations of the configuration, and what came of each."""
PRIVATE: Final = ("caller", "called", "sip_call_id")
"""Facts that do: numbers, and the Call-ID, which names a host of the caller's."""


class Payload(NamedTuple):
    """One message to a web address."""

    kind: Event
    call: str
    body: str


def payloads(
    hook: WebhookConfig, event: ev.Event, call: LiveCall | None, redact: Callable[[str], str]
) -> Iterator[Payload]:
    """What an address is told about an event; nothing, if it does not want to know.

    Args:
        hook: The address.
        event: What has happened.
        call: The call, as it was just before its end.
        redact: Takes out of words what is not for storing, dictated digits for example.
    """
    for kind, at, name, data in _told(event, call, redact, private=hook.private):
        if kind in hook.events:
            body = {"type": kind, "timestamp": at.isoformat(), "data": {"call": name, **data}}
            yield Payload(kind, name, json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def _told(
    event: ev.Event, call: LiveCall | None, redact: Callable[[str], str], *, private: bool
) -> Iterator[tuple[Event, Any, str, dict[str, Any]]]:
    match event:
        case ev.CallStarted():
            yield "call.started", event.call.started_at, event.call.id, _facts(event.call, private=private)
        case ev.CallEnded():
            facts = {} if call is None else _facts(call, private=private)
            ending = _ending(event, redact, private=private)
            yield "call.ended", event.at, event.call, {**facts, **ending}
            if event.outcome == "transferred":
                transfer = _transfer(event, call, redact, private=private)
                yield "call.transferred", event.at, event.call, {**facts, **transfer}
            if private and call is not None and call.transcript:
                words = [
                    {"at": line.at.isoformat(), "who": line.who, "text": redact(line.text)}
                    for line in call.transcript
                ]
                yield "transcript.ready", event.at, event.call, {**facts, "transcript": words}
        case _:
            return


def _facts(call: Call, *, private: bool) -> dict[str, Any]:
    names = (*PUBLIC, *PRIVATE) if private else PUBLIC
    return {"started_at": call.started_at.isoformat(), **{name: getattr(call, name) for name in names}}


def _transfer(
    event: ev.CallEnded, call: LiveCall | None, redact: Callable[[str], str], *, private: bool
) -> dict[str, Any]:
    """Whom the call was transferred to, and how it came to that."""
    told: dict[str, Any] = {"target": event.transfer_target, "how": event.transfer}
    account = call.transfer if call is not None else None
    if account is None:
        return told
    told |= account.model_dump(include={"asked_by", "outcome", "cause", *TAKEN})
    if private:
        told |= {"reason": redact(account.reason), "summary": redact(account.summary)}
    return told


def _ending(event: ev.CallEnded, redact: Callable[[str], str], *, private: bool) -> dict[str, Any]:
    ending: dict[str, Any] = {
        "outcome": event.outcome,
        "cause": event.cause,
        "ended_by": event.ended_by,
        "sip_status": event.sip_status,
        "talk_seconds": event.talk_seconds,
        "answered_by": event.answered_by,
        "recording": event.recording,
    }
    if private:
        ending["reason"] = redact(event.reason)
    return ending
