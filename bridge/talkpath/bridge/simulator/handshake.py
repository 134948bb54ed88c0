"""What the server says to a client before the session: path, model, key, and the end of the beta shape.

The real server accepts the upgrade first and refuses in the open WebSocket: an ``error`` frame, then a close
with 3000 or 4000.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from talkpath.bridge.simulator.validate import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PATHS = ("/v1/realtime", "/openai/v1/realtime", "/realtime")
KEY_PROTOCOL = "openai-insecure-api-key."
BAD_KEYS = frozenset({"bad", "invalid"})


@dataclass(frozen=True)
class Access:
    """Who may come in.

    Attributes:
        keys: accepted API keys; None accepts every key that is not one of ``BAD_KEYS``.
        unknown_models: names that are answered as unknown models.
    """

    keys: frozenset[str] | None = None
    unknown_models: frozenset[str] = frozenset({"unknown-model"})

    def __repr__(self) -> str:
        return f"Access(keys={'any' if self.keys is None else len(self.keys)})"


@dataclass(eq=False)
class Refused(Exception):  # noqa: N818 - an answer to the client, not a fault of the server
    """The connection is refused after the upgrade: this error, then this close."""

    error: Rejected
    close_code: int
    close_reason: str


def knows_path(path: str) -> bool:
    """Say whether a request target is one of the endpoints; others get HTTP 404."""
    return urlsplit(path).path.rstrip("/") in PATHS


def admit(path: str, headers: Mapping[str, str], protocols: Iterable[str], access: Access) -> str:
    """Check a request and return the model it asks for.

    Args:
        path: request target with its query.
        headers: of the request, looked up without regard to case.
        protocols: subprotocols on offer.
        access: who may come in.

    Raises:
        Refused: with the error and the close code of the documented service.
    """
    _check_key(headers, protocols, access)
    if "realtime=v1" in headers.get("OpenAI-Beta", ""):
        message = (
            "The beta shape of the API is disabled; remove the OpenAI-Beta header and use the GA events."
        )
        raise _refusal(4000, "beta_api_shape_disabled", message)
    models = parse_qs(urlsplit(path).query).get("model", [""])
    if not models[0]:
        raise _refusal(4000, "missing_model", "You must provide a model parameter.")
    if models[0] in access.unknown_models:
        raise _refusal(4000, "invalid_model", f"Model '{models[0]}' is not supported in realtime mode.")
    return models[0]


def _refusal(close_code: int, code: str, message: str) -> Refused:
    """Build a refusal whose close reason names the code."""
    return Refused(Rejected(code, message), close_code, f"invalid_request_error.{code}")


def _check_key(headers: Mapping[str, str], protocols: Iterable[str], access: Access) -> None:
    """Refuse a request without a key, or with one that is not accepted."""
    key = _key_of(headers, protocols)
    if key is None:
        error = Rejected(None, "Missing bearer or basic authentication in header")
        raise Refused(error, 3000, "invalid_request_error")
    accepted = key not in BAD_KEYS if access.keys is None else key in access.keys
    if not key or not accepted:
        raise _refusal(3000, "invalid_api_key", "Incorrect API key provided.")


def _key_of(headers: Mapping[str, str], protocols: Iterable[str]) -> str | None:
    """Return the API key of a request, None when it has none."""
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials).decode("utf-8", "replace").partition(":")[2]
        except binascii.Error:
            return ""
    if "api-key" in headers:
        return headers["api-key"]
    named = (protocol for protocol in protocols if protocol.startswith(KEY_PROTOCOL))
    return next((protocol.removeprefix(KEY_PROTOCOL) for protocol in named), None)
