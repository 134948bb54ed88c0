"""A real Prometheus on 127.0.0.1 that scrapes one address every half second.

with Prometheus(tmp_path, target="127.0.0.1:9090", rules=Path("talkpath.rules.yml")) as prometheus:
    series = prometheus.query('up{job="talkpath"}')
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any, Self

import httpx

from tests.harness.peers import PATIENCE_S, end, free_port, read_text, wait_until
from tests.interop.peers.prometheus_tools import prometheus_folder

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_CONFIG = """\
global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: talkpath
    static_configs: [{{targets: ["{target}"]}}]
"""


class Prometheus:
    """One Prometheus.

    Args:
        folder: An own folder for its data, usually `tmp_path`.
        target: Host and port to scrape.
        rules: File of rules.
        waits: Whether alerts wait as long as their ``for`` says; else they fire at once.
    """

    def __init__(self, folder: Path, *, target: str, rules: Path, waits: bool = True) -> None:
        self._folder = folder / "prometheus"
        self._folder.mkdir()
        lines = rules.read_text().splitlines()
        kept = lines if waits else [line for line in lines if not line.strip().startswith("for:")]
        (self._folder / "rules.yml").write_text("\n".join(kept) + "\n")
        config = _CONFIG.format(rules=self._folder / "rules.yml", target=target)
        (self._folder / "prometheus.yml").write_text(config)
        self._address = f"127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        options = {
            "config.file": self._folder / "prometheus.yml",
            "storage.tsdb.path": self._folder / "data",
            "web.listen-address": self._address,
            "query.lookback-delta": "1m",
        }
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [prometheus_folder() / "prometheus", *(f"--{key}={value}" for key, value in options.items())],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._is_ready, "Prometheus", process=self._process, log=self.log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            end(self._process)

    def log(self) -> str:
        """Everything it wrote."""
        return read_text(self._folder / "log")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query.

        Raises:
            AssertionError: it does not take the expression.
        """
        return self._ask("query", query=expression)

    def history(self, expression: str, *, start: float, stop: float, step: float) -> list[dict[str, Any]]:
        """The series of a range query; Unix times in seconds."""
        return self._ask("query_range", query=expression, start=start, end=stop, step=step)

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        return {one["metric"]["alertname"] for one in self.query('ALERTS{alertstate="firing"}')}

    def _ask(self, path: str, **parameters: str | float) -> list[dict[str, Any]]:
        answer = httpx.get(
            f"http://{self._address}/api/v1/{path}", params=parameters, timeout=PATIENCE_S
        ).json()
        assert answer["status"] == "success", f"{parameters['query']}: {answer.get('error')}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"http://{self._address}/-/ready").status_code == 200
        except httpx.TransportError:
            return False
