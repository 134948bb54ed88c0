"""Who may do what. Pure: the configuration, a header and an address in, a verdict out."""

from __future__ import annotations

import hashlib
import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from talkpath.bridge.http.loopback import is_loopback

from .problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

    from talkpath.bridge.config.api import ApiConfig

    from .models import Role


class Access(NamedTuple):
    """Who asks, by the name of the token."""

    name: str
    role: Role

    @property
    def may_operate(self) -> bool:
        """Whether orders are taken."""
        return self.role == "operate"


class Gate:
    """Knows the tokens.

    Args:
        config: Tells the ``[api]`` section that is in force: tokens come and go by a reload.
    """

    def __init__(self, config: Callable[[], ApiConfig]) -> None:
        self._config = config

    def check_open(self, *, console: bool = False) -> None:
        """Refuse everybody while there is no token, or no console.

        Raises:
            ApiError: 404.
        """
        config = self._config()
        if not config.is_open:
            raise ApiError(HTTPStatus.NOT_FOUND, "There is no control API: [api] has no token.")
        if console and not config.console:
            raise ApiError(HTTPStatus.NOT_FOUND, "There is no console: api.console is false.")

    def check_source(self, host: str | None) -> None:
        """Refuse who asks from another machine, unless the configuration lets them.

        Args:
            host: The address that the connection comes from; None: not known.

        Raises:
            ApiError: 403.
        """
        if not self._config().remote and not is_loopback(host):
            raise ApiError(
                HTTPStatus.FORBIDDEN,
                "Only this machine may ask. Put a proxy with TLS in front, or set api.remote = true.",
            )

    def identify(self, authorization: str | None) -> Access:
        """Find out who asks.

        The time it takes tells nothing about the tokens: all are compared, by their hashes.

        Args:
            authorization: The ``Authorization`` header: ``Bearer TOKEN``.

        Raises:
            ApiError: 401.
        """
        scheme, _, token = (authorization or "").partition(" ")
        presented = _digest(token.strip()) if scheme.lower() == "bearer" else b""
        found = None
        for access, known in self._tokens():
            if hmac.compare_digest(_digest(known.get_secret_value()), presented):
                found = access
        if found is None:
            raise ApiError(
                HTTPStatus.UNAUTHORIZED,
                "Send Authorization: Bearer TOKEN, with a token of the [api] section.",
            )
        return found

    def knows(self, authorization: str | None) -> bool:
        """Whether who was let in still would be: a reload may have taken the token away."""
        try:
            self.check_open()
            self.identify(authorization)
        except ApiError:
            return False
        return True

    def _tokens(self) -> Iterator[tuple[Access, SecretStr]]:
        config = self._config()
        tables: tuple[tuple[Role, dict[str, SecretStr]], ...] = (
            ("read", config.read),
            ("operate", config.operate),
        )
        for role, tokens in tables:
            for name, token in tokens.items():
                yield Access(name, role), token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
