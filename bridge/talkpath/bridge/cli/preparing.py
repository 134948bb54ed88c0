"""Commands before and between calls: ``init`` and ``tune``. `app` takes them in."""

# Imports stand inside the commands on purpose, as in `app`.
# ruff: noqa: PLC0415

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from .options import ConfigFile, Database

Answer = Optional[str]  # noqa: UP045 - typer shows it better


def init(
    *,
    pbx: Annotated[Answer, typer.Option(metavar="PBX", help="asterisk, freeswitch or other.")] = None,
    address: Annotated[Answer, typer.Option(metavar="HOST", help="Host name or IP of the PBX.")] = None,
    model: Annotated[
        Answer, typer.Option(metavar="URL", help="openai, or the WebSocket URL of another server.")
    ] = None,
    agent: Annotated[Answer, typer.Option(metavar="WORDS", help="What the agent is and does.")] = None,
    extension: Annotated[str, typer.Option(metavar="NUMBER", help="Number that callers dial.")] = "700",
    port: Annotated[
        int, typer.Option(metavar="PORT", help="UDP port for SIP; 0: 5060, or 5070 beside a PBX.")
    ] = 0,
    folder: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the files go.")] = Path(),
) -> None:
    """Write a first configuration, and what belongs into the PBX. Asks what no option says.

    What is there already is never overwritten.
    """
    from .init import run_init

    given = {"pbx": pbx, "address": address, "model": model, "agent": agent}
    code = run_init(given, folder, extension=extension, port=port, ask=sys.stdin.isatty())
    raise typer.Exit(code)


def tune(
    *,
    config: ConfigFile = None,
    database: Database = "",
    since: Annotated[str, typer.Option(metavar="WHEN", help="24h, 7d, 2026-11-20.")] = "24h",
    until: Annotated[str, typer.Option(metavar="WHEN", help="The same, for the end.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")] = False,
) -> None:
    """Say which settings to change, by the calls of the last day, with the figures behind it.

    Changes nothing by itself.
    """
    from .exits import Exit
    from .filters import call_filter
    from .tune import run_tune

    wanted = call_filter(since=since, until=until)
    if isinstance(wanted, Exit):
        raise typer.Exit(wanted)
    raise typer.Exit(run_tune(config, database, wanted, as_json=json))
