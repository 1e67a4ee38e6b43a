"""``kzcal bdt-importance``: what each input of boosted trees is worth."""

from __future__ import annotations

from pathlib import Path

import click

from kzcal.cli.output import emit, json_option, table

RESULT = "importance.json"
FILE = click.Path(path_type=Path)


@click.command()
@click.argument("model", type=FILE)
@click.argument("pairs", type=FILE)
@click.option(
    "--out",
    type=FILE,
    required=True,
    help="Directory for OUT/index.html and OUT/importance.json; made where there is none.",
)
@json_option
def bdt_importance(model: Path, pairs: Path, out: Path, as_json: bool) -> None:
    """Tell what each input of boosted trees is worth, for a file of pairs.

    MODEL is a directory of `kzcal train bdt`, PAIRS one of `kzcal coincidence build --with ibd`.
    What an input adds to the logit of a pair is its Shapley value (TreeSHAP); the mean of its size
    and the share of the loss that the trees' questions about it have saved are told for each.
    """
    from kzcal.cli.report import made_directory
    from kzcal.io.candidates import read_candidates
    from kzcal_bdt.importance import importance
    from kzcal_bdt.model import opened_trees, signal_of
    from kzcal_bdt.page import PAGE, importance_rows, write_importance, write_result

    page = made_directory(out) / PAGE
    boosters, manifest = opened_trees(model)
    candidates = read_candidates(pairs)
    found = importance(boosters, candidates)
    inputs = {"model": str(model), "pairs": str(pairs)}
    write_importance(page, found, signal_of(candidates, manifest), inputs)
    result = {"n_pairs": len(candidates), "importance": found.as_dict(), "inputs": inputs}
    write_result(out / RESULT, result)
    rows = table(("input", "adds to the logit", "share of gain"), importance_rows(found))
    emit(result, as_json, f"{rows}\n{len(candidates)} pairs: {page}")
