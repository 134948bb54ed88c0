from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from talkpath.bridge.config.describe import keys_of
from talkpath.bridge.config.transfer import LastResort, TargetConfig, TransferConfig, complaints

SALES: dict[str, Any] = {"name": "sales", "description": "Orders.", "uri": "700"}
WRITTEN = """
[[targets]]
name = "sales"
description = "Orders, prices and delivery times."
uri = ["700", "+49 30 901820", "sip:sales@pbx.example.com;transport=tcp"]
hours = ["mon-fri 09:00-17:30", "sat 10:00-14:00"]
holidays = ["12-25", "2026-04-03"]
timezone = "Europe/Berlin"
ring_timeout = "20s"
last_resort = { announcement = "nobody.wav" }

[agents.reception.transfer]
targets = ["sales"]
briefing_timeout = "45s"
headers = ["User-to-User"]
"""


def target(**more: Any) -> TargetConfig:
    return TargetConfig.model_validate(SALES | more)


def problem(error: ValidationError) -> tuple[str, str]:
    """Reason and hint of the only problem."""
    (one,) = error.errors()
    return one["msg"], one.get("ctx", {}).get("hint", "")


def test_what_an_operator_writes_is_read() -> None:
    data = tomllib.loads(WRITTEN)
    one = TargetConfig.model_validate(data["targets"][0])
    assert one.uri[1] == "+49 30 901820"
    assert one.ring_timeout == 20.0
    assert one.mode == "warm"
    assert isinstance(one.last_resort, LastResort)
    assert one.last_resort.announcement == Path("nobody.wav")
    own = TransferConfig.model_validate(data["agents"]["reception"]["transfer"])
    assert (own.targets, own.accept_key, own.decline_key) == (("sales",), "1", "2")


def test_one_destination_and_one_line_of_hours_need_no_list() -> None:
    one = target(hours="mon 09:00-10:00", timezone="UTC")
    assert one.uri == ("700",)
    assert one.hours == ("mon 09:00-10:00",)


def test_reading_back_from_json_gives_the_same() -> None:
    for last in ("agent", {"uri": "799"}, {"announcement": "/x.wav"}):
        one = target(last_resort=last, hours="daily 08:00-09:00", timezone="UTC")
        assert TargetConfig.model_validate_json(one.model_dump_json(by_alias=True)) == one
    own = TransferConfig(targets=("sales",), share=("reason",))
    assert TransferConfig.model_validate(json.loads(own.model_dump_json())) == own


@pytest.mark.parametrize(
    "uri", ["700", "*43", "+49 (30) 90-18.20", "sip:a@b", "sips:a@[::1]", "tel:+1", "bob"]
)
def test_what_can_be_called_is_taken(uri: str) -> None:
    assert target(uri=uri).uri == (uri,)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "two words",
        "http://x",
        "sip:",
        "sip:a@b?Replaces=x",
        'sip:"a"@b',
        "sip:a b@c",
        "a\nb",
        "x" * 65,
        "ü",
    ],
)
def test_what_cannot_be_called_is_refused(uri: str) -> None:
    with pytest.raises(ValidationError) as refused:
        target(uri=uri)
    assert "cannot be called" in problem(refused.value)[0]


@pytest.mark.parametrize(
    ("wrong", "reason", "hint"),
    [
        ({"hours": "always", "timezone": "UTC"}, "are no opening hours", "mon-fri 09:00-17:30"),
        ({"holidays": ["tomorrow"], "timezone": "UTC"}, "is not a date", "2026-04-03"),
        ({"hours": "mon 09:00-10:00"}, "no time zone", "timezone ="),
        ({"holidays": ["12-25"]}, "no time zone", "timezone ="),
        ({"timezone": "Berlin"}, "is not a time zone", "Europe/Berlin"),
        ({"timezone": "../../etc/passwd"}, "is not a time zone", "Europe/Berlin"),
    ],
)
def test_a_mistake_is_explained(wrong: dict[str, Any], reason: str, hint: str) -> None:
    with pytest.raises(ValidationError) as refused:
        target(**wrong)
    said = problem(refused.value)
    assert reason in said[0]
    assert hint in said[1]


@pytest.mark.parametrize("last", [{}, {"uri": "1", "announcement": "x"}])
def test_the_last_resort_is_one_thing(last: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="needs either uri or announcement"):
        LastResort.model_validate(last)


@pytest.mark.parametrize(
    "wrong",
    [{"uri": []}, {"name": "two words"}, {"ring_timeout": "1s"}, {"mode": "hot"}, {"last_resort": "cry"}],
)
def test_values_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        target(**wrong)


def test_one_key_cannot_mean_two_things() -> None:
    with pytest.raises(ValidationError, match="with the same key"):
        TransferConfig(targets=("sales",), accept_key="2")


def test_nothing_of_a_call_goes_into_headers_by_default() -> None:
    own = TransferConfig(targets=("sales",))
    assert own.headers == ()
    assert "caller" not in own.share


@pytest.mark.parametrize(
    ("wrong", "reason", "hint"),
    [
        ({"user_to_user_purpose": "a;b"}, '"a;b" is no parameter of a header', "isdn-uui"),
        ({"user_to_user_content": "two words"}, "is no parameter of a header", "isdn-uui"),
        ({"user_to_user_prefix": "4"}, '"4" is not hex', "two digits each"),
        ({"user_to_user_prefix": "0001020304"}, "is not hex", "up to four bytes"),
        ({"summary_bytes": 300}, "has summary_bytes, but X-Talkpath-Summary is not sent", "to headers"),
        ({"share": ["conversation"]}, "nothing to put into them", 'Add "reason" to share'),
    ],
)
def test_headers_that_cannot_be_written_are_explained(wrong: dict[str, Any], reason: str, hint: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TransferConfig.model_validate({"targets": ["sales"], "headers": ["User-to-User"], **wrong})
    said = problem(refused.value)
    assert reason in said[0]
    assert hint in said[1]


@pytest.mark.parametrize("key", [{"summary_bytes": 601}, {"summary_bytes": 19}, {"user_to_user_bytes": 257}])
def test_headers_have_limits_that_a_request_can_hold(key: dict[str, int]) -> None:
    names = ["X-Talkpath-Summary", "User-to-User"]
    with pytest.raises(ValidationError):
        TransferConfig.model_validate({"targets": ["sales"], "headers": names, **key})


def test_names_that_lead_nowhere_are_found() -> None:
    own = TransferConfig(targets=("sales", "suport"))
    targets = [target(), target(name="support", trunk="pbxx")]
    found = list(complaints(targets, {"a": own, "b": None}, {"pbx": "900"}))
    assert found == [
        (("targets", 1, "trunk"), 'there is no trunk "pbxx"', 'Did you mean "pbx"?'),
        (("agents", "a", "transfer", "targets"), 'there is no target "suport"', 'Did you mean "support"?'),
    ]


def test_a_name_twice_and_a_way_back_to_us_are_found(tmp_path: Path) -> None:
    twice = [target(), target(uri="900", last_resort={"announcement": str(tmp_path / "missing.wav")})]
    found = [(path, reason) for path, reason, _ in complaints(twice, {}, {"pbx": "900", "carrier": ""})]
    assert found == [
        (("targets", 0, "name"), 'the name "sales" is taken'),
        (("targets", 1, "name"), 'the name "sales" is taken'),
        (("targets", 1, "uri"), '"900" is our own registration'),
        (("targets", 1, "last_resort", "announcement"), f"there is no file {tmp_path / 'missing.wav'}"),
    ]


def test_a_sound_configuration_has_nothing_to_complain_about(tmp_path: Path) -> None:
    (tmp_path / "nobody.wav").touch()
    one = target(trunk="pbx", last_resort={"announcement": str(tmp_path / "nobody.wav")})
    assert not list(complaints([one], {"a": TransferConfig(targets=("sales",))}, {"pbx": "900"}))


def test_the_manual_can_describe_every_key() -> None:
    for model in (TargetConfig, TransferConfig, LastResort):
        for key in keys_of(model):
            assert key.meaning.endswith((".", '"')), key
            assert key.kind
            assert key.example, key
