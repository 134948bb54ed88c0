"""The accounts of all trunks: added at the start, and changed while calls are up.

An account whose trunk is gone, or is another user at its registrar now, retires: it takes its registration
back, and lives on for as long as calls of its do, because the stack still asks it about them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talkpath.sip._pj import StackError, error_text, pj
from talkpath.sip.account import TrunkAccount, account_config, identity
from talkpath.sip.messages import TrunkSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from talkpath.sip.counters import Counters
    from talkpath.sip.messages import Message, SipSettings


class Trunks:
    """Accounts by the name of their trunk; the nameless one is for calls without a trunk.

    Args:
        settings: Trunks and listeners.
        counters: Where errors in callbacks are counted.
        send: Takes messages for the supervisor.
        on_invite: Called with the account and the stack's parameter for each incoming call.
    """

    def __init__(
        self,
        settings: SipSettings,
        counters: Counters,
        send: Callable[[Message], None],
        on_invite: Callable[[TrunkAccount, Any], None],
    ) -> None:
        self.accounts: dict[str, TrunkAccount] = {}
        self._settings = settings
        self._counters = counters
        self._send = send
        self._on_invite = on_invite
        self._retired: list[TrunkAccount] = []

    # Life ---------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Add all accounts; registering begins.

        Raises:
            StackError: the stack refuses one; the sentence names it.
        """
        for trunk in (TrunkSettings(name=""), *self._settings.trunks):
            self._add(trunk)

    def change(self, settings: SipSettings) -> list[str]:
        """Make the accounts those of other settings.

        Returns:
            What the stack refused, one sentence each; the rest is changed.
        """
        self._settings = settings
        wanted = {trunk.name: trunk for trunk in settings.trunks}
        for name in [name for name in self.accounts if name and name not in wanted]:
            self._retire(name)
        problems: list[str] = []
        for trunk in settings.trunks:
            account = self.accounts.get(trunk.name)
            try:
                if account is not None and _is_same_user(settings, account.trunk, trunk):
                    account.change(trunk, settings)
                    continue
                if account is not None:
                    self._retire(trunk.name)
                self._add(trunk)
            except (StackError, pj.Error) as error:
                problems.append(error_text(error) if isinstance(error, pj.Error) else str(error))
        return problems

    def tick(self, now: float, busy: Callable[[TrunkAccount], bool]) -> None:
        """Register where it is time, and let go of the retired that nothing needs any more.

        Args:
            now: Monotonic seconds.
            busy: Whether an account has calls.
        """
        for account in self.accounts.values():
            account.tick(now, self._settings)
        for account in [one for one in self._retired if not one.registered and not busy(one)]:
            self._retired.remove(account)
            account.close()

    def leave(self) -> None:
        """Take all registrations back."""
        for account in self._all():
            account.leave()

    def close(self) -> None:
        """Take the accounts down; no call may be left."""
        for account in self._all():
            account.close()
        self.accounts.clear()
        self._retired.clear()

    # What others ask ----------------------------------------------------------------------------------

    @property
    def registered(self) -> int:
        """How many of our trunks are registered."""
        return sum(account.registered for account in self.accounts.values())

    @property
    def quiet(self) -> bool:
        """Whether no registration is left, not even one that is being taken back."""
        return not any(account.registered for account in self._all())

    def connection_lost(self, kind: str, now: float) -> None:
        """A connection of ours of this kind (``tcp``, ``tls``) went away."""
        for account in self.accounts.values():
            account.connection_lost(kind, now)

    # Inside -------------------------------------------------------------------------------------------

    def _all(self) -> Iterator[TrunkAccount]:
        yield from self.accounts.values()
        yield from self._retired

    def _add(self, trunk: TrunkSettings) -> None:
        account = TrunkAccount(trunk, self._counters, self._send, self._on_invite)
        try:
            account.create(account_config(self._settings, trunk), not trunk.name)
        except pj.Error as error:
            raise StackError(
                f"trunk {trunk.name!r} is refused by the SIP stack: {error_text(error)}"
            ) from error
        self.accounts[trunk.name] = account

    def _retire(self, name: str) -> None:
        account = self.accounts.pop(name)
        account.retire()
        self._retired.append(account)


def _is_same_user(settings: SipSettings, old: TrunkSettings, new: TrunkSettings) -> bool:
    """Whether the registrar knows both by the same address of record, so that one account serves both."""
    same_identity = identity(settings, old) == identity(settings, new)
    return same_identity and bool(old.registrar) == bool(new.registrar)
