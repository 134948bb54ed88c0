"""The functions that the demo's agent may call. An agent's tools are plain Python functions like these."""

from __future__ import annotations


def opening_hours(day: str = "") -> str:
    """Tell when the shop is open.

    Args:
        day: a weekday; empty for the whole week.
    """
    if day.lower() == "sunday":
        return "On Sunday we are closed."
    return "From nine to six, Monday to Saturday."


def shop_address() -> str:
    """Tell where the shop is."""
    return "We are at number twelve, River Street."
