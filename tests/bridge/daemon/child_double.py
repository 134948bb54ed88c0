"""Stands for the SIP process and for a media worker: ``python -m tests.bridge.daemon.child_double --fd N``.

It knows what it is by the settings it gets. What it does is said in ``BEHAVIOUR_SIP`` and
``BEHAVIOUR_WORKER``: words between spaces.

dies: exits with 7 as soon as it knows who it is. deaf: takes no notice of Stop, nor of the end of its
channel. babbles: says something that is no message before it is ready. refuses: reports that it cannot
work, and exits. mute: never reports ready. closes: closes its channel and stays. objects: has a problem
with new settings. silent: says nothing to them. calls: (SIP) reports one incoming call once a worker has
room.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time

from talkpath.sip import messages as m
from tests.harness.incoming import incoming

CALL = incoming()


class Double:
    """One child."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.is_sip = False
        self.calls: list[str] = []
        self.called = False

    def behaves(self, word: str) -> bool:
        who = "BEHAVIOUR_SIP" if self.is_sip else "BEHAVIOUR_WORKER"
        return word in os.environ.get(who, "").split()

    def send(self, message: m.Message) -> None:
        self.channel.send(m.encode(message))

    def run(self) -> int:
        while datagram := self.channel.recv(m.MAX_MESSAGE):
            code = self.take(m.decode(datagram))
            if code is not None:
                return code
        while self.behaves("deaf"):
            time.sleep(1)
        return 0

    def take(self, message: m.AnyMessage) -> int | None:
        match message:
            case m.SipSettings() if self.is_sip:
                self.send(m.SettingsReady(problem="no" * self.behaves("objects")))
            case m.SipSettings() | m.WorkerSettings():
                return self.begin(message)
            case m.NewSettings() if not self.behaves("silent"):
                problem = "The tool is missing." if self.behaves("objects") else ""
                self.send(m.SettingsReady(generation=message.generation, problem=problem))
            case m.UseSettings():
                self.send(m.WorkerLoad(calls=message.generation, lanes=0))
            case m.Admission(free_lanes=free) if self.behaves("calls") and free and not self.called:
                self.called = True
                self.send(CALL)
            case m.IncomingCall():
                self.calls.append(message.call)
                self.send(m.Ring(call=message.call, rtp_port=4000))
            case m.HangUp():
                self.send(m.CallEnded(call=message.call, by="us", status=200, reason=""))
            case m.Stop():
                return self.stop()
        return None

    def begin(self, settings: m.SipSettings | m.WorkerSettings) -> int | None:
        self.is_sip = isinstance(settings, m.SipSettings)
        if self.behaves("dies"):
            return 7
        if self.behaves("refuses"):
            kind = m.ListenFailed if self.is_sip else m.SetUpFailed
            self.send(kind(problem="There is no way."))
            return 3
        if self.behaves("closes"):
            self.channel.close()
            time.sleep(60)
        if self.behaves("babbles"):
            self.channel.send(b"no message")
        if not self.behaves("mute"):
            self.send(m.Ready(detail="double"))
        return None

    def stop(self) -> int | None:
        if self.behaves("deaf"):
            return None
        if self.calls:
            for call in self.calls:
                self.send(m.HangUp(call=call))
            self.calls.clear()
            return None  # the second Stop ends it
        return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    return Double(socket.socket(fileno=parser.parse_args().fd)).run()


if __name__ == "__main__":
    sys.exit(main())
