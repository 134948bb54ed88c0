import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.codecs import quality
from talkpath.codecs.quality import G711, G711_WITHOUT_CONCEALMENT, G722, CodecQuality

SHARES = st.floats(0.0, 1.0)
CODECS = st.sampled_from([G711, G711_WITHOUT_CONCEALMENT, G722])


def test_the_defaults_of_the_recommendation_give_its_rating_and_score() -> None:
    assert float(quality.rating(G711, 0.0)) == pytest.approx(93.2)
    assert float(quality.mean_opinion(G711, 0.0)) == pytest.approx(4.41, abs=0.005)


@pytest.mark.parametrize(("rating", "score"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)])
def test_ratings_have_the_scores_of_table_b1(rating: float, score: float) -> None:
    assert float(quality.opinion_score(rating)) == pytest.approx(score, abs=0.007)


def test_scores_end_at_1_and_4_5() -> None:
    assert quality.opinion_score([-20.0, 0.0, 3.0, 100.0, 130.0]).tolist() == [1.0, 1.0, 1.0, 4.5, 4.5]


@pytest.mark.parametrize(
    ("codec", "loss", "bursts", "impairment"),
    [
        (G711, 0.05, 1.0, 95 * 5 / 30.1),
        (G711_WITHOUT_CONCEALMENT, 0.01, 1.0, 95 / 5.3),
        (G711, 0.02, 2.0, 95 * 2 / 26.1),
        (CodecQuality(11.0, 19.0), 0.03, 1.0, 11 + 84 * 3 / 22),
        (G722, 0.0, 1.0, 13.0),
        (G711_WITHOUT_CONCEALMENT, 1.0, 8.0, 95.0),
    ],
)
def test_loss_impairs_as_equation_7_29_says(
    codec: CodecQuality, loss: float, bursts: float, impairment: float
) -> None:
    assert float(quality.codec_impairment(codec, loss, bursts)) == pytest.approx(impairment)


def test_delay_impairs_from_100_ms_on() -> None:
    impairment = quality.delay_impairment([0.0, 0.05, 0.1, 0.15, 0.2, 0.4])
    # At 200 and 400 ms, X is 1 and 2: the equation by hand.
    at_200 = 25 * (2 ** (1 / 6) - 3 * (1 + 3.0**-6) ** (1 / 6) + 2)
    at_400 = 25 * (65 ** (1 / 6) - 3 * (1 + (2 / 3) ** 6) ** (1 / 6) + 2)
    assert impairment[:3].tolist() == [0.0, 0.0, 0.0]
    assert 0.0 < impairment[3] < 1.0
    assert impairment[4:].tolist() == pytest.approx([at_200, at_400])
    assert at_400 == pytest.approx(24.0, abs=1.0)


def test_wide_band_is_better_than_narrow_band_until_packets_get_lost() -> None:
    assert float(quality.rating(G722, 0.0)) == pytest.approx(116.0)
    assert float(quality.rating(G711, 0.0)) < float(quality.rating(G722, 0.0))
    assert float(quality.mean_opinion(G722, 0.05)) < float(quality.mean_opinion(G711, 0.05))


def test_concealment_is_worth_a_point_at_three_percent() -> None:
    with_it, without = (float(quality.mean_opinion(c, 0.03)) for c in (G711, G711_WITHOUT_CONCEALMENT))
    assert with_it > 4.0
    assert without < with_it - 1.0


def test_all_lanes_are_rated_at_once() -> None:
    loss = np.array([[0.0], [0.02]])
    delay = np.array([0.05, 0.15, 0.3])
    scores = quality.mean_opinion(G711, loss, delay)
    assert scores.shape == (2, 3)
    assert (np.diff(scores, axis=0) < 0).all()
    assert (np.diff(scores, axis=1) < 0).all()


def test_burst_ratio_is_1_for_random_loss_and_grows_with_the_bursts() -> None:
    rng = np.random.default_rng(1)
    lost = rng.random(200_000) < 0.1
    bursts = np.count_nonzero(lost[1:] & ~lost[:-1]) + int(lost[0])
    assert float(quality.burst_ratio(lost.sum(), bursts, lost.size)) == pytest.approx(1.0, abs=0.01)
    # One run of 5 in 100: the mean run is 5, and of random loss 1 / 0.95.
    assert quality.burst_ratio([5, 0, 0, 9], [1, 0, 0, 1], [100, 100, 0, 9]).tolist() == pytest.approx(
        [4.75, 1.0, 1.0, 1.0]
    )


@given(CODECS, SHARES, SHARES, st.floats(0, 2), st.floats(1, 20))
def test_more_loss_is_never_better(
    codec: CodecQuality, one: float, other: float, delay: float, bursts: float
) -> None:
    less, more = sorted((one, other))
    scores = quality.mean_opinion(codec, [less, more], delay, bursts)
    assert 1.0 <= scores[1] <= scores[0] <= 4.5


@given(CODECS, st.floats(-5, 5), st.floats(-1, 1e6), st.floats(-5, 1e6))
def test_senseless_figures_give_a_score_all_the_same(
    codec: CodecQuality, loss: float, delay: float, bursts: float
) -> None:
    assert 1.0 <= float(quality.mean_opinion(codec, loss, delay, bursts)) <= 4.5
