from __future__ import annotations

from http import HTTPStatus

import pytest

from talkpath.bridge.api.access import Access, Gate
from talkpath.bridge.api.problems import ApiError
from talkpath.bridge.config.api import ApiConfig
from talkpath.bridge.http.loopback import is_loopback

READ, OPERATE = "r" * 24, "o" * 24


def gate(*, remote: bool = False) -> Gate:
    tokens = {"read": {"wall": READ}, "operate": {"al": OPERATE}}
    config = ApiConfig.model_validate({**tokens, "remote": remote})
    return Gate(lambda: config)


def test_a_token_says_who_asks_and_what_they_may() -> None:
    assert gate().identify(f"Bearer {READ}") == Access("wall", "read")
    assert gate().identify(f"bearer  {OPERATE}") == Access("al", "operate")
    assert not Access("wall", "read").may_operate


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", f"Basic {READ}", READ, "Bearer rrr", "Bearer \xff"]
)
def test_everybody_else_is_unauthorized(header: str | None) -> None:
    with pytest.raises(ApiError) as refusal:
        gate().identify(header)
    assert refusal.value.status is HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_ask(host: str) -> None:
    assert is_loopback(host)
    gate().check_source(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "localhost", "", None])
def test_others_may_ask_only_when_the_configuration_lets_them(host: str | None) -> None:
    gate(remote=True).check_source(host)
    with pytest.raises(ApiError) as refusal:
        gate().check_source(host)
    assert refusal.value.status is HTTPStatus.FORBIDDEN


def test_no_token_is_in_a_repr() -> None:
    config = ApiConfig.model_validate({"read": {"wall": READ}})
    assert READ not in repr(config)
    assert READ not in str(vars(gate()))
