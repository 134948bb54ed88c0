"""From what passes between the processes of a call to the steps of its ladder.

The SIP process speaks SIP and the worker speaks in messages; the ladder shows the SIP that they stand for.
Nothing private is noted: no digits, no words, no numbers of parties.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from talkpath.bridge.realtime import effects as e
from talkpath.sip import messages as m
from talkpath.sip.addresses import join_host_port

if TYPE_CHECKING:
    from .journal import Journal
    from .rows import Direction, Party

Note = Callable[["Party", "Direction", str, str], None]
"""`Journal.moment`, or what stands for it."""

MAIN = "main"
"""Name of the leg of the caller, or of whom we called."""


def second_leg(journal: Journal) -> Note:
    """Notes steps of the dialog with the target of a transfer, so that they are told from the caller's."""

    def note(party: Party, direction: Direction, name: str, detail: str = "") -> None:
        journal.moment(party, direction, f"target: {name}", detail)

    return note


def sip_heard(note: Note, message: m.AnyMessage) -> None:
    """Note a message of the SIP process about a dialog."""
    match message:
        case m.IncomingCall():
            trunk = f", trunk {message.trunk}" if message.trunk else ""
            detail = f"from {message.source} over {message.transport.upper()}{trunk}"
            note("sip", "in", "INVITE", detail)
        case m.CallRinging(status=status):
            note("sip", "in", str(status), "")
        case m.MediaUpdated(media=media):
            note("sip", "", "SDP agreed", _media(media))
        case m.CallConfirmed():
            note("sip", "", "ACK", "the call is up")
        case m.CallMoved(by=by):
            name = {"replaces": "INVITE with Replaces", "refer": "REFER"}[by]
            note("sip", "in", name, "the call is with somebody else now")
        case m.CallDigit():
            note("sip", "in", "INFO", "a key")
        case m.ReferProgress(stage=stage, status=status, reason=reason):
            note("sip", "in", "NOTIFY", f"{stage} {status or ''} {reason}".strip())
        case m.HoldAnswered(status=status, reason=reason) if status >= 300:
            note("sip", "in", "hold refused", f"{status} {reason}".strip())
        case m.CallEnded():
            _ended(note, message)
        case m.PeerLost():
            note("call", "", "SIP process lost", "")
        case _:
            pass


def _media(media: m.MediaDescription) -> str:
    flow = "" if media.sends and media.receives else " (hold)"
    return f"{media.codec} {join_host_port(media.remote_address, media.remote_port)}{flow}"


def _ended(note: Note, message: m.CallEnded) -> None:
    if message.by == "caller":
        name = {200: "BYE", 487: "CANCEL"}.get(message.status, str(message.status))
        note("sip", "in", name, message.reason)
    else:
        note("sip", "", "ended", f"by {message.by}: {message.status} {message.reason}".strip())


def sip_told(note: Note, message: m.Message) -> None:
    """Note a message of the worker to the SIP process about a dialog."""
    match message:
        case m.Ring(early_media=early):
            note("sip", "out", "183" if early else "180", "")
        case m.Answer():
            note("sip", "out", "200", "answer")
        case m.Reject(status=status, reason=reason):
            note("sip", "out", str(status), reason)
        case m.HangUp(reason=reason):
            note("sip", "out", "hang-up", reason)
        case m.PlaceCall(trunk=trunk):
            note("sip", "out", "INVITE", f"trunk {trunk}" if trunk else "")
        case m.SendInfoDigit():
            note("sip", "out", "INFO", "a key")
        case m.Refer(replaces_call=replaced):
            note("sip", "out", "REFER", "with Replaces" if replaced else "")
        case m.Hold(on=on):
            note("sip", "out", "re-INVITE", "hold" if on else "off hold")
        case _:
            pass


def model_did(journal: Journal, effect: e.Effect) -> None:
    """Note what a session with the model brings, and the words of both sides."""
    match effect:
        case e.Transcript(role, item_id, text, True):
            journal.said(item_id, role, text)
        case e.Transcript(role, item_id, text, False):
            journal.piece(item_id, role, text)
        case e.CallerSpeaking(True, item_id):
            journal.begins(item_id, "caller")
            journal.moment("model", "in", "caller speaks")
        case e.CallerSpeaking(False, item_id):
            journal.stops(item_id)
            journal.moment("model", "in", "caller is silent")
        case e.Interrupted(item_id, heard_ms, length_ms):
            journal.interrupted(item_id, heard_ms, length_ms)
            journal.moment("model", "out", "truncate", f"{heard_ms} of {length_ms} ms were heard")
        case e.RunTool(_, name, arguments):
            journal.tool_begins(name, arguments)
            journal.moment("model", "in", "tool call", name)
        case _:
            _rarely(journal, effect)


def _rarely(journal: Journal, effect: e.Effect) -> None:
    match effect:
        case e.Configured():
            journal.moment("model", "in", "session ready")
        case e.ResponseFinished():
            journal.moment("model", "in", f"response {effect.outcome}", _response(effect))
        case e.ProtocolProblem(code, message):
            journal.moment("model", "in", "error", f"{code}: {message}")
        case e.SessionExpiring(seconds_left):
            journal.moment("model", "in", "session expires", f"in {seconds_left:.0f} s")
        case _:
            pass


def _response(effect: e.ResponseFinished) -> str:
    parts = [f"{effect.audio_ms} ms of speech" if effect.audio_ms else "", effect.reason]
    return ", ".join(part for part in parts if part)
