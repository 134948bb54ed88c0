"""SIP and RTP: who calls, what we answer, and how the voices fare on the network."""

from __future__ import annotations

from deploy.grafana.fleet import NODES, percentile
from deploy.grafana.panels import Dashboard, Panel, Query, label_variable


def rate(name: str, by: str) -> Query:
    """A counter per second, by one label."""
    return Query(f"sum by ({by}) (rate(talkpath_{name}_total{{@}}[$__rate_interval]))", f"{{{{{by}}}}}")


def of_trunk(share: float, name: str) -> str:
    """A percentile over the calls of the chosen trunks, in the last 15 minutes."""
    chosen = f'talkpath_{name}_bucket{{@, trunk=~"$trunk"}}[15m]'
    return f"histogram_quantile({share}, sum by (le) (rate({chosen})))"


NETWORK = Dashboard(
    "talkpath-network",
    "Talkpath: SIP and RTP",
    "Who calls, what we answer, and how the voices fare on the network.",
    (
        (
            "SIP",
            (
                Panel(
                    "Answers to INVITEs",
                    "Calls a minute. 4xx and 5xx inbound are our refusals, 487 callers who gave up.",
                    (
                        Query(
                            "sum by (direction, code) (rate(talkpath_sip_answers_total{@}[$__rate_interval]))"
                            " * 60",
                            "{{direction}} {{code}}",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Refused before they became calls",
                    "Requests a second. scanner and unknown_source are strangers; the others are calls of "
                    "yours for which there was no room.",
                    (rate("sip_refused", "cause"),),
                    "reqps",
                    stacked=True,
                ),
                Panel(
                    "Rejected by us",
                    "Failures by status, per second.",
                    (rate("sip_rejected", "code"),),
                    "reqps",
                    stacked=True,
                ),
                Panel(
                    "Registrations",
                    "1: registered.",
                    (Query("talkpath_registration_up{@}", "{{instance}} {{trunk}}"),),
                ),
                Panel(
                    "Other events of the SIP process",
                    "Per second.",
                    (
                        Query(
                            "sum by (event, detail) (rate(talkpath_sip_events_total{@}[$__rate_interval]))",
                            "{{event}} {{detail}}",
                        ),
                    ),
                    "reqps",
                ),
            ),
        ),
        (
            "Voice quality of the calls that ended in the last 15 minutes",
            (
                Panel(
                    "Opinion score (MOS)",
                    "Of what callers sent. 4.3 is the best of G.711; below 3.6 many are dissatisfied.",
                    (
                        Query(of_trunk(0.5, "call_mos_score"), "median"),
                        Query(of_trunk(0.05, "call_mos_score"), "worst 5 %"),
                    ),
                ),
                Panel(
                    "Packet loss",
                    "towards us: measured here. towards the caller: as the far end reported by RTCP.",
                    (
                        Query(of_trunk(0.95, "call_loss_ratio"), "p95 towards us"),
                        Query(of_trunk(0.95, "call_peer_loss_ratio"), "p95 towards the caller"),
                    ),
                    "percentunit",
                    warn=0.01,
                    alarm=0.05,
                ),
                Panel(
                    "Jitter and round trip",
                    "Of what came, and by RTCP.",
                    (
                        Query(of_trunk(0.95, "call_jitter_seconds"), "p95 jitter"),
                        Query(of_trunk(0.95, "call_round_trip_seconds"), "p95 round trip"),
                    ),
                    "s",
                ),
            ),
        ),
        (
            "RTP",
            (
                Panel("RTP packets", "Per second; 50 per call.", (rate("rtp_packets", "direction"),), "pps"),
                Panel(
                    "Anomalies",
                    "Per second. late, duplicate, reordered: the network. wrong_source, bad_…: strangers.",
                    (rate("rtp_anomalies", "cause"),),
                    "pps",
                ),
                Panel("Packets without speech", "Per second.", (rate("rtp_other_packets", "kind"),), "pps"),
                Panel(
                    "Made up for the model",
                    "Share of the frames of callers. lost: packet loss. gap: silence suppression.",
                    (
                        Query(
                            "sum by (reason) (rate(talkpath_uplink_filled_frames_total{@}[$__rate_interval]))"
                            " / on () group_left () "
                            "sum(rate(talkpath_uplink_frames_total{@}[$__rate_interval]))",
                            "{{reason}}",
                        ),
                        Query(
                            "sum(rate(talkpath_uplink_concealed_frames_total{@}[$__rate_interval]))"
                            " / sum(rate(talkpath_uplink_frames_total{@}[$__rate_interval]))",
                            "of these concealed",
                        ),
                    ),
                    "percentunit",
                    warn=0.01,
                ),
                Panel(
                    "Silence that peers left out",
                    "Samples a second: silence suppression of the callers' side.",
                    (Query("sum(rate(talkpath_uplink_suppressed_bytes_total{@}[$__rate_interval]))"),),
                ),
                Panel(
                    "What callers are sent",
                    "20 ms frames a second. idle: nobody speaks. starved: the model was slower than real "
                    "time. skipped: this machine was.",
                    (
                        rate("playout_frames", "kind"),
                        Query(
                            "clamp_min("
                            'sum(rate(talkpath_rtp_packets_total{@, direction="out"}[$__rate_interval])) - '
                            'sum(rate(talkpath_playout_frames_total{@, kind!="skipped"}[$__rate_interval]))'
                            ", 0)",
                            "idle",
                        ),
                        Query(
                            "sum(rate(talkpath_playout_underruns_total{@}[$__rate_interval]))",
                            "holes a second",
                        ),
                    ),
                    "pps",
                    stacked=True,
                ),
                Panel(
                    "Callers and humans who talk through us",
                    "20 ms frames a second. dropped: bursts, or a fast clock. starved: frames come late.",
                    (rate("joined_frames", "result"),),
                    "pps",
                ),
                Panel(
                    "Lateness of the 5 ms beat",
                    "Above 10 ms it is audible jitter: fewer lanes per worker, a quieter machine.",
                    (
                        Query(percentile(0.5, "beat_lateness_seconds"), "median"),
                        Query(percentile(0.99, "beat_lateness_seconds"), "p99"),
                    ),
                    "s",
                    warn=0.005,
                    alarm=0.01,
                ),
                Panel(
                    "Beats skipped",
                    "Per second: an earlier one took too long.",
                    (Query("sum by (instance) (rate(talkpath_beats_skipped_total{@}[$__rate_interval]))"),),
                ),
                Panel(
                    "Workers overloaded",
                    "1: most beats are late, it gets no new calls. See the runbook, TalkpathOverloaded.",
                    (Query("max by (instance, process) (talkpath_worker_overloaded{@})", "{{process}}"),),
                    alarm=1,
                ),
                Panel(
                    "Speech dropped",
                    "Bytes a second of model audio for which a call's queue had no room.",
                    (Query("sum(rate(talkpath_playout_overflow_bytes_total{@}[$__rate_interval]))"),),
                    "Bps",
                ),
            ),
        ),
    ),
    (*NODES, label_variable("trunk", "label_values(talkpath_call_mos_score_count, trunk)", "Trunk")),
)
