"""Metrics as a test asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def counted(registry: CollectorRegistry, name: str, **labels: str) -> float:
    """The value of ``talkpath_NAME``; 0 when nothing was counted with these labels.

    Raises:
        AssertionError: there is no such metric, of which nothing could ever be counted.
    """
    name = f"talkpath_{name}"
    assert name in registry._names_to_collectors, f"there is no metric {name}"
    return registry.get_sample_value(name, labels) or 0.0
