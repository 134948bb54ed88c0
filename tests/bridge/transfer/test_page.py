"""What ``docs/transfer.md`` shows is what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from talkpath.bridge.config.sip import TrunkConfig
from talkpath.bridge.config.transfer import TargetConfig, TransferConfig
from talkpath.bridge.transfer.comebacks import MOST
from talkpath.bridge.transfer.machine import TIMEOUTS, mermaid
from talkpath.bridge.transfer.vocabulary import State
from talkpath.bridge.transfer.welcome import LINES
from talkpath.sip.refer import MAX_USER_TO_USER

PAGE = (Path(__file__).parents[3] / "docs" / "transfer.md").read_text("utf-8")


def test_the_drawing_is_that_of_the_table() -> None:
    assert f"<!-- diagram: transfer -->\n```mermaid\n{mermaid()}```\n<!-- end -->" in PAGE


def test_the_examples_can_be_configured() -> None:
    examples = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
    assert len(examples) == 4
    TrunkConfig.model_validate(examples.pop(0)["trunks"][0])
    for example in examples:
        for target in example.get("targets", []):
            TargetConfig.model_validate(target)
        TransferConfig.model_validate(example["agents"]["reception"]["transfer"])


def test_the_figures_are_those_of_the_code() -> None:
    warm, blind = TIMEOUTS[State.CONFIRMING_WARM], TIMEOUTS[State.CONFIRMING_BLIND]
    assert f"warm: bridged after {warm:.0f} s. blind: back to the agent after {blind:.0f} s" in PAGE
    assert f"the human's leg is given {TIMEOUTS[State.CALLER_LEFT]:.0f} s to follow" in PAGE
    assert f"the last {LINES} turns at most" in PAGE
    assert f"at most {MOST} callers" in PAGE
    assert f"`summary_bytes` ({TransferConfig(targets=('any',)).summary_bytes} bytes" in PAGE
    assert f"`user_to_user_bytes` ({MAX_USER_TO_USER}, before hex doubles them;" in PAGE
