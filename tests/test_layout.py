"""The source roots must stay importable next to the standard library (see docs/architecture.md)."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("root", ["bridge", "codecs", "sip"])
def test_a_source_root_is_a_namespace_and_not_a_package(root: str) -> None:
    assert not (ROOT / root / "__init__.py").exists()
    assert not (ROOT / root / "talkpath" / "__init__.py").exists()
    assert (ROOT / root / "talkpath" / root / "py.typed").exists()


def test_codecs_is_the_standard_librarys() -> None:
    assert codecs.lookup("utf-8").name == "utf-8"
    assert not Path(codecs.__file__ or "").is_relative_to(ROOT / "codecs")
