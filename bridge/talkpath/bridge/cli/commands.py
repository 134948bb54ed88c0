"""The commands that start something: the daemon, a call, the simulator, the demo."""

# Imports stand inside the functions on purpose: each command pays only for what it uses.
# ruff: noqa: PLC0415

from __future__ import annotations

import secrets
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from talkpath.bridge.config.problems import nearest

from .exits import Exit, complain
from .settings import load_or_explain

if TYPE_CHECKING:
    from pathlib import Path

    from talkpath.bridge.config.model import Config


SIMULATOR_HINT = """\
A Realtime server without key and network. To use it, write into talkpath.toml:

    [realtime]
    url = "{url}"
    api_key = "any"

Ctrl-C ends it.
"""


def run_daemon(path: Path | None) -> int:
    """``talkpath run``."""
    loaded = load_or_explain(path)
    if isinstance(loaded, Exit):
        return loaded
    return _start(loaded.config, path=loaded.path)


def place_call(path: Path | None, uri: str, agent: str | None, trunk: str) -> int:
    """``talkpath call``: a daemon that places one call and ends with it."""
    loaded = load_or_explain(path)
    if isinstance(loaded, Exit):
        return loaded
    from .remote import place

    trunk = trunk or trunk_towards(loaded.config, uri)
    done = place(loaded.config, uri, agent or "", trunk)
    if done is not None:
        return done
    problem = call_problem(loaded.config, uri, agent, trunk)
    if problem:
        complain(problem)
        return Exit.USAGE
    from talkpath.sip.messages import Originate

    chosen = agent or next(iter(loaded.config.agents))
    return _start(
        loaded.config,
        # Who may start a daemon may choose whom it calls.
        originate=Originate(
            call=f"c-{secrets.token_hex(8)}", uri=uri, agent=chosen, trunk=trunk, vouched=True
        ),
    )


def trunk_towards(config: Config, uri: str) -> str:
    """Name of the first trunk whose registrar or proxy is the host of an address; empty: of none.

    That PBX wants our name and password from whoever calls by it.
    """
    from talkpath.sip.headers import uri_host

    host = uri_host(uri)
    return next((trunk.name for trunk in config.trunks if host in map(uri_host, trunk.servers)), "")


def call_problem(config: Config, uri: str, agent: str | None, trunk: str) -> str:
    """What is wrong with an order for a call; empty when nothing is."""
    from pydantic_core import PydanticCustomError

    from talkpath.bridge.config.values import parse_sip_uri

    try:
        parse_sip_uri(uri)
    except PydanticCustomError:
        return f"{uri} is not a SIP address. Write it like sip:1000@192.0.2.10."
    if agent is None and len(config.agents) > 1:
        return f"there are several agents. Choose one with --agent: {', '.join(config.agents)}."
    if agent is not None and agent not in config.agents:
        return f'there is no agent "{agent}". {nearest(agent, config.agents)}'
    trunks = [one.name for one in config.trunks]
    if trunk and trunk not in trunks:
        return f'there is no trunk "{trunk}". {nearest(trunk, trunks)}'
    return ""


def simulate(host: str, port: int, persona: str) -> int:
    """``talkpath simulator``."""
    import asyncio

    try:
        speaker = _attribute("talkpath.bridge.simulator.personas", "make_persona")(persona)
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}. Name the script like --persona script:story.toml.")
        return Exit.USAGE
    except (ValueError, ImportError, RuntimeError) as error:
        complain(str(error))
        return Exit.USAGE
    from talkpath.bridge.config.model import LogConfig
    from talkpath.bridge.observe.logs import set_up_logs

    set_up_logs(LogConfig())
    serve = _attribute("talkpath.bridge.simulator.server", "run_simulator")
    try:
        asyncio.run(serve(host, port, speaker, listening=_show_simulator))
    except KeyboardInterrupt:
        return Exit.OK
    except OSError as error:
        complain(f"cannot listen on {host}:{port}: {error.strerror or error}. Choose another --port.")
        return Exit.FAILED
    return Exit.OK


def _show_simulator(url: str) -> None:
    """Say how to use the simulator that listens there."""
    sys.stdout.write(SIMULATOR_HINT.format(url=url))
    sys.stdout.flush()


def show_demo(what: str) -> int:
    """``talkpath demo``."""
    modules = {"call": "talkpath.bridge.demo", "transfer": "talkpath.bridge.demo.transfer"}
    if what not in modules:
        complain(f'there is no demo "{what}". {nearest(what, modules)}')
        return Exit.USAGE
    try:
        return int(_attribute(modules[what], "main")() or 0)
    except ModuleNotFoundError as error:
        complain(f"the demo needs {error.name}. Install it with: pip install 'talkpath[demo]'")
        return Exit.FAILED


def measure(audio: str, most: int, output: Path | None) -> int:
    """``talkpath bench``."""
    from typing import cast, get_args

    from talkpath.bridge.benchmark.marks import CallMode

    if audio not in get_args(CallMode):
        complain(f'there is no audio "{audio}". {nearest(audio, get_args(CallMode))}')
        return Exit.USAGE
    try:
        done = _attribute("talkpath.bridge.benchmark.short", "run")(cast("CallMode", audio), most, output)
    except KeyboardInterrupt:
        return Exit.OK
    return Exit.OK if done else Exit.FAILED


def _start(config: Config, **options: Any) -> int:
    try:
        return int(_attribute("talkpath.bridge.daemon", "run")(config, **options) or 0)
    except KeyboardInterrupt:
        return Exit.OK


def _attribute(module: str, name: str) -> Any:
    """Import late, so that one command does not pay for another."""
    return getattr(import_module(module), name)
