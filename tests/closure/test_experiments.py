"""Experiments: truths within their ranges, constants beside the truth, the fit asked as it is."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kzcal.calibrate.closure import Truth
from kzcal.closure import charges as charges_module
from kzcal.closure import light as light_module
from kzcal.closure.charges import FURTHER, MORE_20, SHARES, Charges
from kzcal.closure.light import RANGES, Light
from kzcal.closure.pmts import Pmts, compared
from kzcal.closure.toy import Toy
from kzcal.conditions.quantities import QUANTITIES
from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.parts import Parameter
from kzcal.response.charge import ChargeShape
from kzcal.testing.payloads import example_calibration

FREE = ("light_yield", "absorption_scale", "pmt_reflectivity", "vertex_resolution")


def test_truths_are_drawn_in_their_ranges_or_from_the_prior():
    drawn = [Light(free=FREE).draw(np.random.default_rng(seed)) for seed in range(10)]
    for name in ("light_yield", "absorption_scale"):
        values = np.array([truth[name] for truth in drawn])
        assert RANGES[name].low <= values.min() < values.max() <= RANGES[name].high
        assert values.std() > 0.1 * (RANGES[name].high - RANGES[name].low)
    reflected = np.array([truth["pmt_reflectivity"] for truth in drawn])
    assert reflected.min() >= 0.01
    assert reflected.mean() == pytest.approx(0.15, abs=4 * 0.05 / 10**0.5)
    assert {truth["scattering_scale"] for truth in drawn} == {1.0}
    assert Light(free=FREE).draw(np.random.default_rng(3)) == drawn[3]


def test_every_free_parameter_of_the_fit_has_a_range_or_a_prior():
    config = light_module.FitConfig()
    detector, _ = config.open_detector()
    free = config.parameter_set(detector).free
    simulated = [p for p in free if p.name not in light_module.NOT_SIMULATED]
    everything = tuple(p.name for p in simulated)
    truth = Light(free=everything).draw(np.random.default_rng(1))
    assert set(everything) <= set(truth)
    for parameter in simulated:
        assert parameter.lower <= truth[parameter.name] <= parameter.upper


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 0.0},
        {"photons": 10},
        {"free": ("colour",)},
        {"free": ("alpha_light",)},
        {"terms": ("smell",)},
    ],
)
def test_what_cannot_be_fitted_is_refused_before_anything_is_simulated(wrong):
    with pytest.raises(ConfigurationError):
        Light(**wrong)


def test_the_fit_is_told_of_the_run_and_nothing_of_its_truth(monkeypatch):
    told = {}
    parameters = tuple(Parameter(n, 1.0, 0.0, 2.0, "1") for n in ("light_yield", "decay_scale"))
    minimum = SimpleNamespace(values=np.array([1.1, 1.0]), covariance=np.diag([1e-4, 4e-4]))
    found = SimpleNamespace(parameters=SimpleNamespace(free=parameters), minimum=minimum)

    def simulated(path, scratch, truth, resolution, *, scale, seed):
        told["truth"], told["seed"] = truth, seed

    def measured(path, config, plugins, *, device):
        told["config"] = config
        return SimpleNamespace(found=found)

    monkeypatch.setattr(light_module, "write_run", simulated)
    monkeypatch.setattr(light_module, "measure_fit", measured)
    fitted = Light(free=("light_yield", "decay_scale"), scale=0.5).run(seed=9)
    assert told["seed"] == 9
    assert fitted.truth["light_yield"][0] == told["truth"]["light_yield"]
    assert fitted.values["light_yield"][0] == 1.1
    assert fitted.errors["decay_scale"][0] == pytest.approx(0.02)
    started = told["config"].parameter_set(load_detector()).values
    assert started["light_yield"] == 1.0
    assert started["decay_scale"] == 1.0


def test_constants_are_compared_where_both_call_the_pmt_good():
    detector = load_detector()
    calibration = example_calibration(detector)
    values = {q.name: calibration.columns[q.name].values.copy() for q in QUANTITIES}
    status = np.full(detector.n_pmt, "good", dtype="U8")
    status[5] = "hot"
    fitted = compared(calibration, Truth(status, values), detector)
    assert set(fitted.truth) == set(Pmts().units)
    bad = (calibration.columns["status"].values != "good") | (status != "good")
    for size in (17, 20):
        rows = detector.diameter_inch == size
        for quantity in QUANTITIES:
            name = f"{quantity.name}_{size}"
            assert np.array_equal(np.isnan(fitted.values[name]), bad[rows])
            assert np.all(fitted.pulls(name) == 0)
    shifted = {**values, "gain": values["gain"] - calibration.columns["gain"].errors}
    pulls = compared(calibration, Truth(status, shifted), detector).pulls("gain_17")
    assert pulls == pytest.approx(np.ones_like(pulls))


def test_charges_are_those_of_the_truth_they_are_compared_with(monkeypatch):
    """Hits over pulses pass as often as the truth says, more where pulses hold more.

    The fit is replaced by one that keeps what it was given.
    """
    seen = {}

    def fitted(spectra, kind, chosen, counting):
        seen.update(counts=spectra.counts, kind=kind, good=chosen)
        assert torch.equal(chosen, counting)
        shape = ChargeShape(*(torch.full(kind.shape, v) for v in (0.1, 0.3, 0.3, 0.05)))
        return SimpleNamespace(
            gain=torch.ones(len(kind)),
            width=torch.full(kind.shape, 0.5),
            shape=lambda _kind: shape,
            passing_error=torch.tensor([0.01, 0.02]),
        )

    monkeypatch.setattr(charges_module, "fit_charge", fitted)
    other = Charges(pulses=300).run(seed=5)
    found = Charges(pulses=300).run(seed=4)
    assert found.truth != other.truth
    assert found.truth == Charges(pulses=300).run(seed=4).truth
    for k, (size, more) in enumerate(((17, 1.0), (20, MORE_20))):
        name = f"passing_{size}"
        hits = seen["counts"][seen["good"] & (seen["kind"] == k)].sum(2)
        passed = hits.mean(0) / (300 * more * torch.tensor(SHARES))
        error = found.truth[name][0] * 3 / hits[:, 0].sum() ** 0.5
        assert abs(float(passed[0]) - found.truth[name][0]) < FURTHER[0] + float(error)
        assert float(passed[-1]) > float(passed[0])
        assert found.errors[name][0] == pytest.approx((k + 1) * 0.01 * found.values[name][0])
    with pytest.raises(ConfigurationError, match="50 pulses at least, got pulses=3"):
        Charges(pulses=3)


def test_pulses_of_a_class_hold_as_many_photoelectrons_as_its_factor_says(monkeypatch):
    """Mean charges over that of the first class where nothing hides, to 2 %."""
    seen = {}
    factor = torch.tensor([1.3, 0.8], dtype=torch.float64)
    single = torch.tensor([0.005, 0.3, 0.02, 0.01], dtype=torch.float64).expand(2, -1)
    shapes = torch.cat([single, factor[:, None].expand(-1, len(FURTHER))], dim=1)

    def fitted(spectra, kind, _chosen, _counting):
        seen.update(spectra=spectra, kind=kind)
        raise ConfigurationError("seen")

    monkeypatch.setattr(charges_module, "fit_charge", fitted)
    monkeypatch.setattr(charges_module, "_shapes", lambda _generator: shapes)
    with pytest.raises(ConfigurationError, match="seen"):
        Charges(pulses=700).run(seed=6)
    counts, charge = seen["spectra"].counts, seen["spectra"].charge
    further = torch.tensor(FURTHER, dtype=torch.float64)
    for k in (0, 1):
        of_type = counts[seen["kind"] == k].sum(0)
        mean = (of_type * charge).sum(1) / of_type.sum(1)
        held = 1 + factor[k] * further
        assert (mean / mean[0]).numpy() == pytest.approx((held / held[0]).numpy(), rel=0.02)


def test_a_toy_draws_what_it_says():
    fits = [Toy(bias=1.0).run(seed=seed) for seed in range(400)]
    pulls = np.array([fit.pulls("scattering_scale")[0] for fit in fits])
    assert pulls.mean() == pytest.approx(1, abs=4 / 20)
    distances = np.array([replace(fit).distance() for fit in fits])
    assert distances.min() > 0
