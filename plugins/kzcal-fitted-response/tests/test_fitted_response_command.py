"""``kzcal response-table`` on a model that a training left."""

import json

from click.testing import CliRunner
from kzcal_fitted_response.learner import ResponseLearner

from kzcal.cli.main import main
from kzcal.conditions.payload import InputFile
from kzcal.conditions.table import read_table
from kzcal.geometry import load_detector
from kzcal.testing.learning import translator_task
from kzcal.testing.synthetic import synthetic_run
from kzcal.translate.model import WEIGHTS, Manifest, ModelDirectory, write_tensors


def test_the_table_of_a_model_has_a_row_for_each_pmt(tmp_path):
    learner = ResponseLearner(translator_task(synthetic_run(n_events=40)))
    for _ in range(2):
        learner.step()
    detector = load_detector()
    manifest = Manifest(
        translator="fitted-response",
        ceiling=1.0,
        paired=False,
        seed=1,
        detector="kamland-zen-800",
        detector_digest=detector.digest,
        inputs=(InputFile("gtq.h5", "0" * 64),),
        options={},
        settings={},
        versions={"kzcal": "0.1.0"},
    )
    model = ModelDirectory(tmp_path / "model")
    model.begin(manifest, "kamland-zen-800")
    write_tensors(model.path / WEIGHTS, learner.weights())
    words = ["response-table", str(model.path), "--out", str(tmp_path / "table.csv"), "--json"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["pmts"] == detector.n_pmt
    status = read_table(tmp_path / "table.csv").columns["status"].values
    assert (status[[3, 700, 1500]] == "dead").all()
