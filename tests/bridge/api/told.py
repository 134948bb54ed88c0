"""Messages of workers, as the tests of the API need them."""

from __future__ import annotations

from typing import Any

from talkpath.sip import messages as m

AT = 1_790_000_000.0


def began(call: str = "c-1", **facts: Any) -> m.CallBegan:
    known: dict[str, Any] = {
        "call": call,
        "at": AT,
        "direction": "inbound",
        "sip_call_id": f"{call}@pbx",
        "trunk": "pbx",
        "agent": "reception",
        "model": "gpt-realtime-2",
        "caller": m.Secret("+4930901820"),
        "called": m.Secret("100"),
    }
    return m.CallBegan(**{**known, **facts})


def state(name: str, call: str = "c-1", at: float = AT + 1) -> m.CallState:
    return m.CallState(call=call, at=at, state=name)


def said(text: str, *, final: bool, who: Any = "agent", item: str = "i1", call: str = "c-1") -> m.Said:
    return m.Said(call=call, at=AT + 2, who=who, item=item, text=m.Secret(text), final=final)


def over(call: str = "c-1", **facts: Any) -> m.CallOver:
    known: dict[str, Any] = {
        "call": call,
        "at": AT + 9,
        "outcome": "completed",
        "cause": "caller_hung_up",
        "ended_by": "caller",
        "reason": "",
        "sip_status": 200,
        "talk": 8.0,
        "turns": 2,
        "transfer": "",
        "transfer_target": "",
        "answered_by": "",
        "recording": "",
    }
    return m.CallOver(**{**known, **facts})


ACCOUNT = m.TransferAccount(
    target="sales",
    asked_by="agent",
    outcome="transferred",
    cause="bridged",
    reason="a bicycle, card 4111 1111 1111 1111",
    summary="Red.",
    accepted_by="701",
    accepted_how="briefing",
    attempts=(
        m.TransferTry(destination="700", mode="warm", outcome="busy", status=486),
        m.TransferTry(destination="701", mode="warm", outcome="bridged"),
    ),
)
"""A transfer that the second destination has taken."""


def transfer(state: str = "transferred", account: m.TransferAccount = ACCOUNT) -> m.TransferStep:
    """A transfer took a step."""
    return m.TransferStep(call="c-1", at=AT, target=account.target, state=state, account=account)
