"""Ortho-positronium is seen in the hits that the network learns from."""

from dataclasses import replace

import numpy as np
import torch

from kzcal.geometry import load_detector
from kzcal.hits import Events
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.physics.transport import Transport
from kzcal.plugins import load
from kzcal.response.constants import response_from
from kzcal.response.nominal import read_nominal
from kzcal.simulate.chain import Chain
from kzcal.simulate.constants import Constants
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.timeline import BLOCK, Series
from kzcal.simulate.volumes import Point

DETECTOR = load_detector()
BLOCKS = 4
LIFETIME = 3.0


def positrons(share: float) -> Events:
    """Positrons nearly at rest in the centre, of which a share forms ortho-positronium."""
    light = replace(DETECTOR.light, ortho_positronium=share, ortho_positronium_lifetime=LIFETIME)
    chain = Chain(
        detector=DETECTOR,
        transport=Transport(replace(DETECTOR, light=light)),
        light=analytic_light_map(DETECTOR),
        response=response_from(Constants().payload(DETECTOR), DETECTOR, read_nominal()),
        reconstruction=None,
        constants="nominal",
        device=torch.device("cpu"),
    )
    source = load(installed=False).sources["positron"].prepare({"energy": 0.01})
    series = Series("e", "positron", source, Point(0.0, 0.0, 0.0), BLOCK * BLOCKS)
    found = []
    for number in range(BLOCKS):
        key = BlockKey(1, 0, "e", number)
        found.append(chain.simulate(series.batch(number, key), key).reported)
    return found


def medians(blocks: list[Events]) -> np.ndarray:
    """Median time of the hits of each event, ns; the same decays have the same t0."""
    hits = [events.hits for events in blocks]
    return np.array(
        [
            np.median(h.time[a:b])
            for h in hits
            for a, b in zip(h.offsets, h.offsets[1:], strict=False)
        ]
    )


def test_the_light_of_annihilation_waits_as_long_as_positronium_lives() -> None:
    """The same decays with and without: their hits come an exponential time of 3 ns later.

    256 decays know mean and spread of an exponential law to 6 and 11 %; bounds are of 5 sigma.
    """
    wait = medians(positrons(1.0)) - medians(positrons(0.0))
    n = BLOCKS * BLOCK
    assert len(wait) == n
    assert abs(wait.mean() / LIFETIME - 1) < 5 / n**0.5
    assert abs(wait.std() / LIFETIME - 1) < 5 * (2 / n) ** 0.5
    # One waits less than the lifetime in 63 % of the cases; scatter of medians is 0.4 ns.
    assert abs((wait < LIFETIME).mean() - (1 - np.exp(-1))) < 5 * (0.63 * 0.37 / n) ** 0.5
