"""The generated part of docs/performance.md: figures and page never drift apart.

``make bench DOCS=1`` measures and writes both; ``python -m tests.bench.page`` writes the page once more.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE: Final = Path("docs/performance.md")
FIGURES: Final = Path("docs/performance.json")
PICTURE: Final = Path("docs/images/bench.png")
BEGIN: Final = "<!-- figures: written by `make bench DOCS=1` -->\n"
END: Final = "<!-- end of figures -->\n"
_NAMES: Final = {
    "pcmu": "G.711",
    "pcm": "PCM 24 kHz",
    "g722": "PCM, G.722",
    "srtp": "G.711, SRTP",
    "tls": "G.711, TLS",
}


def fill(page: str, facts: dict[str, Any]) -> str:
    """Put the figures into a page.

    Raises:
        ValueError: The page lacks the two comments between which they stand.
    """
    head, _, rest = page.partition(BEGIN)
    _, found, tail = rest.partition(END)
    if not found:
        raise ValueError(f"The page has no place for figures: {BEGIN.strip()} and {END.strip()}.")
    return head + BEGIN + "\n".join(_section(facts)) + "\n" + END + tail


def _section(facts: dict[str, Any]) -> Iterable[str]:
    about = facts["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in about["libraries"].items())
    yield ""
    yield (
        f"{facts['date']}, {about['processor']}, {about['cores']} cores, {about['system']}, "
        f"Python {about['python']},"
    )
    load = about["load_before"][0]
    yield f"{libraries}; windows of {about['window_seconds']:.0f} s, load before {load:.1f}."
    yield ""
    yield from _rows(facts["rows"])
    yield ""
    yield from _setups(facts["setups"])
    for key, write in (("ramps", _ramps), ("options", _options)):
        if facts[key]:
            yield from write(facts[key])
            yield ""
    yield from _budgets(facts["budgets"])
    yield ""
    yield "![Cost, jitter and latency over the number of calls](images/bench.png)"
    yield ""


def _rows(rows: list[dict[str, Any]]) -> Iterable[str]:
    yield (
        "| | calls | CPU µs per call-second | of a core | MB per call | send jitter p99 | uplink p50 / p99 | "
        "downlink p50 / p99 | barge-in p50 | lost up / down | others |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        name = _NAMES[row["mode"]] if row["subject"] == "talkpath" else f"per packet, {_NAMES[row['mode']]}"
        cells = (
            name + (" (limited by the load tools)" if row["limited_by_tools"] else ""),
            f"{row['calls']:.0f}",
            _number(row["us_per_call_second"], 0),
            _share(row["core_share"]),
            _number(row["mb_per_call"], 2) if row["calls"] > 1 else "-",
            _number(row["send_jitter"]["p99"]),
            _pair(row["uplink"]),
            _pair(row["downlink"]),
            _number(row["barge_in"]["p50"]),
            f"{row['lost_up']:.0f} / {row['lost_down'] + row['missing_packets']:.0f}",
            _share(row["machine_busy"] - row["core_share"] - row["generator_share"] - row["model_share"]),
        )
        yield f"| {' | '.join(cells)} |"


def _setups(rows: list[dict[str, Any]]) -> Iterable[str]:
    for row in rows:
        yield (
            f"Of {row['calls']} set-ups at {row['rate']:.0f} calls a second {row['answered']} were answered, "
            f"in {row['setup']['p50']:.0f} ms at the median and {row['setup']['p95']:.0f} ms at 95 %, for "
            f"{row['cpu_ms_per_call']:.1f} ms of CPU each (SIP process {row['sip_ms_per_call']:.1f}, worker "
            f"{row['worker_ms_per_call']:.1f}, the rest is the supervisor's)."
        )
        yield ""


def _ramps(ramps: list[dict[str, Any]]) -> Iterable[str]:
    yield "| calls of one worker, raised until quality broke | carried | what ended it |"
    yield "|---|---|---|"
    for ramp in ramps:
        carried = f"{ramp['calls']}" if ramp["ours"] else f"at least {ramp['calls']}"
        yield f"| {_NAMES[ramp['mode']]} | {carried} | {', '.join(ramp['limits'])} |"


def _options(rows: list[dict[str, Any]]) -> Iterable[str]:
    yield "| worker alone, CPU only | µs per call-second | of the first | media plane | appends | model |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        share = _share(row["total"] / rows[0]["total"])
        parts = " | ".join(_number(row[part], 0) for part in ("plane", "appends", "deltas"))
        yield f"| {row['name']} | {_number(row['total'], 0)} | {share} | {parts} |"


def _budgets(budgets: list[dict[str, Any]]) -> Iterable[str]:
    missed = [each for each in budgets if not each["kept"]]
    yield (
        f"Of {len(budgets)} budgets {len(budgets) - len(missed)} were kept. Missed:"
        if missed
        else "All kept."
    )
    yield ""
    for each in missed:
        figure = _number(each["figure"], 0 if each["limit"] >= 100 else 1)
        yield f"- {each['budget']} ({each['where']}): {figure} of {each['limit']:g} {each['unit']}".rstrip()


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}".replace("%", " %")


def _pair(spread: dict[str, float | None]) -> str:
    if spread["p50"] is None:
        return "-"
    return f"{_number(spread['p50'])} / {_number(spread['p99'])}"


def main() -> int:
    """Write the page from the figures; returns whether it was out of date."""
    before = PAGE.read_text("utf-8")
    after = fill(before, json.loads(FIGURES.read_text("utf-8")))
    PAGE.write_text(after, "utf-8")
    return int(before != after)


if __name__ == "__main__":
    sys.exit(main())
