"""What ``kzcal evaluate`` reads where candidates were scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzcal.errors import ConfigurationError

if TYPE_CHECKING:
    from jaxtyping import Int64
    from numpy import ndarray

    from kzcal.evaluate.scored import Labelled, Scored, ScoreFiles


@dataclass(frozen=True, slots=True, eq=False)
class CandidateFiles:
    """Files of labelled candidates.

    Args:
        paths: of the files.
        digests: SHA-256 of each.
        purpose: of all of them.
        detector: name of that of all of them.
        events: number of every candidate of each file.
        labelled: candidates of the kinds that are asked for.
    """

    paths: tuple[Path, ...]
    digests: tuple[str, ...]
    purpose: str
    detector: str
    events: tuple[Int64[ndarray, " candidate"], ...]
    labelled: tuple[Labelled, ...]

    @classmethod
    def of(
        cls,
        paths: Sequence[Path],
        kinds: tuple[Sequence[str], Sequence[str]],
        last: float,
    ) -> CandidateFiles:
        """Read files, and find their candidates of some kinds.

        Args:
            paths: of the files.
            kinds: of signal and background; those that are usual where there are none.
            last: share of each kind to take, from the end of each file.

        Raises:
            ConfigurationError: a kind is in no file or in both classes, or candidates are for
                different purposes or of different detectors.
            FileFormatError: a file breaks its format.
        """
        from kzcal.evaluate.kinds import check_kinds, chosen_kinds
        from kzcal.evaluate.scored import Labelled
        from kzcal.io.candidates import CandidateFile

        read, digests, sorts = [], [], set()
        for path in paths:
            with CandidateFile(path) as file:
                read.append(file.read())
                digests.append(file.digest())
                sorts.add((file.header.purpose, file.header.detector))
        if len(sorts) > 1:
            told = " and ".join(f"{purpose} in {detector}" for purpose, detector in sorted(sorts))
            message = (
                f"candidates that are judged together are for one purpose and of one detector, "
                f"got {told}: judge them one by one"
            )
            raise ConfigurationError(message)
        ((purpose, detector),) = sorts
        chosen = chosen_kinds(purpose, *kinds)
        check_kinds(*chosen, [candidates.truth for candidates in read])
        return cls(
            tuple(paths),
            tuple(digests),
            purpose,
            detector,
            tuple(candidates.event for candidates in read),
            tuple(Labelled.of_candidates(one, *chosen, last=last) for one in read),
        )

    def scored(self, classifiers: Sequence[ScoreFiles]) -> Scored:
        """Their candidates with the scores of every classifier."""
        from kzcal.evaluate.scored import Scored

        scores = [one.read(self.events) for one in classifiers]
        return Scored.of([one.name for one in classifiers], self.labelled, scores)

    def inputs(self, classifiers: Sequence[ScoreFiles]) -> dict[str, Any]:
        """The files, with the hashes of those that hold candidates."""
        files = zip(self.paths, self.digests, strict=True)
        return {
            "events": [{"file": str(path), "sha256": digest} for path, digest in files],
            "scores": {one.name: [str(path) for path in one.paths] for one in classifiers},
        }


def check_options(given: Mapping[str, object]) -> None:
    """Refuse options that would do nothing where candidates were scored.

    Args:
        given: values of such options by their names; what is false or None was not given.

    Raises:
        ConfigurationError: one is given.
    """
    useless = [name for name, value in given.items() if value]
    if useless:
        message = (
            f"candidates are judged by their scores and columns alone, got {', '.join(useless)}: "
            f"leave out"
        )
        raise ConfigurationError(message)


def are_candidates(paths: Sequence[Path]) -> bool:
    """Whether all files hold candidates.

    Raises:
        ConfigurationError: some do and others do not.
    """
    from kzcal.io.candidates import holds_candidates

    found = [holds_candidates(path) for path in paths]
    if any(found) and not all(found):
        message = (
            f"either candidates are judged or events, got {paths[found.index(True)]} with the one "
            f"and {paths[found.index(False)]} with the other"
        )
        raise ConfigurationError(message)
    return all(found)
