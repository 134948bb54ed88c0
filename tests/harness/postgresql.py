"""A PostgreSQL server of the test's own, on 127.0.0.1: `make peers` installs the program.

with PostgreSql(tmp_path) as server:
    Store(server.url)
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Self

import psycopg

from tests.harness.peers import PeerError, Running, free_port, read_text, wait_until

_PROGRAMS = Path("/usr/lib/postgresql")
_ACCOUNT = "postgres"
"""Account of the Debian package. The server refuses to run as root."""


class PostgreSql(Running):
    """A server with a cluster of its own.

    Args:
        folder: Folder for the cluster and its log.

    Raises:
        PeerError: PostgreSQL is not installed. That is no reason to skip a test in silence.
    """

    def __init__(self, folder: Path) -> None:
        versions = sorted(_PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if not versions:
            raise PeerError("PostgreSQL is not installed: make peers")
        self._programs = versions[-1].parent
        self._data = folder / "cluster"
        self._log_path = folder / "postgresql.log"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """URL of its database, as an operator would write it."""
        return f"postgresql://{_ACCOUNT}@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        self._data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self._data, _ACCOUNT)
            for folder in self._data.parents:  # folders of tests are for their owner only
                if folder.stat().st_mode & 0o001 == 0:
                    folder.chmod(folder.stat().st_mode | 0o011)
        options = ("-D", self._data, "-U", _ACCOUNT, "--auth=trust", "--no-sync", "--locale=C", "-E", "UTF8")
        self._run("initdb", *options).wait(60)
        return super().__enter__()

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        address = ("-h", "127.0.0.1", "-p", str(self._port), "-k", "")
        self._process = self._run("postgres", "-D", self._data, *address, "-c", "fsync=off")
        wait_until(self._answers, "PostgreSQL", process=self._process, log=lambda: read_text(self._log_path))

    def stop(self) -> None:
        """Stop the server at once, as when the machine is lost; start brings it back."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=2):
            return True
        return False

    def _run(self, program: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        account = pwd.getpwnam(_ACCOUNT) if os.geteuid() == 0 else None
        with self._log_path.open("ab") as log:
            return subprocess.Popen(
                [self._programs / program, *arguments],
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
            )
