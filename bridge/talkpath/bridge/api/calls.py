"""Handlers: live calls and what can be done about them."""

# FastAPI reads the annotations when it builds the routes.
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Request, Response

from talkpath.sip import messages as m

from .models import Calls, Debug, Keys, LiveCall, Note, PlaceCall, Placed, TransferCall
from .security import READ, Operator, Overhearer, Still, control_of
from .stream import AudioStream, EventStream

log = structlog.get_logger(__name__)
router = APIRouter(tags=["calls"])

CallId = Annotated[str, Path(description="Our id of the call.", max_length=80)]


@router.get("/calls", dependencies=READ)
async def list_calls(request: Request) -> Calls:
    """Live calls, the oldest first."""
    return Calls(calls=control_of(request).board.calls())


@router.get("/calls/{call}", dependencies=READ)
async def get_call(request: Request, call: CallId) -> LiveCall:
    """A live call with what was said."""
    return control_of(request).live_call(call)


@router.post("/calls", status_code=202)
async def place_call(request: Request, wanted: PlaceCall, who: Operator) -> Placed:
    """Let an agent call somebody."""
    call = control_of(request).place(wanted)
    log.info("operator", who=who.name, action="call", call=call, pii_to=wanted.to, trunk=wanted.trunk)
    return Placed(call=call)


@router.post("/calls/{call}/hangup", status_code=204)
async def hang_up(request: Request, call: CallId, who: Operator) -> None:
    """End a call."""
    log.info("operator", who=who.name, action="hang_up", call=call)
    await control_of(request).order(call, lambda number: m.EndCall(call=call, request=number))


@router.post("/calls/{call}/hold", status_code=204)
async def hold(request: Request, call: CallId, who: Operator) -> None:
    """Put the caller on hold: they hear the comfort sound or their PBX's music, the agent hears nothing."""
    log.info("operator", who=who.name, action="hold", call=call)
    await control_of(request).order(call, lambda number: m.HoldCaller(call=call, request=number, on=True))


@router.post("/calls/{call}/resume", status_code=204)
async def resume(request: Request, call: CallId, who: Operator) -> None:
    """Give a caller on hold back to the agent, which goes on."""
    log.info("operator", who=who.name, action="resume", call=call)
    await control_of(request).order(call, lambda number: m.HoldCaller(call=call, request=number, on=False))


@router.post("/calls/{call}/transfer", status_code=202)
async def transfer(request: Request, call: CallId, to: TransferCall, who: Operator) -> Placed:
    """Transfer a call to a human. The answer says that it has begun; events tell how it goes."""
    log.info("operator", who=who.name, action="transfer", call=call, target=to.target, pii_to=to.number)
    await control_of(request).order(
        call,
        lambda number: m.TransferCall(
            call=call,
            request=number,
            target=to.target,
            number=m.Secret(to.number),
            mode=to.mode,
            reason=m.Secret(to.reason),
            summary=m.Secret(to.summary),
        ),
    )
    return Placed(call=call)


@router.post("/calls/{call}/message", status_code=204)
async def tell_agent(request: Request, call: CallId, note: Note, who: Operator) -> None:
    """Tell the agent of a call something; the caller does not hear it."""
    log.info("operator", who=who.name, action="message", call=call)
    await control_of(request).order(
        call,
        lambda number: m.TellAgent(call=call, request=number, text=m.Secret(note.text), respond=note.respond),
    )


@router.post("/calls/{call}/dtmf", status_code=204)
async def press_keys(request: Request, call: CallId, keys: Keys, who: Operator) -> None:
    """Press keys on a call."""
    log.info("operator", who=who.name, action="dtmf", call=call)
    await control_of(request).order(
        call, lambda number: m.PressKeys(call=call, request=number, digits=m.Secret(keys.digits))
    )


@router.post("/calls/{call}/debug", status_code=204)
async def debug_call(request: Request, call: CallId, how: Debug, who: Operator) -> None:
    """Log everything about a live call, its SIP messages too, or no longer."""
    log.info("operator", who=who.name, action="debug", call=call, on=how.on)
    control_of(request).debug(call, on=how.on)


@router.get(
    "/calls/{call}/audio",
    response_class=Response,
    responses={200: {"content": {"audio/wav": {}}}},
    openapi_extra={"x-right": "listen"},
)
async def listen(request: Request, call: CallId, who: Overhearer, still: Still) -> AudioStream:
    """Listen to a live call until it is over: WAV, 16-bit at 8 kHz, caller left, agent right."""
    control = control_of(request)
    return AudioStream(control, await control.listen_to(call, who.name), still)


@router.get(
    "/events",
    dependencies=READ,
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/Event"}}}}},
)
async def events(request: Request, still: Still) -> EventStream:
    """All that happens, as Server-Sent Events; a snapshot comes first.

    Who does not keep up is let go, and gets a new snapshot at its next connection.
    """
    control = control_of(request)
    listener, first = control.listen()
    return EventStream(control, listener, first, still)
