"""Messages after the descriptions of RFC 4475, section 3: each is odd or wrong in one way of its own.

Each row: the name that the RFC gives it, the message with marks for what every message has, and the statuses
that are right. An empty set: silence, as for a response that belongs to nothing, or a datagram that cannot be
answered. Valid requests that we take no part in (unknown methods, REGISTER) are refused as such.
"""

from __future__ import annotations

from tests.sip.phone import OFFER

Row = tuple[str, str, frozenset[int]]

SDP = f"Content-Type: application/sdp\nContent-Length: {len(OFFER)}\n\n{OFFER}"
NO_BODY = "Content-Length: 0\n\n"
CALL = frozenset({100})
"""An INVITE that becomes a call: 100, and the worker decides."""


def message(  # noqa: PLR0917 - the parts of a message in their order
    start: str,
    via: str = "{via}",
    from_: str = "<sip:caller@example.net>;tag=323",
    to: str = "<sip:vivekg@example.com>",
    cseq: str = "{n} INVITE",
    rest: str = SDP,
    contact: str = "<sip:caller@127.0.0.1:{port}>",
) -> str:
    """A message with everything that it needs, unless told otherwise."""
    head = f"{start}\nVia: {via}\nMax-Forwards: 70\nFrom: {from_}\nTo: {to}\nCall-ID: {{id}}\nCSeq: {cseq}\n"
    return f"{head}Contact: {contact}\n{rest}"


def invite(**parts: str) -> str:
    return message(parts.pop("start", "INVITE sip:vivekg@{host} SIP/2.0"), **parts)


def other(method: str, uri: str = "sip:{host}", rest: str = NO_BODY, **parts: str) -> str:
    return message(f"{method} {uri} SIP/2.0", cseq=f"{{n}} {method}", rest=rest, **parts)


def response(line: str, rest: str = NO_BODY, **parts: str) -> str:
    return message(line, rest=rest, **parts)


TORTUOUS = (
    "INVITE sip:vivekg@{host};unknownparam SIP/2.0\n"
    "TO :\n sip:vivekg@example.com ;   tag    = \n"
    'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\n  ;\n  tag = 98asjd8\n'
    "MaX-fOrWaRdS: 0068\nCall-ID: {id}\nContent-Length   : {length}\ncseq: {n}\n  INVITE\n"
    "Via  : SIP  /   2.0\n /UDP\n    127.0.0.1:{port};branch={branch};rport\n"
    "s :\nNewFangledHeader:   newfangled value\n continued newfangled value\n"
    "UnknownHeaderWithUnusualValue: ;;,,;;,;\n"
    "Content-Type: application/sdp\n"
    'm:"Quoted string \\"\\"" <sip:jdrosen@127.0.0.1:{port}> ; newparam =\n      newvalue ;\n'
    "  secondparam ; q = 0.33\n\n"
).replace("{length}", str(len(OFFER))).replace("tag    = \n", "x = y\n") + OFFER

VALID: tuple[Row, ...] = (
    ("wsinv", TORTUOUS, CALL),
    (
        "intmeth",
        other(
            "!interesting-Method0123456789_*+`.%indeed'~",
            to='"BEL:\\\x07 NUL:\\\x01" <sip:1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*'
            ":&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com>",
        ),
        frozenset({405, 501, 400, 200, 481}),
    ),
    ("esc01", invite(start="INVITE sip:sips%3Auser%40example.com@{host} SIP/2.0"), CALL),
    (
        "escnull",
        other("REGISTER", to="sip:null-%00-null@example.com", from_="sip:null-%00-null@example.com;tag=8"),
        frozenset({405, 501, 403}),
    ),
    ("esc02", other("RE%47IST%45R", to='"%Z%45" <sip:resource@example.com>'), frozenset({405, 501, 400})),
    ("lwsdisp", other("OPTIONS", from_="caller<sip:caller@example.com>;tag=323"), frozenset({200})),
    (
        "longreq",
        invite(
            from_=f'"{"I have a user name of extreme length " * 8}" '
            f"<sip:{'amazinglylong' * 12}@example.net>;tag={'1' * 100}"
        ),
        CALL,
    ),
    (
        "dblreq",
        other("OPTIONS", rest=NO_BODY + "INVITE sip:joe@example.com SIP/2.0\nVia: x\n\n"),
        frozenset({200}),
    ),
    ("semiuri", other("OPTIONS", uri="sip:user;par=u%40example.net@{host}"), frozenset({200, 404})),
    (
        "transports",
        other(
            "OPTIONS",
            via="{via}\nVia: SIP/2.0/SCTP t2.example.com;branch=z9hG4bK1\n"
            "Via: SIP/2.0/UNKNOWN t5.example.com;branch=z9hG4bK2",
        ),
        frozenset({200}),
    ),
    (
        "mpart01",
        other(
            "MESSAGE",
            rest="Content-Type: multipart/mixed;boundary=7a9cbec02ceef655\nContent-Length: 77\n\n"
            "--7a9cbec02ceef655\nContent-Type: text/plain\n\nHello\n--7a9cbec02ceef655--\n",
        ),
        frozenset({200, 202, 405, 415, 501, 403, 488}),
    ),
    (
        "unreason",
        response(
            "SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e",
            from_="<sip:a@b>;tag=1",
            to="<sip:b@c>;tag=2",
        ),
        frozenset(),
    ),
    ("noreason", response("SIP/2.0 100 ", to="<sip:b@c>;tag=2"), frozenset()),
)

INVALID: tuple[Row, ...] = (
    ("badinv01", invite(contact='"Joe" <sip:joe@127.0.0.1:{port}>;;;;'), frozenset({400, 100})),
    (
        "clerr",
        invite(rest=f"Content-Type: application/sdp\nContent-Length: 9999\n\n{OFFER}"),
        frozenset({400}),
    ),
    ("ncl", invite(rest=f"Content-Type: application/sdp\nContent-Length: -999\n\n{OFFER}"), frozenset({400})),
    (
        "scalar02",
        other("REGISTER", rest="Expires: 10000000000000000000000000000000000000\n" + NO_BODY),
        frozenset({400, 405, 501, 403}),
    ),
    (
        "scalarlg",
        response("SIP/2.0 503 Service Unavailable", cseq="9292394834772304023312 OPTIONS"),
        frozenset(),
    ),
    ("quotbal", invite(to='"Mr. J. User <sip:j.user@example.com>'), frozenset({400})),
    ("ltgtruri", invite(start="INVITE <sip:user@{host}> SIP/2.0"), frozenset({400})),
    ("lwsruri", invite(start="INVITE sip:user@{host}; lr SIP/2.0"), frozenset({400})),
    ("lwsstart", invite(start="INVITE  sip:user@{host}  SIP/2.0"), frozenset({400, 100})),
    ("trws", other("OPTIONS").replace("SIP/2.0\n", "SIP/2.0  \n", 1), frozenset({400, 200})),
    (
        "escruri",
        invite(start="INVITE sip:user@{host}?Route=%3Csip:example.com%3E SIP/2.0"),
        frozenset({400, 100}),
    ),
    ("baddate", invite(rest="Date: Fri, 01 Jan 2010 16:00:00 EST\n" + SDP), frozenset({400, 100})),
    (
        "regbadct",
        other("REGISTER", contact="sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
        frozenset({400, 405, 501, 403}),
    ),
    ("badaspec", other("OPTIONS", to="<sip: user@example.com >"), frozenset({400, 200})),
    ("baddn", other("OPTIONS", to="Bell, Alexander <sip:a.g.bell@example.com>"), frozenset({400, 200})),
    ("badvers", other("OPTIONS").replace("SIP/2.0\n", "SIP/7.0\n", 1), frozenset({505, 400})),
    ("mismatch01", other("OPTIONS").replace("{n} OPTIONS", "{n} INVITE"), frozenset({400})),
    ("mismatch02", other("NEWMETHOD").replace("{n} NEWMETHOD", "{n} INVITE"), frozenset({400, 501})),
    ("bigcode", response("SIP/2.0 4294967301 better not break the receiver"), frozenset()),
)

LAYERS: tuple[Row, ...] = (
    (
        "badbranch",
        other("OPTIONS", via="SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK"),
        frozenset({400, 200}),
    ),
    ("insuf", "INVITE sip:user@{host} SIP/2.0\nCSeq: {n} INVITE\nVia: {via}\n" + SDP, frozenset({400})),
    (
        "unkscm",
        other("OPTIONS", uri="nobodyKnowsThisScheme:totallyopaquecontent"),
        frozenset({416, 400, 200}),
    ),
    ("novelsc", other("OPTIONS", uri="soap.beep://192.0.2.103:3002"), frozenset({416, 400, 200})),
    (
        "unksm2",
        other("REGISTER", to="isbn:2983792873", from_="<http://www.example.com>;tag=3"),
        frozenset({400, 405, 501, 403}),
    ),
    (
        "bext01",
        other("OPTIONS", rest="Require: nothingSupportsThis, nothingSupportsThisEither\n" + NO_BODY),
        frozenset({420, 200}),
    ),
    (
        "invut",
        invite(rest="Content-Type: application/unknownformat\nContent-Length: 17\n\n<audio>\n</audio>\n"),
        frozenset({415}),
    ),
    (
        "regaut01",
        other("REGISTER", rest='Authorization: NoOneKnowsThisScheme opaque="data"\n' + NO_BODY),
        frozenset({400, 401, 405, 501, 403}),
    ),
    (
        "multi01",
        invite(
            rest="CSeq: 8 INVITE\nCall-ID: other\nFrom: <sip:x@y>;tag=5\nTo: <sip:z@y>\nMax-Forwards: 5\n"
            + SDP
        ),
        frozenset({400, 100}),
    ),
    (
        "mcl01",
        other("OPTIONS", rest="Content-Length: 13\nContent-Length: 5\n\nThere's no way to know"),
        frozenset({400, 200}),
    ),
    (
        "bcast",
        response(
            "SIP/2.0 200 OK",
            via="SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2",
        ),
        frozenset(),
    ),
    ("zeromf", other("OPTIONS").replace("Max-Forwards: 70", "Max-Forwards: 0"), frozenset({200, 483})),
    (
        "cparam01",
        other("REGISTER", contact="sip:+19725552222@gw1.example.net;unknownparam"),
        frozenset({405, 501, 403}),
    ),
    (
        "cparam02",
        other("REGISTER", contact="<sip:+19725552222@gw1.example.net;unknownparam>"),
        frozenset({405, 501, 403}),
    ),
    (
        "regescrt",
        other("REGISTER", contact="<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"),
        frozenset({405, 501, 403}),
    ),
    ("sdp01", invite(rest="Accept: text/nobodyKnowsThis\n" + SDP), frozenset({406, 100})),
    ("inv2543", invite(via="SIP/2.0/UDP 127.0.0.1:{port};rport", from_="<sip:caller@example.net>"), CALL),
)

ROWS = (*VALID, *INVALID, *LAYERS)
