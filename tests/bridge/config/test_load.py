from __future__ import annotations

from pathlib import Path

import pytest

from talkpath.bridge.config.load import Loaded, find_config, load, load_text
from talkpath.bridge.config.problems import ConfigError, Problem
from talkpath.bridge.config.process_settings import from_json, to_json
from talkpath.bridge.config.reference import FIRST_FILE

KEY = {"OPENAI_API_KEY": "sk-very-secret"}
AGENT = "[agents.a]\n"
LOCAL = '[realtime]\nurl = "ws://127.0.0.1:1/v1/realtime"\n'


def read(text: str, environment: dict[str, str] | None = None, folder: Path = Path("/nowhere")) -> Loaded:
    return load_text(text, folder / "talkpath.toml", environment or {})


def problems(
    text: str, environment: dict[str, str] | None = None, folder: Path = Path("/x")
) -> list[Problem]:
    with pytest.raises(ConfigError) as refused:
        read(text, environment, folder)
    return list(refused.value.problems)


def only(found: list[Problem]) -> Problem:
    assert len(found) == 1, found
    return found[0]


# The first file ------------------------------------------------------------------------------------


def test_the_first_file_a_user_writes_works() -> None:
    config = read(FIRST_FILE, KEY).config
    assert str(config.sip.listen[0]) == "udp:0.0.0.0:5060"
    assert config.agents["reception"].greeting == "Hello, bicycle shop, how can I help?"
    assert config.realtime.model == "gpt-realtime-2"
    key = config.realtime.api_key
    assert key is not None
    assert key.get_secret_value() == "sk-very-secret"


def test_without_a_key_the_first_file_says_which_variable_to_set() -> None:
    problem = only(problems(FIRST_FILE))
    assert problem.key == "realtime.api_key"
    assert "export OPENAI_API_KEY=" in problem.hint
    assert problem.line == FIRST_FILE.splitlines().index("[realtime]") + 1


def test_an_empty_file_asks_for_an_agent() -> None:
    assert any(problem.key == "agents" and "[agents.reception]" in problem.hint for problem in problems(""))


# Problems ------------------------------------------------------------------------------------------


def test_an_unknown_key_is_refused_with_the_nearest_right_one_and_its_line() -> None:
    problem = only(problems(f'{LOCAL}{AGENT}[sip]\n\nlistne = ["udp:0.0.0.0"]\n'))
    assert problem == Problem("/x/talkpath.toml", 6, "sip.listne", "unknown key", 'Did you mean "listen"?')


def test_an_unknown_section_is_refused_with_the_nearest_right_one() -> None:
    problem = only(problems(f"{LOCAL}{AGENT}[agent.b]\n"))
    assert problem.hint == 'Did you mean "agents"?'


def test_all_problems_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = (
        f'[sip]\nmax_calls = 0\nrtp_ports = "1"\n{LOCAL}{AGENT}voice = 3\nspeed = 9\n[log]\nlevel = "loud"\n'
    )
    found = problems(text)
    assert [problem.key for problem in found] == [
        "sip.max_calls",
        "sip.rtp_ports",
        "agents.a.voice",
        "agents.a.speed",
        "log.level",
    ]
    assert [problem.line for problem in found] == [2, 3, 7, 8, 10]


def test_the_second_of_two_trunks_is_found_at_its_own_line() -> None:
    trunks = '[[trunks]]\nname = "a"\nmatch = ["10.0.0.1"]\n[[trunks]]\nname = "b"\nmatch = ["pbx"]\n'
    problem = only(problems(LOCAL + AGENT + trunks))
    assert (problem.key, problem.line) == ("trunks[2].match[1]", 9)


def test_text_inside_long_strings_is_not_taken_for_keys() -> None:
    text = f'{LOCAL}{AGENT}instructions = """\nspeed = 1\n"""\nspeed = 9\n'
    assert only(problems(text)).line == 7


def test_broken_toml_is_named_with_its_line() -> None:
    problem = only(problems("[sip]\nlisten = udp\n"))
    assert problem.line == 2
    assert "is not TOML" in problem.reason
    assert "quotes" in problem.hint


def test_a_wrong_alternative_is_explained_once() -> None:
    assert only(problems(f"{LOCAL}{AGENT}max_output_tokens = 9999\n")).reason.startswith("should be less")


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        (f"{AGENT}greeting = 5\n", "must be text, but is 5", 'Write it in quotes: greeting = "…"'),
        (f'{AGENT}[sip]\nlisten = "udp:0.0.0.0"\n', "must be a list", "Write it in brackets: listen = […]"),
        (f'{AGENT}hang_up_tool = "maybe"\n', "must be true or false", "Write hang_up_tool = true"),
        (f'{AGENT}[sip]\nmax_calls = "many"\n', "must be a whole number", "Write max_calls = 1,"),
        (f'{AGENT}transfer = "sales"\n', "must be a table", "Write it as a section: [agents.a.transfer]"),
    ],
)
def test_a_value_of_another_type_is_told_in_the_words_of_toml(text: str, reason: str, hint: str) -> None:
    problem = only(problems(LOCAL + text))
    assert problem.reason.startswith(reason)
    assert problem.hint.startswith(hint)


def test_a_choice_that_is_none_lists_the_choices() -> None:
    problem = only(problems(f'{LOCAL}{AGENT}[sip]\ncodecs = ["PCMU", "G729"]\n'))
    assert problem.key == "sip.codecs[2]"
    assert problem.hint == 'Choose "PCMU", "PCMA", "G722" or "OPUS".'


def test_secrets_are_not_repeated_in_problems() -> None:
    trunk = '[[trunks]]\nname = "a"\npassword = ["hunter2"]\nmatch = ["10.0.0.1"]\n'
    found = problems(f"{LOCAL}api_key = 12345678\n{AGENT}{trunk}")
    assert {problem.key for problem in found} == {"realtime.api_key", "trunks[1].password"}
    assert not any("1234" in str(problem) or "hunter2" in str(problem) for problem in found)


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ('[[routes]]\nto = "*"\nagent = "b"\n', "routes[1].agent", 'there is no agent "b"'),
        ('[[routes]]\ntrunk = "t"\nagent = "a"\n', "routes[1].trunk", 'there is no trunk "t"'),
        ('[[routes]]\nto = "/(/"\nagent = "a"\n', "routes[1].to", "is not a regular expression"),
        ("[[routes]]\nto = '1'\n", "routes[1]", "needs either agent or reject"),
        ('[[trunks]]\nname = "t"\n', "trunks[1]", "neither registers nor matches"),
        ('[[trunks]]\nname = "t"\nregister = "sip:x"\n', "trunks[1]", "without a user name"),
        (
            '[[trunks]]\nname = "t"\nregister = "sip:x:99999"\nusername = "u"\n',
            "trunks[1].register",
            "port that cannot be",
        ),
        ('[sip]\nlisten = ["tls:0.0.0.0"]\n', "sip", "has no certificate"),
        ('[sip]\nlisten = ["udp:0.0.0.0", "udp:0.0.0.0:5060"]\n', "sip", "twice"),
        ('[sip.tls]\nca = "nope.pem"\n', "sip.tls.ca", "there is no file /x/nope.pem"),
        ("[agents.b]\n", "routes", "several agents (a, b)"),
        ('[[trunks]]\nname = "console"\nmatch = ["192.0.2.1"]\n', "trunks[1].name", "calls from browsers"),
        ("[phone]\nenabled = true\n", "phone.enabled", "needs a token of [api] operate"),
        ('[phone]\nagents = ["b"]\n', "phone.agents[1]", 'there is no agent "b"'),
        ('[phone]\ntrunk = "t"\n', "phone.trunk", 'there is no trunk "t"'),
        ('[phone]\naddresses = ["here"]\n', "phone.addresses[1]", "is not an IP address"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(text: str, key: str, reason: str) -> None:
    problem = only(problems(LOCAL + AGENT + text))
    assert problem.key == key
    assert reason in problem.reason


# Environment ----------------------------------------------------------------------------------------


def test_the_environment_overrides_keys_lists_and_agents_with_dashes() -> None:
    environment = {
        "TALKPATH_SIP__MAX_CALLS": "50",
        "TALKPATH_SIP__CODECS": '["PCMA"]',
        "TALKPATH_AGENTS__FRONT_DESK__VOICE": "cedar",
        "TALKPATH_TRUNKS__0__NAME": "other",
        "TALKPATH_CONFIG": "/a/b",
    }
    loaded = read(f'{LOCAL}[agents.front-desk]\n[[trunks]]\nname = "a"\nmatch = ["10.0.0.1"]\n', environment)
    assert loaded.config.sip.max_calls == 50
    assert loaded.config.sip.codecs == ("PCMA",)
    assert loaded.config.agents["front-desk"].voice == "cedar"
    assert loaded.config.trunks[0].name == "other"
    assert loaded.overrides["sip", "max_calls"] == "TALKPATH_SIP__MAX_CALLS"


def test_a_problem_in_the_environment_names_the_variable() -> None:
    problem = only(problems(LOCAL + AGENT, {"TALKPATH_SIP__MAX_CALLS": "many"}))
    assert (problem.source, problem.line) == ("TALKPATH_SIP__MAX_CALLS", 0)


@pytest.mark.parametrize(
    "name",
    ["TALKPATH_TRUNKS__7__NAME", "TALKPATH_SIP__MAX_CALLS__X", "TALKPATH_SIP____X", "TALKPATH_TRUNKS__X__Y"],
)
def test_a_variable_that_leads_nowhere_is_refused(name: str) -> None:
    text = f'{LOCAL}{AGENT}[[trunks]]\nname = "a"\nmatch = ["10.0.0.1"]\n[sip]\nmax_calls = 3\n'
    assert only(problems(text, {name: "1"})).source == name


# Secrets and files -----------------------------------------------------------------------------------


def test_secrets_come_from_variables_and_files_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    (tmp_path / "words.md").write_text("Be brief.\n")
    text = (
        f'{LOCAL}api_key_file = "key"\nheaders = {{ X-Key = "env:OTHER" }}\n'
        '[agents.a]\ninstructions_file = "words.md"\n'
        '[[trunks]]\nname = "a"\nmatch = ["10.0.0.1"]\npassword = "file:key"\n'
    )
    loaded = read(text, {"OTHER": "value"}, tmp_path)
    config = loaded.config
    assert config.realtime.api_key is not None
    assert config.realtime.api_key.get_secret_value() == "from-file"
    assert config.realtime.headers["X-Key"].get_secret_value() == "value"
    assert config.agents["a"].instructions == "Be brief."
    assert config.trunks[0].password is not None
    assert config.trunks[0].password.get_secret_value() == "from-file"
    assert loaded.origins["realtime", "api_key"] == f"file {tmp_path / 'key'}"


def test_a_secret_file_that_is_not_there_is_named_and_its_key_is_not_called_missing_too() -> None:
    problem = only(problems('[realtime]\napi_key_file = "nope"\n' + AGENT))
    assert problem.key == "realtime.api_key_file"
    assert "cannot read /x/nope: No such file" in problem.reason
    assert problem.line == 2


def test_a_variable_that_is_not_set_is_named() -> None:
    problem = only(problems('[realtime]\napi_key = "env:NOPE"\n' + AGENT))
    assert problem.reason == "environment variable NOPE is not set"


def test_a_key_and_its_file_cannot_both_stand_there() -> None:
    assert (
        only(problems(f'{LOCAL}api_key = "a"\napi_key_file = "b"\n{AGENT}')).reason == "stands beside api_key"
    )


def test_no_key_is_sent_to_a_host_it_is_not_for() -> None:
    assert read(LOCAL + AGENT, KEY).config.realtime.api_key is None


@pytest.mark.parametrize("host", ["x.openai.azure.com", "x.cognitiveservices.azure.com"])
def test_azure_has_its_own_variable(host: str) -> None:
    text = f'[realtime]\nurl = "wss://{host}/openai/v1/realtime"\n{AGENT}'
    assert "AZURE_OPENAI_API_KEY" in only(problems(text, KEY)).hint
    assert read(text, {"AZURE_OPENAI_API_KEY": "k"}).config.realtime.api_key is not None


def test_a_host_that_only_ends_like_openai_gets_no_key() -> None:
    text = f'[realtime]\nurl = "wss://evilopenai.com/v1/realtime"\n{AGENT}'
    assert read(text, KEY).config.realtime.api_key is None


# The file --------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_or_not_text_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "nope.toml")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load(tmp_path / "binary")


def test_the_file_is_looked_for_here_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talkpath.toml").touch()
    assert find_config() == Path("talkpath.toml")
    assert find_config(Path("/a")) == Path("/a")


def test_a_worker_gets_the_same_configuration_as_json_with_its_secrets() -> None:
    config = read(FIRST_FILE, KEY).config
    text = to_json(config)
    assert from_json(text) == config
    assert "sk-very-secret" in text


def test_secrets_are_in_no_repr_and_no_ordinary_dump() -> None:
    text = FIRST_FILE + '[[trunks]]\nname = "a"\nmatch = ["10.0.0.1"]\npassword = "hunter2"\n'
    config = read(text, KEY).config
    for shown in (repr(config), str(config), config.model_dump_json(), str(config.model_dump())):
        assert "sk-very-secret" not in shown
        assert "hunter2" not in shown


def test_a_limit_in_dollars_needs_a_model_whose_price_is_known() -> None:
    agent = "[agents.a]\nmax_cost = 2.5\n"
    problem = only(problems(LOCAL + 'model = "my-own"\n' + agent))
    assert problem.key == "agents.a.max_cost"
    assert "my-own" in problem.reason
    assert read(LOCAL + agent).config.agents["a"].max_cost == 2.5
