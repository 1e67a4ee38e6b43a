"""Right fits pass at the stated rate; biased, shifted and overconfident ones fail."""

import numpy as np
import pytest

from kzcal.closure.experiment import Fitted
from kzcal.closure.statistics import FAIL, PASS, UNRESOLVED, Limits
from kzcal.closure.toy import Toy
from kzcal.closure.verdict import JOINT, Verdict, judge
from kzcal.errors import CalibrationError


def judged(toy: Toy, n: int, first: int = 0, **limits: object) -> Verdict:
    fits = [toy.run(seed=seed) for seed in range(first, first + n)]
    return judge(fits, 0, toy.units, Limits(**limits))


def verdicts(found: Verdict) -> dict[tuple[str, str], str]:
    return {(p.name, c.name): c.verdict for p in found.parameters for c in p.checks}


def test_right_fits_fail_no_more_often_than_stated():
    # 200 closures at a false-alarm rate of 10 %: 20 expected at most, 4 standard deviations.
    failed = sum(judged(Toy(), 40, 1000 * k, false_alarm=0.1).verdict == FAIL for k in range(200))
    assert failed < 20 + 4 * 18**0.5


def test_right_fits_pass_once_there_are_many():
    found = judged(Toy(), 1500)
    assert set(verdicts(found).values()) == {PASS}
    assert found.verdict == PASS
    assert [p.n for p in found.parameters] == [1500] * 4


def test_few_right_fits_are_not_resolved_rather_than_wrong():
    found = [judged(Toy(), 8, 100 * k) for k in range(10)]
    assert FAIL not in {v for one in found for v in verdicts(one).values()}
    assert UNRESOLVED in {one.verdict for one in found}


@pytest.mark.parametrize(
    ("toy", "check"),
    [
        (Toy(bias=0.6), "bias"),
        (Toy(stated=0.6), "width"),
        (Toy(stated=0.6), "coverage_68"),
        (Toy(stated=0.6), "coverage_95"),
        (Toy(stated=1.8), "width"),
        (Toy(stated=1.8), "ranks"),
    ],
)
def test_wrong_fits_fail_where_they_are_wrong(toy: Toy, check: str):
    found = judged(toy, 150)
    assert found.verdict == FAIL
    assert verdicts(found)["absorption_scale", check] == FAIL


def test_missing_correlations_are_seen_in_the_joint_distribution_alone():
    found = judged(Toy(correlated=False), 2000)
    wrong = {name for (name, _), verdict in verdicts(found).items() if verdict == FAIL}
    assert wrong == {JOINT}


def test_a_shift_within_the_limits_is_tolerated_however_well_it_is_known():
    found = judged(Toy(bias=0.1), 4000, bias=0.3)
    bias = found.parameters[0].checks[0]
    assert bias.probability < 1e-6
    assert bias.verdict == PASS


def test_numbers_are_those_of_the_pulls():
    found = judged(Toy(), 200).parameters[0]
    checks = {check.name: check for check in found.checks}
    assert checks["bias"].value == pytest.approx(found.pulls.mean())
    assert checks["width"].value == pytest.approx(found.pulls.std(ddof=1))
    assert checks["coverage_68"].value == np.mean(np.abs(found.pulls) < 1)
    assert found.stated == pytest.approx(0.01)
    assert found.offset == pytest.approx(0.01 * found.pulls.mean())


def test_failed_trials_fail_a_closure_beyond_their_limit():
    toy = Toy()
    fits = [toy.run(seed=seed) for seed in range(800)]
    assert judge(fits, 10, toy.units, Limits()).verdict == PASS
    assert judge(fits, 30, toy.units, Limits()).verdict == FAIL
    with pytest.raises(CalibrationError, match="got 4 and 96 trials"):
        judge(fits[:4], 96, toy.units, Limits())


def rows(rng: np.random.Generator, n: int, common: float) -> Fitted:
    """Many rows of one trial whose errors have a part in common."""
    truth = rng.normal(size=n)
    own = np.sqrt(1 - common**2)
    values = truth + own * rng.normal(size=n) + common * rng.normal()
    return Fitted({"gain": truth}, {"gain": values}, {"gain": np.ones(n)})


def test_rows_that_hang_together_are_not_taken_for_independent_ones():
    rng = np.random.default_rng(1)
    failed, errors = 0, []
    for _ in range(50):
        fits = [rows(rng, 300, 0.5) for _ in range(10)]
        found = judge(fits, 0, {"gain": "1"}, Limits(bias=0.0, false_alarm=0.3))
        checks = {check.name: check for check in found.parameters[0].checks}
        errors.append(checks["bias"].error)
        failed += checks["bias"].verdict == FAIL
        assert "ranks" not in checks
    # The common part alone: 0.5 / sqrt(10); rows counted one by one would give 0.018.
    assert np.mean(errors) == pytest.approx(0.158, rel=0.15)
    # A twentieth of 0.3 for this check of five: 0.05 of 50, and 4 standard deviations.
    assert failed <= 2.5 + 4 * 2.4**0.5


def test_a_row_without_a_fit_does_not_count():
    nan = np.array([1.0, np.nan, 2.0])
    fit = Fitted({"gain": np.ones(3)}, {"gain": nan}, {"gain": nan * 0 + 1})
    assert fit.pulls("gain").tolist() == [0.0, 1.0]


@pytest.mark.parametrize("error", [0.0, -1.0, np.inf])
def test_a_fit_without_an_honest_error_is_refused(error: float):
    with pytest.raises(CalibrationError, match="positive"):
        Fitted({"a": np.ones(1)}, {"a": np.ones(1)}, {"a": np.array([error])})
    with pytest.raises(CalibrationError, match="others for a"):
        Fitted({"a": np.ones(1)}, {"a": np.ones(2)}, {"a": np.ones(2)})
