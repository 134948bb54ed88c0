"""One dialog that may take the place of another of the same call, told to the worker as one call.

The old dialog is there from the beginning. The new one becomes the call's when its INVITE is taken (Replaces)
or answered (REFER). Until then nothing of it is told, and nothing is lost: when the old dialog ends before,
as it may after a REFER (RFC 5589, section 6), its end is only told if the new one fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from talkpath.sip.messages import CallConfirmed, CallEnded, CallMoved, MediaUpdated

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.sip.messages import MediaDescription, Message


class Succession:
    """Decides what the worker is told while a dialog takes the place of another. Pure.

    Args:
        moved: What to tell when it has.
        inbound: The call is one of a caller.
        answered: The old dialog is; else the new one is told to be.
        tell: Takes messages for the worker.
        exchange: Called once, before the worker is told: the new dialog is the call's from now on.
    """

    def __init__(
        self,
        moved: CallMoved,
        *,
        inbound: bool,
        answered: bool = True,
        tell: Callable[[Message], None],
        exchange: Callable[[], None],
    ) -> None:
        self.done = False
        """The new dialog is the call's."""
        self.failed = False
        """The new dialog has ended before it was the call's."""
        self._moved = moved
        self._inbound = inbound
        self._answered = answered
        self._tell = tell
        self._exchange = exchange
        self._old_media: MediaDescription | None = None
        self._new_media: MediaUpdated | None = None
        self._old_end: CallEnded | None = None

    @property
    def pending(self) -> bool:
        """Whether it is open which dialog will be the call's."""
        return not (self.done or self.failed)

    def begin(self, media: MediaDescription | None) -> None:
        """Note what was settled in the old dialog."""
        self._old_media = media

    def complete(self) -> None:
        """The new dialog takes the call over, once."""
        if not self.pending:
            return
        self.done = True
        self._exchange()
        self._tell(self._moved)
        if self._new_media is not None:
            self._tell(self._new_media)

    def from_old(self, message: Message) -> None:
        """Take what the old dialog tells."""
        if self.done:
            return
        if self.pending and isinstance(message, CallEnded):
            self._old_end = message
            self._hold_while_nobody_listens()
            return
        if isinstance(message, MediaUpdated):
            self._old_media = message.media
        self._tell(message)

    def from_new(self, message: Message) -> None:
        """Take what the new dialog tells."""
        match message:
            case CallConfirmed():
                self.complete()
                if not self._answered:
                    self._tell(message)
            case CallEnded() if self.pending:
                self.failed = True
                if self._old_end is not None:
                    self._tell(self._old_end)
            case MediaUpdated() if self.pending:
                self._new_media = message
            case CallEnded() if self.done:
                self._tell(self._seen_from_the_call(message))
            case _ if self.done:
                self._tell(message)

    def _seen_from_the_call(self, end: CallEnded) -> CallEnded:
        """Whom a call is with is its caller or its callee, whoever began the dialog."""
        if end.by not in {"caller", "callee"}:
            return end
        return msgspec.structs.replace(end, by="caller" if self._inbound else "callee")

    def _hold_while_nobody_listens(self) -> None:
        if self._old_media is not None:
            nobody = msgspec.structs.replace(self._old_media, sends=False, receives=False)
            self._tell(MediaUpdated(call=self._moved.call, media=nobody))
