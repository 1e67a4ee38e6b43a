"""What holds for every part that a plugin offers."""

from __future__ import annotations

from typing import Any, ClassVar

from kzcal.components import Component
from kzcal.plugins import NAME


class ComponentContract:
    """Laws of every record; a contract of one kind adds the laws of what it builds.

    Set ``component`` to the record that the hook yields.
    """

    component: ClassVar[Component[Any]]
    record_type: ClassVar[type[Component[Any]]] = Component

    def test_the_record_is_of_the_kind_that_its_hook_yields(self) -> None:
        """A hook refuses records of another kind."""
        expected = self.record_type.__name__
        assert isinstance(self.component, self.record_type), f"component must be a {expected}"

    def test_the_record_has_a_name_and_a_summary(self) -> None:
        """Users choose by name and read the summary in ``kzcal plugins``."""
        assert NAME.fullmatch(self.component.name), "a name is lower-case words joined by hyphens"
        assert self.component.summary.strip(), "a summary says in one line what the part is"
        assert "\n" not in self.component.summary, "a summary is one line"
