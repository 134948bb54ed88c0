from __future__ import annotations

import re
from pathlib import Path

import pytest

from talkpath.bridge import diagrams
from talkpath.bridge.call import machine
from talkpath.bridge.diagrams import UnknownDiagramError, fill, main
from talkpath.bridge.realtime import lifecycle

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
EMPTY = "a\n<!-- diagram: call -->\n<!-- end -->\nb\n<!-- diagram: session -->\nold\n<!-- end -->\nc\n"


def test_the_committed_page_is_current() -> None:
    assert main(["--check", str(PAGE)]) == 0


def test_a_page_is_filled_and_filling_it_again_changes_nothing() -> None:
    once = fill(EMPTY)
    assert once.count("```mermaid\nstateDiagram-v2\n") == 2
    assert "\nold\n" not in once
    assert fill(once) == once


def test_a_page_that_is_not_current_is_told_and_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(EMPTY)
    assert main(["--check", str(page)]) == 1
    assert "make diagrams" in capsys.readouterr().err
    assert page.read_text() == EMPTY
    assert main([str(page)]) == 0
    assert main(["--check", str(page)]) == 0


@pytest.mark.parametrize("page", [EMPTY.replace("session", "sessoin"), "no blocks at all"])
def test_a_wrong_or_missing_block_is_an_error(page: str) -> None:
    with pytest.raises(UnknownDiagramError, match=r"no drawing 'sessoin'|no block for call, session"):
        fill(page)


@pytest.mark.parametrize("draw", diagrams.DIAGRAMS.values(), ids=diagrams.DIAGRAMS)
def test_every_line_of_a_drawing_is_a_transition(draw: object) -> None:
    drawing: str = draw()  # type: ignore[operator]  # a function
    for line in drawing.splitlines()[1:]:
        assert re.fullmatch(r" {4}(\[\*\]|\w+) --> (\[\*\]|\w+)(: \w+( \| \w+)*)?", line), line


def test_every_row_that_moves_is_drawn() -> None:
    call, session = machine.mermaid(), lifecycle.mermaid()
    for (state, event), (following, _) in machine.TABLE.items():
        if following is not state and not machine.ends_anywhere(state, event, following):
            assert re.search(rf"{state.value} --> {following.value}:.*\b{event.value}\b", call)
    for (before, trigger), after in lifecycle.TRANSITIONS.items():
        if before is not after:
            assert re.search(rf"{before} --> {after}:.*\b{trigger}\b", session)
