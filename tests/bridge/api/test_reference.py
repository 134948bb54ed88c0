from __future__ import annotations

import json
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from talkpath.bridge.api import reference

ROOT = Path(__file__).parents[3]


def test_the_committed_description_and_page_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert reference.main(["--check"]) == 0, "run: python -m talkpath.bridge.api.reference"


def test_what_is_not_current_is_noticed_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / reference.PAGE).write_text("# x\n<!-- reference -->\nof yesterday\n<!-- end -->\n")
    assert reference.main(["--check"]) == 1
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    assert "of yesterday" not in (tmp_path / reference.PAGE).read_text()


def test_a_page_without_a_place_for_the_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="has no"):
        reference.page("# x\n")


def test_the_description_is_valid_openapi() -> None:
    validate(reference.document())


def test_every_reference_in_it_leads_somewhere() -> None:
    text = json.dumps(reference.document())
    known = reference.document()["components"]["schemas"]
    named = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named <= set(known)


def test_every_field_of_a_request_has_a_sentence() -> None:
    schemas = reference.document()["components"]["schemas"]
    for name in ("PlaceCall", "TransferCall", "Note", "Keys", "Drain"):
        for field, facts in schemas[name]["properties"].items():
            assert facts["description"].endswith("."), f"{name}.{field}"
