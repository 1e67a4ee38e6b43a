"""The trained networks for programs that know ONNX alone."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from torch import nn

from kzcal.errors import ConfigurationError
from kzcal.learning import Trained
from kzcal_kamnet.classifier import trained_network
from kzcal_kamnet.harmonics import size
from kzcal_kamnet.pictures import DEGREE, N_CHANNEL
from kzcal_kamnet.small import SmallNetwork

REGISTRY = "torch.onnx._internal.exporter._registration"
"""Logger that names operators of torchvision, one by one, where it is not installed."""


def write_onnx(trained: Trained, path: Path) -> str:
    """Write the small network, from pictures to logits.

    Returns:
        What goes in and what comes out.

    Raises:
        ConfigurationError: it is the published network, or there is no ONNX.
    """
    network = trained_network(trained)
    if not isinstance(network, SmallNetwork):
        message = "kamnet writes its small network as ONNX, got published=1; train --preset small"
        raise ConfigurationError(message)
    shape = (2, N_CHANNEL + 1, size(DEGREE))
    _exported(copy.deepcopy(network).cpu().eval(), shape, path)
    return f"picture [hits], event x {shape[1]} x {shape[2]}, to logit, event"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without PyTorch's words about torchvision, which is not needed, and about itself."""
    logger = logging.getLogger(REGISTRY)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _exported(network: nn.Module, shape: tuple[int, ...], path: Path) -> None:
    try:
        with _quiet():
            program = torch.onnx.export(
                network,
                (torch.zeros(shape),),
                input_names=["picture"],
                output_names=["logit"],
                dynamic_shapes=({0: torch.export.Dim("event")},),
                dynamo=True,
                verbose=False,
            )
    except ImportError as error:
        message = (
            f"ONNX is written with onnx and onnxscript, got: {error}; install kzcal-kamnet[onnx]"
        )
        raise ConfigurationError(message) from error
    cast("torch.onnx.ONNXProgram", program).save(path)
