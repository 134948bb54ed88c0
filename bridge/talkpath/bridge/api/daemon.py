"""Handlers: the daemon itself."""

import structlog
from fastapi import APIRouter, Request

from .models import Desk, Drain, Health, Registrations, Reload
from .security import READ, Operator, Reader, control_of

log = structlog.get_logger(__name__)
router = APIRouter(tags=["daemon"])


@router.get("/health", dependencies=READ)
async def health(request: Request) -> Health:
    """State of the daemon; always 200, /readyz answers with a status."""
    return control_of(request).health()


@router.get("/registrations", dependencies=READ)
async def registrations(request: Request) -> Registrations:
    """Our registrations at trunks."""
    return Registrations(registrations=control_of(request).registrations())


@router.get("/desk")
async def desk(request: Request, who: Reader) -> Desk:
    """What the holder of this token may choose from."""
    config = control_of(request).config
    return Desk(
        name=who.name,
        role=who.role,
        listen=who.name in config.api.listen,
        agents=tuple(config.agents),
        trunks=tuple(trunk.name for trunk in config.trunks),
        targets=tuple(target.name for target in config.targets),
        records=bool(config.records.database),
        phone=config.phone.enabled,
    )


@router.post("/reload")
async def reload(request: Request, who: Operator) -> Reload:
    """Read the configuration again, as SIGHUP does. A file that is wrong changes nothing: 422 and why."""
    log.info("operator", who=who.name, action="reload")
    return await control_of(request).reload()


@router.post("/drain", status_code=202)
async def drain(request: Request, how: Drain, who: Operator) -> Health:
    """End the daemon: take no new calls, and wait for those that live as SIGTERM does, or hang them up."""
    log.warning("operator", who=who.name, action="drain", now=how.now)
    control = control_of(request)
    control.drain(now=how.now)
    return control.health()
