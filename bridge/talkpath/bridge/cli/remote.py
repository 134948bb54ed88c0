"""``talkpath live``, ``hangup``, ``hold``, ``transfer``, ``debug``, ``call``: clients of a daemon's API."""

from __future__ import annotations

import functools
import json
import socket
import sys
from typing import TYPE_CHECKING, Any, Final, Self

import httpx2
from rich.table import Table

from talkpath.bridge.api.app import PREFIX
from talkpath.bridge.config.values import HostPort

from .calls import console, plain
from .exits import Exit, complain
from .settings import load_or_explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from talkpath.bridge.config.model import Config

EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask one that listens there
PATIENCE: Final = 15.0
NOBODY_MAY: Final = (
    "the configuration has no token that may operate. Add [api.operate] with a name and a token, and restart "
    "the daemon."
)


class DaemonError(Exception):
    """The daemon cannot be asked, or says no; the sentence says why."""


class NoDaemonError(DaemonError):
    """Nobody answers at the daemon's address."""


def _address(config: Config) -> HostPort:
    listen = config.http.listen
    return HostPort(EVERYWHERE.get(listen.host, listen.host), listen.port)


class RemoteDaemon:
    """The daemon that runs with this configuration. A context manager.

    Args:
        config: Has its address and a token.

    Raises:
        DaemonError: There is no token that may operate.
    """

    def __init__(self, config: Config) -> None:
        tokens = list(config.api.operate.values())
        if not tokens:
            raise DaemonError(NOBODY_MAY)
        self._address = _address(config)
        self._http = httpx2.Client(
            base_url=f"http://{self._address}{PREFIX}/",
            headers={"Authorization": f"Bearer {tokens[0].get_secret_value()}"},
            timeout=PATIENCE,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def calls(self) -> list[dict[str, Any]]:
        """The live calls."""
        found: list[dict[str, Any]] = self._ask("GET", "calls")["calls"]
        return found

    def find(self, name: str) -> str:
        """The whole id of the live call that begins so; the ``c-`` may be left out.

        Raises:
            DaemonError: there is none, or several.
        """
        ids = [call["id"] for call in self.calls() if call["id"].startswith((name, f"c-{name}"))]
        if len(ids) == 1:
            return str(ids[0])
        if not ids:
            raise DaemonError(f'there is no live call "{name}". List them with: talkpath live')
        raise DaemonError(f'several calls fit "{name}": {", ".join(ids)}. Write more of it.')

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Order something.

        Raises:
            DaemonError: it was refused.
        """
        return self._ask("POST", path, body)

    def events(self) -> Iterator[dict[str, Any]]:
        """What happens, until the stream ends."""
        try:
            with self._http.stream("GET", "events", timeout=httpx2.Timeout(PATIENCE, read=60.0)) as answer:
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        yield json.loads(line.removeprefix("data: "))
        except httpx2.HTTPError as error:
            raise DaemonError(f"the stream of events broke: {error}") from None

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx2.ConnectError:
            raise NoDaemonError(f"no daemon answers at {self._address}. Is it running?") from None
        except httpx2.HTTPError as error:
            raise DaemonError(f"the daemon at {self._address} does not answer: {error}") from None
        if answer.is_error:
            raise DaemonError(_reason(answer))
        return answer.json() if answer.content else None


def _reason(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the daemon answers {answer.status_code}"


def show_live(path: Path | None, *, as_json: bool) -> int:
    """``talkpath live``."""
    return _with_daemon(path, functools.partial(_print_calls, as_json=as_json))


def _print_calls(daemon: RemoteDaemon, *, as_json: bool) -> int:
    calls = daemon.calls()
    if as_json:
        sys.stdout.write(json.dumps(calls, indent=2, ensure_ascii=False) + "\n")
        return Exit.OK
    table = Table("call", "state", "agent", "from", "to", "turns", box=None, pad_edge=False)
    for call in calls:
        facts = (call[key] for key in ("id", "state", "agent", "caller", "called", "turns"))
        table.add_row(*(plain(str(fact)) for fact in facts))
    console().print(table if calls else "No calls at the moment.")
    return Exit.OK


def hang_up(path: Path | None, call: str) -> int:
    """``talkpath hangup``."""
    return _order(path, call, "hangup")


def debug(path: Path | None, call: str, *, on: bool) -> int:
    """``talkpath debug``."""
    return _order(path, call, "debug", {"on": on})


def hold(path: Path | None, call: str, *, on: bool) -> int:
    """``talkpath hold`` and ``talkpath resume``."""
    return _order(path, call, "hold" if on else "resume")


def transfer(path: Path | None, call: str, target: str, number: str, summary: str) -> int:
    """``talkpath transfer``."""
    if bool(target) == bool(number):
        complain("say where to: a target of the configuration, or --number.")
        return Exit.USAGE
    return _order(path, call, "transfer", {"target": target, "number": number, "summary": summary})


def place(config: Config, to: str, agent: str, trunk: str) -> int | None:
    """Let the running daemon place a call, and follow it to its end; None: no daemon is running.

    Returns:
        The exit code: 0 only when somebody answered.
    """
    if not config.http.enabled:
        return None
    if not config.api.operate:
        return _without_token(config)
    try:
        with RemoteDaemon(config) as daemon:
            return _follow(daemon, {"to": to, "agent": agent, "trunk": trunk})
    except NoDaemonError:
        return None
    except DaemonError as problem:
        complain(str(problem))
        return Exit.FAILED


def _without_token(config: Config) -> int | None:
    """Say what to do when a daemon runs that cannot be asked: a second one would find its ports taken."""
    address = _address(config)
    try:
        socket.create_connection((address.host, address.port), PATIENCE).close()
    except OSError:
        return None
    complain(
        f"a daemon, as it seems, has {address} already, and cannot be asked to call without a token. "
        "Add [api.operate] with a name and a token, and restart it; or stop it first."
    )
    return Exit.FAILED


def _follow(daemon: RemoteDaemon, wanted: dict[str, Any]) -> int:
    daemon.calls()  # tells whether there is a daemon at all, before anything is ordered
    call = ""
    for event in daemon.events():
        if event["kind"] == "snapshot":
            call = daemon.post("calls", wanted)["call"]
            _say(f"{call}: the daemon calls")
        elif event["kind"] == "call.changed" and event["what"] == "state" and event["call"]["id"] == call:
            _say(f"{call}: {event['call']['state'].replace('_', ' ')}")
        elif event["kind"] == "call.ended" and event["call"] == call:
            _say(f"{call}: {event['outcome']}, {event['cause'].replace('_', ' ')} {event['reason']}".rstrip())
            return Exit.OK if event["outcome"] in {"completed", "transferred"} else Exit.FAILED
    complain("the daemon ended before the call did.")
    return Exit.FAILED


def _say(line: str) -> None:
    sys.stdout.write(f"{plain(line)}\n")
    sys.stdout.flush()


def _order(path: Path | None, call: str, what: str, body: dict[str, Any] | None = None) -> int:
    """Order something about a live call that is named by the beginning of its id."""

    def order(daemon: RemoteDaemon) -> int:
        daemon.post(f"calls/{daemon.find(call)}/{what}", body)
        return Exit.OK

    return _with_daemon(path, order)


def _with_daemon(path: Path | None, work: Callable[[RemoteDaemon], int]) -> int:
    loaded = load_or_explain(path)
    if isinstance(loaded, Exit):
        return loaded
    try:
        with RemoteDaemon(loaded.config) as daemon:
            return work(daemon)
    except DaemonError as problem:
        complain(str(problem))
        return Exit.FAILED
