"""Writes ``docs/configuration.md`` and ``deploy/talkpath.toml`` from the models.

``python -m talkpath.bridge.config.reference`` writes both into the current source tree; with ``--check``
it only says whether they are current.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from talkpath.bridge.generated_files import write_or_check

from .agent import AgentConfig
from .api import ApiConfig, WebhookConfig
from .describe import Key, keys_of
from .model import Config, HomerConfig, HttpConfig, LogConfig, RouteConfig, WorkersConfig
from .phone import PhoneConfig
from .realtime import RealtimeConfig
from .records import RecordsConfig
from .sip import SipConfig, TrunkConfig
from .tracing import TracingConfig
from .transfer import TargetConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

PAGE = Path("docs/configuration.md")
SAMPLE = Path("deploy/talkpath.toml")

FIRST_FILE = """\
[sip]
listen = ["udp:0.0.0.0:5060"]
rtp_ports = "20000-29999"

[realtime]
url = "wss://api.openai.com/v1/realtime"    # OPENAI_API_KEY from the environment
model = "gpt-realtime-2"

[agents.reception]
voice = "marin"
instructions = "You answer the phone for a bicycle shop. Be brief and friendly."
greeting = "Hello, bicycle shop, how can I help?"
"""

INTRODUCTION = f"""\
# Configuration

<!-- Written by `python -m talkpath.bridge.config.reference`; change the models instead. -->

One TOML file. `talkpath run -c FILE` names it; without `-c`, `./talkpath.toml` and then
`/etc/talkpath/talkpath.toml` are tried. This is all that a first call needs:

```toml
{FIRST_FILE}```

A file with every key and its default is `deploy/talkpath.toml`.

- **Checked before anything starts.** An unknown key, a value that cannot be, a name that leads nowhere:
  all problems are reported at once, each with its line and what to do. `talkpath check` does only that,
  and shows what the configuration would do.
- **Environment.** `TALKPATH_SECTION__KEY` overrides a key: `TALKPATH_SIP__MAX_CALLS=50`,
  `TALKPATH_AGENTS__RECEPTION__VOICE=cedar`, `TALKPATH_TRUNKS__0__PASSWORD=…` (lists count from 0). Values
  that begin with `[` or `{{` are read as TOML.
- **Secrets.** `api_key` and `password` take `"env:NAME"` or `"file:/path"` beside the secret itself, and
  each has a `_file` twin. They appear in no log and no error message.
- **Durations** are written `"90s"`, `"15m"`, `"1h30m"`; a plain number is seconds.
- **Relative paths** begin at the folder of the configuration file.
"""


class Table(NamedTuple):
    """A table of the file: its header, what it is, and its keys."""

    header: str
    text: str
    model: type[BaseModel]
    active: tuple[str, ...] = ()
    """Keys that the sample sets; the others stand there as comments."""


def _text(name: str) -> str:
    return Config.model_fields[name].description or ""


TABLES = (
    Table("[sip]", _text("sip"), SipConfig, ("listen", "rtp_ports")),
    Table("[realtime]", _text("realtime"), RealtimeConfig, ("url", "model")),
    Table("[agents.reception]", _text("agents"), AgentConfig, ("voice", "instructions", "greeting")),
    Table("[[trunks]]", _text("trunks"), TrunkConfig),
    Table("[[routes]]", _text("routes"), RouteConfig),
    Table("[[targets]]", _text("targets"), TargetConfig),
    Table("[http]", _text("http"), HttpConfig, ("listen",)),
    Table("[phone]", _text("phone"), PhoneConfig),
    Table("[api]", _text("api"), ApiConfig),
    Table("[[webhooks]]", _text("webhooks"), WebhookConfig),
    Table("[log]", _text("log"), LogConfig, ("level",)),
    Table("[homer]", _text("homer"), HomerConfig),
    Table("[tracing]", _text("tracing"), TracingConfig),
    Table("[records]", _text("records"), RecordsConfig),
    Table("[workers]", _text("workers"), WorkersConfig),
)


# The page -------------------------------------------------------------------------------------------


def page() -> str:
    """The text of ``docs/configuration.md``."""
    parts = [INTRODUCTION]
    seen: set[type[BaseModel]] = set()
    for table in TABLES:
        header = table.header.replace("reception", "NAME")
        parts.append(_page_table("##", header, table.text, table.model, seen))
    return "\n".join(parts)


def _page_table(
    level: str, header: str, text: str, model: type[BaseModel], seen: set[type[BaseModel]]
) -> str:
    """A table and, once each, the tables inside it."""
    rows = [f"{level} `{header}`\n", f"{text}\n", "| key | type | default | meaning |", "|---|---|---|---|"]
    inner = []
    for key in keys_of(model):
        default = "required" if key.required else f"`{key.default}`" if key.default else ""
        rows.append(f"| `{key.name}` | {_cell(key.kind)} | {_cell(default)} | {_cell(key.meaning)} |")
        if key.table is not None and key.table not in seen:
            seen.add(key.table)
            inner.append(_page_table("###", _inner_header(header, key.name), key.meaning, key.table, seen))
    return "\n".join([*rows, "", *inner])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _inner_header(header: str, name: str) -> str:
    return f"[{header.strip('[]')}.{name}]"


# The sample -----------------------------------------------------------------------------------------


def sample() -> str:
    """The text of ``deploy/talkpath.toml``: what is active is the first file, the rest is commented."""
    head = (
        "# Talkpath, every key. What is commented out shows the default, or an example where there is none.\n"
        "# The manual is docs/configuration.md. Check your changes with: talkpath check -c FILE\n"
    )
    return "\n".join([head, *(_sample_table(table) for table in TABLES)])


def _sample_table(table: Table) -> str:
    commented = not table.active
    lines = [*_prose(table.text), f"{'#' if commented else ''}{table.header}"]
    inner: list[str] = []
    for key in keys_of(table.model):
        if key.table is not None and not key.default and key.kind == "table":
            inner += ["", *_prose(key.meaning), f"#{_inner_header(table.header, key.name)}"]
            inner += [line for one in keys_of(key.table) for line in _sample_key(one, active=False)]
        elif key.table is None or key.example:
            lines += _sample_key(key, active=key.name in table.active)
    return "\n".join([*lines, *inner, ""])


def _sample_key(key: Key, *, active: bool) -> Iterator[str]:
    yield from _prose(f"{key.meaning} ({key.kind})" if key.kind != "text" else key.meaning)
    yield f"{'' if active else '#'}{key.name} = {key.example}"


def _prose(text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent="# ", subsequent_indent="# ")


def main(arguments: list[str]) -> int:
    """Write or check both files; 1 when a check finds one that is not current."""
    return write_or_check({PAGE: page(), SAMPLE: sample()}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
