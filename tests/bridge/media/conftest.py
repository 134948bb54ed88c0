from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bridge.media.phone import Line

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()
