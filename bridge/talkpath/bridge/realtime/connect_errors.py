"""Why a model server could not be reached, as types with a sentence for the operator."""

from __future__ import annotations

import errno
import ssl

from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException


class ConnectError(Exception):
    """No connection to the model server.

    Attributes:
        cause: a short word for metrics.
        retryable: whether trying again may help without anybody changing something.
        retry_after: seconds the server asked to wait, or None.
    """

    def __init__(
        self, cause: str, sentence: str, *, retryable: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.retryable = retryable
        self.retry_after = retry_after


class ConnectRefusedError(ConnectError):
    """The server answered the handshake with an HTTP error. ``status`` is its code."""

    def __init__(
        self, status: int, sentence: str, *, retryable: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(f"http_{status}", sentence, retryable=retryable, retry_after=retry_after)
        self.status = status


class ConnectTimeoutError(ConnectError):
    """The server did not answer in time."""


class ConnectTlsError(ConnectError):
    """The server's certificate, or its TLS, was not accepted."""


_HTTP_ADVICE: dict[int, str] = {
    **dict.fromkeys((301, 302, 303, 307, 308), "Redirects are not followed. Set the final URL."),
    400: "Check the URL, the model and the API version in it.",
    401: "Set a valid API key for this agent.",
    403: "The key has no access to this model or region. Use a key that has.",
    404: "Check the path of the URL and the name of the model or deployment.",
    426: "The URL does not lead to a WebSocket. Check its path.",
    429: "Too many connections or too little quota. Wait, or raise the limit of the account.",
}


_OUR_SIDE = dict.fromkeys(
    (errno.EMFILE, errno.ENFILE), "Raise the limit of open files (LimitNOFILE, ulimit -n) and restart."
)
"""What to do where the server has nothing to do with it, by number of the error."""


def explain(error: Exception, url: str, timeout: float) -> ConnectError:
    """Turn what went wrong while connecting into a typed error.

    Args:
        error: what was raised.
        url: the URL as it may be shown.
        timeout: seconds that were given.
    """
    if isinstance(error, InvalidStatus):
        return _refused(error, url)
    if isinstance(error, InvalidURI):
        return ConnectError("bad_url", f"{url} is no WebSocket URL. Use ws:// or wss://.", retryable=False)
    if isinstance(error, TimeoutError):
        sentence = (
            f"The model server at {url} did not answer within {timeout:g} s. Check address and firewall."
        )
        return ConnectTimeoutError("timeout", sentence, retryable=True)
    if isinstance(error, ssl.SSLError):
        return _tls(error, url)
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or type(error).__name__
        advice = _OUR_SIDE.get(error.errno or 0, "Check that it runs and is reachable.")
        sentence = f"No connection to the model server at {url}: {reason}. {advice}"
        return ConnectError("unreachable", sentence, retryable=True)
    if isinstance(error, InvalidHandshake | WebSocketException | EOFError):
        sentence = f"What answers at {url} does not speak WebSocket: {error}. Check the URL."
        return ConnectError("bad_handshake", sentence[:400], retryable=True)
    return ConnectError("bad_url", f"{url} cannot be used: {error}. Correct the URL.", retryable=False)


def _refused(error: InvalidStatus, url: str) -> ConnectError:
    status = error.response.status_code
    retryable = status == 429 or status >= 500
    advice = _HTTP_ADVICE.get(status, "Try again later." if retryable else "Check the URL and the settings.")
    sentence = f"The model server at {url} refused the connection with HTTP {status}. {advice}"
    wait = error.response.headers.get("Retry-After", "")
    retry_after = float(wait) if wait.isdecimal() and len(wait) < 7 else None
    return ConnectRefusedError(status, sentence, retryable=retryable, retry_after=retry_after)


def _tls(error: ssl.SSLError, url: str) -> ConnectError:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason, advice = error.verify_message, "Give the CA file that signed it, or repair the certificate."
        sentence = f"The certificate of {url} is not accepted: {reason}. {advice}"
        return ConnectTlsError("certificate", sentence, retryable=False)
    sentence = f"TLS with {url} failed: {error.reason or error}. Check the scheme (ws or wss) and the port."
    return ConnectTlsError("tls", sentence, retryable=True)
