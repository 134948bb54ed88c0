from __future__ import annotations

from talkpath.bridge.observe.call_record import CallRecord, milliseconds


def test_the_line_tells_the_whole_call() -> None:
    record = CallRecord(
        call="c-1",
        sip_call_id="x@pbx",
        agent="reception",
        caller="+493012345",
        outcome="completed",
        cause="caller_hung_up",
        setup=0.0421,
        talk=12.5,
        turn_latencies=[0.5, 0.4, 0.9],
        barge_in_stops=[0.012],
        media={
            "packets_received": 600,
            "frames_lost_filled": 3,
            "late": 1,
            "too_short": 2,
            "bad_version": 1,
            "frames_starved": 2,
        },
        cost=0.0123456789,
    )
    record.add_tokens({"audio_in": 10})
    record.add_tokens({"audio_in": 5, "audio_out": 7})
    line = record.line()
    assert line["setup_ms"] == 42.1
    assert line["talk_seconds"] == 12.5
    assert (line["turns"], line["turn_latency_median_ms"], line["turn_latency_max_ms"]) == (3, 500.0, 900.0)
    assert (line["barge_ins"], line["barge_in_stop_max_ms"]) == (1, 12.0)
    assert (line["rtp_received"], line["rtp_lost"], line["rtp_late"], line["rtp_duplicate"]) == (600, 3, 1, 0)
    assert (line["frames_starved"], line["rtp_malformed"]) == (2, 3)
    assert (line["tokens_audio_in"], line["tokens_audio_out"]) == (15, 7)
    assert line["cost_usd"] == 0.012346


def test_numbers_stand_only_under_private_keys() -> None:
    line = CallRecord(call="c-1", caller="+491111111", called="+492222222").line()
    public = {key: value for key, value in line.items() if not key.startswith("pii_")}
    assert "+491111111" not in public.values()
    assert line["pii_to"] == "+492222222"


def test_what_never_happened_is_null_and_not_zero() -> None:
    line = CallRecord(call="c-1").line()
    for key in ("setup_ms", "turn_latency_median_ms", "barge_in_stop_max_ms", "cost_usd"):
        assert line[key] is None


def test_milliseconds_have_one_decimal() -> None:
    assert milliseconds(0.01234) == 12.3
    assert milliseconds(None) is None
    assert milliseconds(float("nan")) is None
