"""What SIP headers of our BYE and REFER tell the other side: values that functions of the call left. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.call.context_headers import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from talkpath.bridge.realtime.tools import CallContext
    from talkpath.sip.messages import Header

__all__ = ["sent_headers"]


def sent_headers(names: Mapping[str, str], call: CallContext) -> tuple[Header, ...]:
    """Read the values that the configuration names, as they are now.

    Args:
        names: Name of a header → name of the value.
        call: Functions put values into its variables; what is not there may be one of its facts.

    Returns:
        Headers of one short line each; none for what is not there, is empty, or is no text, number or flag.
    """
    found = {header: _text(call.variables.get(name, call.facts.get(name))) for header, name in names.items()}
    return tuple((header, text) for header, text in found.items() if text)


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return clean(str(value))
        case _:
            return ""
