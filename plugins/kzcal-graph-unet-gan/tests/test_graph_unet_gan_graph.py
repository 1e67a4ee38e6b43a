"""The graphs of PMTs: what flows along them, and what memory they keep."""

import numpy as np
import psutil
import pytest
import torch
from kzcal_graph_unet_gan.sparse import SparseMap
from kzcal_graph_unet_gan.sphere import hierarchy
from kzcal_graph_unet_gan.unet import GraphUNet

from kzcal.geometry import load_detector

DETECTOR = load_detector()
EVERY = np.ones(DETECTOR.n_pmt, bool)


def some_map():
    index = torch.tensor([[0, 0, 1, 2], [1, 2, 0, 2]])
    weight = torch.tensor([0.5, 0.25, 1.0, -2.0])
    return SparseMap(index[0], index[1], weight, (3, 4)), weight, index


def test_a_map_is_the_product_with_its_matrix_and_so_is_its_gradient():
    sparse, weight, index = some_map()
    matrix = torch.zeros(3, 4).index_put((index[0], index[1]), weight)
    features = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    mapped = sparse(features)
    torch.testing.assert_close(mapped, torch.einsum("ab,bec->aec", matrix, features))
    wanted = torch.randn(3, 2, 3, generator=torch.Generator().manual_seed(2))
    (gradient,) = torch.autograd.grad(mapped, features, wanted)
    torch.testing.assert_close(gradient, torch.einsum("ab,aec->bec", matrix, wanted))


def test_constants_stay_constant_on_every_level():
    for level in hierarchy(DETECTOR.directions, EVERY, depth=3, neighbours=8):
        ones = torch.ones(len(level.place), 1, 1)
        torch.testing.assert_close(level.near(ones), ones)
        if level.pool is not None:
            pooled = level.pool(ones)
            torch.testing.assert_close(pooled, torch.ones_like(pooled))
            torch.testing.assert_close(level.unpool(pooled), ones)


def test_a_dead_pmt_is_heard_by_nobody():
    alive = EVERY.copy()
    alive[[5, 1000]] = False
    fine = hierarchy(DETECTOR.directions, alive, depth=1, neighbours=8)[0]
    shout = torch.zeros(DETECTOR.n_pmt, 1, 1)
    shout[~torch.from_numpy(alive)] = 1e6
    assert not fine.near(shout).any()
    assert not fine.pool(shout).any()


def test_every_pmt_hears_of_every_other_through_the_coarse_levels():
    levels = hierarchy(DETECTOR.directions, EVERY, depth=4, neighbours=8)
    torch.manual_seed(1)
    network = GraphUNet((1, 8, 1), levels).double()
    for module in network.modules():
        if isinstance(module, SparseMap):
            module.double()
    features = torch.rand(DETECTOR.n_pmt, 1, 1, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(features)[7].sum(), features)
    assert (gradient != 0).double().mean() > 0.9


def test_events_of_a_batch_do_not_hear_of_each_other():
    levels = hierarchy(DETECTOR.directions, EVERY, depth=2, neighbours=4)
    torch.manual_seed(1)
    network = GraphUNet((2, 4, 3), levels)
    features = torch.rand(DETECTOR.n_pmt, 2, 2)
    with torch.no_grad():
        both, alone = network(features), network(features[:, 1:])
    torch.testing.assert_close(both[:, 1:], alone)


@pytest.mark.slow
def test_memory_stays_where_it_is_over_60_forwards():
    levels = hierarchy(DETECTOR.directions, EVERY, depth=4, neighbours=8)
    network = GraphUNet((2, 64, 2), levels)
    features = torch.rand(DETECTOR.n_pmt, 1, 2)
    process = psutil.Process()

    def forwards(n):
        for _ in range(n):
            network(features).sum()
        return process.memory_info().rss

    first = forwards(10)
    assert forwards(60) - first < 8e6, "no matrix is made anew"
