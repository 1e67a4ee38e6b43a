"""The stability page: whole, self-contained, and telling what was found."""

import re
from html.parser import HTMLParser

import pytest

from kzcal.monitor.alarms import SEVERITY, Alarm
from kzcal.monitor.drawing import series_picture
from kzcal.monitor.page import LIGHTS, lights, worst_pmts, write_page

VOID = {"meta", "br", "img", "link", "hr"}


class Balance(HTMLParser):
    """Follows which elements are open."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.targets = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.targets += [value[1:] for name, value in attrs if name == "href" and value[0] == "#"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        pass


@pytest.fixture(scope="module")
def page(changed, detector, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    write_page(path, changed, detector)
    return path.read_text()


def test_the_page_is_well_formed_and_its_links_lead_somewhere(page):
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert parser.targets
    assert set(parser.targets) <= set(parser.ids)


def test_the_page_needs_no_other_file(page):
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert "prefers-color-scheme: dark" in page


def test_what_was_found_is_on_the_page(page, changed):
    for alarm in changed.alarms:
        assert alarm.text.replace("'", "&#39;") in page
    assert page.count('<svg class="series"') >= len(worst_pmts(changed))
    assert "runs 15001 to 15005" in page


def test_lights_look_back_a_few_runs():
    died = Alarm("died", 7, (3,), "", "good before, dead now", float("inf"))
    gain = Alarm("gain step", 9, (4,), "gain", "gain", 6.0)
    note = Alarm("came back", 9, (5,), "", "dead before, good now", float("inf"))
    now = {light.name: light for light in lights([died, gain, note], 10)}
    assert (now["PMTs alive"].colour, now["PMTs alive"].recent) == ("red", 1)
    assert now["charge"].colour == "amber"
    assert now["times"].colour == "green"
    later = {light.name: light for light in lights([died, gain, note], 14)}
    assert {light.colour for light in later.values()} == {"green"}
    assert later["PMTs alive"].total == 1


def test_every_kind_of_alarm_but_unsteadiness_has_a_light():
    shown = {kind for kinds in LIGHTS.values() for kind in kinds}
    assert set(SEVERITY) - shown == {"unsteady", "drift bends"}


def test_a_series_is_drawn_with_its_change(changed):
    runs = changed.record.runs
    drawn = series_picture(changed.divided["gain"], 3, runs, "PMT 3 & gain")
    assert drawn.count('class="change"') == 1
    assert drawn.count('class="point"') == len(runs)
    assert "PMT 3 &amp; gain" in drawn
    assert "changes: run 15006" in drawn


def test_a_series_without_measurements_is_not_drawn(quiet):
    dead = 17
    assert series_picture(quiet.divided["gain"], dead, quiet.record.runs, "PMT 17") == ""
