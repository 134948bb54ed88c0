"""The life of a call as a table: ``(state, event) -> (next state, effects)``.

Pure: no clock, no I/O. The performer (`talkpath.bridge.call.runner`) turns what happens into events,
asks `step`, performs the effects in their order, and keeps the one timer that the state has.
A pair that is not in the table is refused: `IllegalEventError` means that the performer is wrong, not the
network; what a network or a model can do at a bad moment has its row.

The drawing in ``docs/architecture.md`` is generated from the table (`mermaid`).
"""

from __future__ import annotations

import enum
from typing import Final

from talkpath.bridge.state_table import drawing, look_up


class State(enum.Enum):
    """Where a call is."""

    OFFERED = "offered"
    """Inbound, ringing at the caller, the model session is being opened."""
    PREPARING = "preparing"
    """Outbound, nothing sent yet, the model session is being opened."""
    DIALING = "dialing"
    """Outbound, INVITE sent."""
    ANSWERED = "answered"
    """200 sent, ACK awaited."""
    LISTENING = "listening"
    """Outbound, answered: the greeting waits for the callee's voice, which it shall answer."""
    TALKING = "talking"
    ASKING = "asking"
    """Nobody has spoken for long: the agent has been told to ask whether the caller is still there."""
    RECOVERING = "recovering"
    """The model's socket dropped: the caller hears a comfort sound while a new session is opened."""
    GOODBYE = "goodbye"
    """The agent wants to hang up: its last words are still being played. The caller can still stop it."""
    TIME_UP = "time_up"
    """The longest duration is over: last words, as in ``goodbye``, but nobody can stop it any more."""
    TRANSFERRING = "transferring"
    """The caller is on the way to a human; `talkpath.bridge.transfer.machine` has the steps of it."""
    HELD = "held"
    """The operator has put the caller on hold: nobody hears them, and no agent speaks."""
    FALLBACK = "fallback"
    """The model is gone for good: an announcement is played, then the call ends."""
    ENDING = "ending"
    """The SIP process was told to end the dialog and has not confirmed it yet."""
    ENDED = "ended"


class Event(enum.Enum):
    """What can happen to a call."""

    OFFER = "offer"
    ORDER = "order"
    MODEL_READY = "model_ready"
    MODEL_LOST = "model_lost"
    """The session ended or never came up, and another try is worth it and within the budget."""
    MODEL_GONE = "model_gone"
    """The session cannot be had: refused for good, or the budget of tries is spent."""
    CONFIRMED = "confirmed"
    """The dialog is confirmed (ACK)."""
    GOODBYE_ASKED = "goodbye_asked"
    """The model called ``hang_up``."""
    TRANSFER_ASKED = "transfer_asked"
    """The model called ``transfer_call``, and there is somebody to try."""
    TRANSFER_RETURNED = "transfer_returned"
    """The transfer is over, and the caller is the agent's again."""
    TRANSFERRED = "transferred"
    """A human has, or had, the caller: our leg may go. Also told late, by a peer that took its time."""
    HOLD_ASKED = "hold_asked"
    """The operator wants the caller on hold."""
    RESUME_ASKED = "resume_asked"
    """The operator gives the caller back to the agent."""
    RESUMED_WITHOUT_AGENT = "resumed_without_agent"
    """The same, and the model's session has ended meanwhile."""
    CALLER_SPOKE = "caller_spoke"
    """The caller interrupted."""
    PLAYED_OUT = "played_out"
    """Everything the agent had to say, or the announcement, has been handed to RTP."""
    LIMIT_REACHED = "limit_reached"
    """The longest allowed duration is over."""
    SILENT_TOO_LONG = "silent_too_long"
    """Nobody has spoken for as long as the agent's settings allow; or nobody has answered the question."""
    HANG_UP_ORDERED = "hang_up_ordered"
    """The operator, a drain deadline, or media that cannot be used ends the call."""
    TIMEOUT = "timeout"
    """The state's own deadline passed (`TIMEOUTS`)."""
    DIALOG_ENDED = "dialog_ended"
    """The SIP process says that the dialog is over, whoever ended it."""
    SIP_LOST = "sip_lost"
    """The SIP process died, and the dialog with it."""


class Effect(enum.Enum):
    """What the performer has to do."""

    OPEN_SESSION = "open_session"
    REOPEN_SESSION = "reopen_session"
    CLOSE_SESSION = "close_session"
    RING = "ring"
    ANSWER = "answer"
    DIAL = "dial"
    REJECT_UNAVAILABLE = "reject_unavailable"
    """503 with Retry-After, so that the PBX takes its next route."""
    GREET = "greet"
    AWAIT_VOICE = "await_voice"
    """Let the agent know that its greeting is the answer to the first words it hears."""
    LET_ANSWER = "let_answer"
    """The first words were heard: what the model answers is the greeting, unless something goes before it."""
    RESUME = "resume"
    """Re-seed the conversation and say one sentence about the interruption."""
    COMFORT_SOUND_ON = "comfort_sound_on"
    COMFORT_SOUND_OFF = "comfort_sound_off"
    SAY_LIMIT = "say_limit"
    """Let the agent say that the time is over."""
    ASK_FOR_CALLER = "ask_for_caller"
    """Let the agent ask whether the caller is still there."""
    SAY_SILENCE = "say_silence"
    """Let the agent say that it hangs up because it hears nobody."""
    STAY = "stay"
    """The hang-up is taken back, and so is its cause."""
    TRANSFER = "transfer"
    """Begin the transfer that was asked for."""
    HOLD_CALLER = "hold_caller"
    """Silence the agent, keep the caller from it, tell it, and let the caller hear the comfort sound."""
    TAKE_CALLER_BACK = "take_caller_back"
    """The end of that."""
    TELL_RESUMED = "tell_resumed"
    """Let the agent know that the caller is back, and say something."""
    RESTORE_SESSION = "restore_session"
    """Open a session with the whole budget of tries."""
    PLAY_FALLBACK = "play_fallback"
    HANG_UP = "hang_up"
    FINISH = "finish"
    """Give everything back (session, lane, port, tasks) and write the call's record."""


Step = tuple[State, tuple[Effect, ...]]

BEFORE_THE_TALK: Final = frozenset({State.OFFERED, State.PREPARING, State.DIALING})
IN_CONVERSATION: Final = frozenset({State.LISTENING, State.TALKING, State.ASKING})
"""The caller is the agent's, and nobody wants to end that."""
LAST_WORDS: Final = frozenset({State.GOODBYE, State.TIME_UP})

TIMEOUTS: Final[dict[State, float]] = {
    State.OFFERED: 15.0,  # a PBX rings 20 to 30 s before it gives up; leave it time for its next route
    State.PREPARING: 15.0,
    State.DIALING: 130.0,  # the ring timeout of the INVITE itself is shorter; this only catches its loss
    State.ANSWERED: 40.0,  # 64·T1 = 32 s (RFC 3261 13.3.1.4) ends it in the SIP process before this
    State.GOODBYE: 20.0,
    State.TIME_UP: 20.0,
    State.FALLBACK: 30.0,
    State.ENDING: 40.0,  # Timer F or H of the BYE, 32 s, ends it in the SIP process before this
}
"""Longest stay in a state, in seconds; of the others, only ``listening`` has a deadline: the agent's."""

_S, _E, _F = State, Event, Effect

TABLE: Final[dict[tuple[State, Event], Step]] = {
    # Inbound set-up: 200 only when the model's session is configured.
    (_S.OFFERED, _E.OFFER): (_S.OFFERED, (_F.RING, _F.OPEN_SESSION)),
    (_S.OFFERED, _E.MODEL_READY): (_S.ANSWERED, (_F.ANSWER,)),
    (_S.OFFERED, _E.MODEL_LOST): (_S.OFFERED, (_F.REOPEN_SESSION,)),
    (_S.OFFERED, _E.MODEL_GONE): (_S.ENDING, (_F.REJECT_UNAVAILABLE,)),
    (_S.OFFERED, _E.TIMEOUT): (_S.ENDING, (_F.CLOSE_SESSION, _F.REJECT_UNAVAILABLE)),
    (_S.OFFERED, _E.HANG_UP_ORDERED): (_S.ENDING, (_F.CLOSE_SESSION, _F.REJECT_UNAVAILABLE)),
    # Outbound set-up: dial only when somebody is there to talk.
    (_S.PREPARING, _E.ORDER): (_S.PREPARING, (_F.OPEN_SESSION,)),
    (_S.PREPARING, _E.MODEL_READY): (_S.DIALING, (_F.DIAL,)),
    (_S.PREPARING, _E.MODEL_LOST): (_S.PREPARING, (_F.REOPEN_SESSION,)),
    (_S.PREPARING, _E.MODEL_GONE): (_S.ENDED, (_F.FINISH,)),
    (_S.PREPARING, _E.TIMEOUT): (_S.ENDED, (_F.FINISH,)),
    (_S.PREPARING, _E.HANG_UP_ORDERED): (_S.ENDED, (_F.FINISH,)),
    (_S.DIALING, _E.CONFIRMED): (_S.LISTENING, (_F.AWAIT_VOICE,)),
    (_S.DIALING, _E.MODEL_LOST): (_S.DIALING, (_F.REOPEN_SESSION,)),
    (_S.DIALING, _E.MODEL_READY): (_S.DIALING, ()),
    (_S.DIALING, _E.MODEL_GONE): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP)),
    (_S.DIALING, _E.GOODBYE_ASKED): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP)),
    (_S.DIALING, _E.CALLER_SPOKE): (_S.DIALING, ()),
    (_S.DIALING, _E.TIMEOUT): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP)),
    (_S.DIALING, _E.HANG_UP_ORDERED): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP)),
    # Between 200 and ACK. The greeting waits for the ACK: before it, the path may not be open.
    (_S.ANSWERED, _E.CONFIRMED): (_S.TALKING, (_F.GREET,)),
    (_S.ANSWERED, _E.MODEL_LOST): (_S.ANSWERED, (_F.REOPEN_SESSION,)),
    (_S.ANSWERED, _E.MODEL_READY): (_S.ANSWERED, ()),
    (_S.ANSWERED, _E.MODEL_GONE): (_S.FALLBACK, (_F.CLOSE_SESSION, _F.PLAY_FALLBACK)),
    (_S.ANSWERED, _E.GOODBYE_ASKED): (_S.GOODBYE, ()),
    (_S.ANSWERED, _E.TIMEOUT): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP)),
    (_S.ANSWERED, _E.CALLER_SPOKE): (_S.ANSWERED, ()),
    (_S.ANSWERED, _E.HANG_UP_ORDERED): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP)),
    # Whoever is called speaks first, or the agent does after a while; else it is as in the conversation.
    (_S.LISTENING, _E.CALLER_SPOKE): (_S.TALKING, (_F.LET_ANSWER,)),
    (_S.LISTENING, _E.TIMEOUT): (_S.TALKING, (_F.GREET,)),
    (_S.LISTENING, _E.SILENT_TOO_LONG): (_S.TALKING, (_F.GREET,)),  # it may be shorter than our patience
    (_S.LISTENING, _E.MODEL_READY): (_S.LISTENING, ()),  # lost while it rang; what it has to know is kept
    (_S.LISTENING, _E.MODEL_LOST): (_S.RECOVERING, (_F.COMFORT_SOUND_ON, _F.REOPEN_SESSION)),
    (_S.LISTENING, _E.MODEL_GONE): (_S.FALLBACK, (_F.CLOSE_SESSION, _F.PLAY_FALLBACK)),
    (_S.LISTENING, _E.GOODBYE_ASKED): (_S.GOODBYE, ()),
    (_S.LISTENING, _E.PLAYED_OUT): (_S.LISTENING, ()),  # what an operator let the agent say
    (_S.LISTENING, _E.LIMIT_REACHED): (_S.TIME_UP, (_F.SAY_LIMIT,)),
    (_S.LISTENING, _E.HANG_UP_ORDERED): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP)),
    # The conversation.
    (_S.TALKING, _E.MODEL_READY): (_S.TALKING, (_F.GREET,)),  # lost between INVITE and ACK, or rolled over
    (_S.TALKING, _E.CONFIRMED): (_S.TALKING, (_F.GREET,)),  # the ACK came after a hang-up was taken back
    (_S.TALKING, _E.MODEL_LOST): (_S.RECOVERING, (_F.COMFORT_SOUND_ON, _F.REOPEN_SESSION)),
    (_S.TALKING, _E.MODEL_GONE): (_S.FALLBACK, (_F.CLOSE_SESSION, _F.PLAY_FALLBACK)),
    (_S.TALKING, _E.GOODBYE_ASKED): (_S.GOODBYE, ()),
    (_S.TALKING, _E.CALLER_SPOKE): (_S.TALKING, ()),
    (_S.TALKING, _E.PLAYED_OUT): (_S.TALKING, ()),
    (_S.TALKING, _E.LIMIT_REACHED): (_S.TIME_UP, (_F.SAY_LIMIT,)),
    (_S.TALKING, _E.SILENT_TOO_LONG): (_S.ASKING, (_F.ASK_FOR_CALLER,)),
    (_S.TALKING, _E.HANG_UP_ORDERED): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP)),
    # The conversation, while the agent asks whether the caller is still there, and waits for an answer.
    (_S.ASKING, _E.CALLER_SPOKE): (_S.TALKING, ()),
    (_S.ASKING, _E.SILENT_TOO_LONG): (_S.GOODBYE, (_F.SAY_SILENCE,)),
    (_S.ASKING, _E.PLAYED_OUT): (_S.ASKING, ()),
    (_S.ASKING, _E.MODEL_READY): (_S.ASKING, (_F.GREET,)),  # as in the conversation
    (_S.ASKING, _E.CONFIRMED): (_S.ASKING, (_F.GREET,)),
    (_S.ASKING, _E.MODEL_LOST): (_S.RECOVERING, (_F.COMFORT_SOUND_ON, _F.REOPEN_SESSION)),
    (_S.ASKING, _E.MODEL_GONE): (_S.FALLBACK, (_F.CLOSE_SESSION, _F.PLAY_FALLBACK)),
    (_S.ASKING, _E.GOODBYE_ASKED): (_S.GOODBYE, ()),
    (_S.ASKING, _E.LIMIT_REACHED): (_S.TIME_UP, (_F.SAY_LIMIT,)),
    (_S.ASKING, _E.HANG_UP_ORDERED): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP)),
    # The model's socket dropped.
    (_S.RECOVERING, _E.MODEL_READY): (_S.TALKING, (_F.COMFORT_SOUND_OFF, _F.RESUME)),
    (_S.RECOVERING, _E.MODEL_LOST): (_S.RECOVERING, (_F.REOPEN_SESSION,)),
    (_S.RECOVERING, _E.MODEL_GONE): (
        _S.FALLBACK,
        (_F.CLOSE_SESSION, _F.COMFORT_SOUND_OFF, _F.PLAY_FALLBACK),
    ),
    (_S.RECOVERING, _E.CONFIRMED): (_S.RECOVERING, ()),
    (_S.RECOVERING, _E.GOODBYE_ASKED): (_S.RECOVERING, ()),
    (_S.RECOVERING, _E.CALLER_SPOKE): (_S.RECOVERING, ()),
    (_S.RECOVERING, _E.PLAYED_OUT): (_S.RECOVERING, ()),
    (_S.RECOVERING, _E.LIMIT_REACHED): (
        _S.FALLBACK,
        (_F.CLOSE_SESSION, _F.COMFORT_SOUND_OFF, _F.PLAY_FALLBACK),
    ),
    (_S.RECOVERING, _E.HANG_UP_ORDERED): (
        _S.ENDING,
        (_F.CLOSE_SESSION, _F.COMFORT_SOUND_OFF, _F.HANG_UP),
    ),
    # The last words. Whoever interrupts them wants to go on talking, as long as there is time.
    (_S.GOODBYE, _E.CALLER_SPOKE): (_S.TALKING, (_F.STAY,)),
    (_S.GOODBYE, _E.LIMIT_REACHED): (_S.TIME_UP, ()),
    (_S.TIME_UP, _E.CALLER_SPOKE): (_S.TIME_UP, ()),
    (_S.TIME_UP, _E.LIMIT_REACHED): (_S.TIME_UP, ()),
    **{
        (state, event): (state, ())
        for state in (_S.GOODBYE, _S.TIME_UP)
        for event in (
            _E.CONFIRMED,
            _E.GOODBYE_ASKED,
            _E.MODEL_READY,  # of a session that was opened by a roll-over
            _E.MODEL_LOST,  # what is queued is still played
            _E.MODEL_GONE,
        )
    },
    **{
        (state, event): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP))
        for state in (_S.GOODBYE, _S.TIME_UP)
        for event in (_E.PLAYED_OUT, _E.TIMEOUT, _E.HANG_UP_ORDERED)
    },
    # On the way to a human. How the caller's dialog ends is the transfer's to judge before it comes here,
    # because a peer that joins two calls ends them itself. A model that drops matters once they are back.
    (_S.LISTENING, _E.TRANSFER_ASKED): (_S.TRANSFERRING, (_F.TRANSFER,)),
    (_S.TALKING, _E.TRANSFER_ASKED): (_S.TRANSFERRING, (_F.TRANSFER,)),
    (_S.ASKING, _E.TRANSFER_ASKED): (_S.TRANSFERRING, (_F.TRANSFER,)),
    (_S.TRANSFERRING, _E.TRANSFER_RETURNED): (_S.TALKING, ()),
    (_S.TRANSFERRING, _E.HANG_UP_ORDERED): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP)),
    **{
        (_S.TRANSFERRING, event): (_S.TRANSFERRING, ())
        for event in (
            _E.MODEL_READY,
            _E.MODEL_LOST,
            _E.MODEL_GONE,
            _E.CONFIRMED,
            _E.GOODBYE_ASKED,
            _E.TRANSFER_ASKED,
            _E.CALLER_SPOKE,
            _E.PLAYED_OUT,
            _E.LIMIT_REACHED,  # the agent's time; the human's has no limit
            _E.SILENT_TOO_LONG,
        )
    },
    **{
        (state, _E.TRANSFERRED): (_S.ENDING, (_F.CLOSE_SESSION, _F.HANG_UP))
        for state in (_S.TRANSFERRING, _S.TALKING, _S.ASKING, _S.GOODBYE, _S.TIME_UP)
    },
    **{
        (state, _E.TRANSFERRED): (_S.ENDING, (_F.CLOSE_SESSION, _F.COMFORT_SOUND_OFF, _F.HANG_UP))
        for state in (_S.RECOVERING, _S.FALLBACK)
    },
    # On hold by the operator. What the caller does reaches nobody; a session that drops is missed on return.
    **{
        (state, _E.HOLD_ASKED): (_S.HELD, (_F.HOLD_CALLER,))
        for state in (_S.LISTENING, _S.TALKING, _S.ASKING)
    },
    (_S.HELD, _E.RESUME_ASKED): (_S.TALKING, (_F.TAKE_CALLER_BACK, _F.TELL_RESUMED)),
    (_S.HELD, _E.RESUMED_WITHOUT_AGENT): (
        _S.RECOVERING,
        (_F.TAKE_CALLER_BACK, _F.COMFORT_SOUND_ON, _F.RESTORE_SESSION),
    ),
    (_S.HELD, _E.TRANSFER_ASKED): (_S.TRANSFERRING, (_F.TRANSFER,)),
    (_S.HELD, _E.MODEL_GONE): (_S.FALLBACK, (_F.CLOSE_SESSION, _F.TAKE_CALLER_BACK, _F.PLAY_FALLBACK)),
    (_S.HELD, _E.LIMIT_REACHED): (_S.TIME_UP, (_F.TAKE_CALLER_BACK, _F.SAY_LIMIT)),
    **{
        (_S.HELD, event): (_S.ENDING, (_F.CLOSE_SESSION, _F.COMFORT_SOUND_OFF, _F.HANG_UP))
        for event in (_E.HANG_UP_ORDERED, _E.TRANSFERRED)
    },
    **{
        (_S.HELD, event): (_S.HELD, ())
        for event in (
            _E.MODEL_READY,  # of a session that was opened by a roll-over
            _E.MODEL_LOST,
            _E.CONFIRMED,
            _E.GOODBYE_ASKED,
            _E.CALLER_SPOKE,
            _E.PLAYED_OUT,
            _E.SILENT_TOO_LONG,
        )
    },
    # The announcement when there is no model.
    (_S.FALLBACK, _E.PLAYED_OUT): (_S.ENDING, (_F.HANG_UP,)),
    (_S.FALLBACK, _E.TIMEOUT): (_S.ENDING, (_F.HANG_UP,)),
    (_S.FALLBACK, _E.CONFIRMED): (_S.FALLBACK, ()),
    (_S.FALLBACK, _E.LIMIT_REACHED): (_S.FALLBACK, ()),
    (_S.FALLBACK, _E.HANG_UP_ORDERED): (_S.ENDING, (_F.HANG_UP,)),
    # Waiting for the SIP process to say that the dialog is over. Nothing else matters any more.
    (_S.ENDING, _E.TIMEOUT): (_S.ENDED, (_F.FINISH,)),
    **{
        (_S.ENDING, event): (_S.ENDING, ())
        for event in (
            _E.MODEL_READY,
            _E.MODEL_LOST,
            _E.MODEL_GONE,
            _E.CONFIRMED,
            _E.GOODBYE_ASKED,
            _E.CALLER_SPOKE,
            _E.PLAYED_OUT,
            _E.LIMIT_REACHED,
            _E.HANG_UP_ORDERED,
            _E.TRANSFERRED,
        )
    },
    # The dialog can end at any time.
    **{
        (state, event): (_S.ENDED, (_F.FINISH,))
        for state in _S
        if state is not _S.ENDED
        for event in (_E.DIALOG_ENDED, _E.SIP_LOST)
    },
}


def step(state: State, event: Event) -> Step:
    """Look one transition up.

    Raises:
        IllegalEventError: the pair is not in the table.
    """
    return look_up("a call", TABLE, state, event)


def mermaid() -> str:
    """Draw the table as a Mermaid state diagram, without the arrows of what ends a call in any state."""
    steps = (
        (state, event, following)
        for (state, event), (following, _) in TABLE.items()
        if not ends_anywhere(state, event, following)
    )
    return drawing((State.OFFERED, State.PREPARING), steps, (State.ENDED,))


def ends_anywhere(state: State, event: Event, following: State) -> bool:
    """Whether a row says of one state what holds for all: this event is the end."""
    if state is State.ENDING or (state, event) == (State.TRANSFERRING, Event.TRANSFERRED):
        return False
    return following in {State.ENDING, State.ENDED} and event in {
        Event.DIALOG_ENDED,
        Event.SIP_LOST,
        Event.HANG_UP_ORDERED,
        Event.TRANSFERRED,
    }
