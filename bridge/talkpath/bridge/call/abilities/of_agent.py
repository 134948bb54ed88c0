"""The tools with which one agent acts on its own call, as its configuration has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.call.abilities.hang_up import HangUp
from talkpath.bridge.call.abilities.recording import recording_abilities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from talkpath.bridge.call.abilities.ability import Ability
    from talkpath.bridge.call.abilities.collect_digits import CollectDigits
    from talkpath.bridge.call.abilities.send_dtmf import SendDtmf
    from talkpath.bridge.call.recording import CallRecording
    from talkpath.bridge.call.transfer_desk import TransferDesk
    from talkpath.bridge.config.agent import AgentConfig


def abilities_of(
    own: AgentConfig,
    goodbye: Callable[[], None],
    *,
    keys: SendDtmf,
    collector: CollectDigits,
    desk: TransferDesk,
    recording: CallRecording,
) -> Iterator[Ability]:
    """What an agent can do to its own call.

    Args:
        own: What its configuration says.
        goodbye: Called when it wants to hang up.
        keys: Presses keys.
        collector: Takes the keys of a number.
        desk: Transfers.
        recording: Of the call.
    """
    if own.hang_up_tool:
        yield HangUp(goodbye)
    if own.send_dtmf_tool:
        yield keys
    if own.collect_digits_tool:
        yield collector
    yield from desk.abilities()
    yield from recording_abilities(own.recording, recording)
