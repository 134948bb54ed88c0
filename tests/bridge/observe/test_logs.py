from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from talkpath.bridge.config.model import LogConfig
from talkpath.bridge.observe.logs import DEBUGGED, mask, set_up_logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Logging is global: put it back for the other tests."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    named = {name: logging.getLogger(name).level for name in ("websockets", "uvicorn.error", "asyncio")}
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in named.items():
        logging.getLogger(name).setLevel(before)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


PLAIN = LogConfig()


def logged(_settings: LogConfig = PLAIN, /, **facts: Any) -> dict[str, Any]:
    stream = io.StringIO()
    set_up_logs(_settings, stream=stream, process="worker-0")
    structlog.get_logger("test").info("event", **facts)
    return lines(stream)[0]


def test_where_there_is_no_terminal_a_line_is_json_with_the_time_in_utc() -> None:
    line = logged(answer=42)
    assert list(line)[:4] == ["timestamp", "level", "event", "process"]
    assert line["timestamp"].endswith("Z")
    assert (line["event"], line["process"], line["answer"]) == ("event", "worker-0", 42)


@pytest.mark.parametrize(
    "key", ["password", "api_key", "API-Key", "authorization", "token", "session_token", "secret", "cookie"]
)
def test_what_looks_like_a_secret_by_its_key_is_redacted(key: str) -> None:
    assert logged(**{key: "hunter2"})[key] == "***"
    assert logged(headers={key: "hunter2"})["headers"][key] == "***"


@pytest.mark.parametrize("key", ["tokens_audio_in", "tokens", "secret_source", "token_count"])
def test_counts_of_tokens_are_no_secrets(key: str) -> None:
    assert logged(**{key: 5})[key] == 5


def test_what_looks_like_a_secret_by_itself_is_redacted_in_any_text() -> None:
    line = logged(note="sent Bearer abcdefghijkl and sk-proj-12345678 there", deep=[["Basic dXNlcjpwYXNz"]])
    assert line["note"] == "sent *** and *** there"
    assert line["deep"] == [["***"]]


def test_a_secret_inside_an_exception_is_redacted() -> None:
    stream = io.StringIO()
    set_up_logs(LogConfig(), stream=stream)
    try:
        int("refused Bearer abcdefghijkl")
    except ValueError:
        structlog.get_logger("test").exception("broke")
    line = lines(stream)[0]
    assert "ValueError: invalid" in line["exception"]
    assert "refused ***" in line["exception"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_a_caller_sends_makes_no_line_and_commands_no_terminal(form: str) -> None:
    stream = io.StringIO()
    set_up_logs(LogConfig.model_validate({"format": form, "private": True}), stream=stream)
    hostile = "x\r\nevent=call_ended\x1b[2J\x7f\x9b2J\u202eabc\u2066\u2028\u2029"
    structlog.get_logger("test").info("event", pii_caller=hostile, deep={"header": [hostile]})
    logging.getLogger("some.library").warning("bad offer %s", hostile)
    text = stream.getvalue()
    assert text.count("\n") == len(text.splitlines()) == 2
    assert text.replace("\n", "").isprintable()
    if form == "json":
        assert lines(stream)[0]["pii_caller"] == hostile
        assert lines(stream)[1]["event"] == f"bad offer {hostile}"


def test_endless_nesting_is_cut() -> None:
    deep: list[Any] = []
    for _ in range(50):
        deep = [deep]
    assert "…" in json.dumps(logged(deep=deep), ensure_ascii=False)


def test_private_values_are_masked_unless_the_operator_asks_for_them() -> None:
    private = {"pii_from": "sip:+493012345@pbx", "pii_words": "my name is", "pii_none": ""}
    line = logged(**private)
    assert (line["pii_from"], line["pii_words"], line["pii_none"]) == ("…45", "…", "")
    line = logged(LogConfig(private=True), **private)
    assert line["pii_words"] == "my name is"


@pytest.mark.parametrize(("value", "shown"), [("12345", "…"), ("+123456", "…56"), (None, ""), (["a"], "…")])
def test_of_a_number_two_digits_are_left(value: object, shown: str) -> None:
    assert mask(value) == shown


def test_libraries_log_in_the_same_format_and_under_the_same_rules() -> None:
    stream = io.StringIO()
    set_up_logs(LogConfig(), stream=stream)
    logging.getLogger("some.library").warning("sent %s", "Bearer abcdefghijkl")
    logging.getLogger("websockets.client").info("chatter")
    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("sent ***", "some.library", "warning")


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.StringIO()
    set_up_logs(LogConfig(level="warning"), stream=stream)
    structlog.get_logger("test").info("quiet")
    logging.getLogger("some.library").info("quiet")
    assert stream.getvalue() == ""


def test_the_console_format_is_for_people() -> None:
    stream = io.StringIO()
    set_up_logs(LogConfig(format="console"), stream=stream)
    structlog.get_logger("test").info("hello", empty="", nothing=None, zero=0)
    text = stream.getvalue()
    assert "hello" in text
    assert "zero=0" in text
    assert "empty" not in text
    assert "nothing" not in text
    assert "\x1b[" not in text


def test_a_call_that_is_debugged_says_all_and_the_others_do_not() -> None:
    stream = io.StringIO()
    set_up_logs(LogConfig(level="warning"), stream=stream)
    log = structlog.get_logger("test")
    DEBUGGED.add("c-1")
    try:
        for call in ("c-1", "c-2"):
            log.debug("step", call=call)
            log.warning("odd", call=call)
        log.info("nobody's")
    finally:
        DEBUGGED.discard("c-1")
    log.debug("step", call="c-1")
    found = [(line["event"], line.get("call")) for line in lines(stream)]
    assert found == [("step", "c-1"), ("odd", "c-1"), ("odd", "c-2")]
