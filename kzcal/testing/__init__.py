"""Contracts that a plugin's author inherits, and the small synthetic run that they use.

    from kzcal.testing import SampleContract
    from kzcal_mine import MY_SAMPLE

    class TestMySample(SampleContract):
        component = MY_SAMPLE

Every method ``test_...`` of a contract states one law; pytest runs them as the plugin's own.
"""

from kzcal.testing.candidate_scores import LearnedCandidateContract, candidate_task
from kzcal.testing.candidates import synthetic_candidates
from kzcal.testing.classifying import (
    LearnedClassifierContract,
    classifier_events,
    classifier_task,
)
from kzcal.testing.contract import ComponentContract
from kzcal.testing.learning import LearnedTranslatorContract, translator_task
from kzcal.testing.outputs import CommandContract, EventFormatContract, ReportSectionContract
from kzcal.testing.runs import ClassifierContract, EstimatorContract, SampleContract
from kzcal.testing.simulation import FitterContract, SourceContract, TranslatorContract
from kzcal.testing.synthetic import Run, chunk_of, synthetic_run, without_hits

__all__ = [
    "ClassifierContract",
    "CommandContract",
    "ComponentContract",
    "EstimatorContract",
    "EventFormatContract",
    "FitterContract",
    "LearnedCandidateContract",
    "LearnedClassifierContract",
    "LearnedTranslatorContract",
    "ReportSectionContract",
    "Run",
    "SampleContract",
    "SourceContract",
    "TranslatorContract",
    "candidate_task",
    "chunk_of",
    "classifier_events",
    "classifier_task",
    "synthetic_candidates",
    "synthetic_run",
    "translator_task",
    "without_hits",
]
