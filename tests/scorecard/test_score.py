"""The whole scorecard."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from scored_events import SMALL, distorted, run_of, source, with_hits

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.report.digits import words
from kzcal.errors import ConfigurationError
from kzcal.parts import EventClassifier
from kzcal.scorecard.config import TARGETS, ScorecardConfig
from kzcal.scorecard.page import write_page
from kzcal.scorecard.rows import most_rows
from kzcal.scorecard.score import score
from kzcal.scorecard.tally import Plan, gather

CONFIG = ScorecardConfig(**SMALL)


class Brightness(EventClassifier):
    def score(self, events, muons, detector):
        return events.hits.sum_per_event(events.hits.charge)


@pytest.fixture(scope="module")
def run():
    return run_of(1)


@pytest.fixture(scope="module")
def alike(run):
    """Another run of the same law, with the score of a classifier."""
    other, models = run_of(2), {"brightness": Brightness()}
    return score(source(other), source(run), run.detector, config=CONFIG, models=models)


def test_runs_of_one_law_do_not_differ(alike):
    assert not alike.paired
    assert alike.differing == ()
    assert alike.row("brightness").probability > 0.01
    assert alike.n_events[0] == alike.n_events[1]


def test_every_row_has_what_it_is_judged_by(alike):
    tested = [row for row in alike.rows if np.isfinite(row.probability)]
    assert [row.name for row in alike.rows if row not in tested] == ["occupancy_correlation"]
    assert all(row.corrected >= row.probability for row in tested)
    targets = {key for key in TARGETS if key != "graph_auc"}
    for key in targets:
        aimed = [row for row in alike.rows if row.name.startswith(key)]
        assert aimed, key
        judged = [row for row in aimed if row.name != "occupancy_correlation"]
        assert all(row.target == TARGETS[key] for row in judged)


def test_as_many_rows_are_tested_as_deals_are_asked_for(alike, run):
    n_tested = sum(np.isfinite(row.probability) for row in alike.rows)
    assert n_tested == most_rows(run.detector, CONFIG, 1)


def test_a_fake_without_a_peak_misses_its_target_and_differs(run):
    flat = np.full(len(run.events.hits.pmt), 4.0, np.float32)
    fake = source(run, with_hits(run.events, charge=flat))
    found = score(fake, source(run), run.detector, config=CONFIG)
    row = found.row("charge_resolution_17_inch")
    assert np.isnan(row.fake)
    assert np.isfinite(row.data)
    assert row.verdict == "missed"
    assert row.differs
    assert row in found.missed
    assert found.differing[0].name.startswith("charge_resolution")


@pytest.mark.parametrize(
    ("settings", "same", "said"),
    [
        ({"deals": 999}, False, r"\d+ deals at least, got 999: .* or false_alarm = 0\.0"),
        ({"blocks": 8}, True, "16 blocks at least, got 8"),
        ({"blocks": 8}, False, "9 blocks at least, got 8"),
    ],
)
def test_deals_that_cannot_tell_files_apart_are_refused(run, settings, same, said):
    fake = source(run) if same else source(run_of(2))
    with pytest.raises(ConfigurationError, match=said):
        score(fake, source(run), run.detector, config=replace(CONFIG, **settings))


def test_rows_beyond_the_reach_of_the_deals_say_so(run, tmp_path):
    brighter = source(run, distorted(run, "charge"))
    found = score(brighter, source(run), run.detector, config=CONFIG)
    row = found.row("charge_mean")
    assert row.at_reach
    assert row.probability == 1 / (CONFIG.deals + 1)
    assert row.corrected >= row.probability
    assert row.differs
    write_page(tmp_path / "index.html", found, [("fake.h5", "0" * 64), ("data.h5", "1" * 64)])
    assert "&lt; 0.00040" in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize(
    ("what", "rows"),
    [
        pytest.param("charge", {"charge", "charge_mean", "charge_width"}, marks=pytest.mark.slow),
        pytest.param(
            "time", {"time_resolution_17_inch", "residual_width"}, marks=pytest.mark.slow
        ),
        pytest.param("crate", {"occupancy", "hit_pattern"}, marks=pytest.mark.slow),
        ("dark", {"dark_fraction", "dark_rate"}),
    ],
)
def test_a_change_is_seen_by_its_row_and_by_it_foremost(run, what, rows):
    """Rows whose order is the same number are level: fewer hits of a crate are fewer hits too."""
    changed = source(run, distorted(run, what))
    found = score(changed, source(run), run.detector, config=CONFIG)
    assert found.paired
    first = found.differing[0]
    level = {row.name for row in found.differing if row.order == first.order}
    assert rows & {first.name, *level}
    if what == "dark":
        assert {row.name for row in found.differing} <= rows


@pytest.mark.slow
def test_the_same_events_do_not_differ_at_all(run):
    found = score(source(run), source(run), run.detector, config=CONFIG)
    assert found.differing == ()
    assert found.missed == ()
    assert all(row.difference == 0 for row in found.rows if row.group in ("whole", "events"))


def test_chunks_change_nothing(run):
    plan = Plan(np.arange(len(run.events)) % 4, 4)
    whole, pieces = (
        gather(
            source(run),
            plan,
            run.detector,
            CalibrationConfig(hits_per_chunk=n),
            device=torch.device("cpu"),
        )
        for n in (10_000_000, 30_000)
    )
    for name in ("n_events", "n_hits", "dark", "occupied", "residual", "charge", "n_forced"):
        assert np.array_equal(getattr(whole, name), getattr(pieces, name)), name
    np.testing.assert_allclose(pieces.features, whole.features, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_a_graph_network_has_a_row_where_it_is_asked_for(run):
    config = replace(CONFIG, graph_events=50, graph_shuffles=2)
    found = score(source(run_of(2)), source(run), run.detector, config=config)
    assert found.row("graph_auc").fake < 0.7
    assert found.two_sample["graph_auc"].n_events == 50


def test_files_without_forced_triggers_are_compared_all_the_same(run):
    lit = run.events.take(run.events.physics)
    found = score(source(run_of(2)), source(run, lit), run.detector, config=CONFIG)
    assert found.n_forced == (0, 0)
    assert found.differing == ()


def test_the_page_shows_every_row_and_needs_no_other_file(alike, tmp_path):
    inputs = [("made/fake.h5", "0" * 64), ("data.h5", "1" * 64)]
    page = tmp_path / "index.html"
    write_page(page, alike, inputs)
    text = page.read_text()
    assert "fake.h5 against data.h5" in text
    assert "No row tells the two files apart." in text
    for row in alike.rows:
        assert words(row.name) in text
    assert "http" not in text.partition("</head>")[2]
    assert re.findall(r'section id="([\w-]+)"', text) == [
        "verdict",
        "times-and-charges",
        "events",
        "pmts",
        "classifiers",
        "scores-downstream",
        "settings",
    ]
    assert text.count("data:image/svg+xml") == 6


def test_settings_come_from_a_file(tmp_path):
    path = tmp_path / "scorecard.toml"
    path.write_text("blocks = 8\n[targets]\nboosted_auc = 0.6\n")
    config = ScorecardConfig.from_toml(path)
    assert config.blocks == 8
    assert config.targets == {**TARGETS, "boosted_auc": 0.6}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("block = 8", "unknown key 'block'"),
        ("blocks = 2", "blocks is a whole number from 8, got 2"),
        ("blocks = 8.5", "blocks is a whole number"),
        ("false_alarm = 1.5", "false_alarm lies between 0 and 1"),
        ("false_alarm = 'x'", "false_alarm lies between 0 and 1, got 'x'"),
        ("false_alarm = nan", "false_alarm lies between 0 and 1, got nan"),
        ("graph_events = 25", "graph_events is 0 or a whole number from 50, got 25"),
        ("[targets]\nboosted_auc = nan", "a positive number, got nan"),
        ("[targets]\nbeauty = 1.0", "a target is one of"),
        ("[targets]\nboosted_auc = -1.0", "a positive number"),
        ("targets = 3", "targets is a table"),
    ],
)
def test_wrong_settings_are_refused(tmp_path, text, said):
    path = tmp_path / "scorecard.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        ScorecardConfig.from_toml(path)
