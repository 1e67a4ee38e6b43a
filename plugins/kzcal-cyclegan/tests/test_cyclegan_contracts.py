"""Both CycleGANs against the contract of translators that learn."""

from types import MappingProxyType

from kzcal_cyclegan import CYCLEGAN

from kzcal.testing import LearnedTranslatorContract


class TestSparse(LearnedTranslatorContract):
    """The CycleGAN on sparse hits."""

    component = CYCLEGAN
    n_events = 24
    options = MappingProxyType({"batch": 8.0})


class TestImages(LearnedTranslatorContract):
    """That of the paper, small; the pools overflow, so that exchanging is part of resuming."""

    component = CYCLEGAN
    n_events = 24
    options = MappingProxyType(
        {"faithful": 1.0, "images": 2.0, "filters": 4.0, "blocks": 1.0, "pool": 3.0}
    )
