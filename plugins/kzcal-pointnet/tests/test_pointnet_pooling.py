"""Sums and maxima over ragged sets against plain tensors."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kzcal_pointnet.pooling import _alike, largest, log_total, shares, total

COUNTS = st.lists(st.integers(0, 70), min_size=1, max_size=12)


def drawn(counts: list[int], seed: int, numbers: int = 5, features: int = 7):
    generator = torch.Generator().manual_seed(seed)
    point = torch.randn(sum(counts), numbers, generator=generator)
    weight = torch.randn(features, numbers, generator=generator)
    return point, weight, torch.tensor(counts)


def plain(point: torch.Tensor, weight: torch.Tensor, counts: list[int]) -> torch.Tensor:
    product = (point @ weight.T).split(counts)
    empty = torch.zeros(len(weight))
    return torch.stack([some.amax(0) if len(some) else empty for some in product])


@settings(max_examples=25, deadline=None)
@given(counts=COUNTS, seed=st.integers(0, 1000))
def test_largest_and_its_slopes_are_those_of_a_product_and_a_maximum(counts, seed):
    point, weight, number = drawn(counts, seed)
    mine, theirs = (
        (point.clone().requires_grad_(), weight.clone().requires_grad_()) for _ in range(2)
    )
    found, wanted = largest(*mine, number), plain(*theirs, counts)
    torch.testing.assert_close(found, wanted)
    outer = torch.randn(found.shape, generator=torch.Generator().manual_seed(seed))
    (found * outer).sum().backward()
    (wanted * outer + 0.0 * theirs[0].sum() + 0.0 * theirs[1].sum()).sum().backward()
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@settings(max_examples=25, deadline=None)
@given(counts=st.lists(st.integers(0, 3000), min_size=1, max_size=20))
def test_groups_hold_every_candidate_with_points_once(counts):
    groups = _alike(torch.tensor(counts))
    rows = torch.cat([torch.zeros(0, dtype=torch.int64), *(rows for rows, _ in groups)])
    assert sorted(rows.tolist()) == [i for i, n in enumerate(counts) if n]
    for some, most in groups:
        assert most == max(counts[i] for i in some.tolist())


def test_shares_of_a_segment_add_up_to_one():
    logit = 30.0 * torch.randn(9, 2, generator=torch.Generator().manual_seed(1))
    segment = torch.tensor([0, 0, 0, 1, 2, 2, 2, 2, 2])
    share = shares(logit, segment, 3)
    torch.testing.assert_close(total(share, segment, 3), torch.ones(3, 2))
    torch.testing.assert_close(share[:3], logit[:3].softmax(0))


def test_log_total_is_the_logarithm_of_a_sum_of_exponentials():
    logit = torch.tensor([100.0, 101.0, -300.0, 2.0], requires_grad=True)
    segment, floor = torch.tensor([0, 0, 2, 2]), torch.tensor([1.0, -7.0, 90.0])
    found = log_total(logit, segment, floor)
    wanted = [
        torch.logsumexp(torch.cat([floor[i : i + 1], logit[segment == i]]), 0) for i in range(3)
    ]
    torch.testing.assert_close(found, torch.stack(wanted))
    (slope,) = torch.autograd.grad(found[0], logit)
    torch.testing.assert_close(slope[:2], logit[:2].detach().softmax(0))
