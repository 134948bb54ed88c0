"""When new certificate files are used, and which cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from talkpath.sip.certificates import LOOK_SECONDS, CertificateWatch, problem_with, stamps_of
from talkpath.sip.messages import TlsSettings
from tests.sip.authority import Authority

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW, NEWER = (((number, 1, 1),) for number in (1, 2, 3))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_files_are_looked_at_now_and_then() -> None:
    watch = CertificateWatch(OLD)
    assert [watch.due(now) for now in (0.0, 0.1, LOOK_SECONDS, LOOK_SECONDS + 0.1)] == [
        True,
        False,
        True,
        False,
    ]


def test_new_files_are_used_once_when_they_have_come_to_rest() -> None:
    watch = CertificateWatch(OLD)
    assert [watch.look(stamps) for stamps in (OLD, NEW, NEWER, NEWER, NEWER)] == [False] * 3 + [True, False]


def test_files_that_come_back_are_no_news() -> None:
    watch = CertificateWatch(OLD)
    assert [watch.look(stamps) for stamps in (NEW, OLD, OLD)] == [False] * 3


def test_stamps_tell_files_apart(tmp_path: Path) -> None:
    name = tmp_path / "certificate.pem"
    tls = TlsSettings(certificate_file=str(name))
    missing = stamps_of(tls)
    assert missing == (None, None, None)
    name.write_text("a")
    first = stamps_of(tls)
    (tmp_path / "other").write_text("b")
    (tmp_path / "other").rename(name)
    assert len({missing, first, stamps_of(tls)}) == 3


def test_good_files_have_no_problem(authority: Authority) -> None:
    made = authority.sign("good")
    tls = TlsSettings(
        certificate_file=str(made.certificate), private_key_file=str(made.key), ca_file=str(authority.ca)
    )
    assert problem_with(tls) == problem_with(TlsSettings()) == ""


def test_what_is_wrong_is_said(authority: Authority, tmp_path: Path) -> None:
    one, other = authority.sign("one"), authority.sign("other")
    mixed = TlsSettings(certificate_file=str(one.certificate), private_key_file=str(other.key))
    assert "key values mismatch" in problem_with(mixed)
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    broken = TlsSettings(certificate_file=str(nonsense), private_key_file=str(one.key))
    assert str(nonsense) in problem_with(broken)
    missing = TlsSettings(certificate_file=str(tmp_path / "none.pem"), private_key_file=str(one.key))
    assert "No such file" in problem_with(missing)
    good = (str(one.certificate), str(one.key))
    no_ca = TlsSettings(certificate_file=good[0], private_key_file=good[1], ca_file=str(nonsense))
    assert "authorities" in problem_with(no_ca)
