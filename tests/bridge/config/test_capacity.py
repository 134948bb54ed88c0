from __future__ import annotations

from typing import Any

import pytest

from talkpath.bridge.config.capacity import capacity
from tests.bridge.config.with_one_agent import config


@pytest.mark.parametrize(
    ("parts", "calls", "limit"),
    [
        ({"sip": {"max_calls": 7}}, 7, "sip.max_calls"),
        ({"workers": {"count": 2, "lanes": 3}}, 6, "workers.lanes"),
        ({"sip": {"rtp_ports": "20000-20019"}}, 10, "sip.rtp_ports"),
    ],
)
def test_the_smallest_limit_sets_the_capacity(parts: dict[str, Any], calls: int, limit: str) -> None:
    found = capacity(config(**parts), cores=lambda: 2)
    assert (found.workers, found.calls, found.limited_by) == (2, calls, limit)
