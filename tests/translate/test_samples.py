"""Pictures are drawn of whatever events there are."""

import matplotlib.image
import numpy as np
import pytest

from kzcal.testing import synthetic_run, translator_task
from kzcal.training.curves import draw_curves, read_table, write_table
from kzcal.training.loop import Validation
from kzcal.translate.samples import Triptych

RUN = synthetic_run(n_events=40)
TASK = translator_task(RUN)


@pytest.mark.parametrize(
    "rows", [slice(0, 40), slice(0, 0), np.flatnonzero(RUN.events.forced)], ids=str
)
def test_events_are_drawn_side_by_side(tmp_path, rows):
    chosen = np.arange(40)[rows] if isinstance(rows, slice) else rows
    source, target = TASK.source.take(chosen), TASK.target.take(chosen)
    Triptych(source, target, target, RUN.detector).write(tmp_path / "a.png", "A title")
    picture = matplotlib.image.imread(tmp_path / "a.png")
    assert picture.shape[:2] == (728, 1560)
    assert picture[..., :3].std() > 0.02


def test_the_same_events_give_the_same_picture(tmp_path):
    triptych = Triptych(TASK.source, TASK.target, TASK.target, RUN.detector)
    for name in ("a.png", "b.png"):
        triptych.write(tmp_path / name, "A title")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_table_of_validations_comes_back(tmp_path):
    rows = [
        Validation(3, 1.25, 0.5, {"one": 0.1}),
        Validation(9, 2.5, float("inf"), {"one": 0.2, "two": 1e-9}),
    ]
    path = tmp_path / "training.csv"
    assert read_table(path) == []
    write_table(path, rows)
    assert path.read_text().splitlines()[0] == "step,seconds,distance,one,two"
    assert read_table(path) == rows


def test_curves_are_drawn_from_the_first_validation_on(tmp_path):
    rows = [Validation(n, 20.0 * n, 4.339 / n, {"one": 0.1 * n}) for n in (1, 2, 3)]
    for n in (1, 3):
        draw_curves(tmp_path / f"{n}.png", rows[:n], "A title")
        assert matplotlib.image.imread(tmp_path / f"{n}.png").shape[:2] == (442, 1170)
    assert (tmp_path / "1.png").read_bytes() != (tmp_path / "3.png").read_bytes()
