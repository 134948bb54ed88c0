"""Writes ``docs/metrics.md`` from the catalogue.

``python -m talkpath.bridge.observe.reference`` writes it into the current source tree; with ``--check`` it
only says whether it is current.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from talkpath.bridge.generated_files import write_or_check

from .call_record import CAUSES, OUTCOMES, CallRecord
from .feed import ANOMALIES, OTHER_PACKETS
from .metrics import Metrics

if TYPE_CHECKING:
    from .catalogue import Entry

PAGE = Path("docs/metrics.md")

INTRODUCTION = """\
# Metrics and logs

<!-- Written by `python -m talkpath.bridge.observe.reference`; change the catalogue instead. -->

`/metrics` of the daemon (`[http] listen`) adds up what all of its processes count, in the Prometheus text
format. Histograms have the usual `_bucket`, `_sum` and `_count`; times are seconds. Labels have few values:
they come from closed lists or from the configuration, never from the network.

`/healthz` answers 200 while every process is alive, `/readyz` while new calls are welcome; otherwise 503.
Both say why in JSON.

| metric | type | labels | meaning |
|---|---|---|---|
"""

LOGS = """\
## Logs

One event per line on standard error, JSON unless standard error is a terminal. Every line of a call carries
`call` (our id) and `sip_call_id` (the PBX's). When a call is over, one line `call_ended` says all about it:

{keys}

Keys that begin with `pii_` hold numbers, names and words of people. They are masked, telephone numbers down
to their last two digits, unless `[log] private = true`. What looks like a secret is never written.
"""


def page() -> str:
    """The text of ``docs/metrics.md``."""
    catalogue = Metrics().catalogue
    rows = "\n".join(_row(entry) for entry in catalogue)
    remedies = "\n".join(f"- `{entry.name}`: {entry.remedy}" for entry in catalogue if entry.remedy)
    keys = ", ".join(f"`{key}`" for key in CallRecord(call="").line())
    return "\n".join(
        [
            INTRODUCTION + rows,
            "",
            "## What to do about it",
            "",
            remedies,
            "",
            "## Values of labels",
            "",
            _values("`outcome` of a call", OUTCOMES),
            _values("`cause` of a call", CAUSES),
            _values("`cause` of `talkpath_rtp_anomalies_total`", ANOMALIES),
            _values("`kind` of `talkpath_rtp_other_packets_total`", frozenset(OTHER_PACKETS.values())),
            "",
            LOGS.format(keys=keys),
        ]
    )


def _row(entry: Entry) -> str:
    labels = ", ".join(f"`{label}`" for label in entry.labels)
    return f"| `{entry.name}` | {entry.kind} | {labels} | {entry.help} |"


def _values(title: str, values: frozenset[str]) -> str:
    return f"- {title}: {', '.join(f'`{value}`' for value in sorted(values))}"


def main(arguments: list[str]) -> int:
    """Write or check the page; 1 when a check finds that it is not current."""
    return write_or_check({PAGE: page()}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
