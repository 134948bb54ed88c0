"""The tools of a transfer, and what a model is told of it. Pure.

``transfer_call`` belongs to the agent's session, ``accept_call`` and ``decline_call`` to the briefing's; no
session has both, so that what the caller says can never accept a call.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from talkpath.bridge.realtime.settings import ToolDefinition
from talkpath.bridge.transfer.vocabulary import Event, Reason
from talkpath.sip.headers import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from talkpath.bridge.config.transfer import TargetConfig

TRANSFER_TOOL: Final = "transfer_call"
ACCEPT_TOOL: Final = "accept_call"
DECLINE_TOOL: Final = "decline_call"
NAMES: Final = frozenset({TRANSFER_TOOL, ACCEPT_TOOL, DECLINE_TOOL})
"""Names that a function of the user cannot have."""

MAX_REASON: Final = 200
MAX_SUMMARY: Final = 1000
MAX_MESSAGE: Final = 300


class ToolArgumentsError(ValueError):
    """What the model sent cannot be used; the words are meant for the model."""


class TransferRequest(NamedTuple):
    """What the model asks for. The words come from a model that listens to a caller: untrusted."""

    target: str
    reason: str
    summary: str


def transfer_tool(targets: Iterable[TargetConfig]) -> ToolDefinition:
    """The tool of an agent.

    Args:
        targets: Those that the agent may use, at least one.
    """
    known = list(targets)
    if not known:
        raise ValueError("an agent without targets has no transfer tool")
    listed = "\n".join(f"- {target.name}: {target.description}" for target in known)
    return ToolDefinition(
        name=TRANSFER_TOOL,
        description=(
            "Connect the caller with a human. Say first, in the same turn and in a short sentence, that you "
            "connect them; then say no more. If nobody takes the call, the caller comes back to you, and you "
            f"are told why. Who there is:\n{listed}"
        ),
        parameters=_parameters(
            {
                "target": {
                    "type": "string",
                    "enum": [target.name for target in known],
                    "description": "Who shall get the call.",
                },
                "reason": _text("What the caller wants, in a few words.", MAX_REASON),
                "summary": _text(
                    "What the human is told about the call, in two or three sentences: who calls, what was "
                    "found out, what is still open.",
                    MAX_SUMMARY,
                ),
            },
            required=["target", "reason"],
        ),
    )


def briefing_tools() -> tuple[ToolDefinition, ToolDefinition]:
    """The two tools of the briefing session."""
    accept = ToolDefinition(
        name=ACCEPT_TOOL,
        description="The human has said that they take the call. Call it at once and say nothing more.",
        parameters=_parameters({}),
    )
    message = _text("What the human wants the caller to be told, if anything.", MAX_MESSAGE)
    decline = ToolDefinition(
        name=DECLINE_TOOL,
        description=(
            "The human does not take the call, it is the wrong person, or a machine has answered (a "
            "voicemail, a menu). Call it at once and say nothing more."
        ),
        parameters=_parameters({"message": message}),
    )
    return accept, decline


def _text(description: str, longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest, "description": description}


def _parameters(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required or [],
        "additionalProperties": False,
    }


def parse_transfer(arguments: Mapping[str, Any], allowed: Iterable[str]) -> TransferRequest:
    """Read the arguments of ``transfer_call``; what is too long is cut, control characters go.

    Raises:
        ToolArgumentsError: the target is none of those allowed.
    """
    names = list(allowed)
    target = arguments.get("target")
    if target not in names:
        raise ToolArgumentsError(f"There is no such target. Choose one of: {', '.join(names)}.")
    reason = _line(arguments.get("reason"), MAX_REASON)
    return TransferRequest(str(target), reason, _line(arguments.get("summary"), MAX_SUMMARY))


def parse_decision(name: str, arguments: Mapping[str, Any]) -> tuple[Event, str]:
    """Read a tool call of the briefing session.

    Returns:
        `Event.ACCEPTED` or `Event.DECLINED`, and what the human wants the caller to be told.

    Raises:
        ToolArgumentsError: it is another tool.
    """
    if name == ACCEPT_TOOL:
        return Event.ACCEPTED, ""
    if name == DECLINE_TOOL:
        return Event.DECLINED, _line(arguments.get("message"), MAX_MESSAGE)
    raise ToolArgumentsError(f"Only {ACCEPT_TOOL} and {DECLINE_TOOL} can be called here.")


def _line(value: object, longest: int) -> str:
    return " ".join(safe_text(value, longest).split()) if isinstance(value, str) else ""


TOLD: Final[dict[Reason, str]] = {
    Reason.REFERRED: "The caller is with {target}.",
    Reason.BRIDGED: "The caller is with {target}.",
    Reason.UNCONFIRMED: "The telephone system did not say whether it reached {target}.",
    Reason.BUSY: "{target} is on another call.",
    Reason.NO_ANSWER: "{target} did not answer.",
    Reason.REJECTED: "{target} did not take the call.",
    Reason.UNREACHABLE: "{target} cannot be reached at the moment, for a technical reason.",
    Reason.DECLINED: "{target} cannot take the call now.",
    Reason.TARGET_HUNG_UP: "{target} hung up before the caller was connected.",
    Reason.NO_DECISION: "Somebody or something answered for {target}, but nobody took the call.",
    Reason.REFER_FAILED: "The telephone system could not connect the caller with {target}.",
    Reason.CLOSED: "Nobody is there for {target} at this hour.",
    Reason.UNKNOWN_TARGET: "{target} is not one of the targets that you may use.",
    Reason.OURSELVES: "{target} leads back to this very line.",
    Reason.ALREADY: "A transfer is under way. Wait for its outcome and say nothing.",
    Reason.STOPPING: "The transfer was stopped, because this line is being closed.",
    Reason.CALLER_LEFT: "The caller has hung up.",
    Reason.SIP_LOST: "The telephone line is gone.",
}
"""What happened, for the model."""

_WITH_AGENT: Final = (
    "The caller is back with you and can hear you. Tell them so in one sentence, and offer to take a "
    "message, to help them yourself, or to try somebody else. Do not try the same target again unless they "
    "ask for it."
)
_NOT_HELD: Final = (
    "The caller was not put on hold. Tell them, and offer to take a message, to help them yourself, or to "
    "try somebody else."
)
_SUCCESSES: Final = frozenset({Reason.REFERRED, Reason.BRIDGED})
_SILENT: Final = frozenset(
    {*_SUCCESSES, Reason.ALREADY, Reason.STOPPING, Reason.CALLER_LEFT, Reason.SIP_LOST}
)


def told(reason: Reason, target: str, message: str = "", *, was_held: bool = True) -> str:
    """The output of ``transfer_call``, for the model.

    Args:
        reason: Why the transfer ended so, or was refused.
        target: Its name.
        message: What the human wants the caller to be told.
        was_held: The caller had to wait for it; False: it was refused at once.
    """
    output: dict[str, Any] = {
        "ok": reason in _SUCCESSES,
        "outcome": reason.value,
        "what_happened": TOLD[reason].format(target=f'"{target}"'),
    }
    if message:
        output["message_for_the_caller"] = message
    if reason not in _SILENT:
        output["what_to_do"] = _WITH_AGENT if was_held else _NOT_HELD
    return json.dumps(output, ensure_ascii=False)
