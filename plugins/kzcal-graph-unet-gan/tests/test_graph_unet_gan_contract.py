"""Both versions keep the contract of translators that learn."""

from types import MappingProxyType

from kzcal_graph_unet_gan import GRAPH_UNET_GAN

from kzcal.testing.learning import LearnedTranslatorContract

SMALL = {"channels": 4.0, "depth": 1.0, "neighbours": 2.0, "batch": 1.0}


class TestMended(LearnedTranslatorContract):
    component = GRAPH_UNET_GAN
    options = MappingProxyType(SMALL)
    n_events = 24


class TestFaithful(LearnedTranslatorContract):
    component = GRAPH_UNET_GAN
    options = MappingProxyType({**SMALL, "faithful": 1.0})
    n_events = 12
