from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.sip import digest

ACCOUNT = digest.Account("pbx", "correct horse", "talkpath")
SECRET = b"k" * 32


def attempt(authorization: str = "", **changes: str) -> digest.Attempt:
    fields = {"source": "192.0.2.1", "method": "INVITE", "call_id": "c1", **changes}
    return digest.Attempt(authorization=authorization, **fields)


def answer(
    challenge: str, *, password: str = ACCOUNT.password, method: str = "INVITE", user: str = "pbx"
) -> str:
    """Credentials as a client of other people's making computes them."""
    auth = httpx.DigestAuth(user, password)
    request = httpx.Request(method, "http://600")
    flow = auth.auth_flow(request)
    next(flow)
    headers = {"WWW-Authenticate": challenge}
    return str(flow.send(httpx.Response(401, headers=headers, request=request)).headers["Authorization"])


def challenged(index: int, now: float = 100.0) -> str:
    return digest.Authenticator(SECRET).challenge(attempt(), "talkpath", now)[index][1]


@pytest.mark.parametrize("index", [0, 1])
def test_a_foreign_client_with_the_right_password_is_let_in(index: int) -> None:
    found = digest.Authenticator(SECRET).verify(attempt(answer(challenged(index))), ACCOUNT, 101.0)
    assert found == "good"


def test_the_stronger_algorithm_is_asked_for_first() -> None:
    headers = digest.Authenticator(SECRET).challenge(attempt(), 'a"b', 1.0, stale=True)
    assert [value.rpartition("=")[2] for _, value in headers] == ["SHA-256", "MD5"]
    assert all('realm="a\\"b"' in value and "stale=true" in value for _, value in headers)


@pytest.mark.parametrize(
    ("changes", "now", "finding"),
    [
        ({"password": "wrong"}, 101.0, "wrong"),
        ({"user": "other"}, 101.0, "wrong"),
        ({"method": "REGISTER"}, 101.0, "wrong"),
        ({}, 100.0 + digest.NONCE_SECONDS + 1, "stale"),
        ({}, 99.0, "stale"),
    ],
)
def test_what_is_not_right(changes: dict[str, str], now: float, finding: digest.Finding) -> None:
    credentials = answer(challenged(0), **changes)
    assert digest.Authenticator(SECRET).verify(attempt(credentials), ACCOUNT, now) == finding


@pytest.mark.parametrize("changes", [{"source": "192.0.2.2"}, {"call_id": "c2"}])
def test_overheard_credentials_open_no_other_call(changes: dict[str, str]) -> None:
    credentials = answer(challenged(0))
    found = digest.Authenticator(SECRET).verify(attempt(credentials, **changes), ACCOUNT, 101.0)
    assert found == "stale"


def test_a_nonce_of_another_process_is_stale() -> None:
    credentials = answer(challenged(0))
    assert digest.Authenticator(b"x").verify(attempt(credentials), ACCOUNT, 101.0) == "stale"


def test_the_example_of_the_rfc() -> None:
    """RFC 7616, section 3.9.1, for both algorithms."""
    fields = {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "qop": "auth",
    }
    expected = {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }
    for algorithm, wanted in expected.items():
        assert digest.response({**fields, "algorithm": algorithm}, "Circle of Life", "GET") == wanted


def test_old_clients_without_qop_are_understood() -> None:
    """RFC 2617, section 3.2.2.1: without qop the response is that of RFC 2069."""
    made = digest.Authenticator(SECRET)
    given_ = digest.parameters(answer(challenged(1)))
    assert given_ is not None
    old = {name: value for name, value in given_.items() if name not in {"qop", "nc", "cnonce"}}
    old["response"] = digest.response(old, ACCOUNT.password, "INVITE")
    text = "Digest " + ", ".join(f'{name}="{value}"' for name, value in old.items())
    assert made.verify(attempt(text), ACCOUNT, 101.0) == "good"


@pytest.mark.parametrize(
    "value",
    [
        "Basic eDp5",
        "Digest",
        'Digest username="a"',
        "Digest " + "x" * 5000,
        answer(challenged(0)).replace("auth", "x"),
    ],
)
def test_what_cannot_be_checked_is_malformed(value: str) -> None:
    assert digest.Authenticator(SECRET).verify(attempt(value), ACCOUNT, 101.0) == "malformed"


def test_no_credentials_are_missing_and_no_password_is_shown() -> None:
    assert digest.Authenticator(SECRET).verify(attempt(), ACCOUNT, 1.0) == "missing"
    assert ACCOUNT.password not in repr(ACCOUNT)


@given(st.text(max_size=200), st.text(max_size=30))
def test_no_text_is_let_in(text: str, nonce: str) -> None:
    made = digest.Authenticator(SECRET)
    forged = f'Digest username="pbx", realm="talkpath", nonce="{nonce}", uri="x", response="{text}"'
    for value in (text, f"Digest {text}", forged):
        assert made.verify(attempt(value), ACCOUNT, 1.0) != "good"
