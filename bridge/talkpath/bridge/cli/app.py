"""Commands, options and help. What a command does is in a module of its own, imported when it runs."""

# Imports stand inside the commands on purpose: `talkpath --help` must not wait for a media plane.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated, Optional

import typer

from .exits import Exit

EPILOG = (
    "Exit codes: 0 all is well, 1 it ran and failed, 2 wrong command line, 3 the configuration is refused, "
    "4 the doctor found something that will not work."
)

app = typer.Typer(
    name="talkpath",
    help="A bridge between telephone calls (SIP) and speech models that answer them.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

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


def _show_version(wanted: bool) -> None:
    if wanted:
        from .exits import version

        typer.echo(f"talkpath {version()}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """A bridge between telephone calls (SIP) and speech models that answer them."""


@app.command(epilog="Example:  talkpath run -c /etc/talkpath/talkpath.toml")
def run(config: ConfigFile = None) -> None:
    """Run the daemon until it is stopped.

    SIGTERM or Ctrl-C takes no new calls and lets live ones finish; a second one hangs up at once.
    """
    from .commands import run_daemon

    raise typer.Exit(run_daemon(config))


@app.command(epilog="Example:  talkpath check -c talkpath.toml")
def check(config: ConfigFile = None) -> None:
    """Check the configuration and show what it would do. Opens nothing and calls nobody."""
    from .check import run_check

    raise typer.Exit(run_check(config))


@app.command(
    epilog="Examples:  talkpath doctor    talkpath doctor --json | jq .findings    talkpath doctor --offline"
)
def doctor(
    config: ConfigFile = None,
    json: Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not try to reach the model.")] = False,
) -> None:
    """Find out why it does not work: SIP stack, addresses, ports, limits, clock, the way to the model.

    Opens a session with the model and closes it again, which costs nothing.
    """
    from .doctor import run_doctor

    raise typer.Exit(run_doctor(config, as_json=json, offline=offline))


@app.command(epilog="Example:  talkpath call sip:1000@192.0.2.10 --agent reception")
def call(
    uri: Annotated[str, typer.Argument(metavar="URI", help="Whom to call: sip:number@host.")],
    config: ConfigFile = None,
    agent: Annotated[
        Optional[str],  # noqa: UP045 - typer shows it better
        typer.Option(metavar="NAME", help="Agent that talks; needed when there are several."),
    ] = None,
    trunk: Annotated[str, typer.Option(metavar="NAME", help="Trunk to call by; default: none.")] = "",
) -> None:
    """Place one call and let an agent talk, to try things out. Ends when the call ends."""
    from .commands import place_call

    raise typer.Exit(place_call(config, uri, agent, trunk))


@app.command(
    epilog='Example:  talkpath simulator --port 8765   then   url = "ws://127.0.0.1:8765/v1/realtime"'
)
def simulator(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", help="Port to listen on; 0 takes any.")] = 8765,
    persona: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Who answers: agent (listens and talks; needs talkpath[demo]), echo, tone, or script:FILE.",
        ),
    ] = "agent",
) -> None:
    """Run a Realtime server that needs no key and no network, to try and test against."""
    from .commands import simulate

    raise typer.Exit(simulate(host, port, persona))


@app.command(epilog="Example:  talkpath demo")
def demo() -> None:
    """Show a whole call on this machine: caller, bridge and model, without key, phone or network."""
    from .commands import show_demo

    raise typer.Exit(show_demo())


__all__ = ["Exit", "app"]
