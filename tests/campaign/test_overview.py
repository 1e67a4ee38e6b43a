"""The page of many runs: a row for each file, and links that lead somewhere."""

import re
from pathlib import Path

from kzcal.campaign.campaign import Outcome
from kzcal.campaign.overview import counts_of, write_overview


def some(out: Path) -> list[Outcome]:
    """One of each kind."""
    report = out / "7" / "index.html"
    report.parent.mkdir(parents=True)
    report.write_text("report")
    return [
        Outcome(Path("odd <name>.h5"), None, "failed", "no <events>"),
        Outcome(Path("run7.h5"), 7, "stored", "", 3, 1870, {"events": 12345.0}, report),
        Outcome(Path("run8.h5"), 8, "present"),
        Outcome(Path("run9.h5"), 9, "stored", "the report could not be written", 4, 1869),
    ]


def test_every_file_has_a_row_and_every_link_a_page(tmp_path: Path):
    outcomes = some(tmp_path)
    page = write_overview(tmp_path, outcomes, "full-2026", "KamLAND-Zen 800")
    text = page.read_text()
    assert page == tmp_path / "index.html"
    assert text.count("<tr>") == 1 + len(outcomes)
    assert re.findall(r'<a href="([^#"]+)"', text) == ["7/index.html"]
    assert (tmp_path / "7/index.html").exists()
    assert "Calibration of 4 runs" in text
    assert "full-2026" in text
    assert "12,345" in text


def test_what_files_are_called_is_text(tmp_path: Path):
    text = write_overview(tmp_path, some(tmp_path), "t", "d").read_text()
    assert "odd &lt;name&gt;.h5" in text
    assert "no &lt;events&gt;" in text


def test_what_failed_stands_out(tmp_path: Path):
    outcomes = some(tmp_path)
    assert counts_of(outcomes) == {"stored": 2, "present": 1, "failed": 1}
    text = write_overview(tmp_path, outcomes, "t", "d").read_text()
    assert '<div class="tile alarm"><b>1</b> failed</div>' in text
    calm = write_overview(tmp_path, outcomes[1:3], "t", "d").read_text()
    assert "tile alarm" not in calm
