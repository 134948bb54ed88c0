"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

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
