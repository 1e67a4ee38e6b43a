"""From a configuration to the components of a run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kzcal.errors import ConfigurationError, PluginError
from kzcal.geometry import load_detector
from kzcal.plugins import load
from kzcal.simulate.cocktail import Cocktail, ForcedTriggers, Ingredient, read_cocktail
from kzcal.simulate.muons import MuonRates
from kzcal.simulate.setup import components_of
from kzcal.simulate.timeline import tasks

EXAMPLE = Path(__file__).parents[2] / "docs" / "cocktail.toml"
DETECTOR = load_detector()
DAY = 86_400.0


def components(*parts: Ingredient, duration_s: float | None = DAY, **other):
    cocktail = Cocktail(1, parts, duration_s=duration_s, **other)
    return components_of(cocktail, DETECTOR, load(installed=False).sources)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ({"number": 1000}, 1000),
        ({"rate_per_day": 20_000.0}, 20_000),
        ({"becquerel_per_m3": 0.002}, 0.002 * 4 / 3 * np.pi * 6.5**3 * DAY),
    ],
)
def test_an_amount_becomes_decays(amount: dict, expected: float):
    ((part,), _) = components(Ingredient("c11", "ls", **amount))
    spread = 0 if "number" in amount else 5 * np.sqrt(expected)
    assert abs(part.n_decays - expected) <= spread


def test_activities_need_a_volume():
    with pytest.raises(ConfigurationError, match="needs a volume, got 'film' for po210"):
        components(Ingredient("po210", "film", becquerel_per_m3=1.0))


def test_a_sample_needs_a_number():
    with pytest.raises(ConfigurationError, match="a sample has a number of decays"):
        components(Ingredient("po210", "ls", rate_per_day=1.0), duration_s=None)


def test_an_unknown_source_is_named():
    with pytest.raises(PluginError, match="no source named 'po211'"):
        components(Ingredient("po211", "ls", number=1))


def test_muons_bring_captures_and_forced_triggers_come_on_top():
    parts, muons = components(
        muons=MuonRates(rate_hz=0.05), forced=ForcedTriggers(rate_hz=0.01), duration_s=DAY
    )
    captures, forced = parts
    assert len(muons) == pytest.approx(0.05 * DAY, abs=5 * np.sqrt(0.05 * DAY))
    assert captures.kind == "neutron-capture"
    assert captures.n_decays > 100
    assert forced.n_decays == pytest.approx(0.01 * DAY, abs=5 * np.sqrt(0.01 * DAY))


def test_tasks_come_in_time_order_and_cover_every_block():
    parts, _ = components(
        Ingredient("c11", "ls", number=1000),
        Ingredient("po210", "ls", rate_per_day=3000.0),
        Ingredient("bi210", "ls", number=0),
        forced=ForcedTriggers(number=70),
    )
    order = list(tasks(parts))
    assert len({(task.component, task.block) for task in order}) == len(order)
    assert len(order) == sum(part.n_blocks for part in parts)
    begins = [parts[task.component].begin(task.block) for task in order]
    assert begins == sorted(begins)
    assert [task.settled for task in order] == [*begins[1:], None]


def test_the_documented_example_is_a_run(tmp_path: Path):
    cocktail = read_cocktail(EXAMPLE, {})
    parts, muons = components_of(cocktail, DETECTOR, load(installed=False).sources)
    assert {part.kind for part in parts} >= {"xe136-2nbb", "bipo214-film", "forced"}
    assert len(muons) > 500
    assert 2000 < sum(part.n_decays for part in parts) < 5000
    hash(replace(cocktail, seed=3))
