"""What a tool returned, as text for the model."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from talkpath.bridge.realtime.tool_results import MAX_OUTPUT, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = dt.date(2026, 3, 1)


class Repair(BaseModel):
    number: int
    ready: dt.date | None = None


@dataclass
class Place:
    city: str


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("as it stands", "as it stands"),
        (None, "null"),
        ({"open": True, "hours": [9, 18.5]}, '{"open":true,"hours":[9,18.5]}'),
        ("\u00e4", "\u00e4"),
        (["\u00e4"], '["\u00e4"]'),
        (
            [Repair(number=17, ready=DAY), Place("Berlin")],
            '[{"number":17,"ready":"2026-03-01"},{"city":"Berlin"}]',
        ),
        ({"days": {DAY}}, '{"days":["2026-03-01"]}'),
        ({DAY: 1}, '{"2026-03-01":1}'),
        ((number for number in range(3)), "[0,1,2]"),
    ],
)
def test_text_stays_text_and_the_rest_becomes_json(result: object, text: str) -> None:
    assert as_text(result) == text


def test_no_more_is_made_than_the_model_gets() -> None:
    made = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal made
        for made in itertools.count():
            yield {"number": made}

    text = as_text({"rows": rows()})
    assert text.startswith('{"rows":[{"number":0},')
    assert "(cut" in text
    assert len(text) < MAX_OUTPUT + 60
    assert made <= MAX_OUTPUT


@pytest.mark.parametrize("result", [object(), {"a": object()}, [10**5000]])
def test_what_cannot_be_written_is_refused(result: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are those of the libraries
        as_text(result)


def test_a_result_that_holds_itself_is_refused() -> None:
    own: list[Any] = []
    own.append(own)
    with pytest.raises(ValueError, match="ircular"):
        as_text(own)
