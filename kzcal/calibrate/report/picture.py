"""Figures of one sober style, embedded in the page as SVG."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator, StrMethodFormatter

TYPE_COLOURS: Mapping[int, str] = MappingProxyType({17: "#20639b", 20: "#d1701c"})
"""Colour of each PMT type; told apart by colour-blind readers and in grey."""
DATA, MODEL, FAINT, BAND, EXPECTED = "#1b1b1b", "#c0392b", "#9aa0a6", "#eceff3", "#dfe3e8"
STYLE: Mapping[Any, Any] = MappingProxyType(
    {
        "font.size": 9.0,
        "axes.titlesize": 9.0,
        "axes.titley": 1.01,
        "axes.labelsize": 9.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.7,
        "axes.edgecolor": "#444444",
        "xtick.labelsize": 8.0,
        "ytick.labelsize": 8.0,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "lines.linewidth": 1.1,
        "legend.frameon": False,
        "legend.fontsize": 8.0,
        "svg.hashsalt": "kzcal",
        "savefig.dpi": 130,
    }
)


FULL = 11.7
"""Width of a figure as wide as the page, inch."""
LEFT, RIGHT, BOTTOM, TOP = 0.62, 0.08, 0.46, 0.40
"""Margins of a figure, inch."""


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A new figure of a size in inches, in the report's style while the block draws on it.

    Its margins are fixed, since laying them out by the text takes as long as all the drawing.
    """
    with mpl.rc_context(dict(STYLE)):
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        figure.subplots_adjust(
            left=LEFT / width,
            right=1 - RIGHT / width,
            bottom=BOTTOM / height,
            top=1 - TOP / height,
            wspace=0.24,
            hspace=0.45,
        )
        yield figure


def type_legend(figure: Figure) -> None:
    """The colours of the PMT types in the upper right corner of a figure."""
    lines = [Line2D([], [], color=colour) for colour in TYPE_COLOURS.values()]
    labels = [f"{diameter}-inch" for diameter in TYPE_COLOURS]
    figure.legend(lines, labels, loc="upper right", ncols=2, borderaxespad=0)


def logarithmic(axes: Axes, largest: float) -> None:
    """A logarithmic ordinate from below one count to above the largest, with plain labels."""
    axes.set_yscale("log")
    axes.set_ylim(0.5, 2.0 * max(largest, 1.0))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def embedded(figure: Figure, alt: str, caption: str = "") -> str:
    """The figure as an element of HTML.

    Args:
        figure: drawn.
        alt: what it shows, for who cannot see it.
        caption: printed below; none if empty.
    """
    stream = io.BytesIO()
    with mpl.rc_context(dict(STYLE)):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    content = base64.b64encode(stream.getvalue()).decode()
    image = f'<img alt="{escape(alt)}" src="data:image/svg+xml;base64,{content}">'
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{image}{below}</figure>"
