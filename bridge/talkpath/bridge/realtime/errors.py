"""What an error of the server means for the call: one table for codes, one for close codes.

Codes are matched together with types, because servers have renamed the one or the other before.
"""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What to do about an ``error`` event."""

    IGNORE = "ignore"
    """A race that resolves itself."""
    COUNT = "count"
    """Unexpected, but the session goes on."""
    NO_ACTIVE_RESPONSE = "no_active_response"
    """What we wanted to cancel had ended already."""
    RESPONSE_BUSY = "response_busy"
    """Our ``response.create`` came while another response was running."""
    EXPIRED = "expired"
    """The time limit: the socket closes next."""
    FATAL = "fatal"
    """No retry will help: somebody must change a key, a model name or an account."""


_FATAL_SENTENCES: dict[str, str] = {
    "invalid_api_key": "The model server refused the API key. Set a valid key for this agent.",
    "missing_api_key": "The model server wants an API key. Set the key for this agent.",
    "invalid_model": "The model server does not know the model {model!r}. Check the agent's model name.",
    "model_not_found": "The model server does not know the model {model!r}. Check the agent's model name.",
    "missing_model": "The model server wants a model in the URL. Set the agent's model.",
    "beta_api_shape_disabled": (
        "The model server was asked for the retired beta API. Remove the OpenAI-Beta header from the "
        "agent's extra headers."
    ),
    "insufficient_quota": "The account of the API key has no quota left. Check its plan and billing.",
    "credit_balance_exhausted": "The account of the API key has no credit left. Top it up.",
    "billing_hard_limit_reached": "The account of the API key reached its billing limit. Raise the limit.",
    "account_deactivated": "The account of the API key is deactivated. Use a key of another account.",
    "call_id_not_found": "The model server does not know this call any more.",
}

_VERDICTS: dict[str, Verdict] = {
    **dict.fromkeys(_FATAL_SENTENCES, Verdict.FATAL),
    "response_cancel_not_active": Verdict.NO_ACTIVE_RESPONSE,
    "input_audio_buffer_commit_empty": Verdict.IGNORE,
    "conversation_already_has_active_response": Verdict.RESPONSE_BUSY,
    "item_truncate_invalid_item_id": Verdict.IGNORE,
    "item_delete_invalid_item_id": Verdict.IGNORE,
    "session_expired": Verdict.EXPIRED,
}

_HARMLESS_MESSAGES = ("is already shorter than", "Only model output audio messages can be truncated")
"""Truncation errors have no code; the words are all there is. The item stays as it was."""


def judge(code: str | None, kind: str | None = None, message: str = "") -> Verdict:
    """The verdict on an error by its code or, when that says nothing, by its type or its words."""
    for name in (code, kind):
        if name and name in _VERDICTS:
            return _VERDICTS[name]
    if not code and any(words in message for words in _HARMLESS_MESSAGES):
        return Verdict.IGNORE
    return Verdict.COUNT


def fatal_sentence(code: str | None, kind: str | None, message: str, model: str) -> str:
    """A sentence for the operator about a fatal error: what is wrong and what to do."""
    for name in (code, kind):
        if name and name in _FATAL_SENTENCES:
            return _FATAL_SENTENCES[name].format(model=model)
    return f"The model server ended the session: {message or code or kind or 'no reason given'}."


_RETRYABLE_CLOSE = frozenset({1000, 1001, 1002, 1005, 1006, 1009, 1011, 1012, 1013, 1014, 1015})
"""RFC 6455, section 7.4: the other side went, restarts or broke; a new connection may work. 1000 counts:
a server that ends a living call in good manners has still ended it."""


def close_is_retryable(code: int) -> bool:
    """Whether connecting again makes sense after the socket closed with ``code``.

    3000 (not authorised), 4000 (wrong model or API shape) and the other codes above 3000 repeat
    themselves, and so do 1003, 1007, 1008 and 1010: they are about what we send.
    """
    return code in _RETRYABLE_CLOSE
