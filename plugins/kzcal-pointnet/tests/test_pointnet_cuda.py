"""A GPU gives what the processor gives, and so do halves of its numbers' digits."""

import numpy as np
import pytest
import torch
from kzcal_pointnet import POINTNET
from kzcal_pointnet.captures import Inputs, capture_sets
from kzcal_pointnet.points import PointNet
from kzcal_pointnet.showers import ShowerNetwork
from shower_toy import ShowerToy

from kzcal.geometry import load_detector
from kzcal.learning import CandidateTask, Trained

SMALL = {"features": 64.0, "width": 16.0, "batch": 64.0}


@pytest.mark.parametrize(
    "make", [lambda: PointNet(6, 1, 64, transform=True), lambda: ShowerNetwork(6, 5, 16)]
)
def test_mixed_precision_changes_logits_by_its_rounding(make):
    torch.manual_seed(1)
    network = make()
    candidates = ShowerToy().draw(100, generator=np.random.default_rng(1))[0]
    inputs = Inputs(tracks=True, dedx=True, hours=100.0)
    captures = capture_sets(candidates, inputs, torch.device("cpu"))
    whole = network(captures)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = network(captures)
    torch.testing.assert_close(mixed.float(), whole, rtol=0.05, atol=0.05)
    mixed.float().sum().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("preset", ["dedx", "shower"])
def test_a_gpu_learns_and_scores_as_the_processor_scores(preset):
    candidates, alone, _ = ShowerToy().draw(200, generator=np.random.default_rng(1))
    defaults = {option.name: option.default for option in POINTNET.options}
    options = defaults | dict(POINTNET.presets[preset]) | SMALL
    weight, detector = np.ones(200, np.float32), load_detector()
    task = CandidateTask(candidates, alone, weight, detector, torch.device("cuda"), 1)
    learner = POINTNET.learn(task, **options)
    losses = [learner.step()["loss"] for _ in range(30)]
    assert losses[-1] < losses[0]
    weights = {name: value.cpu() for name, value in learner.weights().items()}
    there = learner.score(candidates)
    here = POINTNET.build(Trained(weights, options, detector, torch.device("cpu")))
    np.testing.assert_allclose(there, here.score(candidates), rtol=2e-3, atol=2e-3)
