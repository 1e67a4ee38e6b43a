"""What the options before the command say, for the commands that want to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from kzcal.plugins import Plugins


@dataclass(frozen=True, slots=True)
class Session:
    """The options of ``kzcal`` itself.

    Args:
        plugin_files: files given with ``--plugin``, beside the installed plugins.
        quiet: whether progress bars stay away.
    """

    plugin_files: tuple[Path, ...] = ()
    quiet: bool = False

    def plugins(self) -> Plugins:
        """Every built-in part, installed plugin and ``--plugin`` file."""
        from kzcal.plugins import load

        return load(self.plugin_files)


pass_session = click.make_pass_decorator(Session, ensure=True)
