"""Laws of the real stages in a row, with the light map of bare geometry."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kzcal.geometry import load_detector
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.physics.transport import Transport
from kzcal.plugins import load
from kzcal.response.constants import response_from
from kzcal.response.nominal import read_nominal
from kzcal.simulate.chain import Chain, Simulated
from kzcal.simulate.constants import Constants
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.timeline import BLOCK, Series
from kzcal.simulate.volumes import Point, volume

DETECTOR = load_detector()


def chain(device: str = "cpu", constants: str = "nominal") -> Chain:
    payload = Constants().payload(DETECTOR)
    return Chain(
        detector=DETECTOR,
        transport=Transport(DETECTOR),
        light=analytic_light_map(DETECTOR, device=device),
        response=response_from(payload, DETECTOR, read_nominal(), device=device),
        reconstruction=None,
        constants=constants,
        device=torch.device(device),
        keeps_true=True,
    )


CHAIN = chain()


def block(name: str, number: int = 0, where=None, on: Chain = CHAIN, **options) -> Simulated:
    source = load(installed=False).sources[name].prepare(options)
    place = where or volume("xels", DETECTOR)
    series = Series(name, name, source, place, BLOCK * (number + 1))
    key = BlockKey(1, 0, name, number)
    return on.simulate(series.batch(number, key), key)


def test_hits_are_fewer_than_photoelectrons_and_grow_with_energy():
    counts = {}
    for energy in (1.0, 2.0):
        events = block("electron", energy=energy)
        assert (events.reported.hits.counts < events.true.hits.counts).all()
        counts[energy] = events.true.hits.counts.mean()
    # Photoelectrons follow quenched energy and Cherenkov light: a little more than in proportion.
    # 64 events of some 700 know the ratio to 0.6 %: 5 sigma are 0.06.
    assert 2.0 < counts[2.0] / counts[1.0] < 2.15


def test_polonium_follows_bismuth_by_its_own_half_life():
    events = block("bipo214").reported
    later = np.flatnonzero(events.truth["part"] == 1)
    assert len(later) > 55
    wait = events.timestamp[later] - events.timestamp[later - 1]
    # 64 exponential times: 5 sigma are 63 % of their mean.
    assert abs(np.mean(wait) / (163.6e3 / np.log(2)) - 1) < 0.63
    assert np.allclose(events.truth["e_dep"][later], 7.687, atol=0.001)


def test_hits_of_an_event_begin_after_the_flight():
    events = block("electron", where=Point(0.0, 0.0, 0.0), energy=2.0)
    t0 = BlockKey(1, 0, "electron", 0).numpy("t0").normal(0.0, 7.0, BLOCK)
    first = events.true.hits.time[events.true.hits.offsets[:-1]]
    # Nothing is faster than light over 8.5 m, less the 1.2 cm that the electron itself may go; of
    # 1,500 photoelectrons one is nearly as fast.
    after = first - t0 - 8.5 / CHAIN.light.speed
    assert after.min() > -0.06
    assert after.max() < 1.5


def test_the_response_draws_anew_under_other_constants_but_the_light_stays():
    one, other = block("gamma"), block("gamma", on=replace(CHAIN, constants="other"))
    assert np.array_equal(one.true.hits.time, other.true.hits.time)
    assert not np.array_equal(one.reported.hits.counts, other.reported.hits.counts)


def test_blocks_of_a_component_differ():
    assert not np.array_equal(block("gamma").true.hits.counts, block("gamma", 1).true.hits.counts)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_draws_from_the_same_distributions():
    events = {
        device: block("electron", on=chain(device), energy=2.0) for device in ("cpu", "cuda")
    }
    for kind in ("reported", "true"):
        cpu, cuda = (getattr(events[device], kind).hits.counts for device in ("cpu", "cuda"))
        error = np.hypot(cpu.std(), cuda.std()) / np.sqrt(BLOCK)
        assert abs(cpu.mean() - cuda.mean()) < 5 * error
