"""Our conversation with the human whom a transfer is for: the call to them, and the briefing on it.

In an attended transfer (RFC 5589, section 7) this is the second call, the consultation. It belongs to the
transfer, and is given back on every way out.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from talkpath.bridge.call.briefing_session import BriefingSession
from talkpath.bridge.call.consult_leg import ConsultLeg
from talkpath.bridge.call.key_relay import KeyRelay
from talkpath.bridge.media import lane as media
from talkpath.bridge.transfer.briefing import briefing
from talkpath.bridge.transfer.vocabulary import Event, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.call.transfer_terms import Lent, TransferOwner
    from talkpath.bridge.config.transfer import TransferConfig
    from talkpath.bridge.transfer.briefing import Subject
    from talkpath.bridge.transfer.course import Transfer
    from talkpath.bridge.transfer.targets import Attempt
    from talkpath.sip import messages as m

SILENT_HUMAN: Final = "transfer_rtp"
"""Name of a timer."""


class Consultation:
    """The human's side of one transfer; one human after the other may be called.

    Args:
        course: Where the transfer is.
        subject: What is known about the call.
        settings: The agent's.
        lent: What the call lends.
        owner: The call.
        happen: Takes what happens, with the SIP status if there is one.
        number: Of the transfer within the call, so that the ids of its legs are new.
    """

    def __init__(
        self,
        course: Transfer,
        subject: Subject,
        settings: TransferConfig,
        lent: Lent,
        owner: TransferOwner,
        *,
        happen: Callable[[Event, int], None],
        number: int,
    ) -> None:
        self.message = ""
        """What the human wants the caller to be told."""
        self._course = course
        self._subject = subject
        self._settings = settings
        self._lent = lent
        self._owner = owner
        self._happen = happen
        self._number = number
        self._legs = 0
        self._leg: ConsultLeg | None = None
        self._briefing: BriefingSession | None = None
        self._to_caller = KeyRelay(lent.keys)

    @property
    def call(self) -> str:
        """Id of the dialog with the human; empty: there is none."""
        return self._leg.call if self._leg is not None else ""

    # What the transfer wants ----------------------------------------------------------------------

    def dial(self, attempt: Attempt, headers: tuple[m.Header, ...]) -> None:
        """Call the human.

        Raises:
            ReferError: their number cannot be called from here.
            NoFreePort: every RTP port of this worker is taken.
            NoFreeLane: every lane of this worker is taken.
        """
        lent = self._lent
        self._legs += 1
        call = f"{lent.call}-t{self._number}.{self._legs}"
        leg = ConsultLeg(call, lent.agent, lent.services, self, asyncio.get_running_loop())
        uri, trunk = lent.peer.address(lent.services.config, attempt.uri, attempt.trunk)
        leg.dial(uri, trunk, attempt.ring_timeout, headers)
        self._leg = leg

    def end(self) -> None:
        """Hang up on the human, or stop ringing. Again: nothing happens."""
        self._lent.timers.cancel(SILENT_HUMAN)
        leg, self._leg = self._leg, None
        if leg is not None:
            leg.close(f"transfer {self._course.reason.value}".replace("_", " "))

    def open_briefing(self) -> None:
        """Let a session of its own hear the human, and get ready to tell who calls and why."""
        if self._leg is None:
            return
        words = briefing(
            self._subject,
            self._course.target,
            self._settings.share,
            keys=(self._settings.accept_key, self._settings.decline_key),
            extra=self._settings.briefing_instructions,
        )
        lent = self._lent
        self._leg.listen()
        self._briefing = BriefingSession(
            lent.agent, self._leg.lane, words, services=lent.services, books=lent.books, owner=self
        )
        self._briefing.open()

    def speak_briefing(self) -> None:
        """Tell them."""
        if self._briefing is not None:
            self._briefing.speak()

    def close_briefing(self) -> None:
        """End that session. Again: nothing happens."""
        session, self._briefing = self._briefing, None
        if session is not None:
            session.close()

    def bridge(self) -> None:
        """Join the caller and the human through us."""
        self._lent.line.silence()
        if self._leg is not None:
            self._lent.services.plane.join(self._lent.phone.lane, self._leg.lane)

    def unbridge(self) -> None:
        """Part them."""
        self._lent.services.plane.part(self._lent.phone.lane)

    def caller_digit(self, digit: str) -> None:
        """The caller pressed a key: it is for the human, as soon as they are joined by us."""
        if self._course.state is State.BRIDGED and self._leg is not None:
            self._leg.relay(digit)

    # What the leg reports (ConsultOwner) ----------------------------------------------------------

    def consult_event(self, event: Event, status: int = 0) -> None:
        """Something happened to the consult leg."""
        self._happen(event, status)

    def consult_digit(self, digit: str) -> None:
        """The human pressed a key."""
        if self._course.state is State.BRIDGED:
            self._to_caller.take(digit)
        if self._course.state is not State.BRIEFING:
            return
        if digit == self._settings.accept_key:
            self._happen(Event.ACCEPTED, 0)
        elif digit == self._settings.decline_key:
            self._happen(Event.DECLINED, 0)

    def consult_audio(self, audio: bytes) -> None:
        """Pass on 20 ms of the human."""
        if self._briefing is not None:
            self._briefing.append(audio)

    def consult_media(self, event: media.MediaEvent) -> None:
        """Another event of the human's lane."""
        match event:
            case media.RtpStopped(_, seconds):
                limit = self._lent.services.config.sip.rtp_timeout
                if limit:
                    wait = max(limit - seconds, 0.0)
                    self._lent.timers.set(SILENT_HUMAN, wait, lambda: self._happen(Event.UNREACHABLE, 0))
            case media.RtpResumed():
                self._lent.timers.cancel(SILENT_HUMAN)
            case _ if self._briefing is not None:
                self._briefing.media_event(event)
            case _:
                pass

    def guarded(self, action: Callable[[], None]) -> None:
        """Do something for the call; what it raises ends that call and no other."""
        self._owner.guarded(action)

    def broke(self, error: Exception) -> None:
        """The code of the call failed: end it."""
        self._owner.broke(error)

    # What the briefing reports (BriefingOwner) ----------------------------------------------------

    def briefing_event(self, event: Event, message: str = "") -> None:
        """The briefing is ready, has failed, or the human has decided."""
        self.message = message or self.message
        self._happen(event, 0)
