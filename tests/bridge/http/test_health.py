from __future__ import annotations

from talkpath.bridge.http.health import (
    DaemonSnapshot,
    ProcessHealth,
    RegistrationHealth,
    report,
    why_not_alive,
    why_not_ready,
)

SIP = ProcessHealth("sip", ready=True)
WORKER = ProcessHealth("worker-0", ready=True)


def snapshot(*processes: ProcessHealth, **registrations: RegistrationHealth) -> DaemonSnapshot:
    return DaemonSnapshot(version="1", uptime=1.0, processes=processes, registrations=registrations)


def test_all_is_well_with_a_sip_process_and_a_worker() -> None:
    state = snapshot(SIP, WORKER)
    assert why_not_alive(state) == []
    assert why_not_ready(state) == []


def test_without_the_sip_process_no_call_can_come() -> None:
    assert why_not_ready(snapshot(ProcessHealth("sip", ready=False), WORKER)) == [
        "The SIP process is not listening."
    ]


def test_without_any_worker_no_call_can_be_carried() -> None:
    assert why_not_ready(snapshot(SIP)) == ["No media worker is running."]


def test_the_phone_process_is_no_worker_but_its_death_is_told() -> None:
    phone = ProcessHealth("phone", ready=False)
    assert why_not_ready(snapshot(SIP, WORKER, phone)) == []
    assert why_not_alive(snapshot(SIP, WORKER, phone)) == ["Process phone is not running."]
    assert why_not_ready(snapshot(SIP, ProcessHealth("phone", ready=True))) == ["No media worker is running."]


def test_one_good_registration_of_two_is_enough() -> None:
    good, bad = (
        RegistrationHealth(registered=True),
        RegistrationHealth(registered=False, status=403, reason="No"),
    )
    assert why_not_ready(snapshot(SIP, WORKER, a=good, b=bad)) == []
    assert why_not_ready(snapshot(SIP, WORKER, b=bad)) == ["Not registered at: b (403 No)."]


def test_the_report_repeats_the_problems() -> None:
    body = report(snapshot(SIP), ["broken"])
    assert body["ok"] is False
    assert body["problems"] == ["broken"]
