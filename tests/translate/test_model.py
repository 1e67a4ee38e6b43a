"""A model on disk says what it is and comes back whole."""

from dataclasses import replace

import pytest
import torch
from thinning import THINNING

from kzcal.conditions.payload import InputFile
from kzcal.errors import ConfigurationError, FileFormatError
from kzcal.geometry import load_detector
from kzcal.training.keeping import progress_of
from kzcal.training.tensors import read_tensors, write_tensors
from kzcal.translate.model import ModelDirectory, TranslatorManifest

DETECTOR = load_detector()
MANIFEST = TranslatorManifest(
    translator="thinning",
    ceiling=1.6,
    paired=False,
    seed=3,
    detector="kamland-zen-800",
    detector_digest=DETECTOR.digest,
    inputs=(InputFile("gtq.h5", "0" * 64), InputFile("run.h5", "1" * 64)),
    options={"batch": 16.0},
    settings={"events": 200, "minutes": 5.0},
    versions={"kzcal": "0.1.0"},
    run=15001,
    physics_window_ns=(-150.0, 350.0),
    forced_window_ns=None,
)
MANIFEST_HEAD = 'format = "kzcal-translator"\nversion = 1\n'


def test_a_manifest_comes_back(tmp_path):
    directory = ModelDirectory(tmp_path / "model")
    directory.begin(MANIFEST, "kamland-zen-800")
    assert directory.manifest() == MANIFEST
    without = replace(MANIFEST, ceiling=None, training={"step": 7, "ended": "steps"})
    directory.describe(without)
    assert directory.manifest() == without


def test_time_and_versions_do_not_decide_what_a_model_is():
    later = replace(MANIFEST, versions={}, training={"step": 9})
    longer = replace(later, settings={"events": 200, "minutes": 50.0})
    assert longer.identity == MANIFEST.identity
    assert replace(MANIFEST, settings={"events": 100}).identity != MANIFEST.identity
    assert replace(MANIFEST, seed=4).identity != MANIFEST.identity
    assert replace(MANIFEST, processes=2).identity != MANIFEST.identity


def test_a_directory_holds_one_model(tmp_path):
    directory = ModelDirectory(tmp_path)
    directory.begin(MANIFEST, "kamland-zen-800")
    with pytest.raises(ConfigurationError, match="--resume"):
        directory.begin(MANIFEST, "kamland-zen-800")


def test_a_model_keeps_the_description_of_its_detector(tmp_path):
    from kzcal.baseline import baseline_directory

    text = (baseline_directory() / "detectors" / "kamland-zen-800.toml").read_text()
    (tmp_path / "mine.toml").write_text(text)
    directory = ModelDirectory(tmp_path / "model")
    manifest = replace(MANIFEST, detector="mine.toml")
    directory.begin(manifest, str(tmp_path / "mine.toml"))
    (tmp_path / "mine.toml").unlink()
    assert directory.open_detector(manifest).digest == DETECTOR.digest
    with pytest.raises(ConfigurationError, match="another description"):
        directory.open_detector(replace(manifest, detector_digest="0"))


def test_tensors_and_notes_come_back(tmp_path):
    shared = torch.arange(6.0)
    tensors = {
        "half": shared[:3],
        "turned": shared.reshape(2, 3).T,
        "random": torch.Generator().manual_seed(1).get_state(),
        "number": torch.tensor(3),
    }
    write_tensors(tmp_path / "a.safetensors", tensors, {"progress": "{}"})
    found, notes = read_tensors(tmp_path / "a.safetensors")
    assert notes == {"progress": "{}"}
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(found[name], tensor), name


def test_weights_build_the_translator(tmp_path):
    directory = ModelDirectory(tmp_path)
    directory.begin(MANIFEST, "kamland-zen-800")
    write_tensors(tmp_path / "weights.safetensors", {"share": torch.full((1879,), 0.5)})
    translator = directory.translator(THINNING, DETECTOR, torch.device("cpu"))
    assert float(translator.share[7]) == 0.5


def test_what_is_no_model_is_refused(tmp_path):
    directory = ModelDirectory(tmp_path)
    with pytest.raises(ConfigurationError, match=r"model\.toml"):
        directory.manifest()
    (tmp_path / "model.toml").write_text('format = "kzcal-translator"\nversion = 2\n')
    with pytest.raises(FileFormatError, match="version 1"):
        directory.manifest()
    (tmp_path / "model.toml").write_text(f"{MANIFEST_HEAD}seed = 1\n")
    with pytest.raises(FileFormatError, match="known keys"):
        directory.manifest()
    for wrong in (
        'inputs = [{name = "x"}]',
        "inputs = 3",
        "physics_window_ns = 3",
        "physics_window_ns = [1.0]",
        'forced_window_ns = ["early", "late"]',
    ):
        (tmp_path / "model.toml").write_text(f"{MANIFEST_HEAD}{wrong}\n")
        with pytest.raises(FileFormatError, match="values of their kind"):
            directory.manifest()
    with pytest.raises(FileFormatError, match="once a validation has ended"):
        directory.weights_file()
    (tmp_path / "weights.safetensors").write_text("no tensors")
    with pytest.raises(FileFormatError, match="readable as safetensors"):
        read_tensors(tmp_path / "weights.safetensors")


@pytest.mark.parametrize(
    "notes", [{}, {"progress": "much"}, {"progress": '{"pace": 3}'}, {"progress": "3"}], ids=str
)
def test_a_checkpoint_says_how_far_the_training_was(notes, tmp_path):
    with pytest.raises(FileFormatError, match=r"a\.safetensors: .* how far the training was"):
        progress_of(tmp_path / "a.safetensors", notes)
