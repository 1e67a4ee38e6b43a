"""How ``kzcal evaluate`` judges what it is given: events with hits, or candidates."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzcal.cli.output import plain, progress
from kzcal.components import HITS

if TYPE_CHECKING:
    from kzcal.cli.evaluate_inputs import Conditions
    from kzcal.cli.session import Session
    from kzcal.evaluate.config import EvaluationConfig
    from kzcal.evaluate.evaluation import Evaluation
    from kzcal.evaluate.scored import ScoreFiles
    from kzcal.geometry import Detector


@dataclass(frozen=True, slots=True)
class Request:
    """What shall be judged.

    Args:
        classifiers: with their files of scores.
        files: of events or candidates that were scored.
        kinds: of signal and background that were asked for, perhaps none.
        last: share of each kind to judge, from the end of each file.
        config: the settings.
        model: whose looks are studied; None for no such study.
        data: run with tagged events, and its scores; None without.
        simulated: events of the tagged kind, and their scores; None for the background.
        sample: that tags events of the data.
        device: where a model calculates, as users name it.
    """

    classifiers: tuple[ScoreFiles, ...]
    files: tuple[Path, ...]
    kinds: tuple[tuple[str, ...], tuple[str, ...]]
    last: float
    config: EvaluationConfig
    model: Path | None = None
    data: tuple[Path, Path] | None = None
    simulated: tuple[Path, Path] | None = None
    sample: str = ""
    device: str = "cpu"

    def told(
        self, files: dict[str, Any], kinds: tuple[tuple[str, ...], tuple[str, ...]]
    ) -> dict[str, Any]:
        """What the page says of it: the files that were read, and the kinds that were meant."""
        inputs = files | {"signal": kinds[0], "background": kinds[1], "last": self.last}
        inputs |= {"model": self.model, "data": self.data}
        inputs |= {"simulated": self.simulated, "sample": self.sample}
        return {k: v for k, v in plain(inputs).items() if v is not None}


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What was found.

    Args:
        evaluation: the numbers.
        inputs: what they were found from.
        detector: name of that of all files.
    """

    evaluation: Evaluation
    inputs: dict[str, Any]
    detector: str


def judged_candidates(request: Request) -> Judged:
    """Judge scores of candidates."""
    from kzcal.cli.evaluate_candidates import CandidateFiles
    from kzcal.evaluate.evaluation import evaluate
    from kzcal.evaluate.kinds import chosen_kinds

    read = CandidateFiles.of(request.files, request.kinds, request.last)
    found = evaluate(read.scored(request.classifiers), request.config)
    kinds = chosen_kinds(read.purpose, *request.kinds)
    return Judged(found, request.told(read.inputs(request.classifiers), kinds), read.detector)


def judged_events(
    request: Request, session: Session, detector: Detector, conditions: Conditions
) -> Judged:
    """Judge scores of events, and what a model looks at.

    Args:
        request: what shall be judged.
        session: of the command.
        detector: of all files.
        conditions: which constants correct hits.
    """
    from kzcal.cli.evaluate_inputs import EventFiles, agreed
    from kzcal.evaluate.evaluation import evaluate
    from kzcal.evaluate.kinds import chosen_kinds
    from kzcal.evaluate.occlusion import n_scorings

    kinds, config = chosen_kinds(HITS, *request.kinds), request.config
    with ExitStack() as stack:
        read = EventFiles.of(
            session, stack, request.files, detector, conditions, kinds, request.last
        )
        found = evaluate(read.scored(request.classifiers), config)
        if request.data is not None:
            first, made = request.classifiers[0], request.simulated
            agreement = agreed(read, first, request.data, request.sample, made, config)
            found = replace(found, agreement=agreement)
        if request.model is not None:
            total = n_scorings(len(config.dead))
            with progress("asking the model", total, quiet=session.quiet) as advance:
                looked = read.looked(request.model, request.device, config, advance)
            found = replace(found, looked=looked)
        inputs = read.inputs(request.classifiers)
    return Judged(found, request.told(inputs, kinds), detector.name)
