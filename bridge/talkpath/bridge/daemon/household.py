"""The child processes of the daemon, by the numbers that the switchboard has for them, and their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from talkpath.bridge.config.capacity import capacity
from talkpath.bridge.config.process_settings import phone_settings, sip_settings, to_json
from talkpath.bridge.daemon.capacity import port_share
from talkpath.bridge.daemon.children import Child, ChildSpec
from talkpath.bridge.daemon.switchboard import PHONE, SIP
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from talkpath.bridge.config.model import Config

SIP_PROCESS: Final = "talkpath.sip.process"
WORKER_PROCESS: Final = "talkpath.bridge.worker.process"
PHONE_PROCESS: Final = "talkpath.bridge.phone.process"


class Household:
    """The SIP process, the workers, and the phone process if it is enabled.

    Args:
        config: Gives the configuration in force: a child that starts gets it.
        environment: Extra environment of the children.
        started: Called when a child is about to get its settings.
        said: Called with each message of a child.
        lost: Called when a child died or closed its channel; it is started again.

    Attributes:
        capacity: What they carry together.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        environment: Mapping[str, str],
        *,
        started: Callable[[int], None],
        said: Callable[[int, m.AnyMessage], None],
        lost: Callable[[int], None],
    ) -> None:
        self._config = config
        self._environment = environment
        self._started, self._said, self._lost = started, said, lost
        self.capacity = capacity(config())
        self.sip = Child(self._spec(SIP, "sip", SIP_PROCESS))
        self.workers = [
            Child(self._spec(index, f"worker-{index}", WORKER_PROCESS))
            for index in range(self.capacity.workers)
        ]
        self.phone: Child | None = None
        if config().phone.enabled:
            self.phone = Child(self._spec(PHONE, "phone", PHONE_PROCESS, inherits_all=False))

    @property
    def children(self) -> list[Child]:
        """All of them."""
        return [self.sip, *self.workers, *([self.phone] if self.phone else [])]

    def __getitem__(self, who: int) -> Child:
        """The child with a number of the switchboard's."""
        if who == PHONE and self.phone is not None:
            return self.phone
        return self.sip if who == SIP else self.workers[who]

    def worker_settings(self, index: int) -> m.WorkerSettings:
        """What a worker is told when it starts."""
        config = self._config()
        ports = port_share(config.sip.rtp_ports, self.capacity.workers, index)
        return m.WorkerSettings(
            index=index,
            config_json=m.Secret(to_json(config)),
            first_rtp_port=ports.first,
            last_rtp_port=ports.last,
            lanes=min(config.workers.lanes, ports.calls),
        )

    def _spec(self, who: int, name: str, module: str, *, inherits_all: bool = True) -> ChildSpec:
        return ChildSpec(
            name=name,
            module=module,
            on_started=lambda child: self._start(who, child),
            on_message=lambda message: self._said(who, message),
            on_lost=lambda _reason: self._lost(who),
            environment=self._environment,
            inherits_all=inherits_all,
        )

    def _start(self, who: int, child: Child) -> None:
        self._started(who)
        child.send(self._settings(who))

    def _settings(self, who: int) -> m.Message:
        if who == SIP:
            return sip_settings(self._config())
        return phone_settings(self._config()) if who == PHONE else self.worker_settings(who)
