"""The files of the challenge, which no part of kzcal has made, are read as they are."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from event_files import DETECTOR

from kzcal.io.events import open_events

CHALLENGE = Path(
    os.environ.get("KZCAL_CHALLENGE", Path(__file__).parents[3] / "shared" / "challenge")
)


@pytest.mark.challenge
@pytest.mark.parametrize("name", ["period_A.h5", "period_B.h5", "topology_train.h5"])
def test_every_event_and_hit_of_the_challenge_is_read(name):
    path = CHALLENGE / name
    if not path.is_file():
        pytest.skip(f"no {name} in {CHALLENGE}: set KZCAL_CHALLENGE")
    with open_events(path, DETECTOR) as source, h5py.File(path) as file:
        assert source.header.detector == DETECTOR.name
        assert source.header.physics_window_ns == (-150.0, 350.0)
        assert len(source.muons) == (3000 if name.startswith("period") else 0)
        assert len(source.table()) == source.n_events == len(file["events/event"])
        pmt, charge = np.zeros(DETECTOR.n_pmt, np.int64), 0.0
        for chunk in source.chunks(1_000_000):
            pmt += np.bincount(chunk.hits.pmt, minlength=DETECTOR.n_pmt)
            charge += chunk.hits.charge.sum(dtype=float)
        assert source.dropped == 0
        np.testing.assert_array_equal(pmt, np.bincount(file["hits/pmt"][:], minlength=len(pmt)))
        assert charge == pytest.approx(file["hits/charge"][:].sum(dtype=float), rel=1e-12)
