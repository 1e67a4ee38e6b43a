"""Both levels of the fit for each run of many."""

import pickle

import pytest
from made_up_runs import write_runs
from quick_fit import quick_fit, quick_measured

from kzcal.campaign.fitted import FitRecipe
from kzcal.campaign.recipe import Settings
from kzcal.errors import CalibrationError
from kzcal.fit import store
from kzcal.fit.config import FitConfig


@pytest.fixture
def quick(monkeypatch):
    """Fits that take no time."""
    monkeypatch.setattr(store, "fit_run", quick_fit)
    monkeypatch.setattr(store, "measured", quick_measured)


def test_a_run_becomes_the_payloads_of_its_kinds(quick, tmp_path):
    (file,) = write_runs(tmp_path, [42])
    recipe = FitRecipe(FitConfig(photons=7), Settings(threads=1))
    found = recipe.calibrate(file)
    assert found.run == 42
    assert tuple(payload.kind for payload in found.payloads) == recipe.kinds
    assert found.payloads[-1].lineage.configuration["fit"]["photons"] == 7


def test_a_recipe_reaches_its_workers(tmp_path):
    recipe = FitRecipe(FitConfig(fit=("light_yield",)))
    assert pickle.loads(pickle.dumps(recipe)) == recipe


def test_a_run_with_too_little_is_the_users_to_mend(tmp_path):
    (file,) = write_runs(tmp_path, [42])
    with pytest.raises(CalibrationError, match="200 physics triggers"):
        FitRecipe().calibrate(file)
