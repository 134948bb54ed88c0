"""The closed lists that labels of metrics come from, and the edges of the histograms."""

from __future__ import annotations

from typing import Final

SETUP_BUCKETS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
DURATION_BUCKETS: Final = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
TURN_BUCKETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
BARGE_IN_BUCKETS: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
LATENESS_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.010, 0.020, 0.050, 0.100)
"""The same edges as the media plane's own histogram."""
JITTER_BUCKETS: Final = (0.001, 0.002, 0.005, 0.010, 0.020, 0.030, 0.050, 0.100, 0.200)
ROUND_TRIP_BUCKETS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
LOSS_BUCKETS: Final = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
MOS_BUCKETS: Final = (1.5, 2.0, 2.6, 3.1, 3.6, 3.8, 4.0, 4.1, 4.2, 4.3, 4.4)
"""2.6, 3.1, 3.6, 4.0 and 4.3 are the limits of satisfaction of ITU-T G.107, annex B."""

EVENT_GROUPS: Final = frozenset(
    {
        "session",
        "conversation",
        "input_audio_buffer",
        "output_audio_buffer",
        "response",
        "rate_limits",
        "error",
    }
)
ERROR_CODES: Final = frozenset(
    {
        "invalid_api_key",
        "invalid_model",
        "missing_model",
        "model_not_found",
        "session_expired",
        "rate_limit_exceeded",
        "insufficient_quota",
        "server_error",
        "response_cancel_not_active",
        "conversation_already_has_active_response",
        "input_audio_buffer_commit_empty",
        "invalid_event",
        "invalid_value",
        "unknown_parameter",
        "beta_api_shape_disabled",
        "call_id_not_found",
    }
)
LIMITS: Final = frozenset({"requests", "tokens", "input_tokens", "output_tokens"})
"""Rate limits that servers name in ``rate_limits.updated``."""
TOOL_RESULTS: Final = ("ok", "output_cut", "failed", "timeout", "busy", "unknown", "bad_arguments")
REFUSALS: Final = (
    "scanner",
    "draining",
    "capacity",
    "trunk_capacity",
    "no_lane",
    "overloaded",
    "rate",
    "unknown_source",
)
"""Counters of the verdicts of the admission policy."""
MESSAGE_DROPS: Final = ("undecodable", "too_large")
"""Why a message between our processes was lost: it was none when it came, or could not be sent."""
RESPONSE_OUTCOMES: Final = ("spoken", "called", "interrupted", "failed", "superseded")
"""How responses of the model end, as `talkpath.bridge.realtime.effects.ResponseFinished` has them."""
NORMAL_COUNTS: Final = frozenset({"items_heard", "session_updated_later"})
"""Counts of a session that say nothing about its server."""
USUAL_ANOMALIES: Final = ("late_audio_dropped", "audio_dropped", "event_unexpected", "response_done_missing")
"""Anomalies of model servers that are counted from zero; the others appear when they happen."""
RECORDING_RESULTS: Final = ("started", "kept", "failed", "not_announced")
HOLD_RESULTS: Final = ("local", "agreed", "refused", "not_resumed")
ANSWERED_BY: Final = ("human", "machine")
HTTP_REFUSALS: Final = ("malformed", "slow", "too_many")
TASK_ROOTS: Final = ("worker", "call", "call_end", "watch", "webhook", "records", "api")
"""Where exceptions are caught last."""

USUAL_ENDS: Final = (
    ("completed", "caller_hung_up"),
    ("completed", "agent_hung_up"),
    ("refused", "model_unavailable"),
    ("refused", "no_capacity"),
    ("failed", "model_lost"),
    ("failed", "no_media"),
    ("failed", "sip_failure"),
    ("failed", "sip_process_lost"),
    ("failed", "internal_error"),
)
"""Outcomes and causes that are counted from zero: a series that appears with 1 has no increase."""

USUAL_TRANSFERS: Final = (
    ("transferred", "referred"),
    ("returned", "no_answer"),
    ("returned", "refer_failed"),
    ("returned", "unreachable"),
)
"""Outcomes and reasons of transfers that are counted from zero."""

_STATUSES: Final = frozenset(
    {100, 180, 183, 200, 202, 302, 400, 401, 403, 404, 405, 406, 407, 408, 410, 413, 415, 416, 420, 421, 423}
    | {480, 481, 482, 483, 484, 486, 487, 488, 489, 491, 493, 500, 501, 502, 503, 504, 600, 603, 604, 606}
    | {607, 608}
)


def status_label(status: int) -> str:
    """A SIP status as a label: those in use as they are, others by their class (``4xx``), 0 as ``none``."""
    if status in _STATUSES:
        return str(status)
    return f"{status // 100}xx" if 100 <= status <= 699 else "none"


def bounded(value: str, known: frozenset[str]) -> str:
    """A label value from a closed list; everything else is ``other``."""
    return value if value in known else "other"
