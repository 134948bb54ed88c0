"""The Asterisk of docs/asterisk.md with its telephones, and the page's configurations of Talkpath for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.harness.asterisk import Asterisk, telephone
from tests.harness.baresip import Baresip
from tests.harness.listening import audible_spans, has_ended, ladder_fits, write_bursts
from tests.harness.page import for_daemon, snippets
from tests.harness.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE: Final = snippets(Path(__file__).parents[2] / "docs/asterisk.md")
RATE: Final = 8000
PHONES: Final = telephone(100) + telephone(101, "alaw")
ENVIRONMENT: Final = {"TRUNK_PASSWORD": "change-me", "TALKPATH_REALTIME__API_KEY": "any"}


def pbx(folder: Path) -> Asterisk:
    """The PBX at which Talkpath registers."""
    return Asterisk(
        folder,
        pjsip=PHONES + PAGE["pjsip.conf: Talkpath registers"],
        extensions=PAGE["extensions.conf"],
        modules=("res_clioriginate",),
    )


def registering(asterisk: Asterisk, *, transport: str = "udp") -> str:
    """The page's configuration of a Talkpath that registers, for this Asterisk."""
    way = ";transport=tcp" if transport == "tcp" else ""
    changes = {"pbx.example.com": f"127.0.0.1:{asterisk.port}{way}"}
    return for_daemon(PAGE["talkpath.toml: Talkpath registers"], changes)


def phone(
    folder: Path, asterisk: Asterisk, *, number: int = 100, speech: Sequence[tuple[float, float]]
) -> Baresip:
    """A telephone of Asterisk's that speaks these bursts from the answer on."""
    path = folder / "speech.wav"
    write_bursts(path, speech)
    codec = {100: "pcmu", 101: "pcma"}[number]
    account = (
        f"<sip:{number}@127.0.0.1:{asterisk.port}>;auth_pass=secret;audio_codecs={codec};answermode=auto"
    )
    return Baresip(folder, account=account, speech=path)


def dial(caller: Baresip, asterisk: Asterisk) -> None:
    caller.wait_for_event("REGISTER_OK")
    caller.dial(f"sip:700@127.0.0.1:{asterisk.port}")
    caller.wait_for_event("CALL_ESTABLISHED")


def wait_for_spans(caller: Baresip, count: int) -> None:
    """Wait until the caller has heard so many utterances, the last of them to its end."""
    wait_until(
        lambda: has_ended(caller.heard(), rate=RATE, count=count),
        f"{count} utterances",
        log=lambda: str(audible_spans(caller.heard(), rate=RATE)),
    )


def assert_ladder(caller: Baresip, span: tuple[int, int], *, rungs: int = 5) -> None:
    fits = ladder_fits(caller.heard(), first=span[0], rungs=rungs, rate=RATE)
    assert min(fit.snr for fit in fits) > 30, fits
    assert (span[1] - span[0]) / RATE == pytest.approx(rungs * 0.2, abs=0.012)
