"""Every hook is documented, its example works, and what the example builds keeps its contract."""

import inspect
import textwrap
from pathlib import Path

import pytest

from kzcal import hookspecs, testing
from kzcal.plugins import KINDS, load
from kzcal.testing import ComponentContract

HOOKS = {
    name.removeprefix("kzcal_"): function
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if name.startswith("kzcal_")
}
CONTRACTS = {
    contract.record_type: contract
    for contract in vars(testing).values()
    if inspect.isclass(contract) and issubclass(contract, ComponentContract)
}


def example(kind: str) -> str:
    _, _, code = inspect.getdoc(HOOKS[kind]).partition("Example::\n")
    return textwrap.dedent(code)


def laws(contract: type) -> list[str]:
    """Laws that need nothing but the record (no fixture, no example file)."""
    return [
        name
        for name, law in inspect.getmembers(contract, inspect.isfunction)
        if name.startswith("test_") and list(inspect.signature(law).parameters) == ["self"]
    ]


def test_there_are_at_most_ten_hooks_and_each_has_a_kind_and_a_contract():
    assert set(HOOKS) == set(KINDS)
    assert len(HOOKS) <= 10
    assert [record for record in KINDS.values() if record not in CONTRACTS] == []


@pytest.mark.parametrize("kind", HOOKS)
def test_a_hook_says_what_it_is_for_when_it_is_called_and_how(kind: str):
    text = inspect.getdoc(HOOKS[kind])
    first, _, rest = text.partition("\n\n")
    assert first.endswith(".")
    assert "\n" not in first
    assert rest.startswith("When: ")
    assert f"def kzcal_{kind}():" in example(kind)


@pytest.mark.parametrize("kind", HOOKS)
def test_the_example_of_a_hook_is_a_plugin_that_keeps_its_contract(kind: str, tmp_path: Path):
    path = tmp_path / "example.py"
    path.write_text(example(kind))
    offered = load([path], installed=False).by_kind()[kind]
    (record,) = [part for part in offered.values() if part.provider == "example.py"]
    contract = CONTRACTS[KINDS[kind]]
    subject = type("TestExample", (contract,), {"component": record})()
    names = laws(contract)
    assert len(names) >= 2
    for name in names:
        getattr(subject, name)()
