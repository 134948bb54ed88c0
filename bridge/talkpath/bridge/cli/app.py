"""Commands, options and help. What a command does is in a module of its own, imported when it runs."""

# Imports stand inside the commands on purpose: `talkpath --help` must not wait for a media plane.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated, Optional

import typer

from . import preparing
from .exits import Exit
from .options import LIVE, OVER, RUN, SET_UP, TRY, ConfigFile, Database

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
    rich_markup_mode="markdown",  # the other one takes [api] for an instruction
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


app.command(
    rich_help_panel=SET_UP,
    epilog="Example:  talkpath init --pbx asterisk --address 192.0.2.10 --folder /etc/talkpath",
)(preparing.init)


@app.command(rich_help_panel=RUN, epilog="Example:  talkpath run -c /etc/talkpath/talkpath.toml")
def run(config: ConfigFile = None) -> None:
    """Run the daemon until it is stopped.

    SIGTERM or Ctrl-C takes no new calls and lets live ones finish; a second one hangs up at once.
    """
    from .commands import run_daemon

    raise typer.Exit(run_daemon(config))


@app.command(rich_help_panel=SET_UP, epilog="Example:  talkpath check -c talkpath.toml")
def check(config: ConfigFile = None) -> None:
    """Check the configuration and show what it would do. Opens nothing and calls nobody."""
    from .check import run_check

    raise typer.Exit(run_check(config))


@app.command(
    rich_help_panel=SET_UP,
    epilog="Examples:  talkpath doctor    talkpath doctor --json | jq .findings    talkpath doctor --offline",
)
def doctor(
    config: ConfigFile = None,
    json: Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not try to reach PBX and model.")] = False,
) -> None:
    """Find out why it does not work: SIP stack, addresses, ports, firewall, certificates, PBX, model, clock.

    Sends one OPTIONS to each PBX. Opens a session with the model and closes it again, which costs nothing.
    """
    from .doctor import run_doctor

    raise typer.Exit(run_doctor(config, as_json=json, offline=offline))


@app.command(rich_help_panel=RUN, epilog="Example:  talkpath call sip:1000@192.0.2.10 --agent reception")
def call(
    uri: Annotated[
        str,
        typer.Argument(
            metavar="NUMBER", help="Whom to call: sip:number@host; a running daemon takes plain numbers, too."
        ),
    ],
    config: ConfigFile = None,
    agent: Annotated[
        Optional[str],  # noqa: UP045 - typer shows it better
        typer.Option(metavar="NAME", help="Agent that talks; needed when there are several."),
    ] = None,
    trunk: Annotated[
        str,
        typer.Option(metavar="NAME", help="Trunk to call by. Default: the one whose PBX is at that host."),
    ] = "",
) -> None:
    """Place one call and let an agent talk. Ends when the call ends.

    A daemon that runs with this configuration and a token of [api.operate] is asked to call, and what it may
    call counts (outbound.allow); without one, the command is a daemon of its own for this one call.
    """
    from .commands import place_call

    raise typer.Exit(place_call(config, uri, agent, trunk))


@app.command(rich_help_panel=LIVE, epilog="Examples:  talkpath live    talkpath live --json | jq '.[].id'")
def live(
    config: ConfigFile = None,
    json: Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")] = False,
) -> None:
    """List the live calls of the running daemon; needs a token of [api.operate]."""
    from .remote import show_live

    raise typer.Exit(show_live(config, as_json=json))


LiveCall = Annotated[str, typer.Argument(metavar="CALL", help="Our id of a live call, or its beginning.")]


@app.command(rich_help_panel=LIVE, epilog="Example:  talkpath hangup 3f9a")
def hangup(call: LiveCall, config: ConfigFile = None) -> None:
    """End a live call of the running daemon."""
    from .remote import hang_up

    raise typer.Exit(hang_up(config, call))


@app.command(rich_help_panel=LIVE, epilog="Example:  talkpath hold 3f9a")
def hold(call: LiveCall, config: ConfigFile = None) -> None:
    """Put the caller of a live call on hold: its agent neither hears them nor speaks."""
    from .remote import hold as order

    raise typer.Exit(order(config, call, on=True))


@app.command(rich_help_panel=LIVE, epilog="Example:  talkpath resume 3f9a")
def resume(call: LiveCall, config: ConfigFile = None) -> None:
    """Give a caller on hold back to the agent."""
    from .remote import hold as order

    raise typer.Exit(order(config, call, on=False))


@app.command(
    rich_help_panel=LIVE,
    epilog='Examples:  talkpath transfer 3f9a sales --summary "Wants a new bell"    '
    "talkpath transfer 3f9a --number 700",
)
def transfer(
    call: LiveCall,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Name of one of the [[targets]].")] = "",
    config: ConfigFile = None,
    number: Annotated[
        str, typer.Option(metavar="NUMBER", help="A number instead, which outbound.allow must allow.")
    ] = "",
    summary: Annotated[
        str, typer.Option(metavar="TEXT", help="What the human is told: by the briefing, and by headers.")
    ] = "",
) -> None:
    """Transfer a live call of the running daemon to a human."""
    from .remote import transfer as transfer_call

    raise typer.Exit(transfer_call(config, call, target, number, summary))


@app.command(rich_help_panel=LIVE, epilog="Examples:  talkpath debug 3f9a    talkpath debug 3f9a --off")
def debug(
    *,
    call: LiveCall,
    config: ConfigFile = None,
    off: Annotated[bool, typer.Option("--off", help="Log it as other calls again.")] = False,
) -> None:
    """Log everything about a live call of the running daemon, its SIP messages too."""
    from .remote import debug as debug_call

    raise typer.Exit(debug_call(config, call, on=not off))


calls_app = typer.Typer(invoke_without_command=True, no_args_is_help=False)
app.add_typer(calls_app, name="calls", rich_help_panel=OVER)


@calls_app.callback(
    epilog="Examples:  talkpath calls --since 2h    talkpath calls --cause model_lost --json    "
    "talkpath calls --since 2026-11-01 --limit 100000 --csv > calls.csv"
)
def calls(
    *,
    context: typer.Context,
    config: ConfigFile = None,
    database: Database = "",
    since: Annotated[str, typer.Option(metavar="WHEN", help="2h, 7d, 2026-11-20 or 2026-11-20T14:00.")] = "",
    until: Annotated[str, typer.Option(metavar="WHEN", help="The same, for the end.")] = "",
    agent: Annotated[str, typer.Option(metavar="NAME", help="Agent that answered.")] = "",
    cause: Annotated[str, typer.Option(metavar="CAUSE", help="Why the call ended.")] = "",
    outcome: Annotated[
        str, typer.Option(metavar="OUTCOME", help="completed, transferred, refused, abandoned or failed.")
    ] = "",
    caller: Annotated[str, typer.Option("--from", metavar="NUMBER", help="Caller; * is anything.")] = "",
    called: Annotated[str, typer.Option("--to", metavar="NUMBER", help="Number called; * is anything.")] = "",
    said: Annotated[str, typer.Option(metavar="WORDS", help="Words in the transcript.")] = "",
    limit: Annotated[int, typer.Option(min=1, metavar="COUNT", help="Calls to show at most.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV, for spreadsheets.")] = False,
) -> None:
    """Show the calls that are over, the newest first; talkpath show tells one of them whole."""
    if context.invoked_subcommand is not None:
        return
    from .calls import list_calls
    from .filters import call_filter

    wanted = call_filter(
        since=since,
        until=until,
        agent=agent,
        cause=cause,
        outcome=outcome,
        caller=caller,
        called=called,
        said=said,
    )
    if isinstance(wanted, Exit):
        raise typer.Exit(wanted)
    raise typer.Exit(list_calls(config, database, wanted, limit=limit, as_json=json, as_csv=as_csv))


@calls_app.command(epilog="Example:  talkpath calls prune --older-than 30d")
def prune(
    config: ConfigFile = None,
    database: Database = "",
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="Age, like 30d; default: records.retention.")
    ] = "",
) -> None:
    """Delete old calls now; the daemon does it every day."""
    from .calls import prune_calls
    from .filters import age_of

    age = age_of(older_than)
    if isinstance(age, Exit):
        raise typer.Exit(age)
    raise typer.Exit(prune_calls(config, database, age))


@app.command(
    rich_help_panel=OVER,
    epilog="Examples:  talkpath show 3f9a    talkpath show 7c1e5d20@pbx.example.com    "
    "talkpath show 3f9a --json | jq .moments",
)
def show(
    name: Annotated[
        str, typer.Argument(metavar="CALL", help="Our id, the beginning of one, or the SIP Call-ID.")
    ],
    config: ConfigFile = None,
    database: Database = "",
    json: Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")] = False,
) -> None:
    """Show one call: facts, quality, the ladder of SIP and model events, transcript, cost."""
    from .show import show_call

    raise typer.Exit(show_call(config, database, name, as_json=json))


app.command(rich_help_panel=OVER, epilog="Example:  talkpath tune --since 7d")(preparing.tune)


@app.command(
    rich_help_panel=TRY,
    epilog="Example:  talkpath simulator --port 8765   prints what belongs into talkpath.toml",
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


@app.command(
    rich_help_panel=SET_UP,
    epilog="Examples:  talkpath bench    talkpath bench --audio pcm --json figures.json",
)
def bench(
    audio: Annotated[
        str,
        typer.Option(
            metavar="AUDIO",
            help="pcmu: G.711 to the model; pcm: 24 kHz; g722: wide band; srtp: G.711 with SRTP; tls: G.711 "
            "with TLS to the model.",
        ),
    ] = "pcmu",
    most: Annotated[int, typer.Option(min=1, max=1000, metavar="CALLS", help="Calls to try at most.")] = 500,
    json: Annotated[
        Optional[Path],  # noqa: UP045 - typer shows it better
        typer.Option("--json", metavar="FILE", help="Write the figures there, too."),
    ] = None,
) -> None:
    """Find out how many calls this machine carries, in about two minutes.

    Starts a daemon of its own with one worker, callers and a model on this machine, and raises the number of
    calls until callers would hear it. Needs two cores and no network.
    """
    from .commands import measure

    raise typer.Exit(measure(audio, most, json))


@app.command(rich_help_panel=TRY, epilog="Example:  talkpath demo transfer")
def demo(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="call, or transfer: the caller is handed to a human.")
    ] = "call",
) -> None:
    """Show a whole call on this machine: caller, bridge and model, without key, phone or network."""
    from .commands import show_demo

    raise typer.Exit(show_demo(what))


__all__ = ["Exit", "app"]
