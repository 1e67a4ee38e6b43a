"""A GPU gives what the processor gives."""

import numpy as np
import pytest
import torch
from kzcal_pointnet import POINTNET
from shower_toy import ShowerToy

from kzcal.geometry import load_detector
from kzcal.learning import CandidateTask, Trained

SMALL = {"features": 64.0, "width": 16.0, "batch": 64.0}


@pytest.mark.cuda
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
