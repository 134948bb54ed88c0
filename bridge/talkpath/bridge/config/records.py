"""The ``[records]`` section: what is kept of calls, where, and for how long."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from .values import Duration, Kind, Secret, Section, refuse

FILE_NAME = "talkpath-calls.sqlite"
STATE_FOLDER = Path("/var/lib/talkpath")
"""Where a service keeps its state when its configuration stands below ``/etc``."""
OFF = "off"


def _check_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if text != OFF and not re.match(r"(?:sqlite:///|postgres(?:ql)?://).", text):
        refuse(
            "is neither a file nor the URL of a PostgreSQL database",
            'Write it like "calls.sqlite", "postgresql://user@host/database", or "off".',
        )
    return url


def _check_pattern(pattern: str) -> str:
    try:
        found = re.compile(pattern)
    except re.error as error:
        refuse(f'"{pattern}" is not a regular expression: {error}', r"A number of a customer: '\bK\d{6}\b'.")
    if found.match(""):
        refuse(f'"{pattern}" matches nothing at all, too', "Say at least one character that must be there.")
    return pattern


class RecordsConfig(Section):
    """What is kept of calls that are over: ``talkpath calls`` and ``talkpath show`` read it."""

    url: Annotated[Secret, AfterValidator(_check_url), Kind("file, URL or off")] | None = Field(
        default=None,
        description=(
            f"A SQLite file, or the URL of a PostgreSQL database, also as env:NAME or file:PATH; off keeps "
            f"nothing. Default: {FILE_NAME} in $STATE_DIRECTORY, or in {STATE_FOLDER} when the configuration "
            "stands below /etc, or beside the configuration."
        ),
        examples=["postgresql://talkpath@db.example.com/calls"],
    )
    retention: Duration = Field(
        default=90 * 86400.0, ge=0, description="How long calls are kept; 0 keeps them for ever."
    )
    transcripts: bool = Field(default=True, description="Keep what was said.")
    redact_digits: bool = Field(
        default=True,
        description="Replace dictated digits, in figures or words, before anything is stored: cards, PINs.",
    )
    redact: tuple[Annotated[str, AfterValidator(_check_pattern)], ...] = Field(
        default=(),
        description="Regular expressions: what they match in words, reasons and arguments is not stored.",
        examples=[[r"\bK\d{6}\b"]],
    )
    tool_arguments: bool = Field(
        default=False, description="Keep the arguments of tool calls, too, and not only names and durations."
    )

    @property
    def database(self) -> str:
        """URL of the database, with its password; empty: nothing is kept."""
        text = "" if self.url is None else self.url.get_secret_value()
        return "" if text == OFF else text


def place(text: str, folder: Path) -> str:
    """What stands in the file as a URL: paths become absolute, from the folder of the configuration."""
    if text == OFF or re.match(r"\w+://", text) is None:
        return text if text in {OFF, ""} else _sqlite(folder / text)
    path = text.removeprefix("sqlite:///")
    return text if path == text or not path or path.startswith("/") else _sqlite(folder / path)


def default_url(folder: Path, environment: Mapping[str, str]) -> str:
    """Where calls are kept when the configuration, which stands in ``folder``, does not say."""
    state = environment.get("STATE_DIRECTORY", "").partition(":")[0]  # systemd.exec(5): with colons between
    if state:
        return _sqlite(Path(state) / FILE_NAME)
    return _sqlite((STATE_FOLDER if folder.is_relative_to("/etc") else folder) / FILE_NAME)


def _sqlite(path: Path) -> str:
    return f"sqlite:///{path}"
