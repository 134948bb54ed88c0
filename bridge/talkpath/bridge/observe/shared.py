"""Metrics of several processes: where they are kept, how they are added up, what the dead leave behind.

In the daemon each process writes its values into files of its own in one folder, which the supervisor
names by ``PROMETHEUS_MULTIPROC_DIR``. A process that died keeps its counts: they move into one archive, so
that no sum goes backwards and a process that dies again and again does not fill the folder.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest, multiprocess, values
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.mmap_dict import MmapedDict

if TYPE_CHECKING:
    from collections.abc import Collection

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
ARCHIVE: Final = "dead"
"""Stands where the files of the living have their process id."""

_moving = threading.Lock()
"""Held while counts move into the archive and while they are read: nothing is counted twice or not at all."""


def choose_storage() -> None:
    """Let metrics that are made from now on live in the shared folder, or in this process.

    The library chooses when it is imported, which is before the supervisor has made the folder.
    """
    shared = FOLDER in os.environ
    if shared == (values.ValueClass is values.MutexValue):
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # untyped


def exposition(own: CollectorRegistry) -> tuple[bytes, str]:
    """Render all metrics, of every process when there are several.

    Args:
        own: registry of this process, for when it is the only one.

    Returns:
        Body and content type of ``/metrics``.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return generate_latest(own), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]  # untyped in the library
    with _moving:
        return generate_latest(registry), CONTENT_TYPE_LATEST


def bury(living: Collection[int]) -> None:
    """Drop the gauges of processes that are gone, and move their counts into the archive.

    Args:
        living: ids of all processes that write metrics.
    """
    if FOLDER not in os.environ:
        return
    for path in Path(os.environ[FOLDER]).glob("*.db"):
        kind, _, owner = path.stem.rpartition("_")
        if owner == ARCHIVE or int(owner) in living:
            continue
        with _moving:
            if not kind.startswith("gauge"):
                _add_up(path, path.with_stem(f"{kind}_{ARCHIVE}"))
            path.unlink()


def _add_up(dead: Path, archive: Path) -> None:
    # The library reads such files, but has no function that adds one to another.
    sums = MmapedDict(str(archive))  # type: ignore[no-untyped-call]  # untyped in the library
    try:
        for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(dead):  # type: ignore[no-untyped-call]  # untyped
            before, _ = sums.read_value(key)  # type: ignore[no-untyped-call]  # untyped
            sums.write_value(key, before + value, timestamp)  # type: ignore[no-untyped-call]  # untyped
    finally:
        sums.close()  # type: ignore[no-untyped-call]  # untyped
