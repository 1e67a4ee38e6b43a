"""The contract of a translator that learns."""

from kzcal_fitted_response import FITTED_RESPONSE

from kzcal.testing.learning import LearnedTranslatorContract


class TestFittedResponse(LearnedTranslatorContract):
    component = FITTED_RESPONSE
