"""What the options before the command say, for the commands that want to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from kzcal.geometry import Detector
    from kzcal.io.source import EventSource
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

    def announce_light_map(self, detector: Detector) -> None:
        """Say on stderr that the detector's light map has to be traced, if it is not kept yet."""
        from kzcal.geometry.materials import load_materials
        from kzcal.optics.light_map_cache import place_of

        place = place_of(detector, load_materials())
        if not self.quiet and not place.exists():
            text = f"tracing the light map of {detector.name} once (a minute), for {place}"
            click.echo(text, err=True)

    def open_events(self, path: Path, detector: Detector) -> EventSource:
        """Open a file of events in any format that kzcal or a plugin reads."""
        from kzcal.io.source import open_events

        formats = self.plugins().event_formats
        return open_events(path, detector, {name: f.build() for name, f in formats.items()})


pass_session = click.make_pass_decorator(Session, ensure=True)
