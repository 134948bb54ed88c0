"""An office: a PBX, the telephones behind it, Talkpath as its receptionist, and the model.

PBX and telephones are two Asterisks, so that every leg is SIP and RTP between programs that are not ours. The
telephones speak tones on our command and record what they hear.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from talkpath.bridge.simulator.audio import tone, tone_ladder
from talkpath.bridge.simulator.personas import describe_audio
from talkpath.bridge.simulator.reply import FunctionCall, Reply, Speech
from tests.harness.asterisk import Asterisk
from tests.harness.daemon import Daemon, RunningSimulator
from tests.harness.page import replaced, snippets
from tests.harness.peers import free_port, wait_until
from tests.transfers.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from talkpath.bridge.simulator.reply import Heard, Turn
    from tests.transfers.rows import Row, Trunk

RATE: Final = 8000
CALLER_HZ, HUMAN_HZ, AGENT_HZ = 1010, 770, 1300
"""Who says what; no two are near each other, nor to the rungs of the ladder."""

_PBX: Final = """
[tls]
type = transport
protocol = tls
bind = 127.0.0.1:{tls_port}
cert_file = {certificate}
priv_key_file = {key}
ca_list_file = {certificate}
method = tlsv1_2
[talkpath]
type = endpoint
context = from-talkpath
disallow = all
allow = ulaw
auth = talkpath
aors = talkpath
direct_media = no
{more}
[talkpath]
type = auth
auth_type = userpass
username = talkpath
password = secret
[talkpath]
type = aor
max_contacts = 1
remove_existing = yes
[phones]
type = endpoint
context = from-phones
disallow = all
allow = ulaw
direct_media = no
[desks]
type = endpoint
context = from-phones
disallow = all
allow = ulaw
aors = desks
direct_media = no
[desks]
type = aor
contact = sip:127.0.0.1:{phones_port}
"""
_PBX_DIALPLAN: Final = """
[from-phones]
exten => _7XX,1,Dial(PJSIP/${EXTEN}@talkpath)
"""
_PAGE: Final = snippets(Path(__file__).parents[2] / "docs/transfer.md")
_ENDPOINT: Final = _PAGE["pjsip.conf: in the endpoint of Talkpath"]
_PEOPLE: Final = replaced(
    _PAGE["extensions.conf: whom Talkpath may reach"],
    {
        "PJSIP/${EXTEN},60": "PJSIP/${EXTEN}@desks,60",
        "PJSIP/${EXTEN},25": "PJSIP/${EXTEN}@desks,5",
        "PJSIP/700@talkpath": "PJSIP/699@talkpath",
    },
)
"""What the page on transfers says, with the telephones of this office."""
_PHONES: Final = """
[pbx]
type = endpoint
context = human
disallow = all
allow = ulaw
from_user = phones
direct_media = no
[pbx]
type = identify
endpoint = pbx
match = 127.0.0.1
"""
_PHONES_DIALPLAN: Final = """
[caller]
; Asks for a human after the greeting, then waits to be told what to do.
exten => _7XX,1,MixMonitor({folder}/all-${EXTEN}.wav,r({folder}/caller-${EXTEN}.wav))
 same => n,Playtones(0)
 same => n,Wait(2)
 same => n,Playtones(1010)
 same => n,Wait(0.6)
 same => n,Playtones(0)
 same => n,Wait(120)
[human]
exten => _1X0,1,Gosub(pick-up,s,1(${EXTEN}))
 same => n,GotoIf($["${EXTEN:1:1}" != "1"]?wait)
 same => n,SendDTMF(1)
 same => n(wait),Wait(120)
exten => _1X1,1,Hangup(17)
exten => _1X2,1,Ringing()
 same => n,Wait(60)
exten => _1X3,1,Hangup(21)
exten => _1X4,1,Gosub(pick-up,s,1(${EXTEN}))
 same => n,SendDTMF(2)
 same => n,Wait(120)
exten => _1X5,1,Gosub(pick-up,s,1(${EXTEN}))
 same => n,Wait(120)
[pick-up]
exten => s,1,Answer()
 same => n,MixMonitor({folder}/all-${ARG1}.wav,r({folder}/human-${ARG1}.wav))
 same => n,Playtones(0)
 same => n,Wait(1.5)
 same => n,Return()
[orders]
exten => caller-speaks,1,Playtones(1010)
 same => n,Wait(60)
exten => human-speaks,1,Playtones(770)
 same => n,Wait(60)
"""
_TALKPATH: Final = """
[sip]
listen = ["{transport}:127.0.0.1:{sip_port}"]
rtp_ports = "{first_rtp}-{last_rtp}"
TLS
[realtime]
url = "{model_url}"
model = "gpt-realtime-2"
api_key = "any"

[[trunks]]
name = "pbx"
register = "REGISTRAR"
username = "talkpath"
password = "secret"
srtp = "SRTP"
hold = "HOLD"

[trunks.outbound]
calls_per_second = 50

[[routes]]
to = "699"
agent = "again"

[agents.again]
instructions = "The caller was to be transferred, and nobody took the call."
greeting = "Nobody was there."
"""
_TLS: Final = """
[sip.tls]
certificate = "CERT"
private_key = "KEY"
ca = "CERT"
"""
_AGENT: Final = """
[[routes]]
to = "NUMBER"
agent = "NAME"

[agents.NAME]
greeting = "Hello."

[agents.NAME.transfer]
targets = ["NAME"]
briefing_timeout = "10s"

[[targets]]
name = "NAME"
description = "Whoever is there."
uri = "HUMAN"
mode = "MODE"
ring_timeout = "5s"
"""


class Receptionist:
    """Transfers at the caller's first word, says a tone when the caller is back, and briefs in tones."""

    name = "receptionist"
    blocking = False

    def transcribe(self, heard: Heard) -> str:
        """Describe the sound."""
        return describe_audio(heard)

    def reply(self, turn: Turn) -> Reply:
        """Do what the session is for."""
        if "accept_call" in {str(tool["name"]) for tool in turn.tools}:
            return Reply((Speech(tone_ladder(600), "Somebody calls. Do you take the call?"),))
        sent_back = turn.heard is None and "nobody took the call" in turn.instructions
        if sent_back or any(
            "what_happened" in json.dumps(item.data) for item in turn.fresh if item.type == "message"
        ):
            return Reply((Speech(tone(AGENT_HZ, 1200), "Nobody is there."),))
        if turn.heard is None:
            return Reply((Speech(tone_ladder(400), "Hello."),))
        [transfer] = [tool for tool in turn.tools if tool["name"] == "transfer_call"]
        target = transfer["parameters"]["properties"]["target"]["enum"][0]
        arguments = json.dumps({"target": target, "reason": "a bicycle", "summary": "Red, if possible."})
        return Reply((Speech(tone_ladder(400), "One moment."), FunctionCall("transfer_call", arguments)))


class Office:
    """Use with `with`; at the end everything has to be back where it was.

    Args:
        folder: An own folder.
        trunk: Between the PBX and Talkpath.
        rows: The calls that will be made.
    """

    def __init__(self, folder: Path, trunk: Trunk, rows: Sequence[Row] = ROWS) -> None:
        self._folder = folder
        certificate, key = self_signed(folder)
        more = {"udp": "", "tls": "transport = tls", "tls+srtp": "transport = tls\nmedia_encryption = sdes"}
        allowed = (
            _ENDPOINT if trunk.refer else _ENDPOINT.replace("allow_transfer = yes", "allow_transfer = no")
        )
        endpoint = f"{more[trunk.transport]}\n{allowed}"
        self.phones = Asterisk(
            folder,
            pjsip=_PHONES,
            extensions=_PHONES_DIALPLAN.replace("{folder}", str(folder)),
            modules=["res_clioriginate"],
        )
        tls_port = free_port()
        self.pbx = Asterisk(
            folder,
            pjsip=_PBX.format(
                tls_port=tls_port,
                certificate=certificate,
                key=key,
                more=endpoint,
                phones_port=self.phones.port,
            ),
            extensions=_PBX_DIALPLAN + _PEOPLE,
            # It would pass packets on with the numbers of their source: when a transfer changes that, the
            # Asterisk that plays the telephones takes them for old ones and drops them for a minute.
            without=["bridge_native_rtp"],
        )
        secure = trunk.transport != "udp"
        registrar = f"sip:127.0.0.1:{tls_port};transport=tls" if secure else f"sip:127.0.0.1:{self.pbx.port}"
        text = _TALKPATH.replace("TLS", _TLS if secure else "")
        for old, new in {
            "CERT": str(certificate),
            "KEY": str(key),
            "REGISTRAR": registrar,
            "SRTP": "mandatory" if trunk.transport == "tls+srtp" else "off",
            "HOLD": "signal" if trunk.transport == "udp" else "local",
        }.items():
            text = text.replace(old, new)
        self.model = RunningSimulator(Receptionist())
        self._text = text + "".join(map(_agent, rows))
        self._transport = "tls" if secure else "udp"
        self._open = contextlib.ExitStack()
        self.daemon: Daemon

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            model = stack.enter_context(self.model)
            stack.enter_context(self.phones)
            stack.enter_context(self.pbx)
            self.daemon = stack.enter_context(
                Daemon(
                    self._folder,
                    model_url=model.url,
                    configuration=self._text,
                    sip_port=free_port(),
                    transport=self._transport,
                )
            )
            self.daemon.wait_for("registration", registered=True)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def dial(self, row: Row) -> None:
        """A caller calls."""
        where = f"PJSIP/pbx/sip:{row.dialled}@127.0.0.1:{self.pbx.port}"
        said = self.phones.cli(f"channel originate {where} extension {row.dialled}@caller")
        assert "No such command" not in said, said

    def order(self, exten: str, context: str, order: str) -> bool:
        """Let a telephone do something; False: it is not in a call."""
        for line in self.phones.channels():
            channel, its_context, its_exten = line.split("!")[:3]
            if its_context == context and its_exten == exten:
                self.phones.cli(f"channel redirect {channel} orders,{order},1")
                return True
        return False

    def hang_up(self) -> None:
        """Every telephone hangs up."""
        self.phones.cli("channel request hangup all")
        for name, asterisk in (("the telephones", self.phones), ("the PBX", self.pbx)):
            wait_until(
                lambda asterisk=asterisk: asterisk.channels() == [],  # type: ignore[misc]  # bound at once
                f"the channels of {name} to end",
                log=lambda asterisk=asterisk: asterisk.log,  # type: ignore[misc]  # bound at once
            )

    def record(self, seconds: float) -> None:
        """Let the telephones record for so long: by their clock, which is that of what will be judged."""
        octets = {path: path.stat().st_size for path in self._folder.glob("all-*.wav")}
        more = int(seconds * 2 * RATE)

        def grown() -> bool:
            return any(path.stat().st_size >= before + more for path, before in octets.items())

        wait_until(grown, f"{seconds} s to be recorded", timeout_s=60.0, log=lambda: self.phones.log)

    def heard(self, who: str, number: str) -> NDArray[np.int16]:
        """What a telephone has recorded, int16 at 8 kHz; nothing if it was never picked up."""
        path = self._folder / f"{who}-{number}.wav"
        if not path.exists():
            return np.zeros(0, np.int16)
        with wave.open(str(path), "rb") as file:
            return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def _agent(row: Row) -> str:
    text = _AGENT
    for old, new in {
        "NUMBER": row.dialled,
        "NAME": f"to-{row.number}",
        "HUMAN": row.number,
        "MODE": row.mode,
    }.items():
        text = text.replace(old, new)
    return text


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key
