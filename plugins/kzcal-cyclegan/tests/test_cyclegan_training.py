"""What the game on sparse hits finds, what its parts are after, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cyclegan_hits import DETECTOR, TUBES, detector_of, lit
from kzcal_cyclegan import CYCLEGAN, cycles
from kzcal_cyclegan.backward import Guess, Opinion
from kzcal_cyclegan.critics import HitCritic, SphereCritic
from kzcal_cyclegan.features import TIMES, hats
from kzcal_cyclegan.forward import Forward
from kzcal_cyclegan.ranges import RANGES
from kzcal_cyclegan.runs import Batch, RunTensors
from kzcal_cyclegan.warm_start import begin_at_counts

from kzcal.errors import ConfigurationError
from kzcal.hits import FORCED, PHYSICS, Events, Hits
from kzcal.learning import LearningTranslator, Trained, TranslatorTask

CPU = torch.device("cpu")
ALIVE = torch.ones(DETECTOR.n_pmt, dtype=torch.bool)


def learner(source: Events, target: Events, **options: float) -> LearningTranslator:
    """A training of the CycleGAN."""
    task = TranslatorTask(source, target, 1.0, False, DETECTOR, CPU, 1)
    chosen = {option.name: option.default for option in CYCLEGAN.options}
    assert CYCLEGAN.learn is not None
    return CYCLEGAN.learn(task, **{**chosen, **options})


def batch_of(events: Events) -> Batch:
    """All events of a run as one batch."""
    return RunTensors.of(events, TUBES).take(torch.arange(len(events)))


def n_hits(learning: LearningTranslator, events: Events) -> float:
    """Hits of a translated event, on average."""
    fake = learning.translate(events, DETECTOR, generator=np.random.default_rng(3))
    return len(fake.hits.pmt) / len(events)


def test_the_game_moves_the_number_of_hits_towards_the_datas() -> None:
    """From efficiencies of one half it goes towards the data's, whether more or fewer.

    How far is not asked: the game swings about the data's number before it comes to rest.
    """
    source = lit(30)
    keep = np.random.default_rng(5).random(len(source.hits.pmt))
    for share in (0.2, 0.9):
        target = replace(source, hits=source.hits.where(keep < share))
        training = learner(source, target, batch=16, warm_start=0.0, rate=0.02)
        before = n_hits(training, source)
        for _ in range(12):
            training.step()
        wanted = len(target.hits.pmt) / len(target)
        assert abs(n_hits(training, source) - wanted) < 0.95 * abs(before - wanted)


def test_a_critic_of_hits_tells_the_share_of_data() -> None:
    """Least squares between 1 and -1 end at (data - fake) / (data + fake): 1/2 for 3 to 1."""
    torch.manual_seed(1)
    critic, hits = HitCritic(TUBES), batch_of(lit(10))
    optimiser = torch.optim.Adam(critic.parameters(), lr=0.01)
    for _ in range(150):
        said = critic(hits)
        loss = (3 * (said - 1) ** 2 + (said + 1) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(critic(hits).detach().mean()) == pytest.approx(0.5, abs=0.03)


def test_the_cycle_is_least_at_the_resolution_of_the_detector() -> None:
    """A distance would be least without any spread; the likelihood is at that of the delays."""
    n, wide = 4000, 2.0
    generator = torch.Generator().manual_seed(4)
    where = torch.randint(DETECTOR.n_pmt, (n,), generator=generator)
    event, begun = torch.zeros(n, dtype=torch.int64), torch.zeros(n)
    events = batch_of(lit(1)).events
    late = wide * torch.randn(n, generator=generator)
    hits = Batch(events, event, where, late, torch.ones(n))
    sure = torch.full((n,), 20.0)
    opinion = Opinion(sure, torch.zeros(n), torch.zeros(n), torch.zeros(n))
    guess = Guess(Batch(events, event, where, begun, torch.ones(n)), torch.ones(n), opinion)
    forward = Forward(TUBES, ALIVE)
    surprise = {}
    with torch.no_grad():
        forward.times.mean.zero_()
        forward.times.width.zero_()
        for spread in (0.25, 0.5, 1.0, 2.0, 4.0):
            forward.spread.fill_(np.log(spread))
            surprise[spread] = float(cycles.dtq_cycle(forward, hits, guess))
    assert min(surprise, key=surprise.__getitem__) == wide


def test_the_cycle_leaves_thresholds_alone() -> None:
    """Charges that are above a threshold are the likelier the higher it is; it would run away."""
    forward, hits = Forward(TUBES, ALIVE), batch_of(lit(2))
    zero = torch.zeros(len(hits.pmt))
    guess = Guess(hits, torch.ones(len(hits.pmt)), Opinion(zero, zero, zero, zero))
    loss = cycles.dtq_cycle(forward, hits, guess)
    (slope,) = torch.autograd.grad(loss, forward.level, allow_unused=True)
    assert slope is None


def test_identity_is_zero_for_pmts_that_change_nothing() -> None:
    """And grows with delays and gains."""
    forward = Forward(TUBES, ALIVE)
    assert float(cycles.identity(forward).detach()) == 0.0
    with torch.no_grad():
        forward.offset.fill_(0.5)
        forward.gain.fill_(-0.1)
    assert float(cycles.identity(forward).detach()) == pytest.approx(0.6)


def forced_triggers(rate: float, n_event: int) -> Events:
    """Of 10 us each, with dark hits at this rate per ns."""
    generator = np.random.default_rng(6)
    n = generator.poisson(rate * 1e4 * DETECTOR.n_pmt, n_event)
    pmt = generator.integers(0, DETECTOR.n_pmt, n.sum()).astype(np.uint16)
    time = generator.uniform(0, 1e4, n.sum()).astype(np.float32)
    order = np.lexsort((time, np.repeat(np.arange(n_event), n)))
    dark = Hits.from_counts(n, pmt[order], time[order], np.ones(n.sum(), np.float32))
    return replace(lit(n_event), trigger=np.full(n_event, FORCED, np.uint8), hits=dark)


def counted_dark(target: Events) -> float:
    """Dark rate of a PMT per ns that a training would begin at, on average."""
    forward = Forward(TUBES, ALIVE)
    run = RunTensors.of(target, TUBES)
    begin_at_counts(forward, RunTensors.of(lit(len(target)), TUBES), run, TUBES)
    return float(forward.dark.detach().exp().mean())


def test_dark_rates_are_counted_where_no_light_is() -> None:
    """Forced triggers of 10 us at 20 kHz; the mean of all PMTs within 4 sigma of counting."""
    rate, forced = 2e-5, forced_triggers(2e-5, 30)
    error = 4 / np.sqrt(len(forced.hits.pmt))
    assert counted_dark(forced) == pytest.approx(rate, rel=error + 1e-3)


@pytest.mark.parametrize("missing", ["vertex", "t0"])
def test_light_of_an_event_without_a_vertex_or_a_t0_is_not_dark(missing: str) -> None:
    """Physics triggers that were not reconstructed change no dark rate."""
    forced, light = forced_triggers(2e-5, 10), lit(10)
    trigger = np.repeat([FORCED, PHYSICS], 10).astype(np.uint8)
    counts = np.concatenate([forced.hits.counts, light.hits.counts])
    columns = [
        np.concatenate([getattr(events.hits, name) for events in (forced, light)])
        for name in ("pmt", "time", "charge")
    ]
    both = replace(lit(20), trigger=trigger, hits=Hits.from_counts(counts, *columns))
    unknown = np.full_like(getattr(both, missing), np.nan)
    found = counted_dark(replace(both, **{missing: unknown}))
    assert found == pytest.approx(counted_dark(forced), rel=1e-6)


def test_numbers_show_a_generator_that_changes_something() -> None:
    """A generator with noise leaves hardly a hit as it was, and makes dark ones."""
    told = learner(lit(20), lit(20), batch=8, warm_start=0.0).step()
    assert told["unchanged"] < 0.1
    assert told["spread"] > 1.0
    assert told["dark"] > 0.01


def test_bumps_add_up_to_one() -> None:
    """Also outside the centres; the sphere's patches hold every PMT."""
    value = torch.linspace(-200.0, 400.0, 101)
    rows = hats(value, torch.tensor(TIMES))
    torch.testing.assert_close(rows.sum(1), torch.ones(101))
    seen = SphereCritic(TUBES).see(batch_of(lit(3)), torch.ones(600))
    torch.testing.assert_close(seen[..., :2].sum((1, 2)), torch.full((3,), 200.0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch", 0.0),
        ("batch", np.inf),
        ("pool", -1.0),
        ("filters", 0.0),
        ("rate", -1.0),
        ("rate", np.nan),
        ("faithful", 2.7),
        ("warm_start", 0.5),
        ("cycle", -0.1),
    ],
)
def test_options_without_sense_are_refused(name: str, value: float) -> None:
    """In one sentence that names the option, its range and what was given."""
    sentence = f"{name} of cyclegan must be .* from .* to .*, got {value:g}: choose"
    with pytest.raises(ConfigurationError, match=sentence):
        learner(lit(2), lit(2), **{name: value})


def test_every_option_has_a_range_that_holds_its_default() -> None:
    """None can be forgotten."""
    assert {option.name for option in CYCLEGAN.options} == set(RANGES)
    for option in CYCLEGAN.options:
        assert isinstance(option.default, float)
        assert RANGES[option.name].holds(option.default)


SMALL_IMAGES = {"faithful": 1.0, "images": 1.0, "filters": 2.0, "blocks": 1.0}


@pytest.mark.parametrize("options", [{"batch": 2.0}, SMALL_IMAGES])
def test_another_detector_is_refused(options: dict[str, float]) -> None:
    """While it learns and afterwards."""
    training, other = learner(lit(2), lit(2), **options), detector_of(np.arange(100))
    chosen = {option.name: option.default for option in CYCLEGAN.options} | options
    trained = CYCLEGAN.build(Trained(training.weights(), chosen, DETECTOR, CPU))
    for translator in (training, trained):
        with pytest.raises(ConfigurationError, match="has 1879 PMTs, got 100: train"):
            translator.translate(lit(2), other, generator=np.random.default_rng(1))


@pytest.mark.parametrize("options", [{"batch": 2.0}, SMALL_IMAGES])
def test_a_target_of_another_window_is_refused(options: dict[str, float]) -> None:
    """A microsecond of a physics trigger is recorded nowhere in what is translated."""
    late = lit(2)
    late.hits.time[-1] = 1000.0
    with pytest.raises(ConfigurationError, match="from -150 to 350 ns, got a hit at 1000 ns"):
        learner(lit(2), late, **options)


@pytest.mark.parametrize("options", [{"batch": 2.0}, SMALL_IMAGES])
def test_a_training_leaves_the_random_state_of_others_alone(
    options: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither that of the processor moves nor are streams of a GPU seeded."""
    seeds: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    before = torch.get_rng_state()
    learner(lit(2), lit(2), **options)
    assert torch.equal(torch.get_rng_state(), before)
    assert not seeds


def test_a_side_without_light_and_a_strange_state_are_refused() -> None:
    """With a sentence that says what was wrong."""
    forced = replace(lit(5), trigger=np.full(5, FORCED, np.uint8))
    with pytest.raises(ConfigurationError, match="got 5 events without one as target"):
        learner(lit(5), forced)
    training = learner(lit(5), lit(5), batch=2)
    state = dict(training.state())
    del state["counter.step"]
    with pytest.raises(ConfigurationError, match="same options and detector"):
        training.restore(state)
