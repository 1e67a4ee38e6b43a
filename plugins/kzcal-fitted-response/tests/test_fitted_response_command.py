"""``kzcal response-table`` on a model that a training left."""

import json
from dataclasses import replace

import torch
from click.testing import CliRunner
from kzcal_fitted_response.command import lineage_of
from kzcal_fitted_response.learner import ResponseLearner

from kzcal.cli.main import main
from kzcal.conditions.payload import InputFile
from kzcal.conditions.table import read_table
from kzcal.geometry import load_detector
from kzcal.testing.learning import translator_task
from kzcal.testing.synthetic import synthetic_run
from kzcal.training.directory import WEIGHTS
from kzcal.training.tensors import write_tensors
from kzcal.translate.model import ModelDirectory, TranslatorManifest

DETECTOR = load_detector()
MANIFEST = TranslatorManifest(
    translator="fitted-response",
    ceiling=1.0,
    paired=False,
    seed=1,
    detector="kamland-zen-800",
    detector_digest=DETECTOR.digest,
    inputs=(InputFile("gtq.h5", "0" * 64),),
    options={"merging_time": 12.0},
    settings={"events": 40},
    versions={"kzcal": "0.1.0", "torch": "2.4.0", "fitted-response": "0.2.0"},
)


def model_in(path, manifest, weights):
    """A model that holds these."""
    model = ModelDirectory(path)
    model.begin(manifest, "kamland-zen-800")
    write_tensors(model.path / WEIGHTS, weights)
    return model


def table_of(model, out):
    words = ["response-table", str(model.path), "--out", str(out), "--json"]
    return CliRunner().invoke(main, words)


def test_the_table_of_a_model_has_a_row_for_each_pmt(tmp_path):
    learner = ResponseLearner(translator_task(synthetic_run(n_events=40)))
    for _ in range(2):
        learner.step()
    model = model_in(tmp_path / "model", MANIFEST, learner.weights())
    result = table_of(model, tmp_path / "table.csv")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["pmts"] == DETECTOR.n_pmt
    status = read_table(tmp_path / "table.csv").columns["status"].values
    assert (status[[3, 700, 1500]] == "dead").all()


def test_a_model_of_another_translator_is_refused(tmp_path):
    other = replace(MANIFEST, translator="cyclegan")
    model = model_in(tmp_path / "model", other, {"weight": torch.zeros(2)})
    result = table_of(model, tmp_path / "table.csv")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    expected = (
        f"a table is written of a model of fitted-response, got one of cyclegan in {model.path}"
    )
    assert expected in " ".join(result.stderr.split())
    assert not (tmp_path / "table.csv").exists()


def test_the_lineage_names_the_plugin_and_what_it_was_trained_with(tmp_path):
    model = model_in(tmp_path / "model", MANIFEST, {"weight": torch.zeros(2)})
    lineage = lineage_of(model, model.manifest())
    assert lineage.plugins == {"fitted-response": "0.2.0"}
    assert lineage.configuration["options"] == {"merging_time": 12.0}
    assert lineage.configuration["settings"] == {"events": 40}
    assert lineage.configuration["detector_digest"] == DETECTOR.digest
    finer = replace(MANIFEST, options={"merging_time": 10.0})
    assert lineage_of(model, finer).digest() != lineage.digest()
