"""Offer and answer for one audio stream (RFC 3264): choosing a codec, writing our SDP, reading the result.

All pure. The SIP stack carries the text; what stands in it is decided here, so that address, port, codec and
direction can be tested without a stack.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from talkpath.sip.addresses import is_address
from talkpath.sip.messages import MediaDescription, Secret
from talkpath.sip.sdes import Crypto, pair, problem_with, usable
from talkpath.sip.sdp import Codec, Direction, Media, SdpError, SessionDescription, is_unspecified

if TYPE_CHECKING:
    from typing import Literal

    from talkpath.sip.messages import SrtpPolicy

    CodecName = Literal["PCMU", "PCMA", "G722", "OPUS"]

PLAIN_PROTOCOLS = frozenset({"RTP/AVP", "RTP/AVPF"})
"""Transports of the media line that we speak: plain RTP, with or without early feedback."""

SECURE_PROTOCOLS = frozenset({"RTP/SAVP", "RTP/SAVPF"})
"""The same with SRTP."""

OFFER_CODECS: dict[str, Codec] = {
    "PCMU": Codec(0, "PCMU", 8000),
    "PCMA": Codec(8, "PCMA", 8000),
    "G722": Codec(9, "G722", 8000),
    "OPUS": Codec(
        111,
        "OPUS",
        48_000,
        "maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0;sprop-stereo=0;useinbandfec=1",
    ),
}
"""What we can offer. The parameters are what we say of ourselves (RFC 7587, section 6.1), in answers too."""

OFFER_EVENTS: dict[int, Codec] = {
    8000: Codec(101, "TELEPHONE-EVENT", 8000, "0-15"),
    48_000: Codec(110, "TELEPHONE-EVENT", 48_000, "0-15"),
}
"""Telephone events by the clock of the codecs that they go with (RFC 4733, section 2.1)."""

_ENCODINGS = {"OPUS": "opus/48000/2", "TELEPHONE-EVENT": "telephone-event/{clock_rate}"}
"""How ``a=rtpmap`` names those whose name here is not it; Opus always has two channels there (RFC 7587,
section 7), however many it has."""

MAX_PARAMETERS = 400
"""Characters of the peer's ``a=fmtp`` that are passed on."""

_REVERSED: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}

_HELD: dict[Direction, Direction] = {
    "sendrecv": "sendonly",
    "sendonly": "sendonly",
    "recvonly": "inactive",
    "inactive": "inactive",
}
"""What becomes of a direction of ours when we hold the peer (RFC 3264, section 8.4)."""


class NotAcceptableError(SdpError):
    """The description is well formed, but nothing in it can be used: answer 488."""

    status = 488


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """Where we want to receive: an address of ours as text, and a port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What we take from an offer: which media line, and which payload formats of it."""

    index: int
    codec: Codec
    dtmf: Codec | None
    crypto: Crypto | None = None
    """The peer's key; None: plain RTP."""


def choose(offer: SessionDescription, codecs: tuple[str, ...], srtp: SrtpPolicy = "off") -> Choice:
    """Choose from an offer, in our order: the operator decides whether a trunk is wide-band.

    RFC 3264, section 6.1, would rather have the order of the offerer, but it lists what it happens to have.
    A line with SRTP that we can use comes before one without.

    Args:
        offer: The peer's description.
        codecs: Names of the codecs that this trunk allows, the preferred one first.
        srtp: What this trunk wants.

    Raises:
        NotAcceptableError: no audio, no transport of ours, or no common codec. The sentence names both sides.
    """
    audio = [(i, line) for i, line in enumerate(offer.media) if line.kind == "audio" and line.port]
    if not audio:
        raise NotAcceptableError("the offer has no audio line")
    audio = [(i, line) for i, line in audio if is_address(line.address)]
    if not audio:  # a name server that is slow would hold up all calls
        raise NotAcceptableError("the connection address of the offer is a host name, not an IP address")
    lines = [(i, line, crypto) for i, line in audio for crypto in _transports(line, srtp)]
    if not lines:
        raise NotAcceptableError(_no_transport(audio[0][1], srtp))
    for index, line, crypto in sorted(lines, key=lambda item: item[2] is None):
        codec = _preferred(line, codecs)
        if codec:
            return Choice(index, codec, _events(line, codec), crypto)
    offered = ", ".join(dict.fromkeys(c.name for _, line, _ in lines for c in line.codecs))
    known = offered[:120] or "nothing we know"
    raise NotAcceptableError(f"no common codec: offered {known}; allowed {', '.join(codecs)}")


def _preferred(line: Media, codecs: tuple[str, ...]) -> Codec | None:
    """The first of our codecs that the line has, at the clock rate that we can carry."""
    ours = (OFFER_CODECS[name] for name in codecs if name in OFFER_CODECS)
    return next((codec for our in ours if (codec := line.codec(our.name, our.clock_rate))), None)


def _events(line: Media, codec: Codec) -> Codec | None:
    """Telephone events with the codec's clock; else with 8 kHz, which many telephones have with any."""
    return line.codec("TELEPHONE-EVENT", codec.clock_rate) or line.codec("TELEPHONE-EVENT")


def _transports(line: Media, srtp: SrtpPolicy) -> list[Crypto | None]:
    """How a line can be taken: with the first key that we can use, in plain RTP (None), or not at all."""
    cryptos = usable(line.cryptos) if srtp != "off" else []
    if line.protocol in PLAIN_PROTOCOLS | SECURE_PROTOCOLS and cryptos:
        return [cryptos[0]]
    return [None] if line.protocol in PLAIN_PROTOCOLS and srtp != "mandatory" else []


def _no_transport(line: Media, srtp: SrtpPolicy) -> str:
    if srtp == "off":
        return f"the offer has audio only as {line.protocol}, we take RTP/AVP"
    return f"no SRTP key of the offer ({line.protocol}) can be used: {problem_with(line.cryptos)}"


def write_answer(
    offer: SessionDescription,
    choice: Choice,
    local: LocalMedia,
    origin: str,
    *,
    crypto: Crypto | None = None,
    hold: bool = False,
) -> str:
    """Write the answer: one audio line, every other line refused with port 0 (RFC 3264, section 6).

    Args:
        offer: The peer's description.
        choice: From :func:`choose`.
        local: Our RTP address and port.
        origin: Value of our ``o=`` line; its address is replaced.
        crypto: Our key, when the choice has one of the peer.
        hold: We hold the peer: nothing that it sends is wanted.
    """
    lines = _session_lines(local.address, origin)
    for index, line in enumerate(offer.media):
        if index == choice.index:
            lines += [*_answer_lines(line, choice, local, hold=hold), *([crypto.attribute] if crypto else [])]
        else:
            # RFC 8866, section 5.7: each line needs a connection, a refused one too; stacks insist.
            lines += [
                f"m={line.kind} 0 {line.protocol} {line.formats[0]}",
                _connection_line(local.address),
            ]
    return _text(lines)


def _answer_lines(line: Media, choice: Choice, local: LocalMedia, *, hold: bool) -> list[str]:
    codecs = [choice.codec, *([choice.dtmf] if choice.dtmf else [])]
    formats = " ".join(str(codec.payload_type) for codec in codecs)
    lines = [f"m=audio {local.port} {line.protocol} {formats}", _connection_line(local.address)]
    lines += _format_lines(codecs)
    lines.append("a=ptime:20")
    lines += ["a=rtcp-mux"] if line.rtcp_mux else [f"a=rtcp:{local.port + 1}"]
    direction = _REVERSED[line.direction]
    lines.append(f"a={_HELD[direction] if hold else direction}")
    return lines


def _format_lines(codecs: list[Codec]) -> list[str]:
    """The attributes of formats: all mappings, then our parameters for them."""
    lines = []
    for codec in codecs:
        encoding = _ENCODINGS.get(codec.name, "{name}/{clock_rate}")
        named = encoding.format(name=codec.name, clock_rate=codec.clock_rate)
        lines.append(f"a=rtpmap:{codec.payload_type} {named}")
    for codec in codecs:
        ours = OFFER_CODECS.get(codec.name) or OFFER_EVENTS[codec.clock_rate]
        if ours.parameters:
            lines.append(f"a=fmtp:{codec.payload_type} {ours.parameters}")
    return lines


def write_offer(
    codecs: tuple[str, ...],
    local: LocalMedia,
    origin: str,
    *,
    cryptos: tuple[Crypto, ...] = (),
    protocol: str = "RTP/AVP",
    direction: Direction = "sendrecv",
) -> str:
    """Write an offer of ours, in the order of ``codecs``.

    Args:
        codecs: Names of the codecs to offer.
        local: Our RTP address and port.
        origin: Value of our ``o=`` line; its address is replaced.
        cryptos: Our SRTP keys.
        protocol: Transport of the line: with keys ``RTP/AVP`` leaves SRTP to the peer, ``RTP/SAVP`` insists.
        direction: What we want to do.

    Raises:
        NotAcceptableError: none of the codecs is one that we can offer.
    """
    known = [OFFER_CODECS[name] for name in codecs if name in OFFER_CODECS]
    if not known:
        raise NotAcceptableError(f"none of the codecs {', '.join(codecs)} can be offered")
    # With 8 kHz always: many telephones have their events with it, whatever the codec.
    clocks = sorted({8000} | {codec.clock_rate for codec in known})
    offered = known + [OFFER_EVENTS[clock] for clock in clocks]
    formats = " ".join(str(codec.payload_type) for codec in offered)
    lines = _session_lines(local.address, origin)
    lines += [f"m=audio {local.port} {protocol} {formats}", _connection_line(local.address)]
    lines += _format_lines(offered)
    lines += ["a=ptime:20", f"a=rtcp:{local.port + 1}", f"a={direction}"]
    lines += [crypto.attribute for crypto in cryptos]
    return _text(lines)


def settle(local: SessionDescription, remote: SessionDescription) -> MediaDescription:
    """Read what an exchange of offer and answer settled, whoever offered.

    The first of the answer's formats that both sides know is the codec. When we answered, our description
    holds one codec; when the peer answered, theirs is in its order of preference.

    Raises:
        NotAcceptableError: the two descriptions have no audio, no codec or no SRTP key in common.
    """
    index = next((i for i, line in enumerate(local.media) if line.kind == "audio" and line.port), None)
    if index is None or index >= len(remote.media) or not remote.media[index].port:
        raise NotAcceptableError("the peer switched the audio line off")
    ours, theirs = local.media[index], remote.media[index]
    codec = next(
        (c for c in theirs.codecs if c.name in OFFER_CODECS and ours.codec(c.name, c.clock_rate)), None
    )
    if codec is None:
        raise NotAcceptableError("the answer has no codec of ours")
    local_crypto, remote_crypto = _settled_keys(ours, theirs)
    events = _events(theirs, codec)
    dtmf = events if events and ours.codec(events.name, events.clock_rate) else None
    return MediaDescription(
        codec=_codec_name(codec.name),
        payload_type=codec.payload_type,
        packet_time=theirs.packet_time or 20,
        parameters=codec.parameters[:MAX_PARAMETERS],
        dtmf_payload_type=dtmf.payload_type if dtmf else None,
        dtmf_clock_rate=dtmf.clock_rate if dtmf else 8000,
        sends=_may_send(ours.direction)
        and _may_receive(theirs.direction)
        and not is_unspecified(theirs.address),
        receives=_may_receive(ours.direction) and _may_send(theirs.direction),
        remote_address=theirs.address,
        remote_port=theirs.port,
        local_address=ours.address,
        local_port=ours.port,
        rtcp_mux=ours.rtcp_mux and theirs.rtcp_mux,
        remote_rtcp_address=theirs.rtcp[0],
        remote_rtcp_port=theirs.rtcp[1],
        local_crypto=local_crypto,
        remote_crypto=remote_crypto,
    )


def _settled_keys(ours: Media, theirs: Media) -> tuple[Secret, Secret]:
    """Our key and the peer's; empty ones for plain RTP."""
    keys = pair(ours.cryptos, theirs.cryptos)
    if keys:
        return keys[0].value, keys[1].value
    if {ours.protocol, theirs.protocol} & SECURE_PROTOCOLS:
        raise NotAcceptableError(f"no SRTP key was settled: {problem_with(theirs.cryptos)}")
    return Secret(""), Secret("")


def _codec_name(name: str) -> CodecName:
    match name:
        case "PCMU" | "PCMA" | "G722" | "OPUS":
            return name
    raise NotAcceptableError(f"the codec {name} is not one of ours")


def _may_send(direction: Direction) -> bool:
    return direction in {"sendrecv", "sendonly"}


def _may_receive(direction: Direction) -> bool:
    return direction in {"sendrecv", "recvonly"}


def _session_lines(address: str, origin: str) -> list[str]:
    """The session level. The origin keeps its numbers, which the SIP stack counts, and gets our address."""
    parts = origin.split()
    numbers = [part if part.isdigit() else "0" for part in parts[1:3]] if len(parts) >= 3 else ["0", "0"]
    return ["v=0", f"o=- {numbers[0]} {numbers[1]} {_network(address)}", "s=-", "t=0 0"]


def _connection_line(address: str) -> str:
    return f"c={_network(address)}"


def _network(address: str) -> str:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        version = 4
    return f"IN IP{version} {address}"


def _text(lines: list[str]) -> str:
    return "\r\n".join(lines) + "\r\n"
