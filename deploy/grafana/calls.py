"""One call, followed by its SIP Call-ID, from the database of the call records.

Prometheus carries no ids of calls: each would be a series of its own. So this page asks PostgreSQL, with
SQL that SQLite understands as well, and needs ``[records]`` to be switched on.
"""

from __future__ import annotations

from deploy.grafana.panels import RECORDS, Dashboard, Panel, Query, source_variable, text_variable

CHOSEN = "calls.sip_call_id = '$sip_call_id'"


def part(table: str, columns: str) -> Query:
    """Rows of a part of the chosen call, in their order."""
    return Query(
        f"SELECT {columns} FROM {table} JOIN calls ON calls.id = {table}.call_id "
        f"WHERE {CHOSEN} ORDER BY {table}.number"
    )


CALLS = Dashboard(
    "talkpath-call",
    "Talkpath: one call",
    "Follow a call by the Call-ID of its SIP dialog: what was said when, and how it sounded.",
    (
        (
            "The call",
            (
                Panel(
                    "What became of it",
                    "The record of the call; times are seconds after its start in all tables below.",
                    (
                        Query(
                            "SELECT started_at, direction, trunk, agent, model, codec, outcome, cause, "
                            "ended_by, sip_status, reason, setup_seconds, talk_seconds, turns, turn_median, "
                            "turn_max, barge_ins, mos, loss_percent, jitter_ms, peer_loss_percent, "
                            "round_trip_ms, tool_calls, tool_failures, model_reconnects, cost_usd, transfer "
                            f"FROM calls WHERE {CHOSEN}"
                        ),
                    ),
                    kind="table",
                    width=24,
                ),
                Panel(
                    "What happened",
                    "Moments of all parties, in order.",
                    (part("moments", "moments.at, party, moments.direction, name, detail"),),
                    kind="table",
                    width=12,
                ),
                Panel(
                    "What was said",
                    "heard_ms of length_ms reached the caller; empty where words are not stored.",
                    (part("utterances", "utterances.at, who, text, heard_ms, length_ms"),),
                    kind="table",
                    width=12,
                ),
                Panel(
                    "Legs",
                    "The dialogs of the call: the caller's, and those of a transfer.",
                    (
                        part(
                            "legs",
                            "role, legs.at, legs.codec, answered, ended, legs.sip_status, legs.reason",
                        ),
                    ),
                    kind="table",
                    width=12,
                ),
                Panel(
                    "Functions",
                    "Called by the agent.",
                    (part("tools", "tools.at, name, tools.outcome, seconds"),),
                    kind="table",
                    width=12,
                ),
                Panel(
                    "Times to reply",
                    "Seconds from the end of the caller's speech to the agent's voice.",
                    (part("turns", "turns.at, latency"),),
                    kind="table",
                    width=12,
                ),
                Panel(
                    "Tokens and money",
                    "Dollars at list prices.",
                    (part("tokens", "kind, count, dollars"),),
                    kind="table",
                    width=12,
                ),
            ),
        ),
        (
            "Calls",
            (
                Panel(
                    "Latest calls that did not go well",
                    "Failed, or with a poor voice. Copy the Call-ID into the field at the top.",
                    (
                        Query(
                            "SELECT started_at, sip_call_id, trunk, agent, outcome, cause, reason, "
                            "talk_seconds, turn_max, mos FROM calls WHERE outcome = 'failed' OR mos < 3.6 "
                            "ORDER BY started_at DESC LIMIT 50"
                        ),
                    ),
                    kind="table",
                    width=24,
                ),
            ),
        ),
    ),
    (
        source_variable("records", "grafana-postgresql-datasource", "Call records"),
        text_variable("sip_call_id", "Call-ID"),
    ),
    RECORDS,
)
