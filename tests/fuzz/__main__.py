"""Fuzz what the network sends: ``make fuzz``, or ``python -m tests.fuzz --minutes 10 srtp``.

Cases follow from the seed and their number, so that a finding is repeated by ``--seed S --case N``. Status 1
when there was one.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from random import Random
from typing import TYPE_CHECKING

from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

_MOST_FINDINGS = 5
_PROGRESS_S = 30.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all of them")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target")
    parser.add_argument("--seed", type=int, default=1, help="other cases")
    parser.add_argument("--case", type=int, default=None, help="run this case alone, and let it fail")
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    return options


def chance(seed: int, name: str, case: int) -> Random:
    """The source of chance of one case."""
    return Random(f"{seed}:{name}:{case}")  # noqa: S311 - it has to be repeatable


def fuzz(name: str, *, minutes: float, seed: int) -> int:
    """Run cases of one target for so long; prints and returns the number of findings."""
    target: Target = TARGETS[name]()
    began = said = time.monotonic()
    case = datagrams = findings = 0
    while time.monotonic() - began < minutes * 60 and findings < _MOST_FINDINGS:
        try:
            datagrams += target.run(chance(seed, name, case))
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            findings += 1
            sys.stdout.write(f"{name}: --seed {seed} --case {case}\n{traceback.format_exc()}\n")
            target.close()
            target = TARGETS[name]()
        case += 1
        if time.monotonic() - said > _PROGRESS_S:
            said = time.monotonic()
            sys.stdout.write(f"{name}: {case} cases, {datagrams} datagrams, {findings} findings\n")
            sys.stdout.flush()
    target.close()
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{name}: {case} cases, {datagrams} datagrams in {seconds:.0f} s ({datagrams / seconds:.0f}/s), "
        f"{findings} findings (seed {seed})\n"
    )
    return findings


def main() -> int:
    """Fuzz the targets one after the other."""
    options = _arguments()
    names = options.targets or list(TARGETS)
    if options.case is not None:
        for name in names:
            target: Target = TARGETS[name]()
            target.run(chance(options.seed, name, options.case))
            target.close()
        return 0
    findings = sum(fuzz(name, minutes=options.minutes, seed=options.seed) for name in names)
    return int(findings > 0)


if __name__ == "__main__":
    sys.exit(main())
