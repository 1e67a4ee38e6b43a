"""What a calibration stores: the response of every PMT, and the diagnostics of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.linalg import block_diag
from torch import Tensor

from kzcal.calibrate.charge_likelihood import GLOBAL_DOCS, GLOBAL_NAMES, GLOBAL_UNITS
from kzcal.calibrate.charge_spectra import LOW_LIGHT
from kzcal.calibrate.driver import RunResult
from kzcal.calibrate.occupancy import DISTANCE_EDGES
from kzcal.calibrate.timing.cells import FIRST, N_BINS, STEP
from kzcal.conditions.payload import Column, GlobalBlock, Lineage, Payload
from kzcal.conditions.quantities import ALONE, QUANTITIES, RESPONSE
from kzcal.conditions.replicas import correlation_name
from kzcal.optics.acceptance import COSINE_GRID, DISTANCE_GRID

DIAGNOSTICS = "calibration-diagnostics"
TYPE_NAMES = ("17", "20")
CORRELATED = (("gain", "spe_width"), ("time_offset", "tts"))
"""Constants that one fit gives together."""
REBIN_TIME = 2
REBIN_CHARGE = 2
CHARGE_BINS = 128
ENERGY_EDGES = np.linspace(0, 6, 121)


def _array(values: Tensor) -> np.ndarray:
    return np.asarray(values.detach().double().cpu().numpy())


def response_payload(result: RunResult, lineage: Lineage, extra: Mapping[str, Column]) -> Payload:
    """The constants of every PMT and the global parameters.

    Args:
        result: the calibration.
        lineage: where it comes from.
        extra: further columns, from plugins' estimators.
    """
    status = result.status
    columns = {
        "status": Column(status.status, "", "good, or what is wrong"),
        "reason": Column(status.reason, "", "why a PMT is not good"),
        "partner": Column(status.partner, "1", "cable it is exchanged with, -1 for none"),
        "n_hits": Column(_array(result.n_hits).astype(np.int64), "1", "hits in the light window"),
    }
    values = _constants(result)
    for quantity in QUANTITIES:
        value, error = values[quantity.name]
        known = np.isfinite(value) & np.isfinite(error)
        columns[quantity.name] = Column(
            np.where(known, value, np.nan),
            quantity.unit,
            quantity.doc,
            np.where(known, error, np.nan),
        )
    columns |= _alone_columns(result) | _correlation_columns(result)
    return Payload(RESPONSE, {**columns, **extra}, _globals(result), lineage)


def _alone_columns(result: RunResult) -> dict[str, Column]:
    """Constants that a population drew in, as the PMT's own hits give them: for averages."""
    charge, (tts, tts_variance) = result.charge, result.timing.tts_alone
    gain, width = charge.alone.value.T
    gain_variance, width_variance = charge.alone.variance.T
    fitted = np.isfinite(_array(charge.gain))
    found = {
        "gain": (gain, gain_variance),
        "spe_width": (width, width_variance),
        "tts": (tts, tts_variance),
    }
    columns = {}
    for quantity in (quantity for quantity in QUANTITIES if quantity.name in found):
        value, variance = (_array(part) for part in found[quantity.name])
        error = np.sqrt(np.maximum(variance, 0))
        known = fitted & np.isfinite(value) & np.isfinite(error) & (error > 0)
        columns[f"{quantity.name}{ALONE}"] = Column(
            np.where(known, value, np.nan),
            quantity.unit,
            f"{quantity.doc}, from the hits of the PMT alone",
            np.where(known, error, np.nan),
        )
    return columns


def _correlation_columns(result: RunResult) -> dict[str, Column]:
    """Correlations of the constants that one fit gives, for replicas of the detector."""
    columns = {}
    fits = (result.charge.covariance, result.timing.covariance)
    for pair, fitted in zip(CORRELATED, fits, strict=True):
        covariance = _array(fitted)
        sigma = np.sqrt(covariance[:, 0, 0] * covariance[:, 1, 1])
        known = np.isfinite(sigma) & (sigma > 0)
        correlation = np.divide(covariance[:, 0, 1], sigma, out=np.zeros_like(sigma), where=known)
        columns[correlation_name(*pair)] = Column(
            np.clip(correlation, -1.0, 1.0),
            "1",
            f"correlation of the errors of {' and '.join(pair)}",
        )
    return columns


def _constants(result: RunResult) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    charge, timing, dark = result.charge, result.timing, result.survey.dark
    unknown = np.where(np.isfinite(_array(charge.gain)), 0.0, np.nan)
    silent = np.where(_array(result.n_hits) + _array(dark.counts) > 0, 0.0, np.nan)
    charge_error = _array(charge.covariance.diagonal(dim1=1, dim2=2).sqrt())
    time_error = _array(timing.covariance.diagonal(dim1=1, dim2=2).sqrt())
    return {
        "qe": (_array(result.qe), _array(result.qe_error)),
        "gain": (_array(charge.gain), charge_error[:, 0] + unknown),
        "spe_width": (_array(charge.width), charge_error[:, 1] + unknown),
        "time_offset": (_array(timing.offset) + unknown, time_error[:, 0] + unknown),
        "tts": (_array(timing.tts) + unknown, time_error[:, 1] + unknown),
        "dark_rate": (_array(dark.rate) + silent, _array(dark.error) + silent),
    }


def _globals(result: RunResult) -> GlobalBlock:
    """Global parameters, with the covariance of those that were fitted together."""
    names, values, units, docs = [], [], [], []
    blocks = []
    for k, kind in enumerate(TYPE_NAMES):
        names += [f"{name}_{kind}" for name in GLOBAL_NAMES]
        values += _array(result.charge.shared[k]).tolist()
        units += [unit or "1" for unit in GLOBAL_UNITS]
        docs += [f"{doc}, {kind}-inch" for doc in GLOBAL_DOCS]
        blocks.append(_array(result.charge.shared_covariance[k]))
    simple = result.timing.simple
    tts = _array(simple.tts)
    names += ["tts_mean_17", "tts_mean_20", "decay_time_scale", "time_walk"]
    values += [*tts.tolist(), simple.decay_scale, result.walk.value]
    units += ["ns", "ns", "1", "ns"]
    docs += [f"root mean square transit-time spread, {kind}-inch" for kind in TYPE_NAMES]
    docs += [
        "scintillation decay times over the nominal ones",
        "delay of small pulses, times (q^-1/2 - 1)",
    ]
    scale = np.diag([*tts, simple.decay_scale])
    blocks += [scale @ _array(simple.covariance) @ scale, np.array([[result.walk.error**2]])]
    covariance = np.asarray(block_diag(*blocks), dtype=np.float64)
    symmetric = (covariance + covariance.T) / 2
    return GlobalBlock(tuple(names), np.array(values), tuple(units), symmetric, tuple(docs))


def diagnostics_payload(
    result: RunResult, lineage: Lineage, summary: Sequence[tuple[str, float, str]]
) -> Payload:
    """What a report draws.

    Args:
        result: the calibration.
        lineage: where it comes from.
        summary: further numbers of the run, as (name, value, unit).
    """
    columns: dict[str, Column] = {}
    columns |= _time_columns(result) | _charge_columns(result) | _light_columns(result)
    columns |= _sample_columns(result)
    walk = result.walk
    columns["walk_charge"] = Column(_array(walk.charge), "p.e.", "charge")
    columns["walk_delay"] = Column(
        _array(walk.delay), "ns", "measured delay", _array(walk.delay_error)
    )
    columns["walk_model"] = Column(
        walk.value * (_array(walk.charge) ** -0.5 - 1), "ns", "fitted delay"
    )
    columns["step_names"] = _text(list(result.seconds), "steps of the calibration")
    columns["step_seconds"] = Column(
        np.array(list(result.seconds.values())), "s", "time that each took"
    )
    columns["summary_names"] = _text([name for name, _, _ in summary], "numbers of the run")
    columns["summary_values"] = Column(np.array([v for _, v, _ in summary], float), "1", "values")
    columns["summary_units"] = _text([unit for _, _, unit in summary], "their units")
    return Payload(DIAGNOSTICS, columns, None, lineage)


def _text(words: Sequence[str], doc: str) -> Column:
    return Column(np.array(words, dtype="U"), "", doc)


def _rebinned(values: Tensor, factor: int) -> np.ndarray:
    rows = _array(values)
    usable = rows.shape[1] // factor * factor
    total = rows[:, :usable].reshape(len(rows), -1, factor).sum(2)
    return np.asarray(total, dtype=np.float32)


def _time_columns(result: RunResult) -> dict[str, Column]:
    edges = FIRST + STEP * REBIN_TIME * np.arange(N_BINS // REBIN_TIME + 1)
    counts = _rebinned(result.timing.residual, REBIN_TIME)
    expected = _rebinned(result.timing.expected, REBIN_TIME)
    return {
        "residual_edges": Column(edges, "ns", "time less t0, flight, offset and walk"),
        "residual_counts": Column(counts, "1", "hits by residual"),
        "residual_expected": Column(expected, "1", "expected hits by residual"),
    }


def _charge_columns(result: RunResult) -> dict[str, Column]:
    spectra = result.spectra
    counts = spectra.counts[:, :LOW_LIGHT].sum(1)[:, :CHARGE_BINS]
    expected = result.charge.expected[:, :CHARGE_BINS]
    first = spectra.offset - spectra.step / 2
    edges = first + spectra.step * REBIN_CHARGE * np.arange(CHARGE_BINS // REBIN_CHARGE + 1)
    return {
        "charge_edges": Column(edges, "p.e.", "charge"),
        "charge_counts": Column(
            _rebinned(counts, REBIN_CHARGE), "1", "hits with little light, and dark ones"
        ),
        "charge_expected": Column(
            _rebinned(expected, REBIN_CHARGE), "1", "expected hits by charge"
        ),
    }


def _light_columns(result: RunResult) -> dict[str, Column]:
    counts, expected = (_array(part).astype(np.float32) for part in result.occupancy)
    factor = np.exp(_array(result.light.acceptance.log_factor))
    return {
        "occupancy_edges": Column(np.array(DISTANCE_EDGES), "m", "distance from vertex to PMT"),
        "occupancy_counts": Column(counts, "1", "hits by distance"),
        "occupancy_expected": Column(np.maximum(expected, 0), "1", "expected hits by distance"),
        "acceptance_distance": Column(np.linspace(*DISTANCE_GRID), "m", "distance"),
        "acceptance_cosine": Column(np.linspace(*COSINE_GRID), "1", "cosine of incidence"),
        "acceptance": Column(factor, "1", "learned factor on the solid angle, by type"),
    }


def _sample_columns(result: RunResult) -> dict[str, Column]:
    selections, energy = result.selections, result.table.energy
    spectra = [np.histogram(energy[s.rows], ENERGY_EDGES)[0] for s in selections.values()]
    chosen = list(selections.values())
    return {
        "sample_names": _text(list(selections), "calibration samples"),
        "sample_counts": Column(
            np.array([s.rows.sum() for s in chosen], np.int64), "1", "events of each"
        ),
        "sample_purity": Column(
            np.array([s.purity for s in chosen], float),
            "1",
            "share that is what the sample is named after",
            np.array([s.purity_error for s in chosen], float),
        ),
        "sample_notes": _text([s.note for s in chosen], "how the purity was found"),
        "energy_edges": Column(ENERGY_EDGES, "MeV", "visible energy"),
        "sample_energy": Column(
            np.array(spectra, np.int64).reshape(len(chosen), len(ENERGY_EDGES) - 1),
            "1",
            "events by energy",
        ),
    }
