from __future__ import annotations

from talkpath.bridge.daemon.switchboard import PHONE, SIP, Switchboard
from talkpath.sip import messages as m
from tests.harness.incoming import incoming


def ended(call: str) -> m.CallEnded:
    return m.CallEnded(call=call, by="caller", status=200, reason="")


def ready_switchboard(*lanes: int) -> Switchboard:
    board = Switchboard()
    board.sip_ready()
    for index, count in enumerate(lanes):
        board.worker_ready(index, count)
    return board


def test_a_new_call_goes_to_the_least_loaded_worker() -> None:
    board = ready_switchboard(10, 10)
    destinations = [board.from_sip(incoming(f"c{n}"))[0][0] for n in range(4)]
    assert destinations == [0, 1, 0, 1]
    assert board.load() == {0: 2, 1: 2}


def test_a_call_is_refused_with_503_when_every_lane_is_taken() -> None:
    board = ready_switchboard(1)
    first = board.from_sip(incoming("c0"))
    assert first[0][0] == 0
    assert (SIP, m.Admission(draining=False, free_lanes=0)) in first
    ((destination, answer),) = board.from_sip(incoming("c1"))
    assert destination == SIP
    assert isinstance(answer, m.Reject)
    assert (answer.status, answer.retry_after) == (503, 5)


def test_an_overloaded_worker_gets_no_calls_until_it_keeps_up_again() -> None:
    board = ready_switchboard(5, 5)
    assert board.worker_load(0, overloaded=True) == [
        (SIP, m.Admission(draining=False, free_lanes=5, overloaded=True))
    ]
    assert [board.from_sip(incoming(f"c{n}"))[0][0] for n in range(2)] == [1, 1]
    board.worker_load(1, overloaded=True)
    assert board.overloaded == {0, 1}
    ((destination, answer),) = board.from_sip(incoming("c2"))
    assert destination == SIP
    assert isinstance(answer, m.Reject)
    assert (answer.status, answer.reason) == (503, "this server does not keep up with its calls")
    assert board.originate(m.Originate(call="o", uri="sip:x@test", agent="bench")) == []
    board.worker_load(1, overloaded=False)
    assert board.worker_load(0, overloaded=False) == [(SIP, m.Admission(draining=False, free_lanes=8))]
    assert board.from_sip(incoming("c3"))[0][0] == 0


def test_the_calls_of_an_overloaded_worker_go_on() -> None:
    board = ready_switchboard(5)
    board.from_sip(incoming("c0"))
    board.worker_load(0, overloaded=True)
    assert board.from_sip(m.CallConfirmed(call="c0")) == [(0, m.CallConfirmed(call="c0"))]
    assert board.from_worker(0, m.HangUp(call="c0")) == [(SIP, m.HangUp(call="c0"))]


def test_a_worker_that_was_started_again_is_not_overloaded() -> None:
    board = ready_switchboard(5)
    board.worker_load(0, overloaded=True)
    board.worker_lost(0)
    assert board.worker_ready(0, 5) == [(SIP, m.Admission(draining=False, free_lanes=5))]


def test_the_end_of_a_call_frees_its_lane_and_says_so() -> None:
    board = ready_switchboard(1)
    board.from_sip(incoming("c0"))
    deliveries = board.from_sip(ended("c0"))
    assert deliveries == [(0, ended("c0")), (SIP, m.Admission(draining=False, free_lanes=1))]
    assert board.calls == 0


def test_messages_about_a_call_go_to_its_worker_and_back() -> None:
    board = ready_switchboard(5, 5)
    board.from_sip(incoming("c0"))
    assert board.from_sip(m.CallConfirmed(call="c0")) == [(0, m.CallConfirmed(call="c0"))]
    assert board.from_worker(0, m.Ring(call="c0", rtp_port=4000)) == [(SIP, m.Ring(call="c0", rtp_port=4000))]


def test_a_worker_cannot_speak_for_another_workers_call() -> None:
    board = ready_switchboard(5, 5)
    board.from_sip(incoming("c0"))
    assert board.from_worker(1, m.HangUp(call="c0")) == []


def test_a_message_about_an_ended_call_goes_nowhere() -> None:
    board = ready_switchboard(5)
    board.from_sip(incoming("c0"))
    board.from_sip(ended("c0"))
    assert board.from_sip(m.CallConfirmed(call="c0")) == []
    assert board.from_worker(0, m.HangUp(call="c0")) == []


def test_the_loss_of_a_worker_ends_its_dialogs_and_no_others() -> None:
    board = ready_switchboard(5, 5)
    for n in range(4):
        board.from_sip(incoming(f"c{n}"))
    assert board.worker_lost(0) == [(SIP, m.PeerLost(who="worker", calls=("c0", "c2")))]
    assert board.calls == 2
    assert board.from_sip(m.CallConfirmed(call="c1")) == [(1, m.CallConfirmed(call="c1"))]


def test_the_loss_of_the_sip_process_ends_every_workers_calls() -> None:
    board = ready_switchboard(5, 5)
    for n in range(3):
        board.from_sip(incoming(f"c{n}"))
    assert board.sip_lost() == [
        (0, m.PeerLost(who="sip", calls=("c0", "c2"))),
        (1, m.PeerLost(who="sip", calls=("c1",))),
    ]
    assert board.calls == 0


def test_draining_is_announced_once_and_refuses_new_calls() -> None:
    board = ready_switchboard(5)
    assert board.drain() == [(SIP, m.Admission(draining=True, free_lanes=5))]
    assert board.drain() == []
    ((_, answer),) = board.from_sip(incoming("c0"))
    assert isinstance(answer, m.Reject)
    assert answer.reason == "shutting down"


def test_admission_is_repeated_for_a_restarted_sip_process() -> None:
    board = ready_switchboard(5)
    board.sip_lost()
    assert board.sip_ready() == [(SIP, m.Admission(draining=False, free_lanes=5))]


def test_an_outbound_call_belongs_to_the_worker_that_places_it() -> None:
    board = ready_switchboard(5)
    order = m.PlaceCall(call="c9", uri="sip:x@test", rtp_port=4000)
    assert board.from_worker(0, order) == [(SIP, order)]
    assert board.from_sip(m.CallRinging(call="c9", status=180)) == [(0, m.CallRinging(call="c9", status=180))]


def test_an_outbound_call_without_a_sip_process_is_lost_at_once() -> None:
    board = Switchboard()
    board.worker_ready(0, 5)
    order = m.PlaceCall(call="c9", uri="sip:x@test", rtp_port=4000)
    assert board.from_worker(0, order) == [(0, m.PeerLost(who="sip", calls=("c9",)))]


def test_an_order_to_originate_goes_to_the_least_loaded_worker() -> None:
    board = ready_switchboard(5, 5)
    board.from_sip(incoming("c0"))
    order = m.Originate(call="c1", uri="sip:x@test", agent="reception")
    assert board.originate(order) == [(1, order)]


def test_a_browsers_call_is_between_the_phone_process_and_a_worker() -> None:
    board = ready_switchboard(5)
    assert board.from_phone(incoming("c0"))[0] == (0, incoming("c0"))
    assert board.from_worker(0, m.Answer(call="c0", rtp_port=4000)) == [
        (PHONE, m.Answer(call="c0", rtp_port=4000))
    ]
    assert board.from_phone(m.CallConfirmed(call="c0")) == [(0, m.CallConfirmed(call="c0"))]
    assert board.from_phone(ended("c0")) == [(0, ended("c0"))]
    assert board.calls == 0


def test_a_browser_that_calls_when_every_lane_is_taken_is_told_itself() -> None:
    board = ready_switchboard(1)
    board.from_sip(incoming("c0"))
    ((destination, answer),) = board.from_phone(incoming("c1"))
    assert (destination, type(answer)) == (PHONE, m.Reject)


def test_the_second_leg_of_a_browsers_call_is_with_the_sip_process() -> None:
    board = ready_switchboard(5)
    board.from_phone(incoming("c0"))
    order = m.PlaceCall(call="c0-t1.1", uri="sip:x@test", rtp_port=4000)
    assert board.from_worker(0, order) == [(SIP, order)]
    assert board.from_worker(0, m.HangUp(call="c0-t1.1")) == [(SIP, m.HangUp(call="c0-t1.1"))]
    assert board.from_worker(0, m.HangUp(call="c0")) == [(PHONE, m.HangUp(call="c0"))]


def test_the_loss_of_the_phone_process_ends_the_calls_of_browsers_and_no_others() -> None:
    board = ready_switchboard(5, 5)
    board.from_sip(incoming("c0"))
    board.from_phone(incoming("c1"))
    assert board.phone_lost() == [(1, m.PeerLost(who="sip", calls=("c1",)))]
    assert board.load() == {0: 1, 1: 0}
    assert board.from_phone(m.CallConfirmed(call="c1")) == []


def test_the_loss_of_the_sip_process_leaves_the_calls_of_browsers() -> None:
    board = ready_switchboard(5)
    board.from_sip(incoming("c0"))
    board.from_phone(incoming("c1"))
    assert board.sip_lost() == [(0, m.PeerLost(who="sip", calls=("c0",)))]
    assert board.from_worker(0, m.HangUp(call="c1")) == [(PHONE, m.HangUp(call="c1"))]


def test_the_loss_of_a_worker_is_told_to_whoever_has_its_dialogs() -> None:
    board = ready_switchboard(5)
    board.from_sip(incoming("c0"))
    board.from_phone(incoming("c1"))
    assert board.worker_lost(0)[:2] == [
        (SIP, m.PeerLost(who="worker", calls=("c0",))),
        (PHONE, m.PeerLost(who="worker", calls=("c1",))),
    ]
    assert board.calls == 0


def test_who_has_a_call_is_told_to_log_it_in_full() -> None:
    board = ready_switchboard(5)
    board.from_sip(incoming("c0"))
    board.from_phone(incoming("c1"))
    assert board.debug(m.DebugCall(call="c0")) == [(SIP, m.DebugCall(call="c0")), (0, m.DebugCall(call="c0"))]
    assert board.debug(m.DebugCall(call="c1")) == [(0, m.DebugCall(call="c1"))]
    assert board.debug(m.DebugCall(call="c2")) == []
