"""baresip as a test peer: a SIP phone with no sound card, that speaks a WAV file and records what it hears.

with Baresip(tmp_path, account="<sip:100@127.0.0.1:5060>;auth_pass=secret", speech=speech) as phone:
    phone.dial("sip:600@127.0.0.1:5060")
    phone.wait_for_event("CALL_ESTABLISHED")
assert phone.heard().size
"""

import json
import socket
import subprocess
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.harness.peers import (
    PATIENCE_S,
    PeerError,
    Running,
    end,
    free_port,
    has_bound,
    read_text,
    wait_until,
)

_MODULES = Path("/usr/lib/baresip/modules")
_WAV_HEADER_BYTES = 44
_CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{sip}
sip_trans_def udp
audio_source aufile,{speech}
audio_player aubridge,nobody
audio_alert aubridge,nobody
audio_srate {rate}
audio_channels 1
audio_buffer 20-160
rtp_ports {rtp}-{rtp_last}
rtcp_mux no
jitter_buffer_delay 1-5
snd_path {folder}
ctrl_tcp_listen 127.0.0.1:{control}
module_path {modules}
module account.so
module g711.so
module g722.so
module srtp.so
module aufile.so
module aubridge.so
module sndfile.so
{more}module ctrl_tcp.so
module_app menu.so
"""


class Baresip(Running):
    """One baresip on 127.0.0.1, started headless.

    Args:
        folder: An own folder for its files, usually `tmp_path`.
        account: As in its accounts file: `<sip:user@host:port;transport=udp>;auth_pass=…;answermode=auto`.
            `;regint=0` makes one that does not register.
        speech: WAV file to speak: mono, 16 bit, at the codec's clock of 8, 16 or 48 kHz.
        more: More lines of its configuration, such as `module opus.so`.

    Attributes:
        port: Its SIP port.
    """

    def __init__(self, folder: Path, *, account: str, speech: Path, more: str = "") -> None:
        self.port = free_port()
        self._control_port = free_port()
        self._folder = folder / f"baresip-{self.port}"
        self._account = account
        self._speech = speech
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._received = b""
        self.events: list[dict[str, object]] = []

    def start(self) -> None:
        """Start it and connect to its control socket.

        Raises:
            PeerError: baresip is not installed, or did not start.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with wave.open(str(self._speech), "rb") as speech:
            rate = speech.getframerate()
        rtp = free_port(room=22)
        config = _CONFIG.format(
            sip=self.port,
            control=self._control_port,
            speech=self._speech,
            rate=rate,
            rtp=rtp,
            rtp_last=rtp + 20,
            folder=self._folder,
            modules=_MODULES,
            more=self._more,
        )
        (self._folder / "config").write_text(config)
        (self._folder / "accounts").write_text("")
        (self._folder / "contacts").write_text("")
        with (self._folder / "screen.log").open("wb") as screen:
            try:
                self._process = process = subprocess.Popen(
                    ["baresip", "-f", self._folder, "-s", "-v"],
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=screen,
                    stderr=subprocess.STDOUT,
                )
            except FileNotFoundError as error:
                raise PeerError("baresip is not installed; install it with: make peers") from error
        wait_until(
            lambda: has_bound(process, self._control_port),
            "baresip to listen",
            process=process,
            log=lambda: self.log,
        )
        self._control = socket.create_connection(("127.0.0.1", self._control_port))
        self._control.setblocking(False)
        # Only now, so that no event of its registration comes before there is somebody to hear it.
        self.command("uanew", self._account)

    def stop(self) -> None:
        """Hang up, end it; its recordings and log stay."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            end(self._process)
            self._process = None

    def dial(self, uri: str) -> None:
        """Start a call."""
        self.command("dial", uri)

    def answer(self) -> None:
        """Accept the call that rings."""
        self.command("accept")

    def hang_up(self) -> None:
        """End the present call."""
        self.command("hangup")

    def command(self, name: str, parameters: str = "") -> None:
        """Send a command of its menu, such as `dial`, `hold`, `resume`, `transfer`.

        Raises:
            PeerError: It is not running.
        """
        if self._control is None:
            raise PeerError("baresip is not running")
        text = json.dumps({"command": name, "params": parameters, "token": name}).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))

    def wait_for_event(self, kind: str, *, timeout_s: float = PATIENCE_S) -> None:
        """Return when an event of the kind has come, now or before, such as `REGISTER_OK`, `CALL_CLOSED`.

        Raises:
            PeerError: None came within the time.
        """
        wait_until(
            lambda: self._has_event(kind),
            f"baresip's event {kind}",
            timeout_s=timeout_s,
            process=self._process,
            log=lambda: self.log,
        )

    def heard(self) -> NDArray[np.int16]:
        """Return what it has received and decoded, int16 samples (n,) of all calls, oldest call first.

        A recording is named after the second its call began, so leave a second between two calls.
        """
        return _read_recordings(self._folder, "dec")

    @property
    def log(self) -> str:
        """What it printed so far."""
        return read_text(self._folder / "screen.log")

    def _has_event(self, kind: str) -> bool:
        self._receive()
        return any(event.get("type") == kind for event in self.events)

    def _receive(self) -> None:
        """Take the netstrings that have come on the control socket; keep those that are events."""
        if self._control is None:
            return
        try:
            while part := self._control.recv(65_536):
                self._received += part
        except BlockingIOError:
            pass
        while (colon := self._received.find(b":")) > 0:
            length = int(self._received[:colon])
            text = self._received[colon + 1 : colon + 1 + length]
            if len(self._received) < colon + length + 2:
                return
            self._received = self._received[colon + length + 2 :]
            message = json.loads(text)
            if message.get("event"):
                self.events.append(message)


def _read_recordings(folder: Path, direction: str) -> NDArray[np.int16]:
    """Return the samples of all recordings; one still being written has no length in its header yet."""
    parts = [np.zeros(0, np.int16)]
    for path in sorted(folder.glob(f"dump-*-{direction}.wav")):
        samples = path.read_bytes()[_WAV_HEADER_BYTES:]
        parts.append(np.frombuffer(samples, np.int16, count=len(samples) // 2))
    return np.concatenate(parts)
