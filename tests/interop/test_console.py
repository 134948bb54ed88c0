"""The console of the real daemon in a real browser, while SIPp calls."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from talkpath.bridge.demo.recording import write_channels
from talkpath.bridge.demo.voice import TELEPHONE_RATE, speak
from talkpath.bridge.simulator.audio import convert, tone_ladder
from talkpath.bridge.simulator.reply import MODEL_RATE, Reply, Speech
from talkpath.bridge.simulator.script import ScriptedTurn, ScriptPersona
from tests.harness.baresip import Baresip
from tests.harness.chromium import Chromium
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.peers import wait_until
from tests.harness.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

pytestmark = [pytest.mark.interop, pytest.mark.daemon]

SCENARIOS = Path(__file__).parent / "scenarios"
expect.set_options(timeout=20_000)
IMAGES = Path(__file__).parents[2] / "docs" / "images"
QUESTION = "Is my bicycle ready?"
ANSWERS = (
    "Hello, bicycle shop, how can I help you?",
    "Yes, it is ready, and you can fetch it until six.",
    "I hear that you are in a hurry, so the bicycle is waiting for you outside, at the door.",
)
OPERATE, READ = "operate-token-of-the-tests-01", "read-token-of-the-tests-0123"
HEARS = 'transcription = { model = "gpt-4o-mini-transcribe" }'
LISTEN = '[api]\nlisten = ["alice"]\n'
API = f"""
[api.operate]
alice = "{OPERATE}"
[api.read]
wall = "{READ}"
[[targets]]
name = "workshop"
description = "Repairs."
uri = "sip:700@127.0.0.1:9"
"""


@pytest.fixture
def model() -> Iterator[RunningSimulator]:
    said = ("Hello, bicycle shop, how can I help you?", "Your bicycle is ready, you can fetch it until six.")
    turns = [ScriptedTurn(reply=Reply((Speech(tone_ladder(4000), text),))) for text in said]
    with RunningSimulator(ScriptPersona(turns)) as running:
        yield running


def console(browser: Chromium, daemon: Daemon, token: str = OPERATE) -> Page:
    page = browser.open(f"http://{daemon.http_address}/console")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Open the console").press("Enter")
    return page


def picture(page: Page, name: str) -> None:
    """Keep a picture for the documentation, when that is asked for: PICTURES=1."""
    if os.environ.get("PICTURES"):
        page.locator("#toast").evaluate("(toast) => (toast.textContent = '')")
        page.screenshot(path=IMAGES / f"console-{name}.png")


def conversation() -> ScriptPersona:
    """A model that speaks, and understands all that callers say as the question."""
    voice = speak(ANSWERS, played_as=24_000)
    turns = [
        ScriptedTurn(reply=Reply((Speech(convert(voice[text], TELEPHONE_RATE, MODEL_RATE), text),)))
        for text in ANSWERS
    ]
    return ScriptPersona(turns, ear=lambda _heard: QUESTION)


def test_an_operator_watches_a_call_tells_the_agent_something_and_hangs_up(tmp_path: Path) -> None:
    recording = f'\n[agents.reception.recording]\nmode = "always"\ndirectory = "{tmp_path}"\n'
    silence = np.zeros(TELEPHONE_RATE, np.int16)
    said = [*[silence] * 4, speak([QUESTION])[QUESTION], *[silence] * 60]
    speech = tmp_path / "speech.wav"
    write_channels(speech, [np.concatenate(said)], TELEPHONE_RATE)
    with (
        RunningSimulator(conversation()) as model,
        Daemon(tmp_path, model_url=model.url, agent=HEARS, more=LISTEN + API + recording) as daemon,
        Chromium(width=1180, height=1140) as browser,
    ):
        page = console(browser, daemon)
        expect(page.get_by_text("No calls at the moment.")).to_be_visible()
        account = "<sip:caller@127.0.0.1>;regint=0;audio_codecs=pcmu"
        with Baresip(tmp_path, account=account, speech=speech) as caller:
            caller.dial(f"sip:700@127.0.0.1:{daemon.address[1]}")
            call = page.locator("#live article")
            expect(call).to_contain_text("talking")
            expect(call.get_by_role("log")).to_contain_text("how can I help you?")
            expect(call).to_contain_text("PCMU")
            in_order = re.compile(f"{re.escape(ANSWERS[0])}.*{re.escape(QUESTION)}.*until six", re.DOTALL)
            expect(call.get_by_role("log")).to_have_text(in_order)
            expect(call).to_contain_text("Quality (MOS)")
            page.wait_for_function(
                "[...document.querySelectorAll('.level[data-who=agent] i')]"
                ".some((bar) => /scaleX\\(0?\\.[1-9]|scaleX\\(1/.test(bar.style.transform))"
            )
            call.get_by_label("Note").fill("He is in a hurry. <b>Be quick.</b>")
            call.get_by_role("button", name="Tell", exact=True).click()
            expect(page.get_by_role("status").filter(has_text="The agent knows.")).to_be_visible()
            expect(call.get_by_role("log")).to_contain_text("at the door.")
            picture(page, "live")
            hold = call.get_by_role("button", name="Hold")
            hold.click()
            expect(call).to_contain_text("held")
            expect(hold).to_have_attribute("aria-pressed", "true")
            hold.click()
            expect(call).to_contain_text("talking")
            call.get_by_role("button", name="Hang up").click()
            call.get_by_role("button", name="Really hang up?").click()
            expect(call).to_contain_text("Over: operator.")
            caller.wait_for_event("CALL_CLOSED")
        line = daemon.wait_for("call_ended")
        assert line["cause"] == "operator"
        wait_until(lambda: daemon.metric("talkpath_records_stored_total") == 1, "the record", log=daemon.log)
        call.get_by_role("link", name="See its record.").click()
        record = page.locator("#recent article")
        expect(record).to_contain_text(line["call"])
        record.get_by_role("button", name="Load the recording").click()
        expect(record.locator("canvas")).to_be_visible()
        assert page.evaluate("document.querySelector('audio').duration") > 0.3
        record.get_by_text("Ladder", exact=True).click()
        expect(record).to_contain_text("INVITE")
        picture(page, "record")
        page.get_by_role("link", name="Recent").click()
        expect(page.get_by_role("row")).to_have_count(2)
        assert browser.problems == []
        daemon.assert_baseline()


def test_what_callers_and_models_say_is_text_and_nothing_else(tmp_path: Path) -> None:
    markup = "<img src=x onerror=hacked=1><script>hacked=1</script>"
    polite = (SCENARIOS / "call_answered_then_bye_from_us.xml").read_text()
    name = f'"{markup}" <sip:%3Cimg%20src=x%20onerror=hacked=1%3E@'
    hostile = polite.replace('"Caller" <sip:caller@', name)
    assert hostile != polite
    (tmp_path / "hostile.xml").write_text(hostile, encoding="utf-8")
    spoken = ScriptPersona([ScriptedTurn(reply=Reply((Speech(tone_ladder(1000), markup),)))])
    with (
        RunningSimulator(spoken) as model,
        Daemon(tmp_path, model_url=model.url, more=API) as daemon,
        Chromium(width=1180, height=860) as browser,
    ):
        page = console(browser, daemon)
        with Sipp(tmp_path, tmp_path / "hostile.xml", target=daemon.address):
            call = page.locator("#live article")
            expect(call.get_by_role("log")).to_contain_text(markup)
            expect(call.get_by_role("heading").first).to_contain_text("img")
            call.get_by_role("button", name="Hang up").click()
            call.get_by_role("button", name="Really hang up?").click()
            expect(call).to_contain_text("Over: operator.")
        wait_until(lambda: daemon.metric("talkpath_records_stored_total") == 1, "the record", log=daemon.log)
        call.get_by_role("link", name="See its record.").click()
        expect(page.locator("#recent article")).to_contain_text(markup)
        page.get_by_role("link", name="Recent").click()
        expect(page.get_by_role("row")).to_have_count(2)
        assert page.evaluate(
            "window.hacked === undefined && !document.querySelector('main img, main script')"
        )
        assert browser.problems == []


def hears(page: Page) -> bool:
    """Whether the page plays something that is no silence at the moment, as its player measured it."""
    heard = page.locator(".level[data-who=heard] i").evaluate("(bar) => bar.style.transform")
    return bool(re.search(r"scaleX\((1|0\.[1-9])", heard))


def test_who_may_listens_to_a_live_call_by_button_and_by_keyboard(
    model: RunningSimulator, tmp_path: Path
) -> None:
    with (
        Daemon(tmp_path, model_url=model.url, more=LISTEN + API) as daemon,
        Chromium(width=1180, height=860) as browser,
    ):
        page = console(browser, daemon)
        with Sipp(tmp_path, SCENARIOS / "call_answered_then_bye_from_us.xml", target=daemon.address):
            call = page.locator("#live article")
            expect(call).to_contain_text("talking")
            button = call.get_by_role("button", name="Listen")
            expect(button).to_have_attribute("aria-pressed", "false")
            button.click()
            expect(button).to_have_attribute("aria-pressed", "true")
            call.get_by_label("Note").fill("Speak.")
            call.get_by_role("button", name="Tell", exact=True).click()
            wait_until(lambda: hears(page), "sound in the browser", log=daemon.log)
            assert daemon.metric("talkpath_listening") == 1
            assert daemon.wait_for("operator", action="listen")["who"] == "alice"
            button.press("Enter")
            expect(button).to_have_attribute("aria-pressed", "false")
            daemon.wait_for("operator", action="listen_end")
            wait_until(lambda: daemon.metric("talkpath_listening") == 0, "silence", log=daemon.log)
            button.press("Space")
            expect(button).to_have_attribute("aria-pressed", "true")
            wait_until(lambda: daemon.metric("talkpath_listening") == 1, "the listener", log=daemon.log)
            log_everything = call.get_by_role("button", name="Log everything")
            log_everything.click()
            expect(log_everything).to_have_attribute("aria-pressed", "true")
            call.get_by_role("button", name="Hang up").click()
            call.get_by_role("button", name="Really hang up?").click()
            expect(call).to_contain_text("Over: operator.")
            expect(button).to_be_hidden()
        wait_until(lambda: daemon.metric("talkpath_listening") == 0, "the end", log=daemon.log)
        assert browser.problems == []
        daemon.assert_baseline()


def test_who_may_only_read_sees_everything_and_can_do_nothing(
    model: RunningSimulator, tmp_path: Path
) -> None:
    with (
        Daemon(tmp_path, model_url=model.url, more=API) as daemon,
        Chromium(width=390, height=844, scheme="dark") as browser,
        Sipp(tmp_path, "uac", target=daemon.address, arguments=("-d", "15000")),
    ):
        page = console(browser, daemon, READ)
        expect(page.get_by_role("log")).to_contain_text("how can I help you?")
        picture(page, "telephone")
        assert page.get_by_role("button", name=re.compile("Hang up|Tell|Transfer|^Call$")).count() == 0
        wide = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert wide, "nothing may be wider than a telephone"
        page.get_by_role("link", name="System").click()
        expect(page.get_by_role("heading", name="All is well")).to_be_visible()
        expect(page.get_by_role("row").filter(has_text="worker-0")).to_contain_text("works")
        assert page.get_by_role("button", name="Drain").count() == 0
        assert browser.problems == []


def test_the_test_phone_is_in_the_console_and_its_call_is_among_the_live_ones(
    model: RunningSimulator, tmp_path: Path
) -> None:
    phone = "\n[phone]\nenabled = true\n"
    with (
        Daemon(tmp_path, model_url=model.url, more=API + phone) as daemon,
        Chromium(width=900) as browser,
    ):
        page = console(browser, daemon)
        page.get_by_role("link", name="Phone").click()
        place = page.locator(".talkpath-phone")
        place.get_by_role("button", name="Talk").click()
        expect(place.get_by_text("Connected")).to_be_visible()
        page.get_by_role("link", name="Live").click()
        call = page.locator("#live article")
        expect(call).to_contain_text("talking")
        expect(call).to_contain_text("console")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_focused()
        assert daemon.wait_for("call_ended")["ended_by"] == "caller", "who signs out hangs up"
        # The end of the media may come before the request to hang up, which then finds no call.
        assert [problem for problem in browser.problems if "404" not in problem] == []


def test_the_console_works_with_the_keyboard_alone(model: RunningSimulator, tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, model_url=model.url, more=API) as daemon,
        Chromium(width=1180, height=860) as browser,
        Sipp(tmp_path, SCENARIOS / "call_answered_then_bye_from_us.xml", target=daemon.address),
    ):
        page = browser.open(f"http://{daemon.http_address}/console")
        expect(page.get_by_label("Token")).to_be_focused()
        page.keyboard.type(OPERATE)
        page.keyboard.press("Enter")
        expect(page.locator("#live article")).to_contain_text("talking")
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent") == "Hang up":
                break
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        assert daemon.wait_for("call_ended")["cause"] == "operator"


def test_a_wrong_token_is_refused_and_forgotten(model: RunningSimulator, tmp_path: Path) -> None:
    with Daemon(tmp_path, model_url=model.url, more=API) as daemon, Chromium() as browser:
        page = console(browser, daemon, "wrong-token-of-the-tests-0123")
        expect(page.get_by_role("alert")).to_contain_text("Authorization")
        assert page.evaluate("sessionStorage.length") == 0


def test_the_page_comes_back_when_the_daemon_does(model: RunningSimulator, tmp_path: Path) -> None:
    with Daemon(tmp_path, model_url=model.url, more=API) as daemon, Chromium() as browser:
        page = console(browser, daemon)
        status = page.locator("#status")
        expect(status).to_contain_text("lanes free")
        daemon.stop()
        expect(status).to_contain_text("Not connected")
        daemon.start()
        expect(status).to_contain_text("lanes free", timeout=30_000)
