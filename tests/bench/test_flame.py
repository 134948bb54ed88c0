"""The drawing of a flame graph, from stacks to boxes."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.bench.flame import boxes, svg, tree_of

STACKS = [
    "run (loop.py);main (talkpath/a.py);beat (talkpath/bridge/media/plane.py:7);send (x.py) 60",
    "run (loop.py);main (talkpath/a.py);beat (talkpath/bridge/media/plane.py:7) 20",
    "run (loop.py);main (talkpath/a.py);<listen> (talkpath/bridge/call/leg.py) 19",
    "run (loop.py);main (talkpath/a.py);rare (talkpath/bridge/call/leg.py) 1",
]


def test_boxes_are_as_wide_as_their_share_and_stand_below_their_callers() -> None:
    root = tree_of([*STACKS, "run (loop.py);main (talkpath/a.py);too rare (y.py) 0"])
    drawn = {name.partition(" ")[0]: (share, depth) for _, share, depth, name in boxes(root, 0.0, 0, 100)}
    assert drawn == {"beat": (0.8, 0), "send": (0.6, 1), "<listen>": (0.19, 0), "rare": (0.01, 0)}


def test_the_picture_is_xml_with_readable_names() -> None:
    picture = ET.fromstring(svg(tree_of(STACKS), "a worker <busy>"))  # noqa: S314 - written by ourselves
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "a worker <busy>"
    assert "beat media/plane.py" in texts
    assert sum(float(box.get("width", 0)) for box in picture.iter("{http://www.w3.org/2000/svg}rect")) > 0


def test_no_samples_make_an_empty_picture() -> None:
    root = tree_of([])
    assert root.samples == 0
    assert ET.fromstring(svg(root, "nothing")) is not None  # noqa: S314 - written by ourselves
    with pytest.raises(ValueError, match="invalid literal"):
        tree_of(["no number"])
