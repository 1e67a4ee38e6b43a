"""``kzcal fit``: what it stores, draws and says, and one sentence for whatever it refuses."""

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from quick_fit import quick_fit, quick_measured

from kzcal.cli.main import main
from kzcal.conditions.database import Database
from kzcal.fit import store
from kzcal.io.events import write_events
from kzcal.simulate.constants import Constants
from kzcal.testing import synthetic_run

KINDS = ["calibration-diagnostics", "global-fit", "pmt-response"]


@pytest.fixture
def asked(monkeypatch):
    """Fits that take no time; what they were asked for."""
    seen = SimpleNamespace(fitter=None, effort=None, config=None)

    def fit(source, config, *, fitter, effort, **more):
        seen.fitter, seen.effort, seen.config = fitter, effort, config
        return quick_fit(source, config, fitter=fitter, effort=effort, **more)

    monkeypatch.setattr(store, "fit_run", fit)
    monkeypatch.setattr(store, "measured", quick_measured)
    return seen


@pytest.fixture
def call(tmp_path):
    run = synthetic_run(n_events=20)
    write_events(tmp_path / "run.h5", run.header, [run.events], run.muons)
    db = tmp_path / "kz.db"
    Database.init(db).close()

    def invoke(*words):
        arguments = ["fit", str(tmp_path / "run.h5"), "--db", str(db), "--tag", "t", *words]
        return CliRunner().invoke(main, arguments)

    invoke.directory, invoke.db = tmp_path, db
    return invoke


def test_calibration_and_fit_are_stored_together_and_drawn(asked, call):
    out = call.directory / "page"
    result = call("--out", str(out))
    assert result.exit_code == 0, result.output
    assert "light_yield" in result.stdout
    assert "2 rounds of both levels, settled" in result.stdout
    with Database.open(call.db) as db:
        iovs = db.iovs("t")
        assert sorted(iov.kind for iov in iovs) == KINDS
        assert len({iov.revision for iov in iovs}) == 1
        payload = db.lookup("t", "global-fit", run=iovs[0].runs.first)
        assert db.check().ok
    assert payload.globals.named["absorption_scale"] == 1.0
    assert payload.globals.errors[0] == pytest.approx(0.01)
    assert payload.lineage.configuration["command"] == "kzcal fit"
    assert payload.columns["tts_by_tts_mean_17"].values.sum() == 1325
    page = (out / "fit.html").read_text()
    assert "Global fit of run" in page
    assert "Times" in page
    assert page.count("<img") >= 3


def test_a_report_draws_the_fit_again(asked, call):
    assert call().exit_code == 0
    run, out = synthetic_run(n_events=20).header.run, call.directory / "again"
    words = ["report", str(run), "--db", str(call.db), "--tag", "t", "--out", str(out)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"wrote {out / 'index.html'}\nwrote {out / 'fit.html'}\n"
    assert "Global fit of run" in (out / "fit.html").read_text()


def test_simulations_take_what_was_fitted(asked, call):
    assert call().exit_code == 0
    run = synthetic_run(n_events=20).header.run
    shared = Constants.stored(str(call.db), "t", run).shared()
    assert shared["late_delay"] == 30.0
    assert Constants.stored(str(call.db), "baseline", run).shared() == {}


def test_json_has_every_parameter(asked, call):
    found = json.loads(call("--json").stdout)
    assert found["parameters"]["light_yield"]["error"] == pytest.approx(0.01)
    assert found["parameters"]["cherenkov_scale"]["error"] is None
    assert found["terms"]["times"] == {"bins": 700, "deviance": 123.0}
    assert found["settled"] is True


def test_newton_fits_unless_trials_are_kept(asked, call):
    assert call().exit_code == 0
    assert asked.fitter.record.name == "newton"


def test_settings_are_read(asked, call):
    settings = call.directory / "fit.toml"
    settings.write_text('fit = ["light_yield"]\nphotons = 5\n')
    assert call("--parameters", str(settings)).exit_code == 0
    assert asked.config.fit == ("light_yield",)
    assert asked.config.photons == 5


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--resume"], "--resume needs the --storage"),
        (["--onwards", "--last-run", "9"], "not both"),
        (["--fitter", "nothing"], "there is no fitter named 'nothing'"),
        (["--parameters", "missing.toml"], "must be readable"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(asked, call, words, sentence):
    result = call(*words)
    assert result.exit_code != 0
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert asked.fitter is None


def test_a_run_that_the_tag_has_is_refused_at_once(asked, call):
    assert call().exit_code == 0
    asked.fitter = None
    result = call()
    assert result.exit_code != 0
    assert "split" in result.output
    assert asked.fitter is None
    assert call("--on-overlap", "split").exit_code == 0
