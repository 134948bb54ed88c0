"""Every configuration on a page is one that Talkpath takes, and every piece of XML is well formed."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from talkpath.bridge.config.load import load_text
from talkpath.bridge.simulator.script import parse_script

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
ENVIRONMENT = {
    "TRUNK_PASSWORD": "x",
    "OPENAI_API_KEY": "x",
    "TALKPATH_TOKEN": "t" * 24,
    "WALLBOARD_TOKEN": "w" * 24,
    "TALKPATH_WEBHOOK_SECRET": "whsec_" + "A" * 32,
}
WHOLE: dict[str, Any] = {
    "realtime": {"model": "gpt-realtime-2"},
    "agents": {"reception": {"instructions": "You answer the phone."}},
}
"""What every configuration needs; pages show only what they are about."""


def blocks(language: str) -> list[Any]:
    """The fenced blocks of a language in all pages, each with a name that says where it stands."""
    found = []
    for page in PAGES:
        for match in re.finditer(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
            line = page.read_text()[: match.start()].count("\n") + 1
            found.append(pytest.param(match[1], id=f"{page.name}:{line}"))
    return found


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = dict(base)
    for key, value in over.items():
        both[key] = merged(base[key], value) if isinstance(base.get(key), dict) else value
    return both


def inline(value: Any) -> str:
    """A value as TOML on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {inline(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(inline(each) for each in value) + "]"
    return json.dumps(value)


def completed(block: str, folder: Path) -> str:
    """The block with what else a configuration needs: what it names is there, tools are left out."""
    data = merged(WHOLE, tomllib.loads(block))
    targets, trunks = data.setdefault("targets", []), data.setdefault("trunks", [])
    for agent in data["agents"].values():
        agent.pop("tools", None)
        agent.pop("instructions_file", None)
        for name in agent.get("transfer", {}).get("targets", []):
            if name not in {each["name"] for each in targets}:
                targets.append({"name": name, "description": "x", "uri": "101"})
    for name in {each["trunk"] for each in targets if "trunk" in each} - {each["name"] for each in trunks}:
        trunks.append({"name": name, "match": ["192.0.2.1"]})
    text = "\n".join(f"{json.dumps(key)} = {inline(value)}" for key, value in data.items())
    for kind in ("wav", "pem"):
        there = folder / f"there.{kind}"
        there.touch()
        text = re.sub(rf'"[^"]+\.{kind}"', json.dumps(str(there)), text)
    return text


@pytest.mark.parametrize("block", blocks("toml"))
def test_talkpath_takes_the_configuration(block: str, tmp_path: Path) -> None:
    if "turn" in tomllib.loads(block):
        parse_script(tomllib.loads(block))  # a story for the simulator
        return
    load_text(completed(block, tmp_path), tmp_path / "talkpath.toml", ENVIRONMENT)


@pytest.mark.parametrize("block", blocks("xml"))
def test_the_xml_is_well_formed(block: str) -> None:
    assert ET.fromstring(block).tag == "include"  # noqa: S314 - our own page
