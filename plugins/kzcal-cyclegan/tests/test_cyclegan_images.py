"""The paper's CycleGAN: images there and back, its networks, its pool, and what it cannot do."""

import numpy as np
import pytest
import torch
from cyclegan_hits import DETECTOR, TUBES, detector_of, lit
from kzcal_cyclegan import CYCLEGAN
from kzcal_cyclegan.image_sampling import ImageTranslator
from kzcal_cyclegan.images import SIDE, Panel
from kzcal_cyclegan.networks import image_generator, patch_critic
from kzcal_cyclegan.pool import ImagePool
from kzcal_cyclegan.runs import Batch, RunTensors, Tubes

from kzcal.errors import ConfigurationError
from kzcal.learning import TranslatorTask

CPU = torch.device("cpu")
ALIVE = torch.ones(DETECTOR.n_pmt, dtype=torch.bool)
PANEL = Panel.of(TUBES, ALIVE)


def test_images_hold_what_one_hit_of_each_pmt_says() -> None:
    """Event, PMT, time and charge come back where no PMT has two hits."""
    event = torch.arange(3).repeat_interleave(50)
    generator = torch.Generator().manual_seed(1)
    pmt = torch.cat([torch.randperm(DETECTOR.n_pmt, generator=generator)[:50] for _ in range(3)])
    time = torch.rand(150, generator=generator) * 400 - 100
    charge = 0.4 + 5 * torch.rand(150, generator=generator)
    run = RunTensors.of(lit(3), TUBES)
    hits = Batch(run.all.events, event, pmt, time, charge)
    back = PANEL.hits(PANEL.images(hits))
    order = torch.argsort(event * DETECTOR.n_pmt + pmt)
    assert torch.equal(back[0], event[order])
    assert torch.equal(back[1], pmt[order])
    torch.testing.assert_close(back[2], time[order], atol=1e-3, rtol=0)
    torch.testing.assert_close(back[3], charge[order], atol=0, rtol=1e-4)


def test_every_pmt_has_a_pixel_of_its_own() -> None:
    """On average less than two pixels from where its angles are."""
    assert len(torch.unique(PANEL.pixel)) == DETECTOR.n_pmt
    theta = torch.arccos(TUBES.direction[:, 2]) / torch.pi * SIDE - 0.5
    assert float((PANEL.pixel // SIDE - theta).abs().mean()) < 2.0


def test_more_pmts_than_pixels_are_refused() -> None:
    """Two would share a pixel."""
    many = SIDE * SIDE + 1
    tubes = Tubes.of(detector_of(np.arange(many) % DETECTOR.n_pmt), CPU)
    with pytest.raises(ConfigurationError, match=f"at most 4096 PMTs.*got {many}"):
        Panel.of(tubes, torch.ones(many, dtype=torch.bool))


def test_networks_have_the_papers_size() -> None:
    """7.8 million weights of a generator of 6 blocks, 2.8 million of a critic, at 3 channels.

    Source of the numbers: the layers of arXiv:1703.10593, appendix 7.2, added up with biases.
    """
    n_generator, n_critic = (
        sum(p.numel() for p in network.parameters())
        for network in (image_generator(64, 6, channels=3), patch_critic(64, channels=3))
    )
    layers = [(3, 64, 7), (64, 128, 3), (128, 256, 3), *([(256, 256, 3)] * 12)]
    layers += [(256, 128, 3), (128, 64, 3), (64, 3, 7)]
    assert n_generator == sum(i * o * k * k + o for i, o, k in layers)
    steps = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    assert n_critic == sum(16 * i * o + o for i, o in steps)
    assert patch_critic(4)(torch.zeros(1, 2, SIDE, SIDE)).shape == (1, 1, 6, 6)


def test_a_pool_gives_back_old_fakes_at_even_chance() -> None:
    """First it fills up; later about half are old ones. 4 sigma of 200 draws: 6e-5."""
    pool, generator = ImagePool(4, CPU), torch.Generator().manual_seed(2)
    first = torch.full((4, 2, SIDE, SIDE), 1.0)
    assert torch.equal(pool.exchange(first, generator=generator), first)
    old = 0
    for step in range(200):
        new = torch.full((1, 2, SIDE, SIDE), 2.0 + step)
        old += int(not torch.equal(pool.exchange(new, generator=generator), new))
    assert abs(old - 100) < 4 * np.sqrt(50)
    assert torch.equal(ImagePool(0, CPU).exchange(first, generator=generator), first)


def test_one_image_has_one_answer() -> None:
    """Without a noise input the same photoelectrons always give the same hits: no spread."""
    weights = {
        **image_generator(4, 1).state_dict(),
        "alive": ALIVE,
        "pixel": PANEL.pixel,
        "sizes": torch.tensor([4, 1]),
    }
    translator, events = ImageTranslator(weights, DETECTOR, CPU), lit(3)
    first, second = (
        translator.translate(events, DETECTOR, generator=np.random.default_rng(seed)).hits
        for seed in (1, 2)
    )
    assert np.array_equal(first.time, second.time)
    assert np.array_equal(first.charge, second.charge)


def test_numbers_of_a_step_say_how_images_change() -> None:
    """The names that the sparse one tells, too."""
    chosen = {option.name: option.default for option in CYCLEGAN.options}
    chosen |= {"faithful": 1.0, "images": 2.0, "filters": 4.0, "blocks": 1.0}
    assert CYCLEGAN.learn is not None
    task = TranslatorTask(lit(4), lit(4, seed=2), 1.0, False, DETECTOR, CPU, 1)
    told = CYCLEGAN.learn(task, **chosen).step()
    assert {"dark", "spread", "unchanged", "cycle_dtq", "identity"} <= set(told)
    assert 0.0 <= told["unchanged"] <= 1.0
