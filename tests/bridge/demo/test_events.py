from __future__ import annotations

import msgspec
import pytest

from talkpath.bridge.demo import events
from tests.bridge.demo.call_log import REPORTS


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
def test_a_report_survives_its_line(report: events.Report) -> None:
    line = events.encode(report)
    assert line.endswith(b"}\n")
    assert events.decode(line) == report


@pytest.mark.parametrize("line", [b"", b"{}", b'{"event":"moon","at":0}', b"pjlib 2.17"])
def test_what_is_no_report_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        events.decode(line)
