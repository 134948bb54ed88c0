"""What several commands have in common: options, and the part of the help that they stand in."""

from pathlib import Path
from typing import Annotated, Final

import typer

SET_UP: Final = "Set it up"
RUN: Final = "Run it"
LIVE: Final = "Live calls"
OVER: Final = "Calls that are over"
TRY: Final = "Try it without a key or a telephone"
"""The parts of the list of commands."""

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "-c",
        "--config",
        metavar="FILE",
        help="Configuration file. Default: ./talkpath.toml, then /etc/talkpath/talkpath.toml.",
        envvar="TALKPATH_CONFIG",
    ),
]

Database = Annotated[
    str,
    typer.Option(
        "--database",
        metavar="URL",
        help="Database instead of the configuration's: a SQLite file, or postgresql://…",
    ),
]
