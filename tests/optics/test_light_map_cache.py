from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
import torch
from patience import PATIENCE_S

from kzcal.errors import ConfigurationError, FileFormatError
from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.io.atomic import alone
from kzcal.optics import light_map_cache
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.optics.light_map_cache import (
    TABLES,
    cache_directory,
    light_map_of,
    read_light_map,
    write_light_map,
)
from kzcal.optics.light_map_tracing import MapPrecision


@pytest.fixture(scope="module")
def detector():
    return load_detector()


@pytest.fixture
def traced(detector, monkeypatch):
    """Counts how often a map is built; the analytic one stands for the traced one."""
    made = []

    def build(detector, materials, *, precision, ceiling):
        made.append(precision)
        return analytic_light_map(detector, ceiling=ceiling)

    monkeypatch.setattr(light_map_cache, "build_light_map", build)
    return made


def test_a_map_is_what_it_was_after_the_disk(detector, tmp_path):
    light_map = analytic_light_map(detector)
    write_light_map(tmp_path / "map.npz", light_map)
    again = read_light_map(tmp_path / "map.npz", detector)
    for name in TABLES:
        assert torch.equal(getattr(again, name), getattr(light_map, name)), name
    assert again.speed == light_map.speed


def test_a_map_is_traced_once(detector, traced, tmp_path):
    materials = load_materials()
    first = light_map_of(detector, materials, directory=tmp_path)
    second = light_map_of(detector, materials, directory=tmp_path)
    assert len(traced) == 1
    assert torch.equal(first.log_collection, second.log_collection)


def test_of_two_that_need_a_map_one_traces_it_and_the_other_waits(detector, monkeypatch, tmp_path):
    materials, begun, other_came, made = load_materials(), Event(), Event(), []

    def build(detector, materials, *, precision, ceiling):
        made.append(precision)
        begun.set()
        assert other_came.wait(PATIENCE_S)
        return analytic_light_map(detector, ceiling=ceiling)

    monkeypatch.setattr(light_map_cache, "build_light_map", build)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(light_map_of, detector, materials, directory=tmp_path)
        assert begun.wait(PATIENCE_S)
        monkeypatch.setattr(light_map_cache, "alone", announced(other_came))
        second = threads.submit(light_map_of, detector, materials, directory=tmp_path)
        assert torch.equal(first.result().log_collection, second.result().log_collection)
    assert len(made) == 1


def announced(event):
    """The lock, after a note that somebody has come to it."""

    def lock(path):
        event.set()
        return alone(path)

    return lock


def test_whatever_a_map_depends_on_makes_another_file(detector, traced, tmp_path):
    materials = load_materials()
    light_map_of(detector, materials, directory=tmp_path)
    darker = replace(detector, light=replace(detector.light, absorption_scale=0.9))
    light_map_of(darker, materials, directory=tmp_path)
    light_map_of(detector, replace(materials, digest="other"), directory=tmp_path)
    light_map_of(detector, materials, precision=MapPrecision(seed=2), directory=tmp_path)
    smaller = replace(detector, aperture_radius=0.9 * detector.aperture_radius)
    light_map_of(smaller, materials, directory=tmp_path)
    assert len(traced) == 5


def test_how_much_light_is_made_does_not_matter(detector, traced, tmp_path):
    quenched = tuple(replace(m, birks_mm_per_mev=0.2) for m in detector.media)
    for one in (detector, replace(detector, media=quenched, digest="other")):
        light_map_of(one, load_materials(), directory=tmp_path)
    assert len(traced) == 1


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "not a map"])
def test_a_damaged_file_is_replaced(detector, traced, tmp_path, damage):
    materials = load_materials()
    light_map_of(detector, materials, directory=tmp_path)
    (path,) = tmp_path.glob("*.npz")
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "flipped":
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        np.savez(path, radius=np.arange(3))
    with pytest.raises(FileFormatError, match=r"whole \.npz file"):
        read_light_map(path, detector)
    light_map_of(detector, materials, directory=tmp_path)
    assert len(traced) == 2
    assert path.read_bytes() == whole


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KZCAL_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_directory() == tmp_path / ".cache" / "kzcal"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "kzcal"
    monkeypatch.setenv("KZCAL_CACHE", str(tmp_path / "own"))
    assert cache_directory() == tmp_path / "own"


def test_a_cache_that_cannot_be_written_is_named(detector, traced, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match=r"\$KZCAL_CACHE"):
        light_map_of(detector, load_materials(), directory=tmp_path / "file" / "maps")
