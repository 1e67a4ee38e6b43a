"""The dashboard of optuna opens the studies that are kept."""

import json
import warnings
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
from kzcal_optuna import CMAES
from optuna_objectives import TWO, TWO_PARAMETERS

from kzcal.parts import Effort


def answer(app, path: str):
    """What a web application answers to a GET."""
    environ = {"PATH_INFO": path}
    setup_testing_defaults(environ)
    status = []
    body = b"".join(app(environ, lambda line, _headers, _info=None: status.append(line)))
    return status[0], json.loads(body)


def test_the_dashboard_opens_a_study(tmp_path: Path):
    dashboard = pytest.importorskip("optuna_dashboard")
    storage = f"journal:{tmp_path / 'fit.log'}"
    effort = Effort(7, storage=storage)
    CMAES.build().minimise(TWO, TWO_PARAMETERS, seed=1, effort=effort)
    kept = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "fit.log"))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        app = dashboard.wsgi(kept)
    status, studies = answer(app, "/api/studies")
    assert status == "200 OK"
    study = studies["study_summaries"][0]
    assert study["study_name"] == "kzcal"
    status, detail = answer(app, f"/api/studies/{study['study_id']}")
    assert status == "200 OK"
    assert len(detail["trials"]) == 7
    assert {p["name"] for p in detail["trials"][0]["params"]} == {p.name for p in TWO_PARAMETERS}
    assert "light_yield" in {a["key"] for a in detail["user_attrs"]}
