"""What single sections say is what the payloads hold."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.calibrate.report.digits import percent, rounded, words
from kzcal.calibrate.report.population import TYPES
from kzcal.calibrate.report.sections.acceptance import reachable
from kzcal.calibrate.report.sections.global_parameters import correlation
from kzcal.calibrate.report.sections.lineage import settings
from kzcal.conditions.quantities import QUANTITIES


@pytest.mark.parametrize("name", [quantity.name for quantity in QUANTITIES])
def test_the_headline_is_computed_from_the_payload(
    calibration, diagnostics, detector, rendered, name
):
    page = rendered("headline", calibration, diagnostics)
    column, status = calibration.columns[name], calibration.columns["status"].values
    rows = [[cell.strip() for cell in row] for row in page.tables[1]]
    start = next(i for i, row in enumerate(rows) if row[0] == words(name))
    for row, diameter in zip(rows[start : start + 2], TYPES, strict=True):
        chosen = (status == "good") & (detector.diameter_inch == diameter)
        values, errors = column.values[chosen], column.errors[chosen]
        error = np.median(errors)
        low, high = np.quantile(values, [0.15865, 0.84135])
        relative = np.nan if name == "time_offset" else np.median(errors / np.abs(values))
        assert row[2:8] == [
            f"{diameter}-inch",
            str(chosen.sum()),
            rounded(np.median(values), error),
            rounded((high - low) / 2, error),
            rounded(error, error),
            percent(relative),
        ]


def test_the_headline_counts_pmts_by_status_and_type(calibration, diagnostics, rendered):
    page = rendered("headline", calibration, diagnostics)
    assert "1874 of 1879 PMTs good" in page.text
    assert page.row("good") == ["good", "1321", "553", "1874"]
    assert page.row("swapped") == ["swapped", "1", "1", "2"]


@pytest.mark.parametrize(("dropped", "told"), [(0.0, False), (12.0, True)])
def test_the_headline_tells_of_dropped_hits(
    calibration, diagnostics, changed, rendered, dropped, told
):
    values = np.array([69_000.0, 7.3e6, dropped, 840.0])
    page = rendered("headline", calibration, changed(diagnostics, summary_values=values))
    assert "7,300,000 hits" in page.text
    assert ("12 hits dropped" in page.text) is told


def test_every_bad_pmt_is_listed_with_reason_and_partner(calibration, diagnostics, rendered):
    page = rendered("bad-channels", calibration, diagnostics)
    columns = calibration.columns
    bad = np.flatnonzero(columns["status"].values != "good")
    assert len(page.tables[0]) == len(bad) + 1
    for pmt in bad.tolist():
        row = page.row(str(pmt))
        partner = int(columns["partner"].values[pmt])
        assert row[4:7] == [
            columns["status"].values[pmt],
            columns["reason"].values[pmt],
            str(partner) if partner >= 0 else "",
        ]


def test_pmts_that_share_a_reason_are_listed_together_and_all_of_them(
    calibration, diagnostics, changed, rendered
):
    status = calibration.columns["status"].values.copy()
    reason = calibration.columns["reason"].values.copy()
    status[600:612], reason[600:612] = "dead", "no hit above the dark rate"
    status[700:709], reason[700:709] = "low", "a tenth of the light"
    page = rendered(
        "bad-channels", changed(calibration, status=status, reason=reason), diagnostics
    )
    singles, groups = page.tables
    row = ["dead", "no hit above the dark rate", ", ".join(map(str, (17, 400, *range(600, 612))))]
    assert groups[1:] == [row]
    assert len(singles) == 1 + 3 + 9
    assert page.row("708")[4:6] == ["low", "a tenth of the light"]


def test_constants_without_a_reason_column_are_listed_all_the_same(
    calibration, diagnostics, rendered
):
    columns = {k: v for k, v in calibration.columns.items() if k not in ("reason", "partner")}
    page = rendered("bad-channels", replace(calibration, columns=columns), diagnostics)
    assert page.row("17")[4:7] == ["dead", "", ""]
    assert "dead (2)" in rendered("maps", replace(calibration, columns=columns), diagnostics).html


def test_samples_have_counts_purity_and_note(calibration, diagnostics, rendered):
    page = rendered("samples", calibration, diagnostics)
    assert page.row("c11") == ["c11", "3,100", "0.710 ± 0.030", "fit"]
    assert len(page.tables[0]) == 6


def test_global_parameters_stand_beside_the_previous_ones(calibration, diagnostics, rendered):
    names = ("time_walk", "threshold_17")
    block = calibration.globals
    fewer = replace(
        block,
        names=names,
        values=np.array([0.9, 0.31]),
        units=("ns", "p.e."),
        covariance=np.diag([0.0004, 0.000009]),
        docs=("walk", "threshold"),
    )
    page = rendered(
        "global-parameters", calibration, diagnostics, replace(calibration, globals=fewer)
    )
    assert page.row("time_walk")[1:4] == ["0.850 ± 0.020", "ns", "0.900 ± 0.020"]
    assert page.row("tts_mean_17")[3] == "–"


def test_the_correlation_of_the_covariance(calibration):
    coefficients = correlation(calibration.globals)
    assert np.diag(coefficients) == pytest.approx(1.0)
    assert coefficients[0, 1] == pytest.approx(-0.6)
    fixed = replace(calibration.globals, covariance=np.diag([0.0, 1.0, 1.0, 1.0, 1.0]))
    assert np.isnan(correlation(fixed)[0]).all()


def test_a_fixed_parameter_is_drawn_too(calibration, diagnostics, rendered):
    block = replace(calibration.globals, covariance=np.diag([0.0, 1.0, 1.0, 1.0, 1.0]))
    page = rendered("global-parameters", replace(calibration, globals=block), diagnostics)
    assert page.row("exponential_fraction_17")[1] == "0.130"


def test_timings_add_up(calibration, diagnostics, rendered):
    page = rendered("timings", calibration, diagnostics)
    assert page.row("occupancy")[1:3] == ["17.0", "41 %"]
    assert page.row("all")[1] == "41.3"
    assert page.row("peak memory", table=1) == ["peak memory", "840", "MiB"]


def test_the_lineage_shows_everything_that_made_the_run(calibration, diagnostics, rendered):
    text = rendered("lineage", calibration, diagnostics).text
    lineage = calibration.lineage
    for part in ("run_15001.h5", "5e" * 32, lineage.digest(), "0.1.0", "merging_time", "12.0"):
        assert part in text
    assert "come from different calibrations" not in text


def test_constants_and_diagnostics_of_different_calibrations_are_told(
    previous, diagnostics, rendered
):
    assert "come from different calibrations" in rendered("lineage", previous, diagnostics).text


def test_settings_in_levels_have_dotted_names():
    nested = {"b": {"x": 1, "y": {"z": [1, 2]}}, "a": "text", "c": {}}
    assert dict(settings(nested)) == {"a": '"text"', "b.x": "1", "b.y.z": "[1, 2]", "c": "{}"}


def test_a_spectrum_of_nothing_is_drawn(calibration, diagnostics, changed, rendered):
    empty = np.zeros_like(diagnostics.columns["sample_energy"].values)
    page = rendered("samples", calibration, changed(diagnostics, sample_energy=empty))
    assert any(tag == "img" for tag, _ in page.attributes)


def test_an_acceptance_with_unknown_cells_is_drawn(calibration, diagnostics, changed, rendered):
    factor = diagnostics.columns["acceptance"].values.copy()
    factor[0, :5] = np.nan
    factor[1] = np.nan
    page = rendered("acceptance", calibration, changed(diagnostics, acceptance=factor))
    assert any(tag == "img" for tag, _ in page.attributes)


def test_where_no_light_can_come_from_no_acceptance_is_shown(detector):
    """Along its axis a PMT sees the scintillator from 2 to 15 m."""
    distance, cosine = np.array([1.9, 2.1, 8.5, 14.9, 15.1]), np.array([0.5, 1.0])
    seen = reachable(distance, cosine, detector)
    assert seen[:, 1].tolist() == [False, True, True, True, False]
    assert not seen[:, 0].any()
