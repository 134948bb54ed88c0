from __future__ import annotations

import asyncio

from talkpath.bridge.api.hub import MAX_LISTENERS, MAX_QUEUED, Hub


class Notes:
    def __init__(self) -> None:
        self.watched: list[bool] = []
        self.dropped = 0
        self.hub = Hub(self.watched.append, self._drop)

    def _drop(self) -> None:
        self.dropped += 1


def test_everybody_gets_every_event_in_its_order() -> None:
    async def story() -> None:
        hub = Notes().hub
        one, other = hub.join(), hub.join()
        assert one
        assert other
        hub.publish(b"a")
        hub.publish(b"b")
        assert await one.take() == b"ab"
        assert await other.take() == b"ab"

    asyncio.run(story())


def test_it_is_watched_while_anybody_listens() -> None:
    async def story() -> None:
        notes = Notes()
        one, other = notes.hub.join(), notes.hub.join()
        assert one
        assert other
        notes.hub.leave(one)
        notes.hub.leave(one)
        assert notes.watched == [True]
        notes.hub.leave(other)
        assert notes.watched == [True, False]

    asyncio.run(story())


def test_who_does_not_keep_up_is_let_go_and_the_others_stay() -> None:
    async def story() -> None:
        notes = Notes()
        slow, quick = notes.hub.join(), notes.hub.join()
        assert slow
        assert quick
        for _ in range(MAX_QUEUED + 1):
            notes.hub.publish(b"x")
            await quick.take()
        assert slow.over.is_set()
        assert not quick.over.is_set()
        assert (notes.dropped, len(notes.hub)) == (1, 1)

    asyncio.run(story())


def test_there_is_an_end_to_how_many_may_listen() -> None:
    async def story() -> None:
        hub = Notes().hub
        listeners = [hub.join() for _ in range(MAX_LISTENERS + 1)]
        assert listeners[-1] is None
        assert None not in listeners[:-1]

    asyncio.run(story())


def test_at_the_end_of_the_daemon_all_are_let_go_and_nobody_comes_in() -> None:
    async def story() -> None:
        notes = Notes()
        listener = notes.hub.join()
        assert listener
        notes.hub.close()
        assert listener.over.is_set()
        assert notes.hub.join() is None
        assert notes.watched == [True, False]

    asyncio.run(story())
