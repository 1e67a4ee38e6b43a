"""What a worker does with a run: the same as ``kzcal calibrate`` does with it alone."""

import pickle
from types import SimpleNamespace

import pytest
import torch
from made_up_runs import write_runs
from quick_measure import quick_measure

from kzcal.calibrate.config import CalibrationConfig
from kzcal.campaign import recipe as recipe_module
from kzcal.campaign.recipe import PmtRecipe, Settings
from kzcal.errors import CalibrationError, ConfigurationError
from kzcal.geometry import load_detector
from kzcal.testing.payloads import example_calibration, example_diagnostics


@pytest.fixture
def seen(monkeypatch):
    """What a measurement was asked for; its constants are made up."""
    asked = SimpleNamespace()

    def measure(path, source, detector, config, plugins, *, device, advance):
        asked.path, asked.config, asked.plugins, asked.device = path, config, plugins, device
        return quick_measure(
            path, source, detector, config, plugins, device=device, advance=advance
        )

    monkeypatch.setattr(recipe_module, "measure", measure)
    return asked


def test_a_run_becomes_the_payloads_of_its_kinds(tmp_path, seen):
    (file,) = write_runs(tmp_path, [42])
    recipe = PmtRecipe(CalibrationConfig(seed=3), Settings(threads=1))
    found = recipe.calibrate(file)
    assert found.run == 42
    assert tuple(payload.kind for payload in found.payloads) == recipe.kinds
    assert {name: value for name, value, _ in found.numbers}["events"] == 40
    assert (seen.path, seen.config.seed, seen.device) == (file, 3, torch.device("cpu"))
    assert {"po210", "c11"} <= set(seen.plugins.samples)


def test_a_run_with_too_little_is_the_users_to_mend(tmp_path):
    (file,) = write_runs(tmp_path, [42])
    with pytest.raises(CalibrationError, match="200 physics triggers"):
        PmtRecipe().calibrate(file)


def test_a_device_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (file,) = write_runs(tmp_path, [42])
    with pytest.raises(ConfigurationError, match="needs a GPU"):
        PmtRecipe(settings=Settings(device="cuda")).calibrate(file)


def test_a_page_is_that_of_a_report(monkeypatch):
    def written(path, calibration, diagnostics, detector, previous, sections, *, tag):
        runs = (p.lineage.configuration["run"] for p in (calibration, diagnostics, previous))
        path.write_text(f"{[*runs]} {detector.name} {tag} {'maps' in sections} µ", "utf-8")

    monkeypatch.setattr(recipe_module, "write_report", written)
    detector = load_detector()
    page = PmtRecipe(CalibrationConfig(detector="kamland2-zen")).page(
        example_calibration(detector, run=8),
        example_diagnostics(detector, run=8),
        example_calibration(detector, run=7, seed=2),
        "full",
    )
    assert page == "[8, 8, 7] KamLAND2-Zen full True µ"


def test_a_recipe_and_what_it_gives_can_be_sent(tmp_path, seen):
    (file,) = write_runs(tmp_path, [42])
    recipe = PmtRecipe()
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    found = recipe.calibrate(file)
    again = pickle.loads(pickle.dumps(found))
    assert again.run == found.run
    assert again.payloads[0].lineage == found.payloads[0].lineage
