from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from talkpath.bridge.config.model import Config
from talkpath.bridge.daemon.certificates import CertificateWatch
from talkpath.bridge.doctor.certificates import DAY
from talkpath.bridge.observe.metrics import Metrics
from tests.bridge.doctor.test_certificates import make

if TYPE_CHECKING:
    from pathlib import Path


def watched(tls: dict[str, Any], *moments: float) -> tuple[float, list[str]]:
    """The end in the metrics after looks at these moments, and the problems in the log."""
    config = Config.model_validate({"sip": {"tls": tls}, "agents": {"a": {}}})
    metrics = Metrics()
    watch = CertificateWatch(lambda: config, metrics)
    with capture_logs() as logged:
        for moment in moments:
            watch.look(moment)
    end = metrics.registry.get_sample_value("talkpath_certificate_expiry_timestamp_seconds")
    assert end is not None
    return end, [line["problem"] for line in logged]


def files(folder: Path, *, days: int) -> dict[str, Any]:
    certificate, key = make(folder, "ours", days=days)
    return {"certificate": certificate, "private_key": key}


def test_without_a_certificate_none_ends() -> None:
    assert watched({}, time.time()) == (math.inf, [])


def test_a_good_one_is_told_in_the_metrics_only(tmp_path: Path) -> None:
    now = time.time()
    end, problems = watched(files(tmp_path, days=90), now)
    assert end - now == pytest.approx(90 * DAY, abs=60)
    assert problems == []


def test_one_that_ends_is_told_once_a_day(tmp_path: Path) -> None:
    noon = (time.time() // DAY + 0.5) * DAY
    end, problems = watched(files(tmp_path, days=10), noon, noon + 300, noon + DAY)
    assert end > noon
    assert len(problems) == 2
    assert "ours.pem is good for" in problems[0]
    assert "no restart is needed" in problems[0]


def test_one_that_has_ended_is_still_read(tmp_path: Path) -> None:
    now = time.time() + 12 * DAY
    end, (problem,) = watched(files(tmp_path, days=10), now)
    assert end < now
    assert "ended 2 days ago: peers that verify refuse our TLS" in problem
    certificate, key = make(tmp_path, "past", days=5, begins=-10)
    end, (problem,) = watched({"certificate": certificate, "private_key": key}, time.time())
    assert end < time.time()
    assert "ended 5 days ago" in problem


def test_one_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    tls = files(tmp_path, days=90)
    tls["certificate"].write_text("no certificate")
    _, (problem,) = watched(tls, time.time())
    assert "ours.pem" in problem
    assert "cannot be used" in problem
