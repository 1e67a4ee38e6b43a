"""What a hit hears, what changes no score, what is learned, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from kzcal_pid import PID
from kzcal_pid.angles import HIGHEST, columns
from kzcal_pid.network import Hearing, Telling

from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.learning import ClassifierTask, LearningClassifier, Trained
from kzcal.testing.classifying import classifier_task
from kzcal.testing.synthetic import synthetic_run

CPU = torch.device("cpu")
DETECTOR = load_detector()
TASK = classifier_task(synthetic_run(n_events=120))
SMALL = {"width": 8.0, "channels": 4.0, "batch": 16.0, "layers": 2.0}


def options_of(**given: float) -> dict[str, float]:
    """Value of every option, small ones where nothing is given."""
    return {o.name: o.default for o in PID.options} | SMALL | given


def learner(task: ClassifierTask = TASK, **given: float) -> LearningClassifier:
    """A training that has not begun."""
    assert PID.learn is not None
    return PID.learn(task, **options_of(**given))


def one_event(n: int, width: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random hits of one event on one page: numbers, directions, and the page's event."""
    generator = torch.Generator().manual_seed(3)
    hits = torch.randn(1, n, width, generator=generator, dtype=torch.float64)
    direction = torch.randn(1, n, 3, generator=generator, dtype=torch.float64)
    return hits, direction / direction.norm(dim=-1, keepdim=True), torch.zeros(1, dtype=torch.long)


def test_a_hit_hears_all_others_by_their_angle() -> None:
    """The layer against the sum over all pairs, done by hand."""
    hits, direction, event = one_event(20, 6)
    layer = Hearing(6, 3).double()
    mean = hits.mean(1)
    found = layer(hits, mean, columns(direction), event)
    told = layer.telling.tell(hits - mean[:, None])[0] / 20**0.5
    cosine = (direction[0] @ direction[0].T).detach().numpy()
    series = np.eye(HIGHEST + 1)
    angles = [np.polynomial.legendre.legval(cosine, row) for row in series]
    heard = sum(
        torch.from_numpy(a) @ told @ weight for a, weight in zip(angles, layer.weight, strict=True)
    )
    expected = hits[0] + torch.nn.functional.silu(layer.own(hits[0]) + heard + layer.event(mean))
    torch.testing.assert_close(found[0], expected, rtol=1e-10, atol=1e-10)


def test_hits_that_are_alike_draw_no_pattern() -> None:
    """Wherever PMTs are dead: what all hits have in common is taken off before it is told."""
    hits, direction, event = one_event(20, 6)
    alike = hits[:, :1].expand(hits.shape)
    telling = Telling(6, 3).double()
    told = telling(alike, alike.mean(1), columns(direction), event)
    assert told.abs().max() < 1e-12
    assert telling(hits, hits.mean(1), columns(direction), event).abs().max() > 0.01


def test_no_rotation_changes_a_score() -> None:
    """PMTs and vertices turned together, by a rotation that is no symmetry of the layout."""
    learning, events = learner(), TASK.events
    for _ in range(3):
        learning.step()
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    turned = replace(DETECTOR, positions=DETECTOR.positions @ turn.T)
    vertex = (events.vertex @ turn.T).astype(np.float32)
    there = PID.build(Trained(learning.weights(), options_of(), turned, CPU))
    score = learning.score(events)
    assert score.std() > 0.01, "scores of different events differ"
    np.testing.assert_allclose(there.score(replace(events, vertex=vertex)), score, atol=1e-4)


def test_events_with_wider_times_are_told_apart() -> None:
    """The loss falls well below that of a score that knows nothing, log 2."""
    learning = learner(batch=64.0, schedule=50.0, dropout=0.1, dead=0.03)
    for _ in range(50):
        learning.step()
    score, signal = learning.score(TASK.events), TASK.signal
    assert np.mean(np.logaddexp(0.0, score) - signal * score) < 0.45


def test_events_without_weight_have_no_say() -> None:
    """Their labels may be what they want."""
    weight = TASK.weight.copy()
    weight[::3] = 0.0
    flipped = np.where(weight == 0.0, ~TASK.signal, TASK.signal)
    trained = []
    for signal in (TASK.signal, flipped):
        learning = learner(replace(TASK, weight=weight, signal=signal))
        for _ in range(3):
            learning.step()
        trained.append(learning.weights())
    for name, tensor in trained[0].items():
        assert torch.equal(tensor, trained[1][name]), name


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_scores_as_a_cpu_does() -> None:
    learning = learner(replace(TASK, device=torch.device("cuda")))
    for _ in range(3):
        learning.step()
    weights = {name: tensor.cpu() for name, tensor in learning.weights().items()}
    here = PID.build(Trained(weights, options_of(), DETECTOR, CPU))
    found = learning.score(TASK.events)
    np.testing.assert_allclose(found, here.score(TASK.events), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 0.0),
        ("width", 2.5),
        ("channels", 65.0),
        ("layers", 0.0),
        ("dropout", 1.0),
        ("dead", -0.1),
        ("batch", 1.0),
        ("rate", float("nan")),
        ("schedule", 0.0),
    ],
)
def test_options_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=rf"{name} .*got {value:g}"):
        learner(**{name: value})
    assert PID.check is not None
    with pytest.raises(ConfigurationError, match=rf"{name} .*got {value:g}"):
        PID.check(options_of(**{name: value}))
    PID.check(options_of())
