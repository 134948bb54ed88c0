"""What is asked of a server, and how it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talkpath.bridge.realtime.effects import ResponseFinished

if TYPE_CHECKING:
    from tests.bridge.realtime.driver import Driver


def failed(code: str) -> dict[str, Any]:
    return {"type": "failed", "error": {"type": "tokens", "code": code, "message": "m"}}


def busy(driver: Driver) -> None:
    event_id = driver.last("response.create")["event_id"]
    code = "conversation_already_has_active_response"
    driver.server("error", error={"type": "invalid_request_error", "code": code, "event_id": event_id})


def requests(driver: Driver) -> int:
    return len(driver.sent_of("response.create"))


def outcomes(driver: Driver) -> list[str]:
    return [finished.outcome for finished in driver.effects_of(ResponseFinished)]
