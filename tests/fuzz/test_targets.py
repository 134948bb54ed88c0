"""The targets of the fuzzer, for a moment each; `make fuzz` takes longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fuzz.__main__ import chance
from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from tests.fuzz.targets import Target


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_is_sent_breaks_what_must_hold(name: str) -> None:
    target: Target = TARGETS[name]()
    try:
        for case in range(10):
            target.run(chance(0, name, case))
    finally:
        target.close()
