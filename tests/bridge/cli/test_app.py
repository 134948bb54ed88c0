from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner, Result

from talkpath.bridge.cli import commands, doctor
from talkpath.bridge.cli.app import app
from talkpath.bridge.cli.exits import Exit, version
from talkpath.bridge.config.reference import FIRST_FILE
from talkpath.bridge.doctor.findings import Finding
from talkpath.bridge.observe.call_record import OUTCOMES
from talkpath.sip.messages import Originate

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.config.model import Config

LOCAL = '[realtime]\nurl = "ws://127.0.0.1:1/v1/realtime"\n[agents.a]\ninstructions = "x"\n'


def talkpath(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], env={"OPENAI_API_KEY": "sk-secret", "NO_COLOR": "1"})


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "talkpath.toml"
        path.write_text(text)
        return str(path)

    return write


# Help ------------------------------------------------------------------------------------------------


def test_help_lists_every_command_and_the_exit_codes() -> None:
    text = " ".join(talkpath("--help").output.split())
    for name in ("init", "tune", "run", "check", "doctor", "call", "simulator", "bench", "demo"):
        assert f"│ {name} " in text
    assert "Exit codes: 0 all is well" in text


@pytest.mark.parametrize(
    "command", ["init", "tune", "run", "check", "doctor", "call", "simulator", "bench", "demo"]
)
def test_every_command_has_an_example(command: str) -> None:
    assert f"talkpath {command}" in talkpath(command, "--help").output


@pytest.mark.parametrize(
    ("command", "words"),
    [("live", "[api.operate]"), ("transfer", "[[targets]]"), ("simulator", "talkpath[demo]")],
)
def test_names_in_brackets_survive_the_formatting_of_help(command: str, words: str) -> None:
    assert words in talkpath(command, "--help").output


def test_version_is_that_of_the_package() -> None:
    assert talkpath("--version").output == f"talkpath {version()}\n"


def test_help_does_not_wait_for_what_it_does_not_need() -> None:
    code = (
        "import sys\n"
        "from talkpath.bridge.cli.app import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "heavy = {'numpy', 'fastapi', 'uvicorn', 'pydantic', 'prometheus_client', 'structlog', 'pjsua2'}\n"
        "sys.exit(repr(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# check -----------------------------------------------------------------------------------------------


def test_check_tells_what_the_configuration_would_do(
    file: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("talkpath.bridge.cli.check.resolve", lambda _host: ["192.0.2.5"])
    found = talkpath("check", "-c", file(FIRST_FILE))
    assert found.exit_code == Exit.OK
    for text in (
        "listens on udp:0.0.0.0:5060",
        "all → reception",
        "gpt-realtime-2 at wss://api.openai.com/v1/realtime",
        "key: environment variable OPENAI_API_KEY",
        "api.openai.com is 192.0.2.5",
        "UDP ports 20000-29999",
        "http://127.0.0.1:9090/metrics",
    ):
        assert text in found.output
    assert "sk-secret" not in found.output


def test_check_refuses_a_bad_configuration_without_a_traceback(file: Callable[[str], str]) -> None:
    found = talkpath("check", "-c", file(LOCAL + "[sip]\nmax_cals = 3\nrtp_ports = 1\n"))
    assert found.exit_code == Exit.CONFIG
    assert 'Did you mean "max_calls"?' in found.output
    assert "2 problems. Nothing was started." in found.output
    assert "Traceback" not in found.output


def test_check_finds_tools_that_are_not_there(file: Callable[[str], str]) -> None:
    tools = 'tools = ["os.path:join", "os:nope", "no_such_module_here:x", "os:sep"]\n'
    found = talkpath("check", "-c", file(LOCAL + tools))
    assert found.exit_code == Exit.CONFIG
    assert "os:nope: module 'os' has no attribute 'nope'" in found.output
    assert "there is no module no_such_module_here" in found.output
    assert "os:sep: is not a function" in found.output
    assert "os.path:join:" not in found.output


def test_check_names_the_module_that_fails(
    file: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_tools_module.py").write_text("raise RuntimeError('no database')\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = talkpath("check", "-c", file(f'{LOCAL}tools = ["broken_tools_module:x"]\n'))
    assert "its module fails: RuntimeError: no database" in found.output


def test_without_any_configuration_the_places_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("talkpath.bridge.config.load.DEFAULT_PLACES", (Path("talkpath.toml"),))
    found = talkpath("check")
    assert found.exit_code == Exit.CONFIG
    assert "Name it with -c FILE" in found.output


# doctor ------------------------------------------------------------------------------------------------


def test_the_doctor_speaks_json(file: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Finding("ports", "ok", "free"), Finding("model", "fail", "gone", "repair it")]
    monkeypatch.setattr(doctor, "examine", lambda _path, *, offline: iter(found if offline else []))
    answer = talkpath("doctor", "--json", "--offline", "-c", file(LOCAL))
    assert answer.exit_code == Exit.UNHEALTHY
    document = json.loads(answer.output)
    assert document["verdict"] == "fail"
    assert document["findings"][1] == {
        "area": "model",
        "level": "fail",
        "message": "gone",
        "fix": "repair it",
    }


def test_a_warning_is_no_failure(file: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor, "examine", lambda *_a, **_k: iter([Finding("ports", "warn", "taken", "wait")])
    )
    answer = talkpath("doctor", "-c", file(LOCAL))
    assert answer.exit_code == Exit.OK
    assert "warn  ports      taken" in answer.output
    assert "→ wait" in answer.output


def test_the_doctor_looks_at_the_machine_even_when_the_configuration_is_bad(
    file: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "examine_stack", lambda *_a, **_k: [Finding("sip stack", "ok", "there")])
    answer = talkpath("doctor", "--json", "-c", file("[sip]\nx = 1\n"))
    areas = {finding["area"]: finding["level"] for finding in json.loads(answer.output)["findings"]}
    assert areas["config"] == "fail"
    assert areas["sip stack"] == "ok"
    assert "clock" in areas


# run, call, simulator, demo ---------------------------------------------------------------------------


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Record what the daemon would be started with."""
    started: list[dict[str, Any]] = []

    def run(config: Config, **options: Any) -> int:
        started.append({"config": config, **options})
        return 0

    monkeypatch.setattr(commands, "_attribute", lambda _module, _name: run)
    return started


def test_run_starts_the_daemon_with_the_configuration(
    file: Callable[[str], str], daemon: list[dict[str, Any]]
) -> None:
    assert talkpath("run", "-c", file(LOCAL)).exit_code == Exit.OK
    assert list(daemon[0]["config"].agents) == ["a"]


def test_run_starts_nothing_with_a_bad_configuration(
    file: Callable[[str], str], daemon: list[dict[str, Any]]
) -> None:
    assert talkpath("run", "-c", file("")).exit_code == Exit.CONFIG
    assert daemon == []


def test_call_orders_one_call_for_the_only_agent(
    file: Callable[[str], str], daemon: list[dict[str, Any]]
) -> None:
    alone = f'{LOCAL}[http]\nlisten = "127.0.0.1:0"\n'
    assert talkpath("call", "sip:1000@127.0.0.1", "-c", file(alone)).exit_code == Exit.OK
    order = daemon[0]["originate"]
    assert isinstance(order, Originate)
    assert (order.uri, order.agent) == ("sip:1000@127.0.0.1", "a")
    assert order.call


@pytest.mark.parametrize(
    ("uri", "trunk"),
    [("sip:100@PBX.example.com", "pbx"), ("sip:100@192.0.2.9:5070", "carrier"), ("sip:100@192.0.2.1", "")],
)
def test_a_call_to_the_host_of_a_trunk_goes_by_that_trunk(
    file: Callable[[str], str], daemon: list[dict[str, Any]], uri: str, trunk: str
) -> None:
    trunks = (
        '[http]\nenabled = false\n[[trunks]]\nname = "pbx"\nregister = "sip:pbx.example.com"\n'
        'username = "u"\npassword = "p"\n[[trunks]]\nname = "carrier"\noutbound_proxy = "sip:192.0.2.9"\n'
    )
    assert talkpath("call", uri, "-c", file(LOCAL + trunks)).exit_code == Exit.OK
    assert daemon[0]["originate"].trunk == trunk


def test_call_starts_no_second_daemon_beside_one_that_it_cannot_ask(
    file: Callable[[str], str], daemon: list[dict[str, Any]]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as running:
        text = f'{LOCAL}[http]\nlisten = "127.0.0.1:{running.getsockname()[1]}"\n'
        found = talkpath("call", "sip:1000@127.0.0.1", "-c", file(text))
    assert found.exit_code == Exit.FAILED
    assert "Add [api.operate]" in found.output
    assert daemon == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["1000"], "is not a SIP address"),
        (["sip:1@x"], "several agents"),
        (["sip:1@x", "--agent", "salse"], 'Did you mean "sales"?'),
        (["sip:1@x", "--agent", "sales", "--trunk", "t"], 'there is no trunk "t"'),
    ],
)
def test_call_explains_an_order_that_cannot_be(
    file: Callable[[str], str], daemon: list[dict[str, Any]], arguments: list[str], sentence: str
) -> None:
    two = LOCAL + '[http]\nenabled = false\n[agents.sales]\n[[routes]]\nto = "*"\nagent = "a"\n'
    found = talkpath("call", *arguments, "-c", file(two))
    assert found.exit_code == Exit.USAGE
    assert sentence in found.output
    assert daemon == []


def test_the_benchmark_names_the_audio_it_has() -> None:
    found = talkpath("bench", "--audio", "pcmuu")
    assert found.exit_code == Exit.USAGE
    assert 'Did you mean "pcmu"?' in found.stderr


def test_the_simulator_names_the_script_that_it_cannot_read() -> None:
    found = talkpath("simulator", "--persona", "script:nowhere.toml")
    assert found.exit_code == Exit.USAGE
    assert "nowhere.toml: No such file" in found.output


def test_the_help_of_calls_names_every_outcome() -> None:
    shown = talkpath("calls", "--help").output
    assert [outcome for outcome in OUTCOMES if outcome not in shown] == []


def test_the_simulator_names_the_personas_it_has() -> None:
    found = talkpath("simulator", "--persona", "ecco")
    assert found.exit_code == Exit.USAGE
    assert "echo" in found.output


def test_the_demo_says_what_to_install_when_its_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_module: str, _name: str) -> Any:
        raise ModuleNotFoundError("No module named 'voice'", name="voice")

    monkeypatch.setattr(commands, "_attribute", missing)
    found = talkpath("demo")
    assert found.exit_code == Exit.FAILED
    assert "pip install 'talkpath[demo]'" in found.output
