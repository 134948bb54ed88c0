"""Read the part of the Dockerfile language that ours uses (instructions, continuation lines, variables)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final

KNOWN: Final = frozenset(
    {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN"}
    | {"STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)


@dataclass
class Stage:
    """What follows one FROM.

    Attributes:
        base: The image it starts from.
        name: What other stages call it; empty: nothing.
        steps: Instructions and their arguments, in order.
    """

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> list[str]:
        """The arguments of the last such instruction in JSON form.

        Raises:
            KeyError: there is none.
        """
        for word, rest in reversed(self.steps):
            if word == instruction:
                found: list[str] = json.loads(rest[rest.index("[") :])
                return found
        raise KeyError(instruction)


def parse(text: str) -> list[Stage]:
    """Split a Dockerfile into its stages.

    Raises:
        ValueError: an instruction that is not one of `KNOWN`.
    """
    stages: list[Stage] = []
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n", " ", kept).splitlines():
        word, _, rest = line.strip().partition(" ")
        if not word:
            continue
        if word not in KNOWN:
            raise ValueError(f"unknown instruction {word}")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base.strip(), name.strip()))
        else:
            stages[-1].steps.append((word, rest.strip()))
    return stages


def assignments(rest: str) -> dict[str, str]:
    """The names and values of an ENV."""
    return dict(re.findall(r"(\w+)=(\S*)", rest))
