"""The contract of a translator that learns."""

from types import MappingProxyType

from kzcal_fitted_response import FITTED_RESPONSE

from kzcal.testing.learning import LearnedTranslatorContract


class TestFittedResponse(LearnedTranslatorContract):
    component = FITTED_RESPONSE
    n_events = 40
    options = MappingProxyType({"densities_from": 1.0})
