"""A training from a file is told which muon was the parent; nothing that is judged is."""

from dataclasses import replace

import numpy as np
import torch
from kzcal_pointnet import POINTNET
from kzcal_pointnet.captures import Inputs, capture_sets
from shower_toy import ShowerToy

from kzcal.classify.candidates import LabelledCandidates, gather_candidates
from kzcal.classify.config import CandidateConfig, chosen_options
from kzcal.geometry import load_detector
from kzcal.io.candidates import CandidateHeader
from kzcal.io.candidates_writer import write_candidates

CPU = torch.device("cpu")
SMALL = {"width": 8.0, "batch": 256.0}


def test_a_training_from_a_file_knows_the_parents(tmp_path):
    found, _, _ = ShowerToy().draw(400, generator=np.random.default_rng(4))
    path = tmp_path / "pairs.h5"
    write_candidates(path, found, CandidateHeader("spallation", "kamland-zen-800"))
    file, kinds = LabelledCandidates.read(path, POINTNET), (["xe136"], ["long-lived"])
    config = CandidateConfig(held_out=0.3)
    material = gather_candidates([file], *kinds, load_detector(), config, CPU)
    task, hours = material.task, Inputs(tracks=True, dedx=True, hours=24.0)
    learned = capture_sets(task.candidates, hours, CPU)
    assert np.array_equal(learned.told.numpy(), ~task.signal)
    assert learned.muon_parent.sum() > 0.9 * (~task.signal).sum()
    assert not capture_sets(material.events, hours, CPU).told.any()
    blind = replace(task, candidates=task.candidates.blind())
    losses = []
    for one in (task, blind):
        for teach in (1.0, 0.0):
            options = chosen_options(POINTNET, None, {**SMALL, "teach": teach})
            losses.append(POINTNET.learn(one, **options).step()["loss"])
    taught, plain, *untold = losses
    assert taught > plain + 0.1, "to name the parent is harder than to say that there is one"
    assert np.allclose(untold, plain, atol=1e-5), "without a lag there is nothing to teach"
