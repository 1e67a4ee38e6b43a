"""Contracts held to account: parts that break one law each, and laws that nobody breaks."""

import inspect
from collections.abc import Sequence
from itertools import count
from types import ModuleType

import pytest

from kzcal.testing import ComponentContract

CLOCK = count(1)
"""Another number at each look, for parts that are never twice the same."""

Broken = tuple[type[ComponentContract], str, object]
"""A contract, one of its laws, and a part that breaks it."""


def subject(contract: type[ComponentContract], component: object) -> ComponentContract:
    """The contract of a part."""
    return type("TestSubject", (contract,), {"component": component})()


def name_of(value: object) -> str:
    """What a contract, a law or a part is called in the name of a test."""
    return str(getattr(value, "__name__", getattr(value, "name", value)))


def assert_finds_the_culprit(
    contract: type[ComponentContract], law: str, component: object
) -> None:
    """The law does not let a part pass that breaks it."""
    with pytest.raises((AssertionError, IndexError)):
        getattr(subject(contract, component), law)()


def assert_lets_pass(contract: type[ComponentContract], component: object) -> None:
    """A faultless part keeps every law."""
    laws = laws_of(contract)
    assert laws
    for law in laws:
        getattr(subject(contract, component), law)()


def laws_of(contract: type[ComponentContract]) -> list[str]:
    """Names of the laws of a contract, inherited ones included."""
    return [
        name
        for name, _ in inspect.getmembers(contract, inspect.isfunction)
        if name.startswith("test_")
    ]


def never_broken(module: ModuleType, broken: Sequence[Broken]) -> set[tuple[str, str]]:
    """Laws that a module writes down and no part in a list breaks, with their contracts.

    Who breaks a law by one contract breaks it by those that it inherits from.
    """
    contracts = [c for c in vars(module).values() if inspect.isclass(c)]
    written = {
        (contract.__name__, law)
        for contract in contracts
        if issubclass(contract, ComponentContract) and contract.__module__ == module.__name__
        for law in vars(contract)
        if law.startswith("test_")
    }
    assert written, f"{module.__name__} writes down laws"
    return written - {(c.__name__, law) for contract, law, _ in broken for c in contract.__mro__}
