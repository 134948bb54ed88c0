"""The ``[[targets]]`` and ``[agents.NAME.transfer]`` tables: who may get a call, and how."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from talkpath.bridge.transfer.hours import EXAMPLE, HoursError, parse_holiday, parse_span
from talkpath.sip.refer import LONGEST_USER_TO_USER, MAX_USER_TO_USER

from .problems import Path as KeyPath
from .problems import nearest
from .values import Duration, Kind, Section, refuse

_DESTINATION = re.compile(
    r"(?:sips?|tel):[^\s<>\"?\x00-\x20\x7f]+|\+[0-9][0-9 ().\-]{2,24}|[A-Za-z0-9*#_.\-]{1,64}", re.IGNORECASE
)


def _check_destination(text: str) -> str:
    if not _DESTINATION.fullmatch(text):
        refuse(
            f'"{text}" cannot be called',
            'Write an extension ("700"), a number ("+49 30 901820") or an address ("sip:700@pbx").',
        )
    return text


def _check_span(text: str) -> str:
    try:
        parse_span(text)
    except HoursError as error:
        refuse(str(error), EXAMPLE)
    return text


def _check_holiday(text: str) -> str:
    try:
        parse_holiday(text)
    except HoursError as error:
        refuse(str(error), 'Write it like "2026-04-03", or "12-25" for every year.')
    return text


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        refuse(
            f'"{name}" is not a time zone that this machine knows',
            'Write it like "Europe/Berlin". If that fails, too, install the package tzdata.',
        )
    return name


def _check_token(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9.\-]{1,64}", text):
        refuse(f'"{text}" is no parameter of a header', 'Write letters, digits, dots, hyphens: "isdn-uui".')
    return text


def _check_hex(text: str) -> str:
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2}){0,4}", text):
        refuse(f'"{text}" is not hex', 'Write up to four bytes with two digits each: "04".')
    return text.lower()


def as_list(value: object) -> object:
    """Take one text as a list of one."""
    return (value,) if isinstance(value, str) else value


def _not_empty(items: tuple[str, ...]) -> tuple[str, ...]:
    """As a validator of its own, so that a list of one mistake is not called empty, too."""
    if not items:
        refuse("is empty", "Name at least one.")
    return items


Destination = Annotated[str, AfterValidator(_check_destination), Kind("extension, number or SIP address")]
OpeningHours = Annotated[str, AfterValidator(_check_span), Kind("days and times")]
HolidayText = Annotated[str, AfterValidator(_check_holiday), Kind("date")]
ZoneName = Annotated[str, AfterValidator(_check_zone), Kind("time zone")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")]
TokenText = Annotated[str, AfterValidator(_check_token)]
HexBytes = Annotated[str, AfterValidator(_check_hex), Kind("bytes in hex")]
Key = Annotated[str, Field(pattern=r"^[0-9*#]$"), Kind("key of a telephone")]


class LastResort(Section):
    """What the caller gets when no destination took the call: one of the two, and then the agent again."""

    uri: Destination | None = Field(
        default=None, description="One more destination, tried outside the hours, too.", examples=["799"]
    )
    announcement: Path | None = Field(
        default=None,
        description="WAV file that is played to the caller.",
        examples=["/etc/talkpath/nobody-there.wav"],
    )

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.uri is None) == (self.announcement is None):
            refuse("needs either uri or announcement", 'Or write last_resort = "agent".')
        return self


class TargetConfig(Section):
    """Somebody a call may be transferred to. Nothing that is not listed here can ever be called."""

    name: Name = Field(description="Name of the target for the model and in logs.", examples=["sales"])
    description: str = Field(
        min_length=1,
        max_length=500,
        description="When to transfer here, in plain words: the model chooses by it.",
        examples=["Orders, prices and delivery times."],
    )
    uri: Annotated[tuple[Destination, ...], BeforeValidator(as_list), AfterValidator(_not_empty)] = Field(
        max_length=10,
        description="Where to call: one destination, or several that are tried in order.",
        examples=[["700", "+49 30 901820"]],
    )
    trunk: str | None = Field(
        default=None, description="Trunk to call by; without it, the one of the call.", examples=["pbx"]
    )
    mode: Literal["blind", "warm", "bridge"] = Field(
        default="warm",
        description="warm: brief the human first; blind: the PBX calls; bridge: call and stay in the path.",
    )
    hours: Annotated[tuple[OpeningHours, ...], BeforeValidator(as_list)] = Field(
        default=(),
        max_length=50,
        description="When somebody is there; without it, always.",
        examples=[["mon-fri 09:00-17:30"]],
    )
    holidays: tuple[HolidayText, ...] = Field(
        default=(),
        max_length=400,
        description="Days on which nobody is there.",
        examples=[["12-25", "2026-04-03"]],
    )
    timezone: ZoneName | None = Field(
        default=None, description="Time zone of the hours and holidays.", examples=["Europe/Berlin"]
    )
    ring_timeout: Duration = Field(
        default=25.0, ge=5, le=120, description="How long each destination may ring."
    )
    last_resort: Literal["agent"] | LastResort = Field(
        default="agent",
        description='What when nobody takes the call: "agent", or a table with uri or announcement.',
    )

    @model_validator(mode="after")
    def _hours_have_a_zone(self) -> Self:
        if (self.hours or self.holidays) and self.timezone is None:
            refuse("has hours, but no time zone", 'Add timezone = "Europe/Berlin".')
        return self


class TransferConfig(Section):
    """What one agent may do about transfers."""

    targets: Annotated[tuple[Name, ...], AfterValidator(_not_empty)] = Field(
        description="Names of the [[targets]] that this agent may transfer to.",
        examples=[["sales", "support"]],
    )
    accept_key: Key = Field(default="1", description="Key with which the human takes the call.")
    decline_key: Key = Field(default="2", description="Key with which the human sends it back.")
    briefing_timeout: Duration = Field(
        default=60.0, ge=10, le=300, description="How long the human may take to decide."
    )
    briefing_instructions: str = Field(
        default="",
        max_length=4000,
        description="What else the briefing shall observe.",
        examples=["Speak German. Give the order number first."],
    )
    remember_caller: Duration = Field(
        default=120.0,
        le=3600,
        description="How long after a blind transfer a caller is recognised who is sent back by a new call, "
        "so that the agent goes on where it was; 0s: not at all.",
    )
    share: tuple[Literal["reason", "conversation", "caller"], ...] = Field(
        default=("reason", "conversation"),
        description="What the human is told: the agent's reason and summary, what was said, the number.",
    )
    headers: tuple[Literal["X-Talkpath-Summary", "User-to-User"], ...] = Field(
        default=(),
        description="SIP headers that carry the summary to the PBX; its logs will show it.",
        examples=[["X-Talkpath-Summary", "User-to-User"]],
    )
    summary_bytes: int = Field(
        default=200, ge=20, le=600, description="Longest X-Talkpath-Summary, in bytes of UTF-8."
    )
    user_to_user_bytes: int = Field(
        default=MAX_USER_TO_USER,
        ge=20,
        le=LONGEST_USER_TO_USER,
        description="Longest User-to-User data, in bytes before the hex encoding.",
    )
    user_to_user_purpose: TokenText = Field(
        default="",
        description="Its purpose parameter (RFC 7433); without it, receivers assume isdn-uui.",
        examples=["isdn-uui"],
    )
    user_to_user_content: TokenText = Field(
        default="", description="Its content parameter (RFC 7433).", examples=["isdn-uui"]
    )
    user_to_user_prefix: HexBytes = Field(
        default="",
        description="Bytes before the text, in hex: 04 tells an ISDN gateway that text follows (RFC 7434).",
        examples=["04"],
    )

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        if self.accept_key == self.decline_key:
            refuse("accepts and declines with the same key", "Choose another decline_key.")
        return self

    @model_validator(mode="after")
    def _headers_are_named(self) -> Self:
        for key, header in _SHAPES.items():
            if header not in self.headers and getattr(self, key) != type(self).model_fields[key].default:
                refuse(f"has {key}, but {header} is not sent", f'Add "{header}" to headers.')
        if self.headers and "reason" not in self.share:
            refuse("has headers, but nothing to put into them", 'Add "reason" to share, or empty headers.')
        return self


_SHAPES = {
    "summary_bytes": "X-Talkpath-Summary",
    "user_to_user_bytes": "User-to-User",
    "user_to_user_purpose": "User-to-User",
    "user_to_user_content": "User-to-User",
    "user_to_user_prefix": "User-to-User",
}
"""Keys that say how a header looks, and the header."""

Complaint = tuple[KeyPath, str, str]
"""Where, what is wrong, and what to do: the fields of ``rules.Finding``."""


def complaints(
    targets: Sequence[TargetConfig], agents: Mapping[str, TransferConfig | None], trunks: Mapping[str, str]
) -> Iterator[Complaint]:
    """Check what spans several tables.

    Args:
        targets: The ``[[targets]]``.
        agents: Each agent's ``transfer`` table, by the agent's name.
        trunks: User name of each trunk's registration (or nothing), by the trunk's name.
    """
    counts = Counter(target.name for target in targets)
    for index, target in enumerate(targets):
        if counts[target.name] > 1:
            yield ("targets", index, "name"), f'the name "{target.name}" is taken', "Choose another."
        yield from _trunk_complaints(index, target, trunks)
        yield from _file_complaints(index, target)
    for agent, transfer in agents.items():
        for name in transfer.targets if transfer is not None else ():
            if name not in counts:
                path = ("agents", agent, "transfer", "targets")
                yield path, f'there is no target "{name}"', nearest(name, counts)


def _trunk_complaints(index: int, target: TargetConfig, trunks: Mapping[str, str]) -> Iterator[Complaint]:
    if target.trunk is not None and target.trunk not in trunks:
        path = ("targets", index, "trunk")
        yield path, f'there is no trunk "{target.trunk}"', nearest(target.trunk, trunks)
    ways = trunks.values() if target.trunk is None else [trunks.get(target.trunk, "")]
    for destination in target.uri:
        if destination in {user for user in ways if user}:
            path = ("targets", index, "uri")
            yield path, f'"{destination}" is our own registration', "A call to it would come back to us."


def _file_complaints(index: int, target: TargetConfig) -> Iterator[Complaint]:
    last = target.last_resort
    if isinstance(last, LastResort) and last.announcement is not None and not last.announcement.is_file():
        path = ("targets", index, "last_resort", "announcement")
        yield path, f"there is no file {last.announcement}", "Relative paths begin at the configuration file."
