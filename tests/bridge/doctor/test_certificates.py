from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from talkpath.bridge.config.model import Config
from talkpath.bridge.doctor.certificates import DAY, examine_own, judge_peer

if TYPE_CHECKING:
    from pathlib import Path

    from talkpath.bridge.doctor.findings import Finding


def make(folder: Path, name: str, *, days: int = 90, begins: int = 0) -> tuple[Path, Path]:
    """A self-signed certificate, good for so many days from ``begins`` days from now on, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    start = dt.datetime.now(dt.UTC) + dt.timedelta(days=begins)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pbx.test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("pbx.test")]), critical=False)
        .sign(private, hashes.SHA256())
    )
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pkcs8, bare = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, pkcs8, bare))
    return certificate, key


def own(certificate: Path, key: Path, now: float | None = None) -> Finding:
    tls = {"certificate": certificate, "private_key": key}
    sip = {"listen": ["tls:127.0.0.1:5061"], "tls": tls}
    (finding,) = examine_own(Config.model_validate({"sip": sip, "agents": {"a": {}}}), now or time.time())
    return finding


def test_a_good_certificate_is_told_with_its_names_and_days(tmp_path: Path) -> None:
    found = own(*make(tmp_path, "good"))
    assert found.level == "ok"
    assert "pbx.test" in found.message
    assert "89 more days" in found.message or "90 more days" in found.message


def test_one_that_ends_soon_is_a_warning(tmp_path: Path) -> None:
    pair = make(tmp_path, "soon")
    assert own(*pair, now=time.time() + 80 * DAY).level == "warn"


def test_one_that_has_ended_fails(tmp_path: Path) -> None:
    found = own(*make(tmp_path, "old", begins=-90, days=60))
    assert found.level == "fail"
    assert "expired" in found.message


def test_a_key_of_another_certificate_and_a_file_that_is_none_fail(tmp_path: Path) -> None:
    certificate, _ = make(tmp_path, "one")
    _, key = make(tmp_path, "other")
    assert own(certificate, key).level == "fail"
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    assert own(nothing, key).level == "fail"


def test_without_tls_there_is_nothing_to_say() -> None:
    assert list(examine_own(Config.model_validate({"agents": {"a": {}}}), 0.0)) == []


def test_a_peer_that_nobody_verifies_is_a_warning() -> None:
    assert judge_peer("trunks", "pbx", {}, 0.0).level == "warn"
