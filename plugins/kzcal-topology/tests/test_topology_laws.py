"""What each peer sees, what changes no score, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from kzcal_topology import GRID_CNN, HIT_GRAPH, TIME_TREES
from kzcal_topology.graphs import AROUND, GraphMaker, nearest_pmts, neighbours_of
from kzcal_topology.grid import SIDE, Grid
from kzcal_topology.time_bins import N_BIN, bin_of, time_shares

from kzcal.components import Classifier
from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.hits import Hits
from kzcal.learning import ClassifierTask, CorrectedEvents, LearningClassifier, Trained
from kzcal.testing.classifying import classifier_task
from kzcal.testing.synthetic import synthetic_run

CPU = torch.device("cpu")
DETECTOR = load_detector()
TASK = classifier_task(synthetic_run(n_events=120))
SMALL = {
    GRID_CNN.name: {"channels": 4.0, "batch": 16.0},
    HIT_GRAPH.name: {"width": 8.0, "neighbours": 3.0, "batch": 16.0},
    TIME_TREES.name: {"leaf": 1.0},
}
ALL = pytest.mark.parametrize("record", [TIME_TREES, GRID_CNN, HIT_GRAPH], ids=lambda r: r.name)


def options_of(record: Classifier, **given: float) -> dict[str, float]:
    """Value of every option, small ones where nothing is given."""
    return {o.name: o.default for o in record.options} | SMALL[record.name] | given


def learner(record: Classifier, task: ClassifierTask = TASK, **given: float) -> LearningClassifier:
    """A training that has not begun."""
    assert record.learn is not None
    return record.learn(task, **options_of(record, **given))


def loss_of(learning: LearningClassifier) -> float:
    """Mean logistic loss of the events that it learns from."""
    score, signal = learning.score(TASK.events), TASK.signal
    return float(np.mean(np.logaddexp(0.0, score) - signal * score))


@ALL
def test_events_with_wider_times_are_told_apart(record: Classifier) -> None:
    """The loss falls well below that of a score that knows nothing, log 2."""
    learning = learner(record, rate=0.3 if record is TIME_TREES else 0.003)
    for _ in range(60):
        learning.step()
    assert loss_of(learning) < 0.45


@ALL
def test_events_without_weight_have_no_say(record: Classifier) -> None:
    """Their labels may be what they want."""
    weight = TASK.weight.copy()
    weight[::3] = 0.0
    flipped = np.where(weight == 0.0, ~TASK.signal, TASK.signal)
    trained = []
    for signal in (TASK.signal, flipped):
        learning = learner(record, replace(TASK, weight=weight, signal=signal))
        for _ in range(3):
            learning.step()
        trained.append(learning.weights())
    for name, tensor in trained[0].items():
        assert torch.equal(tensor, trained[1][name]), name


@ALL
@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_scores_as_a_cpu_does(record: Classifier) -> None:
    learning = learner(record, replace(TASK, device=torch.device("cuda")))
    for _ in range(3):
        learning.step()
    weights = {name: tensor.cpu() for name, tensor in learning.weights().items()}
    here = record.build(Trained(weights, options_of(record), DETECTOR, CPU))
    np.testing.assert_allclose(
        learning.score(TASK.events), here.score(TASK.events), rtol=1e-3, atol=1e-3
    )


def test_bins_are_kamnets() -> None:
    """28 of 1.5 ns from -20 ns; what lies outside counts in the first and the last."""
    time = np.array([-1e3, -20.1, -18.6, -18.4, 0.4, 0.6, 20.6, 300.0], np.float32)
    assert bin_of(time).tolist() == [0, 0, 0, 1, 13, 13, 27, 27]


def test_every_hit_is_in_the_histogram_and_in_the_picture() -> None:
    """Shares add to one; a picture holds as many hits as its event."""
    events = TASK.events
    np.testing.assert_allclose(time_shares(events).sum(1), events.hits.counts > 0, rtol=1e-6)
    pictures = Grid.of(DETECTOR, CPU).see(events)
    assert pictures.shape == (len(events), N_BIN, SIDE, SIDE)
    assert torch.equal(pictures.sum((1, 2, 3)).long(), torch.from_numpy(events.hits.counts))


def test_few_pmts_share_a_cell() -> None:
    """Source: the same count of KamLAND's 1,879 PMTs on a grid of 38 x 38: at most three."""
    tubes = np.bincount(Grid.of(DETECTOR, CPU).cell, minlength=SIDE**2)
    assert tubes.sum() == DETECTOR.n_pmt
    assert tubes.max() <= 3


def test_trees_see_times_alone() -> None:
    """Hits on other PMTs, another vertex and another energy: the same score."""
    learning, events = learner(TIME_TREES), TASK.events
    for _ in range(5):
        learning.step()
    pmt = np.random.default_rng(1).permutation(events.hits.pmt)
    other = replace(events, hits=replace(events.hits, pmt=pmt), vertex=events.vertex + 1)
    assert np.ptp(learning.score(events)) > 0
    assert np.array_equal(learning.score(other), learning.score(events))


def test_no_tree_grows_after_the_last() -> None:
    learning = learner(TIME_TREES, trees=2.0)
    for _ in range(2):
        learning.step()
    grown = learning.score(TASK.events)
    learning.step()
    assert np.array_equal(learning.score(TASK.events), grown)


def test_no_rotation_changes_the_score_of_a_graph() -> None:
    """PMTs and vertices turned together, by a rotation that is no symmetry of the layout."""
    learning, events = learner(HIT_GRAPH), TASK.events
    for _ in range(3):
        learning.step()
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    turned = replace(DETECTOR, positions=DETECTOR.positions @ turn.T)
    vertex = (events.vertex @ turn.T).astype(np.float32)
    there = HIT_GRAPH.build(Trained(learning.weights(), options_of(HIT_GRAPH), turned, CPU))
    np.testing.assert_allclose(
        there.score(replace(events, vertex=vertex)), learning.score(events), rtol=1e-4, atol=1e-4
    )


def test_neighbours_are_the_nearest_hit_pmts_of_the_event() -> None:
    """Compared with a search by hand; where there are too few, a node hears itself."""
    around, generator = nearest_pmts(DETECTOR.directions, AROUND), np.random.default_rng(2)
    pmts = [np.sort(generator.choice(DETECTOR.n_pmt, n, replace=False)) for n in (600, 3)]
    event = torch.from_numpy(np.repeat([0, 1], [600, 3]))
    pmt = torch.from_numpy(np.concatenate(pmts))
    found = neighbours_of(event, pmt, 2, around, 4).numpy()
    cosine = DETECTOR.directions[pmts[0]] @ DETECTOR.directions[pmts[0]].T
    np.fill_diagonal(cosine, -2.0)
    nearest = np.sort(cosine, 1)[:, :-5:-1]
    heard = np.take_along_axis(cosine, found[:600], 1)
    np.testing.assert_allclose(heard, nearest, rtol=1e-9)
    apart = DETECTOR.directions[pmts[1]] @ DETECTOR.directions[pmts[1]].T
    assert np.sort(apart, 1)[:, -2].max() < 0.9, "the three PMTs lie far from each other"
    assert (found[600:] == np.arange(600, 603)[:, None]).all()


def test_the_first_hit_of_a_pmt_is_heard() -> None:
    """A neighbour with two hits is heard once, with the earlier one."""
    maker = GraphMaker.of(DETECTOR, 2, CPU)
    near = int(maker.around[0, 0])
    pmt = np.array([0, near, near], np.uint16)
    hits = Hits(np.array([0, 3]), pmt, np.array([3.0, 9.0, 1.0], np.float32), np.ones(3, "f4"))
    live = np.ones((1, DETECTOR.n_pmt), bool)
    one = CorrectedEvents(
        hits, np.zeros((1, 3), np.float32), np.ones(1, np.float32), np.zeros(1, np.int64), live
    )
    graph = maker.see(one)
    assert graph.time.tolist() == [1.0, 3.0, 9.0]
    assert graph.neighbour.tolist() == [[1, 0], [0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("record", "name", "value"),
    [
        (TIME_TREES, "depth", 0.0),
        (TIME_TREES, "depth", 2.5),
        (TIME_TREES, "trees", 99.5),
        (TIME_TREES, "part", 1.5),
        (TIME_TREES, "rate", 0.0),
        (GRID_CNN, "batch", 1.0),
        (GRID_CNN, "batch", 2.5),
        (GRID_CNN, "channels", 0.0),
        (GRID_CNN, "channels", 4.5),
        (GRID_CNN, "schedule", 0.0),
        (HIT_GRAPH, "dead", 1.0),
        (HIT_GRAPH, "rate", float("nan")),
        (HIT_GRAPH, "width", 0.0),
        (HIT_GRAPH, "neighbours", 49.0),
    ],
)
def test_options_out_of_range_are_refused(record: Classifier, name: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=rf"{name} .*got {value:g}"):
        learner(record, **{name: value})
    assert record.check is not None
    with pytest.raises(ConfigurationError, match=rf"{name} .*got {value:g}"):
        record.check(options_of(record, **{name: value}))
    record.check(options_of(record))
