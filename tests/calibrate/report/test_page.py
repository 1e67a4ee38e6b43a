"""The whole page: it needs no other file, holds every section, and appears whole or not at all."""

import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kzcal import builtin
from kzcal.calibrate.report import write_report
from kzcal.calibrate.report.page import in_order, own_sections
from kzcal.components import ReportSection
from kzcal.errors import CalibrationError, ConfigurationError

MEBIBYTE = 1 << 20


class Fixed:
    """A section that is a text."""

    def __init__(self, text):
        self.text = text

    def render(self, calibration, diagnostics, detector, previous):
        return f"<p>{self.text}</p>"


class Broken:
    """A section whose author has erred."""

    def render(self, calibration, diagnostics, detector, previous):
        return diagnostics.columns["no <such> column"]


def section(name, made, provider="kzcal-mine"):
    return ReportSection(name, f"About {name}.", lambda: made, provider)


@pytest.fixture(scope="module")
def full(tmp_path_factory, calibration, diagnostics, detector, previous, sections):
    path = tmp_path_factory.mktemp("report") / "index.html"
    started = time.process_time()
    write_report(path, calibration, diagnostics, detector, previous, sections)
    return path, time.process_time() - started


def test_nothing_outside_the_file_is_named(full, page_of):
    page = page_of(full[0].read_text())
    named = [
        value
        for _, attributes in page.attributes
        for key, value in attributes.items()
        if key in ("src", "href", "srcset", "data", "action", "xlink:href")
    ]
    assert len(named) > 20
    assert [v for v in named if not v.startswith(("data:image/svg+xml;base64,", "#"))] == []
    assert not re.search(r"url\(|@import", page.html)
    assert {tag for tag, _ in page.attributes} & {"script", "link", "iframe", "object"} == set()


def test_a_browser_is_told_to_load_nothing(full, page_of):
    page = page_of(full[0].read_text())
    policies = [a["content"] for t, a in page.attributes if t == "meta" and "http-equiv" in a]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_every_tag_is_closed_and_every_anchor_is_there_once(full, page_of):
    page = page_of(full[0].read_text())
    assert page.unbalanced == []
    anchors = [a["id"] for _, a in page.attributes if "id" in a]
    links = {a["href"][1:] for t, a in page.attributes if t == "a"}
    assert len(set(anchors)) == len(anchors)
    assert links <= set(anchors)
    assert anchors == list(own_sections())


def test_every_picture_has_words_for_who_cannot_see_it(full, page_of):
    page = page_of(full[0].read_text())
    images = [a["alt"] for tag, a in page.attributes if tag == "img"]
    maps = [a["aria-label"] for tag, a in page.attributes if tag == "svg"]
    assert len(images) >= 12
    assert len(maps) == 8
    assert all(len(words) > 30 for words in (*images, *maps))


def test_it_is_small_and_quick_to_make(full):
    path, seconds = full
    assert path.stat().st_size < 6 * MEBIBYTE
    assert seconds < 12


def test_the_same_payloads_give_the_same_bytes(
    full, tmp_path, calibration, diagnostics, detector, previous, sections
):
    again = tmp_path / "again.html"
    write_report(again, calibration, diagnostics, detector, previous, sections)
    assert again.read_bytes() == full[0].read_bytes()


def test_run_tag_and_detector_are_in_the_heading(full, page_of):
    text = page_of(full[0].read_text()).text
    assert "Calibration of run 15001" in text
    assert "global tag prompt-2026" in " ".join(text.split())
    assert "KamLAND-Zen 800" in text


def test_the_tag_that_was_asked_for_is_the_one_that_is_shown(
    tmp_path, page_of, calibration, diagnostics, detector
):
    path = tmp_path / "index.html"
    write_report(path, calibration, diagnostics, detector, None, {}, tag="final-2027")
    assert "global tag final-2027" in " ".join(page_of(path.read_text()).text.split())


def test_a_lineage_that_says_little_gives_a_heading_all_the_same(
    written, calibration, diagnostics
):
    bare = replace(calibration, lineage=replace(calibration.lineage, configuration={}))
    assert "PMT calibration" in written(bare, diagnostics, chosen={}).text


def test_sections_of_plugins_come_last_by_name(sections):
    added = {
        "zeta": section("zeta", Fixed("z")),
        "alpha": section("alpha", Fixed("a")),
        **sections,
    }
    assert [s.name for s in in_order(added)] == [*own_sections(), "alpha", "zeta"]


def test_a_plugin_is_named_beside_its_section(written, calibration, diagnostics):
    chosen = {"alpha": section("alpha", Fixed("here I am"))}
    text = written(calibration, diagnostics, chosen=chosen).text
    assert "here I am" in text
    assert "From plugin kzcal-mine." in text


def test_a_broken_plugin_is_named_and_spoils_nothing(written, calibration, diagnostics, caplog):
    chosen = {
        "bad": section("bad", Broken(), provider="kzcal-<b>evil</b>"),
        "good": section("good", Fixed("still here")),
    }
    page = written(calibration, diagnostics, chosen=chosen)
    assert "still here" in page.text
    assert "kzcal-<b>evil</b> failed to draw this section: KeyError" in page.text
    assert "section bad of kzcal-<b>evil</b> failed" in caplog.text
    assert page.unbalanced == []


def test_a_section_of_kzcal_that_fails_is_not_hidden(tmp_path, calibration, diagnostics, detector):
    broken = {"maps": section("maps", Broken(), provider="kzcal")}
    with pytest.raises(KeyError):
        write_report(tmp_path / "x.html", calibration, diagnostics, detector, None, broken)
    assert list(tmp_path.iterdir()) == []


def test_another_detector_is_refused(tmp_path, calibration, diagnostics, detector):
    smaller = replace(
        detector,
        positions=detector.positions[:-1],
        diameter_inch=detector.diameter_inch[:-1],
        aperture_radius=detector.aperture_radius[:-1],
    )
    with pytest.raises(CalibrationError, match=r"got 1879 rows and 1878 PMTs of KamLAND-Zen 800"):
        write_report(tmp_path / "x.html", calibration, diagnostics, smaller, None, {})


def test_a_page_that_cannot_be_written_is_one_sentence(calibration, diagnostics, detector):
    path = Path("/nowhere/index.html")
    with pytest.raises(ConfigurationError, match=r"got /nowhere/index\.html"):
        write_report(path, calibration, diagnostics, detector, None, {})


def test_hostile_names_stay_text(calibration, diagnostics, changed, written, detector):
    evil = '<script>alert("1")</script>&amp;'
    reason = calibration.columns["reason"].values.astype("<U64")
    reason[17] = evil
    notes = diagnostics.columns["sample_notes"].values.astype("<U64")
    notes[0] = evil
    names = diagnostics.columns["sample_names"].values.astype("<U64")
    names[1] = evil
    steps = diagnostics.columns["step_names"].values.astype("<U64")
    steps[0] = evil
    lineage = replace(
        calibration.lineage,
        inputs=(replace(calibration.lineage.inputs[0], name=evil),),
        configuration={**calibration.lineage.configuration, "tag": evil, evil: evil},
    )
    hostile = replace(changed(calibration, reason=reason), lineage=lineage)
    probed = changed(diagnostics, sample_notes=notes, sample_names=names, step_names=steps)
    page = written(hostile, probed, hostile)
    assert "<script" not in page.html
    assert page.html.count("&lt;script&gt;") >= 9
    assert page.unbalanced == []


def test_a_run_with_nothing_but_good_pmts_is_reported(
    calibration, diagnostics, changed, written, detector, sections
):
    n_pmt = detector.n_pmt
    known = {
        name: np.nan_to_num(calibration.columns[name].values, nan=1.0)
        for name in ("qe", "gain", "spe_width", "time_offset", "tts", "dark_rate")
    }
    good = changed(calibration, status=np.full(n_pmt, "good"), reason=np.full(n_pmt, ""), **known)
    chosen = {name: sections[name] for name in ("headline", "maps", "bad-channels")}
    page = written(good, diagnostics, chosen=chosen)
    assert "Every PMT is good." in page.text
    assert "1879 of 1879 PMTs good" in page.text


@pytest.mark.parametrize("diameter", [17, None])
def test_a_type_that_is_dead_altogether_is_reported(
    calibration, diagnostics, previous, changed, written, detector, diameter
):
    dead = np.ones(detector.n_pmt, bool)
    if diameter is not None:
        dead = detector.diameter_inch == diameter
    status = np.where(dead, "dead", calibration.columns["status"].values)
    lost = {
        name: np.where(dead, np.nan, calibration.columns[name].values)
        for name in ("qe", "gain", "spe_width", "time_offset", "tts", "dark_rate")
    }
    killed = changed(calibration, status=status, **lost)
    page = written(killed, diagnostics, previous)
    n_bad = int(np.sum(status != "good"))
    assert f"of {n_bad} PMTs that are not good" in page.text
    assert "nan" not in re.sub(r"[A-Za-z0-9+/=]{80,}", "", page.html).split("<main>")[1].lower()


def test_values_and_errors_that_are_unknown_are_reported(
    calibration, diagnostics, previous, changed, written
):
    tts = calibration.columns["tts"].values.copy()
    tts[::3] = np.nan
    bare = replace(calibration.columns["gain"], errors=None)
    lacking = changed(calibration, tts=tts)
    lacking = replace(lacking, columns={**lacking.columns, "gain": bare}, globals=None)
    page = written(lacking, diagnostics, previous)
    assert page.unbalanced == []
    assert "This calibration has no global parameters." in page.text


def test_diagnostics_that_were_not_recorded_are_named(written, calibration, diagnostics):
    bare = replace(diagnostics, columns={})
    text = " ".join(written(calibration, bare).text.split())
    assert text.count("Not recorded by this calibration:") == 5
    assert "walk_charge, walk_delay, walk_model" in text


def test_own_sections_are_offered_through_the_hook_like_any_other(sections):
    assert set(sections) == {record.name for record in builtin.kzcal_report_sections()}
    assert {record.provider for record in sections.values()} == {"kzcal"}
