"""Every row of a transfer: what follows on what, and every race as a row of its own.

The words are in `talkpath.bridge.transfer.vocabulary`; what the rows promise together stands in
`talkpath.bridge.transfer.machine`.
"""

from __future__ import annotations

from typing import Final

from talkpath.bridge.transfer.vocabulary import FINAL, Effect, Event, State

Step = tuple[State, tuple[Effect, ...]]

_S, _E, _F = State, Event, Effect

DIALLING: Final = (_S.DIALLING_WARM, _S.DIALLING_BRIDGE)
_WARM_REFER = (_S.REFERRING_WARM, _S.CONFIRMING_WARM, _S.SETTLING_WARM)
_BLIND_REFER = (_S.REFERRING_BLIND, _S.CONFIRMING_BLIND, _S.PROGRESSING_BLIND)
LIVE: Final[tuple[State, ...]] = tuple(state for state in _S if state not in FINAL and state is not _S.ASKED)
"""States in which the caller waits, or talks to the human through us."""

_CONSULTING: Final = frozenset(
    {*DIALLING, _S.BRIEFING, *_WARM_REFER, _S.TARGET_LEFT, _S.CALLER_LEFT, _S.BRIDGED}
)
"""States that have a consult leg to give back."""

_COMFORTING: Final = frozenset(
    {_S.CHOOSING, *DIALLING, _S.BRIEFING, *_WARM_REFER, _S.TARGET_LEFT, *_BLIND_REFER, _S.SETTLING_BLIND}
    | {_S.RETURNING}
)
"""States in which the caller hears the comfort sound."""

REFER_FAILURES: Final = (_E.REFER_FAILED, _E.REFER_REFUSED)
CONSULT_ENDS: Final = (_E.TARGET_HUNG_UP, _E.BUSY, _E.NO_ANSWER, _E.REJECTED, _E.UNREACHABLE, _E.TARGET_IS_US)
_ANY_TIME: Final = frozenset(
    {_E.CALLER_HELD, _E.CALLER_RESUMED, _E.TRANSFER_ASKED, _E.DRAIN, _E.AGENT_READY, _E.AGENT_LOST}
    | {_E.AGENT_GONE}
)
"""They mean nothing to a transfer, except where a row says so."""
_ONCE_BEGUN: Final = frozenset(
    {_E.SPEECH_DRAINED, _E.SOUND_FINISHED, _E.TARGET_RINGING, _E.ANSWERED, *CONSULT_ENDS}
    | {_E.BRIEFING_READY, _E.BRIEFING_FAILED, _E.ACCEPTED, _E.DECLINED}
    | {_E.REFER_ACCEPTED, _E.REFER_PROGRESS, *REFER_FAILURES, _E.SUBSCRIPTION_LOST}
)
"""They may come late, or twice: a key beside the tool, a BYE that crosses ours, a NOTIFY after the end."""


def _given_back(state: State) -> tuple[Effect, ...]:
    """What is to be given back on the way out of a state, in the order in which it is least noticed."""
    held = (
        (_F.STOP_ANNOUNCEMENT, state is _S.ANNOUNCING),
        (_F.COMFORT_OFF, state in _COMFORTING),
        (_F.UNBRIDGE, state is _S.BRIDGED),
        (_F.CLOSE_BRIEFING, state is _S.BRIEFING),
        (_F.END_CONSULT, state in _CONSULTING),
    )
    return tuple(effect for effect, is_held in held if is_held)


def _transferred(state: State, *after: Effect) -> Step:
    return _S.TRANSFERRED, (*_given_back(state), _F.CLOSE_AGENT, *after)


def _unmoved(state: State, event: Event) -> Step:
    if event is _E.ANSWERED and state not in _CONSULTING:
        return state, (_F.END_CONSULT,)  # it answers as we cancel
    if event is _E.TRANSFER_ASKED:
        return state, (_F.REFUSE_SECOND,)
    return state, ()


_BRIDGED: Final[Step] = (
    _S.BRIDGED,
    (_F.COMFORT_OFF, _F.TAKE_CALLER_BACK, _F.BRIDGE, _F.CLOSE_AGENT),
)
_NEXT_AFTER_CONSULT: Final[Step] = (_S.CHOOSING, (_F.END_CONSULT, _F.CHOOSE))
_BACK: Final[Step] = (_S.RETURNING, (_F.TAKE_CALLER_BACK, _F.RESTORE_AGENT))
_BACK_FROM_BRIEFING: Final[Step] = (
    _S.RETURNING,
    (_F.CLOSE_BRIEFING, _F.END_CONSULT, _F.TAKE_CALLER_BACK, _F.RESTORE_AGENT),
)

TABLE: Final[dict[tuple[State, Event], Step]] = {
    # What may come at any time and changes nothing; the rows below take precedence.
    **{(state, event): _unmoved(state, event) for state in LIVE for event in _ANY_TIME},
    **{
        (state, event): _unmoved(state, event)
        for state in LIVE
        for event in _ONCE_BEGUN
        if state is not _S.DRAINING_SPEECH
    },
    # The agent's last words. From here on no model hears the caller.
    (_S.ASKED, _E.BEGIN): (_S.DRAINING_SPEECH, (_F.MUTE, _F.DRAIN_SPEECH)),
    **{
        (_S.DRAINING_SPEECH, event): (_S.CHOOSING, (_F.SILENCE_AGENT, _F.COMFORT_ON, _F.CHOOSE))
        for event in (_E.SPEECH_DRAINED, _E.TIMEOUT)
    },
    # One destination after the other.
    (_S.CHOOSING, _E.NEXT_WARM): (_S.DIALLING_WARM, (_F.HOLD_CALLER, _F.DIAL)),
    (_S.CHOOSING, _E.NEXT_BRIDGE): (_S.DIALLING_BRIDGE, (_F.HOLD_CALLER, _F.DIAL)),
    (_S.CHOOSING, _E.NEXT_BLIND): (_S.REFERRING_BLIND, (_F.REFER,)),
    (_S.CHOOSING, _E.NEXT_ANNOUNCEMENT): (
        _S.ANNOUNCING,
        (_F.COMFORT_OFF, _F.TAKE_CALLER_BACK, _F.PLAY_ANNOUNCEMENT),
    ),
    (_S.CHOOSING, _E.NONE_LEFT): _BACK,
    (_S.CHOOSING, _E.TIMEOUT): _BACK,
    **{
        (_S.ANNOUNCING, event): (_S.RETURNING, (_F.STOP_ANNOUNCEMENT, _F.COMFORT_ON, _F.RESTORE_AGENT))
        for event in (_E.SOUND_FINISHED, _E.TIMEOUT)
    },
    # The consult leg.
    **{(state, event): _NEXT_AFTER_CONSULT for state in DIALLING for event in (*CONSULT_ENDS, _E.TIMEOUT)},
    (_S.DIALLING_WARM, _E.ANSWERED): (_S.BRIEFING, (_F.OPEN_BRIEFING,)),
    (_S.DIALLING_BRIDGE, _E.ANSWERED): _BRIDGED,
    # The briefing. A human who answered is not lost for want of a model: the caller comes unannounced.
    (_S.BRIEFING, _E.BRIEFING_READY): (_S.BRIEFING, (_F.SPEAK_BRIEFING,)),
    **{
        (_S.BRIEFING, event): (_S.REFERRING_WARM, (_F.CLOSE_BRIEFING, _F.REFER_REPLACES))
        for event in (_E.ACCEPTED, _E.BRIEFING_FAILED)
    },
    **{(_S.BRIEFING, event): _BACK_FROM_BRIEFING for event in (_E.DECLINED, *CONSULT_ENDS)},
    (_S.BRIEFING, _E.TIMEOUT): (_S.CHOOSING, (_F.CLOSE_BRIEFING, _F.END_CONSULT, _F.CHOOSE)),
    # REFER with Replaces. Whatever goes wrong while both are there: bridge them.
    **{
        (_S.REFERRING_WARM, event): (_S.CONFIRMING_WARM, ())
        for event in (_E.REFER_ACCEPTED, _E.REFER_PROGRESS)
    },
    **{
        (state, _E.SUBSCRIPTION_LOST): (_S.SETTLING_WARM, ())
        for state in (_S.REFERRING_WARM, _S.CONFIRMING_WARM)
    },
    **{(state, event): _BRIDGED for state in _WARM_REFER for event in (*REFER_FAILURES, _E.TIMEOUT)},
    **{(state, event): (_S.TARGET_LEFT, ()) for state in _WARM_REFER for event in CONSULT_ENDS},
    **{
        (_S.TARGET_LEFT, event): (_S.RETURNING, (_F.END_CONSULT, _F.TAKE_CALLER_BACK, _F.RESTORE_AGENT))
        for event in (*REFER_FAILURES, _E.TIMEOUT)
    },
    # REFER alone. The peer that refuses it still lets us call; the one that says nothing keeps its secret.
    (_S.REFERRING_BLIND, _E.REFER_ACCEPTED): (_S.CONFIRMING_BLIND, ()),
    (_S.REFERRING_BLIND, _E.REFER_REFUSED): (_S.DIALLING_BRIDGE, (_F.HOLD_CALLER, _F.DIAL)),
    **{
        (state, _E.REFER_PROGRESS): (_S.PROGRESSING_BLIND, ())
        for state in (_S.REFERRING_BLIND, _S.CONFIRMING_BLIND)
    },
    **{(state, _E.REFER_FAILED): (_S.CHOOSING, (_F.CHOOSE,)) for state in (*_BLIND_REFER, _S.SETTLING_BLIND)},
    **{(state, _E.SUBSCRIPTION_LOST): (_S.SETTLING_BLIND, ()) for state in _BLIND_REFER},
    **{(state, _E.TIMEOUT): _BACK for state in (*_BLIND_REFER, _S.SETTLING_BLIND)},
    # Back to the agent. An agent that is gone for good leaves the caller to the call's own fallback.
    (_S.RETURNING, _E.AGENT_READY): (_S.RETURNED, (_F.COMFORT_OFF, _F.UNMUTE, _F.TELL_AGENT)),
    (_S.RETURNING, _E.AGENT_LOST): (_S.RETURNING, (_F.RESTORE_AGENT,)),
    (_S.RETURNING, _E.AGENT_GONE): (_S.RETURNED, (_F.COMFORT_OFF, _F.UNMUTE)),
    (_S.RETURNING, _E.TIMEOUT): (_S.RETURNED, (_F.COMFORT_OFF, _F.UNMUTE)),
    # The peer says that the caller is with the target, however late.
    **{(state, _E.REFER_DONE): _transferred(state, _F.HANG_UP_CALLER) for state in LIVE},
    # Orders, and the end of the dialogs.
    **{
        (state, _E.HANG_UP_ORDERED): (_S.RETURNED, (*_given_back(state), _F.UNMUTE))
        for state in LIVE
        if state not in {_S.BRIDGED, _S.CALLER_LEFT}
    },
    **{
        (state, event): (_S.CALLER_GONE, _given_back(state))
        for state in LIVE
        for event in (_E.CALLER_HUNG_UP, _E.SIP_LOST)
    },
    # Either leg may be the first to end when the peer has joined the two.
    **{
        (state, _E.CALLER_HUNG_UP): (_S.CALLER_LEFT, (_F.COMFORT_OFF,))
        for state in (_S.CONFIRMING_WARM, _S.SETTLING_WARM)
    },
    (_S.TARGET_LEFT, _E.CALLER_HUNG_UP): _transferred(_S.TARGET_LEFT),
    (_S.CALLER_LEFT, _E.CALLER_HUNG_UP): (_S.CALLER_LEFT, ()),
    **{(_S.CALLER_LEFT, event): _transferred(_S.CALLER_LEFT) for event in (*CONSULT_ENDS, _E.REFER_DONE)},
    **{
        (_S.CALLER_LEFT, event): (_S.CALLER_GONE, _given_back(_S.CALLER_LEFT))
        for event in (*REFER_FAILURES, _E.TIMEOUT, _E.HANG_UP_ORDERED)
    },
    # The bridge lasts until somebody hangs up.
    **{(_S.BRIDGED, event): _transferred(_S.BRIDGED) for event in (_E.CALLER_HUNG_UP, _E.SIP_LOST)},
    **{
        (_S.BRIDGED, event): _transferred(_S.BRIDGED, _F.HANG_UP_CALLER)
        for event in (*CONSULT_ENDS, _E.HANG_UP_ORDERED)
    },
}
