"""The first page: is everybody served, and is there room?"""

from __future__ import annotations

from deploy.grafana.panels import Dashboard, Panel, Query, label_variable, source_variable

NODES = (
    source_variable("prometheus", "prometheus", "Prometheus"),
    label_variable("instance", "label_values(talkpath_build_info, instance)", "Node"),
)


def percentile(share: float, name: str, by: str = "") -> str:
    """The query for a percentile of one of our histograms."""
    return (
        f"histogram_quantile({share}, sum by (le{by}) (rate(talkpath_{name}_bucket{{@}}[$__rate_interval])))"
    )


FLEET = Dashboard(
    "talkpath-fleet",
    "Talkpath: fleet",
    "Is everybody served, and is there room?",
    (
        (
            "Now",
            (
                Panel(
                    "Calls",
                    "Calls that exist now, on all chosen nodes.",
                    (Query("sum(talkpath_calls_active{@})"),),
                    kind="stat",
                    width=4,
                ),
                Panel(
                    "Processes down",
                    "More than zero for a minute: see the runbook, TalkpathProcessDown.",
                    (Query("count(talkpath_process_up{@}) - sum(talkpath_process_up{@})"),),
                    kind="stat",
                    width=4,
                    alarm=1,
                ),
                Panel(
                    "Trunks without registration",
                    "Their calls do not reach us: see the runbook, TalkpathNotRegistered.",
                    (Query("count(talkpath_registration_up{@}) - sum(talkpath_registration_up{@})"),),
                    kind="stat",
                    width=4,
                    alarm=1,
                ),
                Panel(
                    "Lanes in use",
                    "At 100 % the next caller gets 503.",
                    (Query('sum(talkpath_lanes{@, state="used"}) / sum(talkpath_lanes{@})'),),
                    "percentunit",
                    kind="stat",
                    width=4,
                    warn=0.7,
                    alarm=0.85,
                ),
                Panel(
                    "Calls that failed, last hour",
                    "Something of ours or of the model broke; see the causes below.",
                    (
                        Query(
                            'sum(increase(talkpath_calls_total{@, outcome="failed"}[1h]))'
                            " / sum(increase(talkpath_calls_total{@}[1h]))"
                        ),
                    ),
                    "percentunit",
                    kind="stat",
                    width=4,
                    warn=0.01,
                    alarm=0.05,
                ),
                Panel(
                    "Dollars an hour",
                    "Estimate at list prices over the last ten minutes.",
                    (Query("sum(rate(talkpath_model_cost_dollars_total{@}[10m])) * 3600"),),
                    "currencyUSD",
                    kind="stat",
                    width=4,
                ),
            ),
        ),
        (
            "Callers",
            (
                Panel(
                    "Calls by agent",
                    "Calls that exist.",
                    (Query("sum by (agent) (talkpath_calls_active{@})", "{{agent}}"),),
                    stacked=True,
                ),
                Panel(
                    "Calls that ended, by outcome",
                    "Calls a minute. abandoned: the caller gave up before the answer.",
                    (
                        Query(
                            "sum by (outcome) (rate(talkpath_calls_total{@}[$__rate_interval])) * 60",
                            "{{outcome}}",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Why calls ended that were not completed",
                    "Calls a minute by cause; the call_ended lines of the log say more about each.",
                    (
                        Query(
                            'sum by (cause) (rate(talkpath_calls_total{@, outcome!="completed"}'
                            "[$__rate_interval])) * 60",
                            "{{cause}}",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Time to the answer",
                    "From the INVITE to our 200: mostly the time that the model takes to open a session.",
                    (
                        Query(percentile(0.5, "call_setup_seconds"), "median"),
                        Query(percentile(0.95, "call_setup_seconds"), "p95"),
                    ),
                    "s",
                    warn=1,
                    alarm=3,
                ),
                Panel(
                    "Time to the first word",
                    "From the answer to the first word of the agent.",
                    (
                        Query(percentile(0.5, "first_audio_seconds"), "median"),
                        Query(percentile(0.95, "first_audio_seconds"), "p95"),
                    ),
                    "s",
                    warn=1.5,
                    alarm=3,
                ),
                Panel(
                    "Time to reply",
                    "From the end of the caller's speech to the agent's voice. Above a second callers "
                    "repeat themselves.",
                    (
                        Query(percentile(0.5, "turn_latency_seconds"), "median"),
                        Query(percentile(0.95, "turn_latency_seconds"), "p95"),
                    ),
                    "s",
                    warn=1,
                    alarm=2,
                ),
                Panel(
                    "Time to fall silent when interrupted",
                    "From the notice of the caller's speech to the agent's last frame.",
                    (
                        Query(percentile(0.5, "barge_in_stop_seconds"), "median"),
                        Query(percentile(0.95, "barge_in_stop_seconds"), "p95"),
                    ),
                    "s",
                    warn=0.05,
                    alarm=0.2,
                ),
                Panel(
                    "Length of calls",
                    "Many of a few seconds: callers hang up at once.",
                    (
                        Query(percentile(0.1, "call_duration_seconds"), "p10"),
                        Query(percentile(0.5, "call_duration_seconds"), "median"),
                        Query(percentile(0.9, "call_duration_seconds"), "p90"),
                    ),
                    "s",
                ),
                Panel(
                    "Who picks up calls of ours",
                    "In the last hour, of those where it was found out.",
                    (
                        Query(
                            "sum by (by) (increase(talkpath_calls_answered_by_total{@}[1h]))",
                            "{{by}}",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Transfers to humans",
                    "In the last hour. returned: the caller is back with the agent, for this reason.",
                    (
                        Query(
                            "sum by (outcome, reason) (increase(talkpath_transfers_total{@}[1h])) > 0"
                            " or sum(increase(talkpath_transfers_total{@}[1h]))",
                            "{{outcome}} {{reason}}",
                        ),
                        Query("sum(increase(talkpath_callers_back_total{@}[1h]))", "back by a new call"),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Callers on hold",
                    "In the last hour. refused, not_resumed: the PBX does not take our re-INVITE.",
                    (Query("sum by (result) (increase(talkpath_holds_total{@}[1h]))", "{{result}}"),),
                ),
                Panel(
                    "Alerts",
                    "Each has its section in the runbook.",
                    (
                        Query(
                            'sum by (alertname, alertstate) (ALERTS{alertname=~"Talkpath.*"})',
                            "{{alertname}} {{alertstate}}",
                        ),
                    ),
                    stacked=True,
                ),
            ),
        ),
        (
            "What is kept",
            (
                Panel(
                    "Call records",
                    "Records a minute. retries: the database is slow or away; failed: lost.",
                    (
                        Query("sum(rate(talkpath_records_stored_total{@}[$__rate_interval])) * 60", "stored"),
                        Query(
                            "sum(rate(talkpath_records_retries_total{@}[$__rate_interval])) * 60", "retries"
                        ),
                        Query("sum(rate(talkpath_records_failed_total{@}[$__rate_interval])) * 60", "failed"),
                        Query("sum(rate(talkpath_records_pruned_total{@}[$__rate_interval])) * 60", "pruned"),
                    ),
                ),
                Panel(
                    "Call records that wait",
                    "To be written; at 5000 they are lost.",
                    (Query("talkpath_records_queued{@}", "{{instance}}"),),
                    warn=100,
                    alarm=2500,
                ),
                Panel(
                    "Recordings",
                    "In the last hour. dropped frames: the disk was too slow.",
                    (
                        Query("sum by (result) (increase(talkpath_recordings_total{@}[1h]))", "{{result}}"),
                        Query(
                            "sum(increase(talkpath_recording_dropped_frames_total{@}[1h]))", "dropped frames"
                        ),
                    ),
                ),
            ),
        ),
        (
            "Room",
            (
                Panel(
                    "Lanes",
                    "One per call.",
                    (Query("sum by (state) (talkpath_lanes{@})", "{{state}}"),),
                    stacked=True,
                ),
                Panel(
                    "Pairs of RTP ports",
                    "A pair rests for seconds after its call.",
                    (Query("sum by (state) (talkpath_rtp_ports{@})", "{{state}}"),),
                    stacked=True,
                ),
                Panel(
                    "Processor by process",
                    "A worker near one core is full.",
                    (
                        Query(
                            "sum by (instance, process) "
                            "(rate(talkpath_process_cpu_seconds_total{@}[$__rate_interval]))",
                            "{{instance}} {{process}}",
                        ),
                    ),
                    "percentunit",
                    warn=0.7,
                    alarm=0.9,
                ),
                Panel(
                    "Memory by process",
                    "Should follow the calls.",
                    (Query("talkpath_process_resident_memory_bytes{@}", "{{instance}} {{process}}"),),
                    "bytes",
                ),
                Panel(
                    "Open files by process",
                    "Share of what the process may open (LimitNOFILE); a call has three or four.",
                    (
                        Query(
                            "talkpath_process_open_files{@} / talkpath_process_max_files{@}",
                            "{{instance}} {{process}}",
                        ),
                    ),
                    "percentunit",
                    warn=0.6,
                    alarm=0.8,
                ),
                Panel(
                    "Deaths of processes, and calls lost by them",
                    "In the last hour. Any is a bug: please report it with the log.",
                    (
                        Query(
                            "sum by (process) (increase(talkpath_process_restarts_total{@}[1h]))",
                            "{{process}} died",
                        ),
                        Query(
                            "sum by (process) (increase(talkpath_calls_lost_total{@}[1h]))",
                            "calls of {{process}}",
                        ),
                    ),
                ),
                Panel(
                    "Nodes",
                    "Versions that run, and which node takes no new calls.",
                    (
                        Query("sum by (version) (talkpath_build_info{@})", "version {{version}}"),
                        Query("sum by (stack) (talkpath_sip_stack_info{@})", "{{stack}}"),
                        Query("sum(talkpath_draining{@})", "draining"),
                    ),
                ),
                Panel(
                    "Configuration",
                    "Nodes that refused their last reload (see the log); ages of file and certificate.",
                    (
                        Query("sum(1 - talkpath_config_last_reload_successful{@})", "refused"),
                        Query(
                            "max(time() - talkpath_config_last_reload_success_timestamp_seconds{@})",
                            "seconds in force",
                        ),
                        Query(
                            "min(talkpath_certificate_expiry_timestamp_seconds{@} < +Inf) - time()"
                            " or vector(0)",
                            "seconds of the TLS certificate",
                        ),
                    ),
                ),
                Panel(
                    "Control API",
                    "Requests a minute. unauthorized: a wrong token. slow readers lost their stream.",
                    (
                        Query(
                            "sum by (result) (rate(talkpath_api_requests_total{@}[$__rate_interval])) * 60",
                            "{{result}}",
                        ),
                        Query(
                            "sum(rate(talkpath_api_listeners_dropped_total{@}[$__rate_interval])) * 60",
                            "slow readers",
                        ),
                        Query("sum(talkpath_api_listeners{@})", "listeners"),
                        Query(
                            "sum by (cause) (rate(talkpath_http_refused_total{@}[$__rate_interval])) * 60",
                            "connections closed: {{cause}}",
                        ),
                    ),
                ),
                Panel(
                    "Listening",
                    "Who listens to live calls, and pieces of sound a second that did not reach them.",
                    (
                        Query("sum(talkpath_listening{@})", "listeners"),
                        Query(
                            "sum by (cause) (rate(talkpath_listening_dropped_total{@}[$__rate_interval]))",
                            "dropped: {{cause}}",
                        ),
                    ),
                ),
                Panel(
                    "Webhooks",
                    "Messages in the last hour by what became of them, and those that wait.",
                    (
                        Query(
                            "sum by (result) (increase(talkpath_webhook_messages_total{@}[1h]))", "{{result}}"
                        ),
                        Query("sum(talkpath_webhook_queued{@})", "waiting"),
                    ),
                ),
                Panel(
                    "Exceptions",
                    "Caught at the root of a task, and messages lost between processes. Any is a bug.",
                    (
                        Query(
                            "sum by (where) (increase(talkpath_internal_errors_total{@}[1h]))", "{{where}}"
                        ),
                        Query(
                            "sum by (cause) (increase(talkpath_messages_dropped_total{@}[1h]))",
                            "message {{cause}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
    NODES,
)
