from __future__ import annotations

import pytest

from talkpath.sip import messages as m
from talkpath.sip.identity import ANONYMOUS, identity_of

OWN = "sip:bridge@pbx.example"
SHOP = '"Bicycle \\"Shop\\"" <sip:+4930@pbx.example>'


@pytest.mark.parametrize(
    ("order", "rules", "address", "headers"),
    [
        ({}, {}, f"<{OWN}>", ()),
        ({}, {"caller": "+4930"}, "<sip:+4930@pbx.example>", ()),
        ({"from_uri": "sip:ann@b"}, {"caller": "+4930"}, "<sip:ann@b>", ()),
        ({"from_name": "Ann"}, {"caller_name": "Shop"}, f'"Ann" <{OWN}>', ()),
        ({}, {"caller": "+4930", "caller_name": 'Bicycle "Shop"'}, SHOP, ()),
        ({"from_name": "A\r\nX-Evil: 1"}, {}, f'"A X-Evil: 1" <{OWN}>', ()),
        ({}, {"identity": "asserted"}, f"<{OWN}>", (("P-Asserted-Identity", f"<{OWN}>"),)),
        ({}, {"identity": "preferred"}, f"<{OWN}>", (("P-Preferred-Identity", f"<{OWN}>"),)),
        ({}, {"private": True}, ANONYMOUS, (("Privacy", "id"),)),
        ({"private": False}, {"private": True}, f"<{OWN}>", ()),
        (
            {"private": True},
            {"identity": "asserted"},
            ANONYMOUS,
            (("P-Asserted-Identity", f"<{OWN}>"), ("Privacy", "id")),
        ),
    ],
)
def test_who_we_say_that_we_are(
    order: dict[str, object], rules: dict[str, object], address: str, headers: tuple[m.Header, ...]
) -> None:
    placed = m.PlaceCall(call="c", uri="sip:7@b", rtp_port=1, **order)  # type: ignore[arg-type]  # a table
    identity = identity_of(placed, m.OutboundSettings(**rules), OWN)  # type: ignore[arg-type]  # a table
    assert (identity.address, identity.headers) == (address, headers)


def test_a_number_at_an_ipv6_address_gets_its_brackets() -> None:
    order = m.PlaceCall(call="c", uri="sip:7@b", rtp_port=1, from_uri="700")
    assert identity_of(order, m.OutboundSettings(), "sip:b@[::1]:5060").address == "<sip:700@[::1]>"
