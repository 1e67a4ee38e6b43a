"""What KamNet rejects of events that a simulation without any code of kzcal has made."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from kzcal_kamnet import KAMNET

from kzcal.classify.config import ClassifierConfig, chosen_options
from kzcal.classify.corrected import Correction, corrected_events
from kzcal.classify.judging import judge
from kzcal.classify.tasks import LabelledFile, gather
from kzcal.evaluate.kinds import last_of_each_kind
from kzcal.geometry import load_detector
from kzcal.io.source import open_events

ROOT = Path(__file__).parents[3]
CHALLENGE = Path(os.environ.get("KZCAL_CHALLENGE", ROOT.parent / "shared" / "challenge"))
STEPS = 300
"""Of training, as many as its schedule has."""


def true_correction() -> Correction:
    """What the makers say of the PMTs of period A."""
    with h5py.File(CHALLENGE / "period_A_truth.h5") as file:
        offset, gain = file["t_offset"][:], file["gain"][:]
        live = file["status"][:] == 0
    place = np.arange(len(live), dtype=np.uint16)
    gain = np.where(live, gain, 1.0)
    return Correction(place, offset.astype(np.float32), gain.astype(np.float32), live)


@pytest.mark.challenge
@pytest.mark.slow
@pytest.mark.skipif(
    not (CHALLENGE / "topology_train.h5").is_file(),
    reason=f"no challenge data in {CHALLENGE}: name their directory in $KZCAL_CHALLENGE",
)
def test_events_that_took_no_part_are_rejected_as_often_as_measured():
    """A training as long as that of docs/kamnet.md, which has 0.62 +- 0.02."""
    detector = load_detector(str(ROOT / "benchmarks" / "challenge" / "detector.toml"))
    config = ClassifierConfig(set_aside=0.2)
    path = CHALLENGE / "topology_train.h5"
    with open_events(path, detector) as source:
        file = LabelledFile(path, source, true_correction(), "truth")
        material = gather([file], ["bb"], ["bi214"], detector, config, torch.device("cpu"))
        table = source.table()
        kind = table.truth["kind"]
        last = last_of_each_kind(table.reconstructed, kind, config.set_aside)
        rows = np.flatnonzero(last)
        unseen = corrected_events(source, detector, file.correction, rows)
        signal = kind[rows].astype(str) == "bb"
    learner = KAMNET.learn(material.task, **chosen_options(KAMNET, None, {"schedule": STEPS}))
    for _ in range(STEPS):
        learner.step()
    verdict = judge(learner.score(unseen), signal, np.ones(len(rows), np.float32))
    assert verdict.rejection > 0.56
    assert verdict.auc > 0.81
