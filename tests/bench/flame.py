"""A flame graph of a worker that carries calls: ``make profile``, or ``python -m tests.bench.flame``.

py-spy looks at the worker 250 times a second while the benchmark's callers talk, and this draws what it saw:
as wide as the share of the samples, callers above what they call. The colour is that of the folder.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from talkpath.bridge.benchmark.measure import Bench
from talkpath.bridge.benchmark.tools import Cores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PICTURE: Final = Path("docs/images/flame.svg")
CALLS: Final = 200
SECONDS: Final = 20
RATE: Final = 250
LEAST: Final = 0.004
"""Share of the samples below which nothing is drawn."""
WIDTH: Final = 1200
ROW: Final = 18
_LETTER: Final = 6.3  # pixels of a letter of 11 pixels
_FRAME: Final = re.compile(r"(?P<name>.+) \((?P<file>[^)]*?)(?::\d+)?\)$")
_COLOURS: Final = {
    "bridge/media": "#9ecae1",
    "talkpath/codecs": "#c6dbef",
    "bridge/realtime": "#fdae6b",
    "bridge/call": "#fdd0a2",
    "bridge/worker": "#a1d99b",
    "numpy": "#dadaeb",
    "": "#e0e0e0",
}


@dataclass(slots=True)
class Node:
    """A function, called by the one above it: samples in it and below."""

    samples: int = 0
    below: dict[str, Node] = field(default_factory=dict)


def tree_of(lines: Iterable[str]) -> Node:
    """Read collapsed stacks: frames from the outermost, with semicolons, and a number of samples.

    What all stacks begin with is left out.
    """
    root = Node()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        node = root
        node.samples += int(count)
        for name in stack.split(";"):
            node = node.below.setdefault(name, Node())
            node.samples += int(count)
    while len(root.below) == 1:
        root = next(iter(root.below.values()))
    return root


def boxes(node: Node, left: float, depth: int, whole: int) -> Iterator[tuple[float, float, int, str]]:
    """Left edge and width as shares of all samples, depth, and name of all that is large enough to draw."""
    for name, child in sorted(node.below.items()):
        share = child.samples / whole
        if share >= LEAST:
            yield left, share, depth, name
            yield from boxes(child, left, depth + 1, whole)
        left += share


def svg(root: Node, title: str) -> str:
    """Draw a tree."""
    drawn = list(boxes(root, 0.0, 0, root.samples))
    height = (max((depth for _, _, depth, _ in drawn), default=0) + 3) * ROW
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="monospace" font-size="11">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n'
        f'<text x="4" y="13">{escape(title)}</text>\n'
    )
    return head + "".join(map(_box, drawn)) + "</svg>\n"


def _box(box: tuple[float, float, int, str]) -> str:
    left, share, depth, frame = box
    x, y, width = left * WIDTH, (depth + 1.5) * ROW, share * WIDTH
    found = _FRAME.match(frame)
    name, file = (found["name"], found["file"]) if found else (frame, "")
    colour = next(colour for part, colour in _COLOURS.items() if part in file)
    place = "/".join(Path(file).parts[-2:])
    room = int((width - 6) / _LETTER)
    label = f"{name} {place}"[:room] if room > 3 else ""
    return (
        f"<g><title>{escape(f'{name} ({place}): {share:.1%}')}</title>"
        f'<rect x="{x:.1f}" y="{y:.0f}" width="{max(width - 0.5, 0.5):.1f}" height="{ROW - 1}" '
        f'fill="{colour}"/>'
        f'<text x="{x + 3:.1f}" y="{y + 12:.0f}">{escape(label)}</text></g>\n'
    )


def record(pid: int, seconds: int) -> list[str]:
    """Look at a process for some seconds; returns collapsed stacks.

    Raises:
        SystemExit: py-spy cannot.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "stacks")
        command = ["py-spy", "record", "--format", "raw", "--function", "--output", str(output)]
        command += ["--pid", str(pid), "--duration", str(seconds), "--rate", str(RATE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(
                f"py-spy failed; it needs the right to trace (root, or CAP_SYS_PTRACE). {done.stderr[-500:]}"
            )
        return output.read_text("utf-8").splitlines()


def main() -> None:
    """Talk, look, draw."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.flame", description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--output", type=Path, default=PICTURE)
    options = parser.parse_args()
    with Bench(Cores.choose(), 0.0).stage("pcmu", options.calls) as stage:
        stage.grow(options.calls)
        stacks = record(stage.worker_pid(), options.seconds)
    root = tree_of(stacks)
    calls = f"{options.calls} calls, G.711"
    title = f"A worker with {calls}: where its processor time goes ({root.samples} samples by py-spy)"
    options.output.write_text(svg(root, title), "utf-8")
    sys.stdout.write(f"{options.output}: {root.samples} samples\n")


if __name__ == "__main__":
    main()
