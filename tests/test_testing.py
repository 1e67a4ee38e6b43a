"""The contracts catch those who break them: every law can fail."""

import inspect
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from thinning import THINNING, Counting

from kzcal import testing
from kzcal.components import (
    Classifier,
    Command,
    Estimator,
    EventFormat,
    Fitter,
    Option,
    ReportSection,
    Sample,
    Source,
    Translator,
)
from kzcal.conditions.payload import Column
from kzcal.io.source import Hdf5Reader
from kzcal.particles import ALPHA, Primaries
from kzcal.parts import Minimum, Selection
from kzcal.testing import (
    ClassifierContract,
    CommandContract,
    EstimatorContract,
    EventFormatContract,
    FitterContract,
    LearnedTranslatorContract,
    ReportSectionContract,
    SampleContract,
    SourceContract,
    TranslatorContract,
    synthetic_run,
)

CLOCK = iter(range(1_000_000))


def selecting(change):
    """A selection of bright events, changed."""

    class Changed:
        def select(self, events, muons, header, detector):
            rows = np.nan_to_num(events.energy) > 1.5
            return change(events, Selection(rows, 0.9, 0.1, "Counted."))

    return Sample("bright", "Bright events.", Changed)


def scribble(events, found):
    events.energy[:] = 1.0
    return found


SELECTIONS = {
    "test_rows_say_of_every_event_whether_it_belongs": lambda e, s: replace(
        s, rows=np.flatnonzero(s.rows)
    ),
    "test_purity_is_a_share_with_an_error_and_a_note": lambda e, s: replace(s, purity=1.2),
    "test_the_same_run_gives_the_same_sample": lambda e, s: replace(
        s, purity=1.0 / (2 + next(CLOCK))
    ),
    "test_the_run_is_left_as_it_was": scribble,
    "test_the_order_of_events_has_no_meaning": lambda e, s: replace(
        s, rows=np.arange(len(s.rows)) < 10
    ),
    "test_a_run_without_events_or_muons_has_an_empty_sample": lambda e, s: replace(
        s, rows=np.ones(max(len(e), 1), bool)
    ),
}


def estimating(change=lambda c: c, accumulate=None):
    """The mean charge of every PMT, changed."""

    class Changed:
        def __init__(self):
            self.total, self.counts = np.zeros(1879), np.zeros(1879)

        def accumulate(self, chunk):
            hits = chunk.events.hits
            self.counts += np.bincount(hits.pmt, minlength=1879)
            self.total += np.bincount(hits.pmt, hits.charge, minlength=1879)
            if accumulate:
                accumulate(self, chunk)

        def estimate(self):
            n = np.maximum(self.counts, 1)
            return {"charge": change(Column(self.total / n, "p.e.", "Mean charge.", 1 / n))}

    return Estimator("charge", "Mean charge.", Changed)


SHARED = np.zeros(1879)


def remember(_self, chunk):
    global SHARED
    SHARED = SHARED + np.bincount(chunk.events.hits.pmt, minlength=1879)
    _self.total = SHARED


ESTIMATORS = {
    "test_every_column_has_a_row_per_pmt_a_unit_and_words": estimating(
        lambda c: replace(c, unit="")
    ),
    "test_errors_are_positive_where_values_are_known": estimating(
        lambda c: replace(c, errors=0 * c.errors)
    ),
    "test_the_split_into_chunks_has_no_meaning": estimating(
        accumulate=lambda self, chunk: self.total.__iadd__(1)
    ),
    "test_two_estimators_share_nothing": estimating(accumulate=remember),
    "test_a_run_without_events_is_no_error": estimating(
        accumulate=lambda self, chunk: chunk.events.energy.reshape(-1)[0]
    ),
}


def scoring(score):
    class Changed:
        def score(self, events, muons, detector):
            return score(events)

    return Classifier("bright", "How bright.", Changed)


CLASSIFIERS = {
    "test_every_event_has_a_finite_score": scoring(lambda e: e.energy.astype(float)),
    "test_the_same_run_gives_the_same_scores": scoring(lambda e: np.full(len(e), next(CLOCK))),
    "test_the_order_of_events_has_no_meaning": scoring(lambda e: np.arange(len(e), dtype=float)),
    "test_a_run_without_events_has_no_score": scoring(lambda e: np.zeros(max(len(e), 1))),
}


def rendering(html, **more):
    class Changed:
        def render(self, calibration, diagnostics, detector, previous):
            return html() if previous is None else more.get("later", "<p>Later.</p>")

    return ReportSection("words", "Words.", Changed)


SECTIONS = {
    "test_it_is_a_fragment_of_html_with_every_tag_closed": rendering(lambda: "<div><p>Open."),
    "test_it_is_self_contained": rendering(lambda: '<img src="https://example.org/a.png">'),
    "test_a_previous_calibration_is_welcome": rendering(lambda: "<p>First.</p>", later=""),
    "test_the_same_payloads_give_the_same_section": rendering(lambda: f"<p>{next(CLOCK)}</p>"),
}


def decaying(change, option="energy"):
    class Changed:
        def __init__(self, energy=5.0):
            self.energy = energy

        def sample(self, n, *, generator):
            alphas = np.full(2 * n, ALPHA, np.int32)
            energy = generator.uniform(0, self.energy / 2, 2 * n)
            along = np.tile([[0.0, 0.0, 1.0]], (2 * n, 1))
            columns = alphas, energy, np.tile([0.0, 1.0], n), along
            return change(Primaries(2 * np.arange(n + 1), *columns))

    options = (Option(option, 5.0, "MeV", "Most energy."),)
    return Source("alphas", "Two alphas.", Changed, q_value=5.0, options=options)


SOURCES = {
    "test_offsets_and_columns_fit_together": decaying(lambda d: replace(d, offsets=d.offsets[1:])),
    "test_particles_are_possible": decaying(lambda d: replace(d, energy=-d.energy)),
    "test_particles_follow_the_decay_in_order_of_time": decaying(
        lambda d: replace(d, time=d.time[::-1])
    ),
    "test_no_decay_gives_more_than_q": decaying(lambda d: replace(d, energy=3.0 * d.energy)),
    "test_the_same_generator_gives_the_same_decays": decaying(
        lambda d: replace(d, time=d.time + next(CLOCK))
    ),
    "test_no_decay_is_no_error": decaying(lambda d: replace(d, energy=np.append(d.energy, 1.0))),
    "test_options_have_words_and_a_default_that_means_what_it_says": decaying(
        lambda d: d, option="no option"
    ),
}


def translating(change):
    class Changed:
        def translate(self, events, detector, *, generator):
            return change(events)

    return Translator("same", "Nothing changes.", Changed)


def with_hits(events, **columns):
    return replace(events, hits=replace(events.hits, **columns))


TRANSLATORS = {
    "test_events_stay_and_hits_are_possible": translating(
        lambda e: with_hits(e, pmt=e.hits.pmt + np.uint16(2000))
    ),
    "test_the_same_generator_gives_the_same_hits": translating(
        lambda e: with_hits(e, time=e.hits.time + np.float32(next(CLOCK)))
    ),
    "test_a_run_without_events_is_no_error": translating(
        lambda e: e if len(e) else synthetic_run(n_events=3).events
    ),
}


def learning(option=THINNING.options[0], **changes):
    """A translator that learns by counting, with some methods changed."""
    changed = type("Changed", (Counting,), changes)
    return replace(THINNING, learn=changed, options=(option,))


def forgetful(self, state):
    self.counts = state["counts"].clone()


def spoilt(self, events, detector, *, generator):
    self.counts += 1.0
    return Counting.translate(self, events, detector, generator=generator)


def from_elsewhere(self):
    return {"share": torch.full((1879,), 0.9)}


LEARNERS = {
    "test_options_have_words": learning(replace(THINNING.options[0], unit=" ")),
    "test_a_step_tells_finite_numbers": learning(step=lambda self: {"loss": np.nan}),
    "test_the_same_seed_gives_the_same_weights": learning(
        weights=lambda self: {"share": torch.full((1879,), float(next(CLOCK)))}
    ),
    "test_resuming_changes_no_bit": learning(restore=forgetful),
    "test_translating_does_not_disturb_the_training": learning(translate=spoilt),
    "test_weights_are_all_that_a_translation_needs": learning(
        translate=lambda self, events, detector, *, generator: events
    ),
    "test_dead_pmts_stay_dead": learning(weights=from_elsewhere),
}


def fitting(change, ask=(1.05, 17.0)):
    class Changed:
        def minimise(self, objective, parameters, *, seed):
            best = np.array([1.05, 17.0])
            objective(np.array(ask))
            covariance = np.array(FitterContract.covariance)
            return change(Minimum(best, covariance, objective(best), 2))

    return Fitter("known", "Knows the answer.", Changed)


FITTERS = {
    "test_the_minimum_is_found": fitting(lambda m: replace(m, values=m.values * 1.1)),
    "test_the_covariance_is_that_of_the_objective": fitting(
        lambda m: replace(m, covariance=m.covariance / 2)
    ),
    "test_the_same_seed_gives_the_same_minimum": fitting(
        lambda m: replace(m, values=m.values + 1e-6 * next(CLOCK))
    ),
    "test_parameters_stay_in_their_ranges": fitting(lambda m: m, ask=(1.05, 170.0)),
}

WORDLESS = Command("wordless", "No words.", lambda: click.Command("wordless"))
GREEDY = Command(
    "greedy",
    "Takes any option.",
    lambda: click.Command("greedy", context_settings={"ignore_unknown_options": True}),
)
COMMANDS = {
    "test_help_says_what_the_command_does": WORDLESS,
    "test_an_unknown_option_is_a_usage_error": replace(
        GREEDY,
        build=lambda: click.Command(
            "greedy",
            params=[click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED)],
            context_settings={"ignore_unknown_options": True},
        ),
    ),
}

BROKEN = [
    *((SampleContract, law, selecting(change)) for law, change in SELECTIONS.items()),
    *((EstimatorContract, law, part) for law, part in ESTIMATORS.items()),
    *((ClassifierContract, law, part) for law, part in CLASSIFIERS.items()),
    *((ReportSectionContract, law, part) for law, part in SECTIONS.items()),
    *((SourceContract, law, part) for law, part in SOURCES.items()),
    *((TranslatorContract, law, part) for law, part in TRANSLATORS.items()),
    *((LearnedTranslatorContract, law, part) for law, part in LEARNERS.items()),
    *((FitterContract, law, part) for law, part in FITTERS.items()),
    *((CommandContract, law, part) for law, part in COMMANDS.items()),
]
WHOLE = [
    (SampleContract, selecting(lambda e, s: s)),
    (EstimatorContract, estimating()),
    (ClassifierContract, scoring(lambda e: e.hits.counts.astype(float))),
    (ReportSectionContract, rendering(lambda: "<p>Words.</p>")),
    (SourceContract, decaying(lambda d: d)),
    (TranslatorContract, translating(lambda e: e)),
    (LearnedTranslatorContract, learning()),
    (FitterContract, fitting(lambda m: m)),
]


def subject(contract: type, component: object) -> object:
    return type("TestSubject", (contract,), {"component": component})()


@pytest.mark.parametrize(("contract", "law", "component"), BROKEN, ids=lambda value: str(value))
def test_a_contract_finds_who_breaks_this_law(contract: type, law: str, component: object):
    with pytest.raises((AssertionError, IndexError)):
        getattr(subject(contract, component), law)()


@pytest.mark.parametrize(("contract", "component"), WHOLE, ids=lambda value: str(value))
def test_a_contract_lets_the_faultless_pass(contract: type, component: object):
    for name, _ in inspect.getmembers(contract, inspect.isfunction):
        if name.startswith("test_"):
            getattr(subject(contract, component), name)()


def test_every_law_of_every_contract_is_broken_above():
    laws = {
        (contract.record_type, name)
        for contract in vars(testing).values()
        if inspect.isclass(contract) and issubclass(contract, testing.ComponentContract)
        for name in vars(contract)
        if name.startswith("test_") and contract is not testing.ComponentContract
    }
    broken = {(contract.record_type, law) for contract, law, _ in BROKEN}
    formats = {(EventFormat, law) for law in vars(EventFormatContract) if law.startswith("test_")}
    assert laws - broken == formats


class Careless(Hdf5Reader):
    """Takes every file, forgets hits and reads what is left of a truncated file."""

    def recognise(self, path: Path) -> bool:
        return True

    def open(self, path, detector):
        intact = path.parent / "intact.h5"
        source = super().open(intact, detector)
        chunks = source.chunks
        source.chunks = lambda hits_per_chunk=9: list(chunks())[: hits_per_chunk - 8]
        return source


@pytest.mark.parametrize(
    "law", sorted(law for law in vars(EventFormatContract) if law.startswith("test_"))
)
def test_the_contract_of_formats_finds_a_careless_reader(law: str, tmp_path: Path):
    def example(_self, directory: Path) -> Path:
        from kzcal.io.events import write_events

        run = synthetic_run(n_events=20)
        write_events(directory / "intact.h5", run.header, [run.events], run.muons)
        path = directory / "events.h5"
        path.write_bytes((directory / "intact.h5").read_bytes())
        return path

    component = EventFormat("careless", "Reads on.", Careless)
    members = {"component": component, "example": example}
    broken = type("TestCareless", (EventFormatContract,), members)()
    with pytest.raises(AssertionError):
        getattr(broken, law)(tmp_path)


def test_a_record_of_another_kind_or_without_words_is_found():
    wrong = subject(SampleContract, Estimator("charge", "Mean charge.", list))
    with pytest.raises(AssertionError, match="Sample"):
        wrong.test_the_record_is_of_the_kind_that_its_hook_yields()
    nameless = subject(SampleContract, Sample("No Name", " ", list))
    with pytest.raises(AssertionError, match="lower-case"):
        nameless.test_the_record_has_a_name_and_a_summary()


def test_the_synthetic_run_is_the_same_for_the_same_seed_and_in_time_order():
    run, again, other = synthetic_run(3), synthetic_run(3), synthetic_run(4)
    assert np.array_equal(run.events.hits.time, again.events.hits.time)
    assert not np.array_equal(run.events.timestamp, other.events.timestamp)
    assert (np.diff(run.events.timestamp) >= 0).all()
    assert run.events.hits.pmt.max() < run.detector.n_pmt
    assert len(run.table.hits.pmt) == 0
    assert len(run.table) == len(run.events)
