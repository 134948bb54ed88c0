"""SIPp as a test peer: run a scenario to its end, or keep one in the background while the test goes on.

with Sipp.server(tmp_path, "uas") as server:
    result = run_sipp(tmp_path, "uac", target=("127.0.0.1", server.port), calls=5)
assert result.succeeded == 5, result.report
"""

import csv
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.harness.peers import PeerError, Running, end, free_port, has_bound, read_text, wait_until


@dataclass(frozen=True)
class SippResult:
    """How a run of SIPp ended.

    Attributes:
        returncode: 0 when every call succeeded, 1 when one failed; see `man sipp` for the others.
        statistics: Last row of its statistics file, name → text, such as `SuccessfulCall(C)`.
        messages: Every SIP message sent and received, with times.
        errors: Its error log: unexpected messages, timeouts.
    """

    returncode: int
    statistics: dict[str, str]
    messages: str
    errors: str

    @property
    def succeeded(self) -> int:
        """Calls that went as the scenario says."""
        return int(self.statistics.get("SuccessfulCall(C)", 0))

    @property
    def failed(self) -> int:
        """Calls that did not."""
        return int(self.statistics.get("FailedCall(C)", 0))

    @property
    def report(self) -> str:
        """A text for a failed assertion."""
        return f"SIPp ended with {self.returncode}\n{self.errors}\n{self.messages[-4000:]}"


class Sipp(Running):
    """One SIPp on 127.0.0.1.

    Args:
        folder: Folder for its logs, usually `tmp_path`; several may share it.
        scenario: A scenario file, or the name of a built-in one such as `uac` or `uas`.
        target: Host and port to call; None for a scenario that waits.
        calls: End after so many calls; None: go on until stopped.
        rate: Calls per second.
        arguments: More arguments of SIPp, such as `("-s", "600")` or `("-inf", path)`.

    Attributes:
        port: Its SIP port.
        media_port: Its RTP port, which scenarios write as `[media_port]`.
    """

    def __init__(
        self,
        folder: Path,
        scenario: str | Path,
        *,
        target: tuple[str, int] | None = None,
        calls: int | None = 1,
        rate: int = 10,
        arguments: Sequence[str | Path] = (),
    ) -> None:
        self.port = free_port()
        self.media_port = free_port(room=4)  # audio and video
        self._folder = folder / f"sipp-{self.port}"
        self._scenario = scenario
        self._target = target
        self._calls = calls
        self._rate = rate
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def server(cls, folder: Path, scenario: str | Path, *, arguments: Sequence[str | Path] = ()) -> Self:
        """Return one that waits for calls until it is stopped; use it with `with`."""
        return cls(folder, scenario, calls=None, arguments=arguments)

    def start(self) -> None:
        """Start it; one that waits for calls is ready when this returns.

        Raises:
            PeerError: SIPp is not installed, or ended at once.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "screen.log").open("wb") as screen:
            try:
                self._process = subprocess.Popen(
                    self._command(),
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=screen,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "TERM": "dumb"},
                )
            except FileNotFoundError as error:
                raise PeerError("SIPp is not installed; install it with: make peers") from error
        if self._target is None:
            process = self._process
            wait_until(
                lambda: has_bound(process, self.port),
                "SIPp to bind its port",
                process=process,
                log=lambda: read_text(self._folder / "screen.log"),
            )

    def wait(self, *, timeout_s: float = 60.0) -> SippResult:
        """Return the result when it has ended by itself.

        Raises:
            PeerError: It was not started, or did not end within the time (it is stopped then).
        """
        if self._process is None:
            raise PeerError("SIPp was not started")
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            result = self.stop()
            raise PeerError(f"SIPp did not end within {timeout_s} s\n{result.report}") from error
        return self._result()

    def release(self, calls: int) -> None:
        """Let the first so many calls go on that wait in `scenario.until_released`."""
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            for number in range(1, calls + 1):
                lines = (
                    f"INFO sip:caller@127.0.0.1:{self.port} SIP/2.0",
                    f"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{number}",
                    "From: <sip:test@127.0.0.1>;tag=test",
                    "To: <sip:caller@127.0.0.1>",
                    f"Call-ID: {number}@{self.port}",
                    "CSeq: 1 INFO",
                    "Content-Length: 0\r\n\r\n",
                )
                sock.sendto("\r\n".join(lines).encode(), ("127.0.0.1", self.port))

    def finish(self, *, timeout_s: float = 30.0) -> SippResult:
        """Begin no new call, let the present ones go to their end, and return the result.

        Raises:
            PeerError: It was not started, or did not end within the time (it is stopped then).
        """
        if self._process is not None:
            self._process.send_signal(signal.SIGUSR1)
        return self.wait(timeout_s=timeout_s)

    def stop(self) -> SippResult:
        """End it if it still runs, and return the result so far."""
        if self._process is not None:
            end(self._process)
        return self._result()

    @property
    def messages(self) -> str:
        """Every SIP message so far."""
        return read_text(self._folder / "messages.log")

    def _command(self) -> list[str | Path]:
        builtin = isinstance(self._scenario, str)
        command: list[str | Path] = ["sipp", *(["-sn"] if builtin else ["-sf"]), self._scenario]
        if self._target is not None:
            command.append(f"{self._target[0]}:{self._target[1]}")
        command += ["-i", "127.0.0.1", "-p", str(self.port), "-mi", "127.0.0.1", "-mp", str(self.media_port)]
        command += ["-r", str(self._rate), "-nostdin", "-trace_stat", "-stf", "statistics.csv", "-fd", "1"]
        command += ["-trace_msg", "-message_file", "messages.log", "-trace_err", "-error_file", "errors.log"]
        command += ["-cid_str", f"%u@{self.port}"]
        if self._calls is not None:
            command += ["-m", str(self._calls)]
        return [*command, *self._arguments]

    def _result(self) -> SippResult:
        rows = list(csv.DictReader(read_text(self._folder / "statistics.csv").splitlines(), delimiter=";"))
        screen = read_text(self._folder / "screen.log")
        errors = read_text(self._folder / "errors.log")
        status = self._process.returncode if self._process is not None else None
        return SippResult(
            returncode=-1 if status is None else status,
            statistics=rows[-1] if rows else {},
            messages=self.messages,
            errors=errors or screen[-2000:],
        )


def run_sipp(
    folder: Path,
    scenario: str | Path,
    *,
    target: tuple[str, int],
    calls: int = 1,
    rate: int = 10,
    arguments: Sequence[str | Path] = (),
    timeout_s: float = 60.0,
) -> SippResult:
    """Run a scenario against a host and port to its end; see `Sipp` for the arguments.

    Raises:
        PeerError: SIPp is missing, or did not end within the time.
    """
    sipp = Sipp(folder, scenario, target=target, calls=calls, rate=rate, arguments=arguments)
    with sipp:
        return sipp.wait(timeout_s=timeout_s)
