"""What the supervisor knows of registrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from talkpath.sip import messages as m

log = structlog.get_logger(__name__)


def note_registration(known: dict[str, m.RegistrationState], message: m.RegistrationState) -> None:
    """Keep the state of a registration by its trunk, and log when we are registered, or no longer."""
    before = known.get(message.trunk)
    known[message.trunk] = message
    if before is None or before.registered != message.registered:
        level = log.info if message.registered else log.warning
        level(
            "registration",
            trunk=message.trunk,
            registered=message.registered,
            status=message.status,
            reason=message.reason,
        )
