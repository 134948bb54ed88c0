"""The agent's voice by item: what was received, what was finished, what the caller never heard.

All bookkeeping goes by ``item_id``, because one response may speak in several items, and because late
audio of an item that was interrupted must not be played.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from talkpath.bridge.realtime.effects import (
    FinishItem,
    FlushPlayout,
    Interrupted,
    PlayAudio,
    Played,
)
from talkpath.bridge.realtime.wire import delete_item, truncate_item

if TYPE_CHECKING:
    from talkpath.bridge.realtime.history import History
    from talkpath.bridge.realtime.outbox import Outbox

CHARACTERS_PER_SECOND = 20
"""Nobody is spoken faster to; the words of an item that is still coming run ahead of its sound."""
MAX_ITEMS = 64
"""Items remembered. Far more than can be in playout; the oldest are forgotten first."""


@dataclass(slots=True)
class SpokenItem:
    """One item of the agent's speech. ``received`` counts bytes; ``remainder`` is half a PCM sample."""

    response_id: str
    received: int = 0
    finished: bool = False
    drained: bool = False
    discarded: bool = False
    remainder: bytes = b""


class Speech:
    """Everything the agent has said or is saying in this session."""

    def __init__(self, outbox: Outbox, history: History, bytes_per_second: int) -> None:
        self._outbox = outbox
        self._history = history
        self._rate = bytes_per_second
        self._sample = 2 if bytes_per_second > 8000 else 1
        self._items: dict[str, SpokenItem] = {}
        self._awaiting_flush: set[str] = set()

    def received_ms(self, item_id: str) -> int:
        """Milliseconds of an item that have arrived, rounded down: the most a truncation may name."""
        item = self._items.get(item_id)
        return item.received * 1000 // self._rate if item else 0

    def unfinished(self) -> dict[str, int]:
        """Items that the server is still sending, and the characters that fit into the sound that came."""
        return {
            item_id: _most_characters(self.received_ms(item_id))
            for item_id, item in self._items.items()
            if not item.finished and not item.discarded
        }

    def audible(self) -> bool:
        """Whether the caller is hearing the agent, or soon will."""
        return any(self._unheard(item) and not item.drained for item in self._items.values())

    def items_of(self, response_id: str) -> tuple[str, ...]:
        """The items of a response that brought audio, in order."""
        return tuple(
            item_id
            for item_id, item in self._items.items()
            if item.response_id == response_id and item.received
        )

    def opened(self, item_id: str, response_id: str) -> None:
        """The server has begun an item; its sound may follow, or never come."""
        self._item(item_id, response_id)

    def delta(self, item_id: str, response_id: str, audio: bytes, *, discard: bool) -> bool:
        """Take a piece of audio; ``discard`` when its response was interrupted.

        Returns:
            True when it will be played.
        """
        item = self._item(item_id, response_id)
        if discard or item.discarded:
            item.discarded = True
            self._outbox.counts["late_audio_dropped"] += 1
            return False
        if item.finished:
            self._outbox.counts["audio_after_done"] += 1
            return False
        whole = self._whole_samples(item, audio)
        if not whole:
            return False
        item.received += len(whole)
        item.drained = False
        self._outbox.emit(PlayAudio(item_id, whole))
        return True

    def finish(self, item_id: str) -> None:
        """The server has sent all audio of an item."""
        item = self._items.get(item_id)
        if item and not item.finished:
            item.finished = True
            if item.received and not item.discarded:
                self._outbox.emit(FinishItem(item_id))

    def finish_response(self, response_id: str) -> None:
        """A response is over: so are its items, even when the server forgot to say so."""
        for item_id, item in list(self._items.items()):
            if item.response_id == response_id:
                self.finish(item_id)

    def drained(self, item_id: str) -> None:
        """The last frame of an item that has arrived so far has been handed to RTP."""
        item = self._items.get(item_id)
        if item:
            item.drained = True

    def interrupt(self) -> bool:
        """Stop everything that is audible or on its way.

        Returns:
            True when there was something to stop; a ``FlushPlayout`` has been emitted then.
        """
        unheard = [item_id for item_id, item in self._items.items() if self._unheard(item)]
        for item_id in unheard:
            self._items[item_id].discarded = True
        if unheard:
            self._awaiting_flush.update(unheard)
            self._outbox.emit(FlushPlayout())
        return bool(unheard)

    def forget_soundless(self, response_id: str) -> None:
        """An interrupted response is over: the model takes back those of its words that never had a sound.

        Words run ahead of the sound, so a caller who interrupts early has heard nothing of them.
        """
        soundless = [
            item_id
            for item_id, item in self._items.items()
            if item.response_id == response_id and not item.received
        ]
        for item_id in soundless:
            self._outbox.send(delete_item(item_id))
            self._history.remove(item_id)
            self._outbox.emit(Interrupted(item_id, 0, 0))
            del self._items[item_id]

    def flushed(self, played: list[Played]) -> None:
        """Tell the server what was heard of the items that were stopped.

        Items that the answer does not name were not heard at all; one may have been played in parts.
        """
        heard: Counter[str] = Counter()
        for entry in played:
            heard[entry.item_id] += max(entry.played_ms, 0)
        stopped = [item_id for item_id in self._items if item_id in self._awaiting_flush]
        self._awaiting_flush.clear()
        for item_id in stopped:
            self._forget_unheard(item_id, heard[item_id])

    def _forget_unheard(self, item_id: str, played_ms: int) -> None:
        item = self._items[item_id]
        received_ms = self.received_ms(item_id)
        played_ms = min(played_ms, received_ms)
        if item.finished and played_ms == received_ms and received_ms:
            return
        if played_ms == 0:
            self._outbox.send(delete_item(item_id))
            self._history.remove(item_id)
        else:
            self._outbox.send(truncate_item(item_id, played_ms))
            most = None if item.finished else _most_characters(played_ms)
            self._history.truncate(item_id, played_ms / received_ms, most)
        self._outbox.emit(Interrupted(item_id, played_ms, received_ms))

    def _whole_samples(self, item: SpokenItem, audio: bytes) -> bytes:
        """The audio cut at a sample boundary; the odd byte waits for the next piece."""
        if self._sample == 1 or not (item.remainder or len(audio) % 2):
            return audio
        joined = item.remainder + audio
        end = len(joined) - len(joined) % 2
        item.remainder = joined[end:]
        return joined[:end]

    def _item(self, item_id: str, response_id: str) -> SpokenItem:
        item = self._items.get(item_id)
        if item is None:
            item = self._items[item_id] = SpokenItem(response_id)
            if len(self._items) > MAX_ITEMS:
                oldest = next(iter(self._items))
                del self._items[oldest]
                self._awaiting_flush.discard(oldest)
        return item

    @staticmethod
    def _unheard(item: SpokenItem) -> bool:
        # Of an item that is not finished the server may know more than has arrived.
        return bool(item.received) and not item.discarded and not (item.drained and item.finished)


def _most_characters(milliseconds: int) -> int:
    return milliseconds * CHARACTERS_PER_SECOND // 1000
