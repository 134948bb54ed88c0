"""The ``[api]`` section and the ``[[webhooks]]``: who may watch and steer the daemon, and who is told."""

import base64
import binascii
import re
from typing import Annotated, Literal

from pydantic import Field

from .values import Duration, Secret, Section, WebAddress

SHORTEST_TOKEN = 20
"""Characters. Shorter ones can be guessed within the life of an installation."""
TOKEN_HINT = "Make one: openssl rand -hex 24"  # noqa: S105 - how to make one, not one
SECRET_HINT = "Make one: echo whsec_$(openssl rand -base64 24)"  # noqa: S105 - how to make one, not one

Event = Literal["call.started", "call.ended", "call.transferred", "transcript.ready"]
"""What webhooks can tell."""


def token_problem(token: str) -> str:
    """What is wrong with a token; empty: nothing."""
    if len(token) < SHORTEST_TOKEN or not re.fullmatch(r"[\x21-\x7e]+", token):
        return f"a token must be at least {SHORTEST_TOKEN} printable characters without spaces"
    return ""


def secret_problem(secret: str) -> str:
    """What is wrong with the key of a webhook's signatures; empty: nothing."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return "is not base64"
    if not 24 <= len(key) <= 64:
        return f"has {len(key)} octets; Standard Webhooks asks for 24 to 64"
    return ""


TokenName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,64}$")]


class ApiConfig(Section):
    """The control API and the console, on the address of ``[http]``. Without a token there are none."""

    read: dict[TokenName, Secret] = Field(
        default_factory=dict,
        description="Tokens by name that may watch: calls, words, records, recordings.",
        examples=[{"wallboard": "env:TALKPATH_READ_TOKEN"}],
    )
    operate: dict[TokenName, Secret] = Field(
        default_factory=dict,
        description="Tokens by name that may also place, end, transfer and steer calls, and end the daemon.",
        examples=[{"alice": "env:TALKPATH_TOKEN"}],
    )
    listen: tuple[TokenName, ...] = Field(
        default=(),
        max_length=1000,
        description=(
            "Names of tokens of either table that may also listen to live calls; none: nobody. In most "
            "countries it is a crime to listen without the consent of those who talk: tell callers before, "
            "for example in the greeting. Each time is logged with the name."
        ),
        examples=[("alice",)],
    )
    remote: bool = Field(
        default=False,
        description=(
            "Serve others than this machine, too. Tokens and words then travel as [http] does, unencrypted: "
            "put a proxy with TLS in front."
        ),
    )
    console: bool = Field(default=True, description="Serve the console at /console, when there is a token.")

    @property
    def is_open(self) -> bool:
        """Whether anybody may use it."""
        return bool(self.read or self.operate)


class WebhookConfig(Section):
    """A web address that is told of calls, signed as Standard Webhooks has it."""

    url: WebAddress = Field(description="Where to POST.", examples=["https://example.com/hooks/talkpath"])
    secret: Secret = Field(
        description="Key of the signatures, base64 with or without whsec_; best as env:NAME or file:PATH.",
        examples=["env:TALKPATH_WEBHOOK_SECRET"],
    )
    events: tuple[Event, ...] = Field(
        default=("call.started", "call.ended", "call.transferred"),
        min_length=1,
        description="What it is told; transcript.ready needs private.",
    )
    private: bool = Field(
        default=False, description="Send phone numbers and words of callers, too; think of the law."
    )
    timeout: Duration = Field(default=10.0, ge=1, le=60, description="How long it may take to answer.")
    give_up_after: Duration = Field(
        default=6 * 3600.0, ge=0, le=7 * 86400, description="How long an event is tried again."
    )
