"""Which events are compared."""

from dataclasses import replace

import numpy as np
import pytest
from scored_events import run_of

from kzcal.errors import ConfigurationError
from kzcal.hits import FORCED, PHYSICS
from kzcal.scorecard.populations import matched, paired


def test_events_of_the_second_are_cut_to_those_of_the_first_in_their_order():
    events = run_of(1, 60).events
    first = events.take(np.array([40, 3, 17]))
    rows = matched(first, events)
    assert rows[0].tolist() == [0, 1, 2]
    assert rows[1].tolist() == [40, 3, 17]
    assert paired(first, events, rows)


def test_copies_of_an_event_need_it_once():
    events = run_of(1, 60).events
    first = events.take(np.array([5, 5, 9, 9]))
    mine, other = matched(first, events)
    assert mine.tolist() == [0, 1, 2, 3]
    assert other.tolist() == [5, 9]
    assert not paired(first, events, (mine, other))


@pytest.mark.parametrize("same_run", [True, False])
def test_equal_numbers_of_other_events_mean_nothing(same_run):
    first, second = run_of(1, 80).events, run_of(2, 90).events
    mine, other = matched(first, second, same_run=same_run)
    assert len(mine) == 80
    assert len(other) == 90


def test_a_kind_that_one_file_lacks_is_left_out_of_the_other():
    first, second = run_of(1, 80).events, run_of(2, 90).events
    lit = first.take(first.physics)
    mine, other = matched(lit, second, same_run=False)
    assert len(mine) == len(lit)
    assert np.array_equal(other, np.flatnonzero(second.trigger == PHYSICS))


def test_files_without_a_kind_in_common_are_refused():
    events = run_of(1, 80).events
    lit, dark = events.take(events.physics), events.take(events.trigger == FORCED)
    with pytest.raises(ConfigurationError, match="kinds of events that both have"):
        matched(lit, replace(dark, event=dark.event + 1000))
