"""The two telephones as one process: ``python -m talkpath.bridge.demo.transfer.phones FOLDER PORT``.

The human waits on the port; the caller calls the address that comes on the standard input. The line
``joined`` says that the two are in one conversation. Both refuse REFER, as a plain telephone may: Talkpath
then joins them itself. What they said and heard is left in the folder, in two stereo recordings.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from talkpath.bridge.demo import events
from talkpath.bridge.demo.caller import Reporter
from talkpath.bridge.demo.recording import write_stereo
from talkpath.bridge.demo.telephone import Handset, Telephone, audio_format, pj
from talkpath.bridge.demo.transfer.scenario import JOINED, SCRIPT, is_cued
from talkpath.bridge.demo.voice import CALLER, HUMAN, TELEPHONE_RATE, speak

if TYPE_CHECKING:
    from talkpath.bridge.demo.transfer.scenario import Line, Speaker
    from talkpath.codecs.types import Samples

PATIENCE: Final = 60.0
"""Seconds that all may take."""
PICKS_UP_AFTER: Final = 1.0
_TURN_MS: Final = 10
_DECLINE: Final = 603


class Leg(pj.Call):  # type: ignore[misc]  # pjsua2 ships no types
    """One dialog and its handset."""

    def __init__(self, account: Any, handset: Handset, call_id: int = -1) -> None:
        super().__init__(account, call_id)
        self.handset = handset
        self.confirmed = self.over = False
        self._connected = False

    def onCallState(self, prm: Any) -> None:  # noqa: ARG002, N802  the stack's name and argument
        """The dialog went on."""
        state = self.getInfo().state
        self.confirmed = self.confirmed or state == pj.PJSIP_INV_STATE_CONFIRMED
        self.over = self.over or state == pj.PJSIP_INV_STATE_DISCONNECTED

    def onCallMediaState(self, prm: Any) -> None:  # noqa: ARG002, N802  the stack's name and argument
        """Media was negotiated: join the handset and the call."""
        info = self.getInfo()  # a name of its own: what hangs on it dies with it
        if self._connected or info.media[0].status != pj.PJSUA_CALL_MEDIA_ACTIVE:
            return
        self._connected = True
        audio = self.getAudioMedia(0)
        audio.startTransmit(self.handset)
        self.handset.startTransmit(audio)

    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """Somebody wants to move this call."""
        prm.statusCode = _DECLINE

    def answer_with(self, status: int) -> None:
        """Answer an incoming call."""
        prm = pj.CallOpParam()
        prm.statusCode = status
        self.answer(prm)

    def leave(self) -> None:
        """Hang up."""
        if not self.over:
            self.hangup(pj.CallOpParam())


class Desk(pj.Account):  # type: ignore[misc]  # pjsua2 ships no types
    """Where the human is called."""

    def __init__(self, handset: Handset) -> None:
        super().__init__()
        self.handset = handset
        self.leg: Leg | None = None

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802  the stack's name
        """It rings."""
        self.leg = Leg(self, self.handset, prm.callId)
        self.leg.answer_with(180)


class Scene:
    """Plays the script on both telephones."""

    def __init__(self, telephone: Telephone, words: dict[str, Samples], report: Reporter) -> None:
        self._telephone = telephone
        self._words = words
        self._report = report
        self._changes: queue.SimpleQueue[events.Report] = queue.SimpleQueue()
        self.handsets: dict[Speaker, Handset] = {}
        speakers: tuple[Speaker, ...] = ("caller", "human")
        for who in speakers:
            handset = Handset(self._changes.put)
            handset.createPort(who, audio_format())
            self.handsets[who] = handset
        self.desk = Desk(self.handsets["human"])
        identity = pj.AccountConfig()
        identity.idUri = "sip:human@127.0.0.1"
        identity.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        self.desk.create(identity, True)
        self.call = Leg(telephone.account, self.handsets["caller"])
        self.joined = threading.Event()
        self._lines = list(SCRIPT)
        self._since: dict[Speaker, float] = {"caller": 0.0, "human": 0.0}
        self._said: Line | None = None
        self._rang_at: float | None = None

    def run(self, uri: str) -> bool:
        """Play it; returns whether every line was said."""
        deadline, begun = time.monotonic() + PATIENCE, time.monotonic()
        self.call.makeCall(uri, pj.CallOpParam(True))
        answered = False
        while not self.call.over and time.monotonic() < deadline:
            self._telephone.turn(_TURN_MS)
            if self.call.confirmed and not answered:
                answered = True
                self._report(events.Answered(0.0, round((time.monotonic() - begun) * 1000, 1)))
            self._pick_up()
            self._go_on()
        if not self.call.over:
            waits_for = self._lines[0].words or self._lines[0].key if self._lines else "the end of the call"
            self._report(events.Problem(self._now("caller"), f"Nothing led to “{waits_for}”."))
        for leg in (self.call, self.desk.leg):
            if leg is not None:
                leg.leave()
        for _ in range(100):
            self._telephone.turn(_TURN_MS)
        return not self._lines

    def _pick_up(self) -> None:
        leg = self.desk.leg
        if leg is None or leg.confirmed:
            return
        if self._rang_at is None:
            self._rang_at = time.monotonic()
        elif self._rang_at and time.monotonic() - self._rang_at > PICKS_UP_AFTER:
            self._rang_at = 0.0
            leg.answer_with(200)

    def _now(self, who: Speaker) -> float:
        return self.handsets[who].now

    def _go_on(self) -> None:
        if self._said is not None:
            who = self._said.who
            if self.handsets[who].talking:
                return
            self._report(events.Ended(self._at(who), who))
            self._since[who] = self._now(who)
            self._said = None
            if not self._lines and self.desk.leg is not None:
                self.desk.leg.leave()
        line = self._lines[0] if self._lines else None
        if line is None or not self.handsets[line.who].wall:
            return
        ears = self.handsets[line.who].agent
        if is_cued(line, ears, self._since[line.who], joined=self.joined.is_set()):
            self._lines.pop(0)
            if line.key:
                self._press(line)
                return
            self._said = line
            self.handsets[line.who].say(self._words[line.words])
            self._report(events.Began(self._at(line.who), line.who, words=line.words))

    def _press(self, line: Line) -> None:
        leg = self.desk.leg if line.who == "human" else self.call
        if leg is not None:
            leg.dialDtmf(line.key)
        self._since[line.who] = self._now(line.who)
        self._report(events.Pressed(self._at(line.who), line.key))

    def _at(self, who: Speaker) -> float:
        """Now, by the caller's clock."""
        return round(self._now(who) + self.handsets[who].wall - self.handsets["caller"].wall, 3)


def listen_for(scene: Scene) -> None:
    """Read the standard input until it says that the two are joined."""
    for line in sys.stdin:
        if line.strip() == JOINED:
            scene.joined.set()
            return


def main(arguments: list[str]) -> int:
    """Run both telephones; 0 when every line of the script was said."""
    folder, port = Path(arguments[0]), int(arguments[1])
    report = Reporter()
    words = speak((line.words for line in SCRIPT if line.who == "caller" and line.words), CALLER)
    words |= speak((line.words for line in SCRIPT if line.who == "human" and line.words), HUMAN)
    telephone = Telephone(port)
    report(events.Prepared(0.0, telephone.name()))
    uri = sys.stdin.readline().strip()
    if not uri:
        return 1
    scene = Scene(telephone, words, report)
    threading.Thread(target=listen_for, args=(scene,), daemon=True).start()
    well = scene.run(uri)
    for who, handset in scene.handsets.items():
        said, heard = handset.recording()
        write_stereo(folder / f"{who}.wav", said, heard, TELEPHONE_RATE)
        report(events.Recorded(0.0, who, handset.wall))
    scene.desk.shutdown()
    del scene  # with its calls: what the stack made must be gone before the stack
    telephone.close()
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
