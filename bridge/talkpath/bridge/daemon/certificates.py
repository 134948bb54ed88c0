"""How long our certificate is good: told in metrics all the time, and in the log before it ends."""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from typing import TYPE_CHECKING, Final

import structlog

from talkpath.bridge.doctor.certificates import DAY, SOON, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.bridge.config.model import Config
    from talkpath.bridge.observe.metrics import Metrics

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 300.0
"""Seconds between two looks."""


class CertificateWatch:
    """Looks at the certificate that we show on TLS listeners.

    Args:
        config: Gives the configuration in force.
        metrics: Where its end shows.
    """

    def __init__(self, config: Callable[[], Config], metrics: Metrics) -> None:
        self._config = config
        self._metrics = metrics
        self._told: object = None
        metrics.certificate_end.set(math.inf)

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.to_thread(self.look, time.time())
            await asyncio.sleep(LOOK_EVERY)

    def look(self, now: float) -> None:
        """Take its end; what is to be done is logged once a day.

        Args:
            now: Unix seconds.
        """
        tls = self._config().sip.tls
        if tls.certificate is None or tls.private_key is None:
            self._metrics.certificate_end.set(math.inf)
            return
        try:
            facts = read(tls.certificate, tls.private_key, dates=False)
        except (ssl.SSLError, OSError) as error:
            reason = error.strerror or str(error)
            self._tell(f"{tls.certificate} and {tls.private_key} cannot be used: {reason}.", now)
            return
        end = ssl.cert_time_to_seconds(str(facts["notAfter"]))
        self._metrics.certificate_end.set(end)
        days = (end - now) / DAY
        if end <= now:
            self._tell(
                f"{tls.certificate} ended {-days:.0f} days ago: peers that verify refuse our TLS.", now
            )
        elif end - now < SOON:
            self._tell(f"{tls.certificate} is good for {days:.0f} more days.", now)

    def _tell(self, problem: str, now: float) -> None:
        told = problem, int(now // DAY)
        if told != self._told:
            self._told = told
            log.error(
                "certificate_ends",
                problem=f"{problem} Write a new one to the same path: no restart is needed.",
            )
