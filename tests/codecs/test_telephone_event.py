import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.codecs.telephone_event import (
    DIGITS,
    Digit,
    DigitDetector,
    EventPacket,
    TelephoneEvent,
    build_event,
    parse,
    schedule,
)

START = 2**32 - 300  # every story crosses the wrap of the RTP clock


def hear(
    detector: DigitDetector, packets: list[EventPacket], start: int = START, now: float = 0.0
) -> list[Digit]:
    """Let packets arrive when they are due; return the digits."""
    return [
        digit
        for packet in packets
        for digit in detector.feed(
            packet.payload, (start + packet.timestamp_offset) % 2**32, now + packet.delay
        )
    ]


# The payload


@given(st.integers(0, 255), st.booleans(), st.integers(0, 63), st.integers(0, 0xFFFF))
def test_what_is_built_is_read(event: int, end: bool, volume: int, duration: int) -> None:
    payload = build_event(event, end=end, volume=volume, duration=duration)
    assert parse(payload) == TelephoneEvent(event, end, volume, duration)


def test_the_example_of_the_rfc_is_read() -> None:
    assert parse(bytes.fromhex("098a0640")) == TelephoneEvent(9, end=True, volume=10, duration=1600)
    assert parse(memoryview(bytes.fromhex("0bca0640ff"))) == TelephoneEvent(11, True, 10, 1600)


@given(st.binary(max_size=12))
def test_any_octets_are_read_or_are_nothing(payload: bytes) -> None:
    assert (parse(payload) is None) == (len(payload) < 4)
    detector = DigitDetector()
    assert len(detector.feed(payload, 0, 0.0) + detector.poll(1.0)) <= 1


@pytest.mark.parametrize(
    ("event", "volume", "duration"), [(256, 0, 0), (-1, 0, 0), (0, 64, 0), (0, 0, 65536)]
)
def test_fields_that_do_not_fit_are_named(event: int, volume: int, duration: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        build_event(event, end=False, volume=volume, duration=duration)


# Sending


def test_a_press_is_a_marker_updates_and_three_ends() -> None:
    packets = schedule("5", duration=0.1)
    events = [parse(packet.payload) for packet in packets]
    assert [e.duration for e in events if e] == [160, 320, 480, 640, 800, 800, 800]
    assert [e.end for e in events if e] == [False] * 4 + [True] * 3
    assert {e.event for e in events if e} == {5}
    assert [packet.marker for packet in packets] == [True] + [False] * 6
    assert [packet.delay for packet in packets] == pytest.approx([0.02 * n for n in range(7)])
    assert {packet.timestamp_offset for packet in packets} == {0}


def test_a_press_longer_than_the_field_goes_on_in_a_new_segment() -> None:
    packets = schedule("0", duration=9.0)
    assert [p.timestamp_offset for p in packets][:: len(packets) - 1] == [0, 0xFFFF]
    last = parse(packets[-1].payload)
    assert last is not None
    assert packets[-1].timestamp_offset + last.duration == 72000


@pytest.mark.parametrize("digit", ["", "E", "12", "x"])
def test_what_is_no_key_cannot_be_sent(digit: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        schedule(digit)


# Hearing


@pytest.mark.parametrize("digit", [*DIGITS, "a", "d"])
def test_every_key_is_heard_once(digit: str) -> None:
    heard = hear(DigitDetector(), schedule(digit, duration=0.1))
    assert heard == [Digit(digit.upper(), 0.1, end_seen=True)]


@given(
    st.lists(st.tuples(st.sampled_from(DIGITS), st.integers(2, 30), st.integers(0, 2**30)), max_size=4),
    st.data(),
)
def test_a_press_of_which_anything_arrives_is_one_digit(
    presses: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    """Whatever is lost, doubled or swapped within the press, and wherever its beginning lies."""
    heard: list[Digit] = []
    detector, now, timestamp = DigitDetector(), 0.0, START
    for digit, frames, _ in presses:
        packets = schedule(digit, duration=frames * 0.02)
        indices = data.draw(st.lists(st.integers(0, len(packets) - 1), min_size=1, max_size=20))
        arrived = [packets[i] for i in indices]
        for number, packet in enumerate(arrived):
            heard += detector.feed(packet.payload, timestamp, now + 0.02 * number)
        heard += detector.poll(now + 1.0)
        now += 2.0
        timestamp = (timestamp + 16000) % 2**32
    assert [press.digit for press in heard] == [digit for digit, _, _ in presses]


def test_the_same_key_twice_is_two_digits() -> None:
    detector = DigitDetector()
    press = schedule("7", duration=0.08)
    heard = hear(detector, press) + hear(detector, press, START + 1200, 0.15)
    assert [digit.digit for digit in heard] == ["7", "7"]


@pytest.mark.parametrize("arrive", [slice(None), slice(0, 1), slice(1, 2), slice(-1, None)])
def test_the_fastest_dialler_loses_no_digit(arrive: slice) -> None:
    """40 ms of tone, 40 ms of pause, and of each press maybe one packet arrives."""
    detector = DigitDetector()
    heard: list[Digit] = []
    for number in range(10):
        packets = schedule("9", duration=0.04)[arrive]
        heard += hear(detector, packets, (START + 640 * number) % 2**32, 0.08 * number)
    heard += detector.poll(9.0)
    assert [digit.digit for digit in heard] == ["9"] * 10


def test_a_key_is_pressed_until_its_end() -> None:
    detector = DigitDetector()
    packets = schedule("#")
    pressed = [detector.pressed]
    for packet in packets[1:2] + packets[-1:]:
        hear(detector, [packet])
        pressed.append(detector.pressed)
    assert pressed == [None, "#", None]


def test_an_end_that_never_comes_is_replaced_by_patience() -> None:
    detector = DigitDetector(patience=0.2)
    hear(detector, schedule("3", duration=0.1)[:3])
    assert detector.poll(0.04 + 0.19) == ()
    assert detector.poll(0.04 + 0.21) == (Digit("3", 0.06, end_seen=False),)
    assert detector.poll(9.0) == ()


def test_what_comes_after_patience_ended_is_not_a_second_press() -> None:
    detector = DigitDetector(patience=0.2)
    packets = schedule("3", duration=0.6)
    hear(detector, packets[:3])
    assert len(detector.poll(0.5)) == 1
    assert hear(detector, packets[20:], now=0.5) == []


def test_the_next_key_ends_the_one_before_it() -> None:
    detector = DigitDetector()
    hear(detector, schedule("1")[:4])
    heard = hear(detector, schedule("2", duration=0.04)[1:2], START + 1600, 0.2)
    assert heard == [Digit("1", 0.08, end_seen=False), Digit("2", 0.04, end_seen=True)]


def test_a_packet_of_an_older_press_comes_too_late() -> None:
    detector = DigitDetector()
    first, second = schedule("1", duration=0.04), schedule("2", duration=0.04)
    hear(detector, first)
    hear(detector, second[:1], START + 1600, 0.2)
    assert hear(detector, first[-1:], now=0.21) == []
    assert detector.pressed == "2"


def test_a_clock_that_jumps_back_does_not_make_us_deaf() -> None:
    detector = DigitDetector()
    hear(detector, schedule("1"), start=10**6)
    assert [d.digit for d in hear(detector, schedule("2"), 10**6 - 8000, 6.0)] == ["2"]
    assert [d.digit for d in hear(detector, schedule("3"), 10**5, 6.5)] == ["3"]


@pytest.mark.parametrize("duration", [9.0, 17.0, 65535 / 8000 + 0.02])
def test_a_long_press_over_several_segments_is_one_digit(duration: float) -> None:
    detector = DigitDetector()
    heard = hear(detector, schedule("*", duration=duration))
    assert [digit.digit for digit in heard] == ["*"]
    assert heard[0].duration == pytest.approx(duration, abs=0.02)


def test_a_late_packet_of_the_first_segment_does_not_lengthen_the_press() -> None:
    detector = DigitDetector()
    packets = schedule("*", duration=9.0)
    hear(detector, packets[:420])
    hear(detector, packets[400:401], now=0.1)
    heard = hear(detector, packets[-1:])
    assert heard == [Digit("*", 9.0, end_seen=True)]


def test_a_sender_whose_timestamps_run_within_a_press_is_understood() -> None:
    detector = DigitDetector()
    heard: list[Digit] = []
    for number, packet in enumerate(schedule("4", duration=0.2)):
        timestamp = (START + 160 * min(number, 9)) % 2**32
        heard += detector.feed(packet.payload, timestamp, 0.02 * number)
    assert heard == [Digit("4", 0.2, end_seen=True)]


def test_events_that_are_no_keys_are_ignored() -> None:
    detector = DigitDetector()
    flash = build_event(16, end=True, volume=0, duration=800)
    assert detector.feed(flash, START, 0.0) == ()
    assert detector.pressed is None


@pytest.mark.parametrize("before", [1, 4, 8, 10], ids=["first", "middle", "end", "last end"])
def test_a_press_that_goes_on_in_another_stream_is_one(before: int) -> None:
    detector = DigitDetector()
    packets = schedule("7", duration=0.16)
    heard = hear(detector, packets[:before])
    detector.restart()
    for number, packet in enumerate(packets[before:], start=before):
        heard += detector.feed(packet.payload, 5, 0.02 * number)
    heard += detector.poll(9.0)
    assert [digit.digit for digit in heard] == ["7"]


def test_a_press_whose_stream_ends_is_released_and_the_next_one_is_another() -> None:
    detector = DigitDetector()
    hear(detector, schedule("7", duration=0.16)[:4])
    detector.restart()
    heard = detector.feed(schedule("7")[0].payload, START, 0.1)
    heard += detector.poll(9.0)
    assert [digit.digit for digit in heard] == ["7", "7"]


def test_reset_forgets_the_press() -> None:
    detector = DigitDetector()
    hear(detector, schedule("8")[:2])
    detector.reset()
    assert detector.pressed is None
    assert detector.poll(9.0) == ()
    assert len(hear(detector, schedule("8"))) == 1
