"""The caller as a process: ``python -m talkpath.bridge.demo.caller FOLDER``.

It prepares its sentences, says so, reads the SIP address to call from its standard input, makes the call,
reports on standard output (`talkpath.bridge.demo.events`), and leaves ``call.wav`` in the folder.
"""

from __future__ import annotations

import os
import queue
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from talkpath.bridge.demo import events
from talkpath.bridge.demo.recording import write_stereo
from talkpath.bridge.demo.scenario import SCRIPT, Act, AgentHeard, Caller, GaveUpError
from talkpath.bridge.demo.telephone import FRAME_SECONDS, Handset, Telephone, audio_format, pj
from talkpath.bridge.demo.voice import TELEPHONE_RATE, speak

if TYPE_CHECKING:
    from talkpath.codecs.types import Samples

RECORDING: Final = "call.wav"
ANSWER_PATIENCE: Final = 15.0
LONGEST: Final = 90.0
"""Seconds after which the caller hangs up whatever is going on."""
_LEVELS_EVERY: Final = 0.1
_TURN_MS: Final = 10


class Reporter:
    """Writes reports to the standard output that the process was given.

    The stack prints to standard output before its log can be turned down, so that descriptor is pointed
    elsewhere first.
    """

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())

    def __call__(self, event: events.Report) -> None:
        """Write one line."""
        self._out.write(events.encode(event))


class Call(pj.Call):  # type: ignore[misc]  # pjsua2 ships no types
    """The dialog; it connects the handset as soon as there is media."""

    def __init__(self, account: Any, handset: Handset) -> None:
        super().__init__(account)
        self.handset = handset
        self.codec = ""
        self.confirmed = False
        self.over: events.HungUp | None = None
        self.hung_up = False

    def onCallState(self, prm: Any) -> None:  # noqa: ARG002, N802  the stack's name and argument
        """The dialog went on."""
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.confirmed = True
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            by: events.Who = "caller" if self.hung_up else "agent"
            self.over = events.HungUp(self.handset.now, by, int(info.lastStatusCode), str(info.lastReason))

    def onCallMediaState(self, prm: Any) -> None:  # noqa: ARG002, N802  the stack's name and argument
        """Media was negotiated: join the handset and the call."""
        info = self.getInfo()  # a name of its own: what hangs on it dies with it
        if info.media[0].status != pj.PJSUA_CALL_MEDIA_ACTIVE or self.codec:
            return
        self.codec = self.getStreamInfo(0).codecName
        audio = self.getAudioMedia(0)
        audio.startTransmit(self.handset)
        self.handset.startTransmit(audio)

    def leave(self, reason: str) -> None:
        """Hang up from our side."""
        self.hung_up = True
        prm = pj.CallOpParam()
        prm.statusCode, prm.reason = 603, reason
        self.hangup(prm)

    def reception(self) -> events.Reception:
        """What the stack counted so far."""
        whole = self.getStreamStat(0)  # a name of its own: what hangs on it dies with it
        received = whole.rtcp.rxStat
        jitter = round(received.jitterUsec.mean / 1000, 2)
        return events.Reception(self.handset.now, received.pkt, received.loss, received.discard, jitter)


class Conversation:
    """Plays the scenario on a handset and a call, step by step.

    Args:
        sentences: the spoken words by their text.
    """

    def __init__(self, telephone: Telephone, sentences: dict[str, Samples], report: Reporter) -> None:
        self._report = report
        self._changes: queue.SimpleQueue[events.Report] = queue.SimpleQueue()
        self.handset = Handset(
            self._changes.put
        )  # not a method of ours: nothing may keep it alive at the end
        self.handset.createPort("handset", audio_format())
        self.call = Call(telephone.account, self.handset)
        self._telephone = telephone
        self._sentences = sentences
        self._caller = Caller()
        self._act: Act | None = None
        self._last_levels = 0.0
        self._reception: events.Reception | None = None

    def run(self, uri: str) -> bool:
        """Make the call to its end; return whether it went by the script."""
        if not self._connect(uri):
            return False
        self._caller.since = self.handset.now
        try:
            while self.call.over is None:
                self._telephone.turn(_TURN_MS)
                self._step(self.handset.now)
        except GaveUpError as problem:
            self._give_up(str(problem))
            return False
        self._pass_on()
        if self._reception is not None:
            self._report(self._reception)
        self._report(self.call.over)
        return not self._caller.acts

    def _connect(self, uri: str) -> bool:
        begun = time.monotonic()
        self.call.makeCall(uri, pj.CallOpParam(True))
        while not (self.call.confirmed and self.handset.wall):
            self._telephone.turn(_TURN_MS)
            if self.call.over is not None:
                status, reason = self.call.over.status, self.call.over.reason
                self._report(events.Problem(0.0, f"The call was refused: {status} {reason}."))
                return False
            if time.monotonic() - begun > ANSWER_PATIENCE:
                self._give_up(f"The call was not answered within {ANSWER_PATIENCE:.0f} s.")
                return False
            if self.call.confirmed and not self._last_levels:
                self._last_levels = -_LEVELS_EVERY
                self._report(events.Answered(0.0, round((time.monotonic() - begun) * 1000, 1)))
        self._report(events.RecordingBegan(0.0, self.handset.wall, self.call.codec))
        return True

    def _step(self, now: float) -> None:
        self._pass_on()
        if now - self._last_levels >= _LEVELS_EVERY:
            self._last_levels = now
            self._report(
                events.Levels(now, round(self.handset.own.level, 1), round(self.handset.agent.level, 1))
            )
            if self.call.over is None and self.call.codec:
                self._reception = self.call.reception()
        if now > LONGEST:
            raise GaveUpError(f"The call was not over after {LONGEST:.0f} s.")
        if self._act is None:
            self._begin_next(now)
        elif not self.handset.talking:
            self._report(events.Ended(now, "caller"))
            self._caller.done(self._act, now)
            self._act = None

    def _begin_next(self, now: float) -> None:
        agent = self.handset.agent
        act = self._caller.next_act(now, AgentHeard(agent.speaking, agent.began))
        if act is None:
            return
        if act.key:
            self.call.dialDtmf(act.key)
            self._report(events.Pressed(now, act.key))
            self._caller.done(act, now)
            return
        self._act = act
        self.handset.say(self._sentences[act.words])
        self._report(events.Began(now, "caller", act.name, act.words, act.interrupts_after is not None))

    def _pass_on(self) -> None:
        while not self._changes.empty():
            self._report(self._changes.get())
        if self.call.over is not None and self.handset.agent.speaking:
            self.handset.agent.speaking = False
            self._report(events.Ended(self.handset.agent.ended, "agent"))

    def _give_up(self, sentence: str) -> None:
        self._report(events.Problem(self.handset.now, sentence))
        self.call.leave("giving up")
        deadline = time.monotonic() + 2.0
        while self.call.over is None and time.monotonic() < deadline:
            self._telephone.turn(_TURN_MS)


def main(arguments: list[str]) -> int:
    """Run the caller; 0 when the call went by the script."""
    folder = Path(arguments[0])
    report = Reporter()
    sentences = speak(act.words for act in SCRIPT if act.words)
    telephone = Telephone()
    report(events.Prepared(0.0, telephone.name()))
    uri = sys.stdin.readline().strip()
    if not uri:
        return 1
    conversation = Conversation(telephone, sentences, report)
    try:
        well = conversation.run(uri)
    except pj.Error as error:
        report(events.Problem(conversation.handset.now, f"The caller's stack refused: {error.reason}."))
        well = False
    said, heard = conversation.handset.recording()
    if len(said) * FRAME_SECONDS:
        write_stereo(folder / RECORDING, said, heard, TELEPHONE_RATE)
    del conversation  # with its call: what the stack made must be gone before the stack
    telephone.close()
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
