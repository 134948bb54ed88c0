"""Makes metrics and remembers each of them for the reference page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from .shared import choose_storage

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX: Final = "talkpath_"

GaugeMode = Literal["livesum", "livemostrecent", "max"]


class Entry(NamedTuple):
    """One line of the reference page."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    remedy: str


class Catalogue:
    """Makes the metrics of a process.

    Attributes:
        registry: where they are registered.
        catalogue: what the reference page lists, in its order.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        choose_storage()
        self.registry = registry or CollectorRegistry()
        self.catalogue: list[Entry] = []

    def _note(self, name: str, kind: str, text: str, names: Sequence[str], remedy: str) -> None:
        self.catalogue.append(Entry(PREFIX + name, kind, tuple(names), text, remedy))

    def _counter(self, name: str, text: str, names: Sequence[str], remedy: str = "") -> Counter:
        self._note(f"{name}_total", "counter", text, names, remedy)
        return Counter(PREFIX + name, text, names, registry=self.registry)

    def _gauge(self, name: str, text: str, names: Sequence[str], mode: GaugeMode, remedy: str = "") -> Gauge:
        self._note(name, "gauge", text, names, remedy)
        return Gauge(PREFIX + name, text, names, registry=self.registry, multiprocess_mode=mode)

    def _histogram(
        self, name: str, text: str, names: Sequence[str], buckets: Sequence[float], remedy: str = ""
    ) -> Histogram:
        self._note(name, "histogram", text, names, remedy)
        return Histogram(PREFIX + name, text, names, registry=self.registry, buckets=buckets)
