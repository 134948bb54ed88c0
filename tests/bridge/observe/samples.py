"""What a process would expose, sample by sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talkpath.bridge.observe.metrics import Metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """The sample of this name with exactly these labels; None: there is none."""
    return metrics.registry.get_sample_value(name, labels)
