"""Where the PMTs are and what fills the detector."""

from kzcal.geometry.detector import Detector, LightGain, LightParameters, Medium, load_detector
from kzcal.geometry.layout import LAYOUTS, Layout, kamland_layout

__all__ = [
    "LAYOUTS",
    "Detector",
    "Layout",
    "LightGain",
    "LightParameters",
    "Medium",
    "kamland_layout",
    "load_detector",
]
