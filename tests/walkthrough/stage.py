"""The programs of the walkthrough: Asterisk, simulator, daemon, Prometheus, a telephone that speaks."""

from __future__ import annotations

import os
import secrets
import shutil
import wave
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from playwright.sync_api import expect

from talkpath.bridge.demo.voice import TELEPHONE_RATE, speak
from tests.harness.asterisk import Asterisk, telephone
from tests.harness.baresip import Baresip
from tests.harness.chromium import PROGRAM, Chromium
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.page import for_daemon, replaced, snippets
from tests.harness.peers import PeerError, wait_until
from tests.harness.prometheus import Prometheus

if TYPE_CHECKING:
    from types import TracebackType

    from playwright.sync_api import Page

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = snippets(ROOT / "docs/asterisk.md")
TOOLS: Final = '["talkpath.bridge.demo.tools:opening_hours", "talkpath.bridge.demo.tools:shop_address"]'
QUESTION: Final = "What are your opening hours?"
SILENCE_S: Final = 6.0
"""The caller lets the agent greet."""
AGAIN_S: Final = 20.0
"""Then the caller asks again, should the agent not have understood."""
ANSWER: Final = "nine to six"
ENVIRONMENT: Final = {"TRUNK_PASSWORD": "change-me", "TALKPATH_REALTIME__API_KEY": "any"}
PATIENCE_S: Final = 60.0
UNKNOWN_MODEL: Final = "ws://127.0.0.1:8765/v1/realtime"
"""Stands in the configuration until the simulator has a port."""
TOKEN: Final = secrets.token_urlsafe(24)
API: Final = f"""
[api.operate]
walker = "{TOKEN}"
"""


class Stage:
    """Starts one program after the other, and ends them all; use it with `with`.

    Args:
        folder: For their files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.asterisk = Asterisk(
            folder,
            pjsip=telephone(100) + PAGE["pjsip.conf: Talkpath registers"],
            extensions=PAGE["extensions.conf"],
        )
        self._model = RunningSimulator("agent")
        self._daemon: Daemon | None = None
        self._prometheus: Prometheus | None = None
        self._page: Page | None = None

    def __enter__(self) -> Self:
        for name, value in ENVIRONMENT.items():
            os.environ[name] = value
            self._stack.callback(os.environ.pop, name)
        # The file is written before anything runs, so that the first steps can check it.
        self._daemon = Daemon(
            self._folder, model_url=UNKNOWN_MODEL, configuration=self._configuration(), more=API
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def daemon(self) -> Daemon:
        """The daemon, which may not run yet."""
        if self._daemon is None:
            raise PeerError("the stage is not set")
        return self._daemon

    def start_asterisk(self) -> None:
        """Boot the PBX."""
        self._stack.enter_context(self.asterisk)

    def start_simulator(self) -> str:
        """Start the model, and write its address into the configuration; returns it."""
        self._stack.enter_context(self._model)
        file = self.daemon.config_path
        file.write_text(replaced(file.read_text(), {UNKNOWN_MODEL: self._model.url}))
        return self._model.url

    def start_daemon(self) -> None:
        """Start it and wait for the registration."""
        self._stack.enter_context(self.daemon)
        self.daemon.wait_for("registration", registered=True, timeout_s=PATIENCE_S)

    def start_prometheus(self) -> str:
        """Start it; returns what it knows of the registration once it has scraped."""
        rules = ROOT / "deploy/prometheus/talkpath.rules.yml"
        prometheus = Prometheus(self._folder, target=self.daemon.http_address, rules=rules)
        self._prometheus = self._stack.enter_context(prometheus)
        query = 'talkpath_registration_up{trunk="pbx"} == 1'
        wait_until(lambda: bool(prometheus.query(query)), "a scrape", timeout_s=PATIENCE_S)
        return self._series("talkpath_registration_up")

    def open_console(self) -> bool:
        """Open the console in a browser; False where there is no browser."""
        if shutil.which(PROGRAM) is None:
            return False
        browser = self._stack.enter_context(Chromium(width=1180, height=860))
        page = browser.open(f"http://{self.daemon.http_address}/console")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Open the console").press("Enter")
        expect(page.get_by_text("No calls at the moment.")).to_be_visible(timeout=1000 * PATIENCE_S)
        self._page = page
        return True

    def call(self) -> Path | None:
        """Call from the telephone until the agent has answered the question, then hang up.

        Returns:
            A picture of the console during the call, if it is open.
        """
        account = f"<sip:100@127.0.0.1:{self.asterisk.port}>;auth_pass=secret;audio_codecs=pcmu"
        with Baresip(self._folder, account=account, speech=self._speech()) as telephone:
            telephone.wait_for_event("REGISTER_OK", timeout_s=PATIENCE_S)
            telephone.dial(f"sip:700@127.0.0.1:{self.asterisk.port}")
            telephone.wait_for_event("CALL_ESTABLISHED", timeout_s=PATIENCE_S)
            wait_until(
                lambda: ANSWER in self.conversation(),
                "the agent to tell the opening hours",
                timeout_s=PATIENCE_S,
                log=self.daemon.log,
            )
            picture = self._picture()
            telephone.hang_up()
            self.daemon.wait_for("call_ended", timeout_s=PATIENCE_S)
        return picture

    def conversation(self) -> str:
        """Who said what, a line each."""
        return "\n".join(f"{line['role']}: {line['pii_text']}" for line in self.daemon.events("said"))

    def call_id(self) -> str:
        """Our id of the call."""
        return str(self.daemon.events("call_ended")[-1]["call"])

    def calls_counted(self) -> str:
        """What Prometheus knows of the calls, once it knows of ours."""
        prometheus = self._prometheus
        if prometheus is None:
            raise PeerError("Prometheus does not run")
        counted = 'sum(talkpath_calls_total{outcome="completed"}) == 1'
        wait_until(lambda: bool(prometheus.query(counted)), "the call to be scraped", timeout_s=PATIENCE_S)
        return self._series("talkpath_calls_total > 0")

    def stop_daemon(self) -> int:
        """End it; returns its status.

        Raises:
            AssertionError: something that calls hold was not given back, or it failed.
        """
        self.daemon.assert_baseline()
        status = self.daemon.stop()
        assert status == 0, f"the daemon ended with status {status}"
        return status

    def _picture(self) -> Path | None:
        page = self._page
        if page is None:
            return None
        words = page.get_by_role("log")
        expect(words).to_contain_text(ANSWER, timeout=1000 * PATIENCE_S)
        with suppress(AssertionError):  # a caller's words come late, where they are understood at all
            expect(words).not_to_contain_text("…")
        path = self._folder / "console.png"
        page.screenshot(path=path)
        return path

    def _series(self, expression: str) -> str:
        if self._prometheus is None:
            raise PeerError("Prometheus does not run")
        return "\n".join(
            f"{each['metric'].get('__name__', expression)}"
            f"{{{', '.join(f'{k}={v}' for k, v in each['metric'].items() if k != '__name__')}}}"
            f" = {each['value'][1]}"
            for each in self._prometheus.query(expression)
        )

    def _configuration(self) -> str:
        """The page's file, for this Asterisk and this model; and the functions of the demo's shop."""
        pbx = {"pbx.example.com": f"127.0.0.1:{self.asterisk.port}"}
        text = for_daemon(PAGE["talkpath.toml: Talkpath registers"], pbx)
        listening = '[realtime.transcription]\n\n[agents.reception]\nturn_detection = "server_vad"\n'
        return text.replace("[agents.reception]\n", f"{listening}tools = {TOOLS}\n")

    def _speech(self) -> Path:
        """What the caller says, as a file for the telephone."""
        asked = [speak([QUESTION])[QUESTION], np.zeros(int(AGAIN_S * TELEPHONE_RATE), np.int16)]
        quiet = np.zeros(int(SILENCE_S * TELEPHONE_RATE), np.int16)
        samples = np.concatenate([quiet, *asked * int(PATIENCE_S / AGAIN_S)])
        path = self._folder / "caller.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, TELEPHONE_RATE, samples.size, "NONE", ""))
            file.writeframes(samples.tobytes())
        return path
