"""A real browser: Debian's Chromium without a window, whose microphone is a WAV file.

with Chromium(speech=tmp_path / "speech.wav") as browser:
    page = browser.open("http://127.0.0.1:8080/phone")
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final, Self

from playwright.sync_api import sync_playwright

from tests.harness.peers import PeerError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from playwright.sync_api import Browser, Page, Playwright

PROGRAM: Final = "chromium"
TIMEOUT_MS: Final = 30_000
_WITHOUT_DEVICES: Final = (
    "--use-fake-ui-for-media-stream",  # allows the microphone
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-dev-shm-usage",
    "--disable-gpu",
)


class Chromium:
    """One browser.

    Args:
        speech: WAV file that its microphone hears once, from the moment it is opened; None: beeps.
        scheme: Which colours pages are asked for: light or dark.
        width: Of the window, in pixels.
        height: The same.

    Attributes:
        problems: What its pages wrote to the console as errors, and exceptions that nobody caught.
    """

    def __init__(
        self, *, speech: Path | None = None, scheme: str = "light", width: int = 480, height: int = 760
    ) -> None:
        self.problems: list[str] = []
        self._arguments = list(_WITHOUT_DEVICES)
        if speech is not None:
            self._arguments.append(f"--use-file-for-fake-audio-capture={speech}%noloop")
        self._scheme = scheme
        self._size = (width, height)
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def __enter__(self) -> Self:
        program = shutil.which(PROGRAM)
        if program is None:
            raise PeerError(f"{PROGRAM} is not installed; run: make peers")
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=program, args=self._arguments)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()

    def open(self, url: str) -> Page:
        """Open a page in a profile of its own."""
        assert self._browser is not None
        width, height = self._size
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if self._scheme == "dark" else "light",
        )
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on(
            "console",
            lambda message: self.problems.append(message.text) if message.type == "error" else None,
        )
        page.goto(url)
        return page
