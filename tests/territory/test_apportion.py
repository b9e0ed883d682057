"""Largest remainder: what the method promises."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from twin.territory.apportion import apportion

weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(any)


@pytest.mark.parametrize(
    ("total", "votes", "seats"),
    [
        # Balinski and Young, Fair Representation: Hamilton's method and its Alabama paradox.
        (10, [6, 6, 2], [4, 4, 2]),
        (11, [6, 6, 2], [5, 5, 1]),
        (10, [1, 1, 1], [4, 3, 3]),
        (0, [3, 4], [0, 0]),
        (5, [0, 7], [0, 5]),
        (3, [5], [3]),
    ],
)
def test_known_answers(total: int, votes: list[int], seats: list[int]) -> None:
    assert apportion(total, votes) == seats


@given(st.integers(0, 10**7), weights)
def test_shares_add_up_and_each_is_its_quota_rounded_up_or_down(total: int, votes: list[int]) -> None:
    shares = apportion(total, votes)
    assert sum(shares) == total
    for share, vote in zip(shares, votes, strict=True):
        assert abs(share - Fraction(total * vote, sum(votes))) < 1


@given(st.integers(0, 10**6), weights)
def test_more_weight_never_gets_less(total: int, votes: list[int]) -> None:
    ranked = sorted(zip(votes, apportion(total, votes), strict=True))
    for (vote, share), (next_vote, next_share) in pairwise(ranked):
        assert share <= next_share or vote == next_vote


@given(st.integers(0, 10**5), weights, st.integers(0, 50))
def test_a_floor_holds_and_the_total_too(total: int, votes: list[int], at_least: int) -> None:
    assume(total >= at_least * len(votes))
    shares = apportion(total, votes, at_least)
    assert sum(shares) == total
    assert min(shares) >= at_least


@given(st.integers(1, 10**5), weights)
def test_a_floor_that_nobody_needs_changes_nothing(total: int, votes: list[int]) -> None:
    plain = apportion(total, votes)
    assert apportion(total, votes, min(plain)) == plain


@given(st.integers(1, 10**5), weights, st.integers(1, 1000))
def test_only_proportions_count(total: int, votes: list[int], factor: int) -> None:
    assert apportion(total, [vote * factor for vote in votes]) == apportion(total, votes)


@pytest.mark.parametrize(
    ("total", "votes", "at_least"), [(1, [], 0), (1, [0, 0], 0), (3, [-1, 5], 0), (3, [1, 1], 2), (-1, [1], 0)]
)
def test_what_cannot_be_shared(total: int, votes: list[int], at_least: int) -> None:
    with pytest.raises(ValueError, match="cannot share"):
        apportion(total, votes, at_least)


def test_nothing_to_share_among_weightless() -> None:
    assert apportion(0, [0, 0]) == [0, 0]
    assert apportion(4, [0, 0, 1], at_least=1) == [1, 1, 2]
