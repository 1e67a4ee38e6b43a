"""Lineage: what decides the constants, and nothing of when and where they were found."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kzcal import plugins
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.lineage import lineage_of
from kzcal.conditions.payload import Lineage
from kzcal.geometry import load_detector
from kzcal.io.events import open_events, write_events
from kzcal.testing import synthetic_run

ESTIMATOR = """
from kzcal.components import Estimator
from kzcal.hookspecs import hookimpl

@hookimpl
def kzcal_estimators():
    yield Estimator("nothing", "Nothing.", build=object)
"""
SECTION = """
from kzcal.components import ReportSection
from kzcal.hookspecs import hookimpl

@hookimpl
def kzcal_report_sections():
    yield ReportSection("nothing", "Nothing.", build=object)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "run.h5"
    drawn = synthetic_run(n_events=50)
    write_events(path, drawn.header, [drawn.events], drawn.muons)
    return path


def lineage(run: Path, *files: Path, config: CalibrationConfig | None = None) -> Lineage:
    config = config or CalibrationConfig()
    detector = load_detector(config.detector)
    found = plugins.load(files, installed=False)
    with open_events(run, detector) as source:
        return lineage_of(run, source, detector, config, found, torch.device("cpu"))


def test_the_directory_has_no_say_but_content_and_settings_have(run: Path, tmp_path: Path):
    here = lineage(run)
    shutil.copy(run, tmp_path / run.name)
    assert lineage(tmp_path / run.name).digest() == here.digest()
    seeded = lineage(run, config=CalibrationConfig(seed=2))
    assert (seeded.seed, seeded.digest() == here.digest()) == (2, False)
    other = synthetic_run(seed=2, n_events=50)
    write_events(tmp_path / run.name, other.header, [other.events], other.muons)
    assert lineage(tmp_path / run.name).digest() != here.digest()


def test_a_detector_counts_by_its_description_not_by_its_place(run: Path, tmp_path: Path):
    text = Path(__file__).parents[2] / "detector_db/detectors/kamland-zen-800.toml"
    found = []
    for directory in (tmp_path / "a", tmp_path / "b"):
        directory.mkdir()
        copied = Path(shutil.copy(text, directory / "mine.toml"))
        config = replace(CalibrationConfig(), detector=str(copied))
        found.append(lineage(run, config=config))
    assert found[0].digest() == found[1].digest()
    assert found[0].configuration["detector"] == "mine.toml"
    copied.write_text(text.read_text().replace("pmt_radius_m = 8.5", "pmt_radius_m = 8.3"))
    assert lineage(run, config=config).digest() != found[0].digest()


def test_the_run_is_named(run: Path):
    settings = lineage(run).configuration
    assert (settings["run"], settings["period"]) == (1, "test")
    assert (settings["detector"], settings["detector_name"]) == (
        "kamland-zen-800",
        "KamLAND-Zen 800",
    )
    assert (settings["device"], settings["threads"]) == ("cpu", torch.get_num_threads())


def test_plugins_that_take_part_are_named_with_their_version(run: Path, tmp_path: Path):
    estimator, section = tmp_path / "estimator.py", tmp_path / "section.py"
    estimator.write_text(ESTIMATOR)
    section.write_text(SECTION)
    assert lineage(run).plugins == {}
    found = lineage(run, estimator, section).plugins
    assert set(found) == {"estimator.py"}
    assert found["estimator.py"].startswith("sha256:")
