"""Every message between the SIP process, the supervisor and the media workers, and how they are encoded.

The processes talk over Unix-domain ``SOCK_SEQPACKET`` pairs; one datagram is one message, MessagePack
encoded and tagged by its type. All of them are star-routed through the supervisor, which knows who is
alive: ``call`` says which call a message is about, and the supervisor knows which worker has it.

Words: a *call* is one dialog of ours, named by our own id (``c-…``), not by the SIP Call-ID, because a
call exists before and after its dialog. Addresses are plain strings, ports are integers, times are
seconds, SDP is text.

The messages stand by their direction in `call_reports` (SIP process to worker), `call_orders` (worker to SIP
process), `supervision` (supervisor and children), `phone_messages` (supervisor and phone process), `live`
(who watches and steers calls), `handovers` (callers who may come back) and `settings`; everybody takes them
from here.
"""

from __future__ import annotations

import msgspec

from talkpath.sip.call_orders import (
    Answer,
    HangUp,
    Hold,
    PlaceCall,
    Refer,
    Reject,
    Ring,
    SendInfoDigit,
)
from talkpath.sip.call_reports import (
    CallConfirmed,
    CallDigit,
    CallEnded,
    CallMoved,
    CallRinging,
    HoldAnswered,
    IncomingCall,
    InfoDigitAnswered,
    MediaDescription,
    MediaUpdated,
    ReferProgress,
)
from talkpath.sip.handovers import Comeback, Handover, HandoverEnd, HandoverEnded
from talkpath.sip.live import (
    Acceptance,
    BargedIn,
    CallBegan,
    CallerSpoke,
    CallFigures,
    CallMedia,
    CallOrder,
    CallOver,
    CallSound,
    CallState,
    EndCall,
    Figures,
    HoldCaller,
    ListenCall,
    LiveMessage,
    LiveMessages,
    OrderAnswered,
    PressKeys,
    Said,
    TellAgent,
    ToolCalled,
    TransferAccount,
    TransferCall,
    TransferStep,
    TransferTry,
    TurnTaken,
    Verdict,
    Watch,
)
from talkpath.sip.new_settings import DebugCall, NewSettings, Part, SettingsReady, UseSettings
from talkpath.sip.outcomes import Outcome
from talkpath.sip.phone_messages import (
    CONSOLE,
    PhoneAnswer,
    PhoneDigit,
    PhoneHangUp,
    PhoneOffer,
    PhoneSettings,
)
from talkpath.sip.settings import (
    Header,
    Listener,
    Message,
    OutboundSettings,
    Secret,
    SipSettings,
    SrtpPolicy,
    TlsSettings,
    TraceSettings,
    Transport,
    TrunkSettings,
)
from talkpath.sip.supervision import (
    Admission,
    CallReport,
    Drain,
    ListenFailed,
    Originate,
    PeerLost,
    Ready,
    RegistrationState,
    SetUpFailed,
    SipStatistics,
    Stop,
    WorkerLoad,
    WorkerSettings,
)

__all__ = [
    "CONSOLE",
    "MAX_MESSAGE",
    "Acceptance",
    "Admission",
    "Answer",
    "AnyMessage",
    "BargedIn",
    "CallBegan",
    "CallConfirmed",
    "CallDigit",
    "CallEnded",
    "CallFigures",
    "CallMedia",
    "CallMoved",
    "CallOrder",
    "CallOver",
    "CallReport",
    "CallRinging",
    "CallSound",
    "CallState",
    "CallerSpoke",
    "Comeback",
    "DebugCall",
    "Drain",
    "EndCall",
    "Figures",
    "Handover",
    "HandoverEnd",
    "HandoverEnded",
    "HangUp",
    "Header",
    "Hold",
    "HoldAnswered",
    "HoldCaller",
    "IncomingCall",
    "InfoDigitAnswered",
    "Large",
    "ListenCall",
    "ListenFailed",
    "Listener",
    "LiveMessage",
    "MediaDescription",
    "MediaUpdated",
    "Message",
    "NewSettings",
    "OrderAnswered",
    "Originate",
    "OutboundSettings",
    "Outcome",
    "Part",
    "PeerLost",
    "PhoneAnswer",
    "PhoneDigit",
    "PhoneHangUp",
    "PhoneOffer",
    "PhoneSettings",
    "PlaceCall",
    "PressKeys",
    "Ready",
    "Refer",
    "ReferProgress",
    "RegistrationState",
    "Reject",
    "Ring",
    "Said",
    "Secret",
    "SendInfoDigit",
    "SetUpFailed",
    "SettingsReady",
    "SipSettings",
    "SipStatistics",
    "SrtpPolicy",
    "Stop",
    "TellAgent",
    "TlsSettings",
    "ToolCalled",
    "TraceSettings",
    "TransferAccount",
    "TransferCall",
    "TransferStep",
    "TransferTry",
    "Transport",
    "TrunkSettings",
    "TurnTaken",
    "UseSettings",
    "Verdict",
    "Watch",
    "WorkerLoad",
    "WorkerSettings",
    "decode",
    "encode",
]

MAX_MESSAGE = 128 * 1024
"""Largest datagram in bytes: a SIP message over TCP (64 KiB) plus room for the other fields."""

AnyMessage = (
    SipSettings
    | Handover
    | HandoverEnded
    | IncomingCall
    | MediaUpdated
    | CallRinging
    | CallConfirmed
    | CallMoved
    | CallEnded
    | CallDigit
    | InfoDigitAnswered
    | Ring
    | Answer
    | Reject
    | ReferProgress
    | HoldAnswered
    | HangUp
    | Refer
    | Hold
    | SendInfoDigit
    | PlaceCall
    | Ready
    | ListenFailed
    | SetUpFailed
    | RegistrationState
    | Admission
    | WorkerSettings
    | WorkerLoad
    | PeerLost
    | Stop
    | Drain
    | CallReport
    | Originate
    | SipStatistics
    | NewSettings
    | DebugCall
    | SettingsReady
    | UseSettings
    | Part
    | PhoneSettings
    | PhoneOffer
    | PhoneAnswer
    | PhoneDigit
    | PhoneHangUp
    | LiveMessages
)

Large = SipSettings | WorkerSettings | NewSettings
"""What may be larger than `MAX_MESSAGE`: the operator's own words, sent in parts."""

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)


def encode(message: Message) -> bytes:
    """Encode one message as one datagram."""
    return _encoder.encode(message)


def decode(datagram: bytes | memoryview) -> AnyMessage:
    """Decode one datagram.

    Raises:
        msgspec.ValidationError: the datagram is not one of our messages.
    """
    return _decoder.decode(datagram)
