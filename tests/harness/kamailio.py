"""Kamailio as a proxy on 127.0.0.1, with a configuration of the test.

with Kamailio(tmp_path, configuration, port=port) as proxy:
    ...
"""

import os
import subprocess
from pathlib import Path

from tests.harness.peers import PeerError, Running, end, has_bound, read_text, wait_until
from tests.interop.peers.kamailio_program import kamailio_folder


class Kamailio(Running):
    """One Kamailio.

    Args:
        folder: Folder for its configuration, run-time files and log.
        configuration: Text of its kamailio.cfg.
        port: The UDP port that the configuration listens on.
    """

    def __init__(self, folder: Path, configuration: str, *, port: int) -> None:
        self.port = port
        self._folder = folder
        self._configuration = configuration
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it takes requests when this returns.

        Raises:
            PeerError: It is not prepared, or ended at once; the text holds what it said.
        """
        program = kamailio_folder() / "sbin/kamailio"
        if not program.exists():
            raise PeerError("Kamailio is not there; fetch it with: make peers")
        library = kamailio_folder() / "lib"
        configuration = self._folder / "kamailio.cfg"
        configuration.write_text(self._configuration)
        command: list[str | Path] = [program, "-f", configuration, "-L", library / "modules", "-DD", "-E"]
        command += ["-m", "32", "-M", "8", "-Y", self._folder, "-w", self._folder]
        with (self._folder / "kamailio.log").open("wb") as log:
            process = self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "LD_LIBRARY_PATH": str(library)},
            )
        wait_until(
            lambda: has_bound(process, self.port),
            "Kamailio to bind its port",
            process=process,
            log=lambda: self.log,
        )

    def stop(self) -> None:
        """End it and its children."""
        if self._process is not None:
            end(self._process)

    @property
    def log(self) -> str:
        """What it wrote."""
        return read_text(self._folder / "kamailio.log")
