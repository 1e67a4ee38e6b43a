"""Chi-square of measured against modelled spectra, and which PMTs are the worst."""

import numpy as np
import pytest
from scipy.stats import kstest

from kzcal.calibrate.report import spectra
from kzcal.calibrate.report.sections.agreement import N_LISTED, ranking
from kzcal.calibrate.report.spectra import OBSERVABLES, Agreement, Spectrum, agreement


def spectrum(counts, expected, name="occupancy"):
    counts, expected = (np.atleast_2d(np.asarray(x, float)) for x in (counts, expected))
    return Spectrum(name, np.arange(counts.shape[1] + 1.0), counts, expected)


def parts(diagnostics):
    return {s.name: agreement(s) for s in spectra.recorded(diagnostics)}


def test_chi_square_by_hand():
    found = agreement(spectrum([104, 80, 7, 1], [100, 100, 3, 2]))
    together = (7 + 1 - 3 - 2) ** 2 / 5
    assert found.chi2 == pytest.approx([0.16 + 4.0 + together])
    assert found.ndf.tolist() == [2 + 1 - OBSERVABLES["occupancy"].fitted]


def test_hits_where_none_are_expected_count():
    quiet, loud = agreement(spectrum([[100, 0], [100, 40]], [[100, 0.1], [100, 0.1]])).chi2
    assert loud - quiet == pytest.approx(39.9**2 - 0.1**2)


def test_bins_with_few_expected_hits_have_no_pull():
    pulls = spectrum([110, 9], [100, 4]).pulls
    assert pulls[0, 0] == pytest.approx(1.0)
    assert np.isnan(pulls[0, 1])


def test_nothing_to_compare_has_no_degree_of_freedom():
    found = agreement(spectrum([0, 0, 0], [0.0, 1.0, 2.0]))
    assert found.ndf.tolist() == [0]
    assert np.isnan(found.reduced).all()


def test_a_true_model_has_a_reduced_chi_square_of_one():
    """The mean of Pearson's chi-square is exact; 6 standard errors: false alarm 2e-9."""
    expected = np.tile(np.geomspace(0.05, 400, 60), (4000, 1))
    counts = np.random.default_rng(3).poisson(expected)
    found = agreement(spectrum(counts, expected))
    bins = found.ndf + OBSERVABLES["occupancy"].fitted
    error = found.chi2.std() / np.sqrt(len(counts))
    assert abs(found.chi2.mean() - bins.mean()) < 6 * error


def test_a_true_model_follows_the_chi_square_distribution():
    """With ample hits in every bin; the seed is fixed, p > 1e-3."""
    expected = np.full((2000, 40), 400.0)
    counts = np.random.default_rng(5).poisson(expected)
    assert kstest(agreement(spectrum(counts, expected)).chi2, "chi2", args=(40,)).pvalue > 1e-3


def test_spectra_together_add_chi_square_and_degrees_of_freedom():
    a = Agreement(np.array([1.0, 2.0]), np.array([3, 0]))
    b = Agreement(np.array([4.0, 8.0]), np.array([2, 4]))
    both = spectra.together([a, b])
    assert both.chi2.tolist() == [5.0, 10.0]
    assert both.reduced.tolist() == [1.0, 2.5]


def test_only_recorded_spectra_are_found(diagnostics):
    assert [s.name for s in spectra.recorded(diagnostics)] == list(OBSERVABLES)


@pytest.mark.parametrize("name", OBSERVABLES)
def test_the_worst_pmt_is_the_one_whose_model_is_wrong(
    calibration, diagnostics, changed, detector, rendered, name
):
    counts = diagnostics.columns[f"{name}_counts"].values.copy()
    expected = diagnostics.columns[f"{name}_expected"].values[842]
    peak = int(np.argmax(expected))
    counts[842, peak - 3 : peak + 4] *= 2
    planted = changed(diagnostics, **{f"{name}_counts": counts})
    assert ranking(calibration, detector, parts(planted))[0].pmt == 842
    page = rendered("agreement", calibration, planted)
    assert page.tables[0][1][0] == "842"
    assert f"Rank 1 of {1879 - 5}: PMT 842 (17-inch)" in page.text


def test_bad_pmts_are_not_ranked(calibration, diagnostics, detector):
    ranked = ranking(calibration, detector, parts(diagnostics))
    bad = np.flatnonzero(calibration.columns["status"].values != "good").tolist()
    assert len(ranked) == detector.n_pmt - len(bad)
    assert not {subject.pmt for subject in ranked} & set(bad)


def test_the_ranking_descends_and_the_typical_pmt_is_in_its_middle(
    calibration, diagnostics, detector, rendered
):
    ranked = ranking(calibration, detector, parts(diagnostics))
    reduced = [subject.reduced for subject in ranked]
    assert reduced == sorted(reduced, reverse=True)
    page = rendered("agreement", calibration, diagnostics)
    assert f"A typical PMT: PMT {ranked[len(ranked) // 2].pmt} (" in page.text
    assert len(page.tables[0]) == N_LISTED + 1
