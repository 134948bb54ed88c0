"""Looking up the names of registrars while SIP goes on: on a thread, because a name server may take long."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from talkpath.sip.reception import registrar_addresses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from talkpath.sip.messages import SipSettings

Addresses = dict[str, tuple[str, ...]]
"""IP addresses by the name of a trunk."""


class NameLookUps:
    """One look-up of all trunks at a time; a later one takes the place of an earlier."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="names")
        self._work: Future[Addresses] | None = None

    def begin(self, wanted: SipSettings, present: SipSettings, known: Mapping[str, tuple[str, ...]]) -> None:
        """Find the addresses of all trunks; those of trunks that did not change are known.

        Args:
            wanted: The settings to come.
            present: Those in force.
            known: Addresses of the trunks in force.
        """
        same = set(present.trunks)
        kept = {trunk.name: known[trunk.name] for trunk in wanted.trunks if trunk in same}
        others = [trunk for trunk in wanted.trunks if trunk not in same]
        self._work = self._thread.submit(
            lambda: kept | {trunk.name: registrar_addresses(trunk) for trunk in others}
        )

    def take(self) -> Addresses | None:
        """The addresses, once they are there and were not taken yet."""
        if self._work is None or not self._work.done():
            return None
        work, self._work = self._work, None
        return work.result()
