"""What a replay yields: decimated output columns and record versions, checked against the span."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import PydanticSerializationError, to_json

from altergo_interface.base_model import Outputs
from altergo_interface.data import Input, Labels, Samples, Span, Table, Times, Values, Words
from altergo_interface.errors import ModelError
from altergo_interface.manifest import Manifest, OutputSpec
from altergo_interface.records import Record
from twins.carry import Given
from twins.decimate import decimate, decimate_labels, slot_ends

RECORDS = "records"

Rows = tuple[Times, NDArray[Any]]
"""Stamps (n,) int64 µs UTC, and float64 values or, as objects, labels (n,); among these NaN or None is neither."""


@dataclass(slots=True)
class Collected:
    """Outputs of one replay, in order: name to pieces, and record versions with their details as JSON text."""

    pieces: dict[str, list[Rows]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def followed_by(self, later: "Collected") -> "Collected":
        """Both, one after the other."""
        names = [*self.pieces, *(name for name in later.pieces if name not in self.pieces)]
        pieces = {name: [*self.pieces.get(name, ()), *later.pieces.get(name, ())] for name in names}
        return Collected(pieces, [*self.records, *later.records], [*self.details, *later.details])

    def columns(self) -> dict[str, Rows]:
        """Every output that has rows, as one pair of arrays."""
        return {
            name: (np.concatenate([t for t, _ in rows]), np.concatenate([x for _, x in rows]))
            for name, rows in self.pieces.items()
            if rows
        }


def split(x: NDArray[Any]) -> tuple[Values, list[str | None] | None]:
    """The values of some rows, NaN where a label stands, and their labels; None where they have none."""
    if x.dtype != np.object_:
        return x, None
    labels = [item if isinstance(item, str) else None for item in x.tolist()]
    values = [np.nan if item is None or isinstance(item, str) else float(item) for item in x.tolist()]
    return np.array(values, dtype=np.float64), labels


def collect(
    into: Collected,
    outputs: Outputs,
    inputs: Mapping[str, Input],
    span: Span,
    manifest: Manifest,
    last: dict[str, Given],
    slot_us: int,
) -> None:
    """Check one call's outputs, decimate them and add them; `last` is updated with every output's last sample.

    Raises ModelError for an undeclared output, for labels where numbers are declared, for stamps that are not
    increasing or not inside the span (rows at lead-in stamps are dropped), and for a record version outside the span
    or with a detail that is not JSON.
    """
    checked: dict[int, _Stamps] = {}  # outputs mostly share one array of stamps: each is looked at once
    for name, samples in outputs.items():
        if name == RECORDS:
            # Of versions of one record that became known at one time the last stands; nobody could tell them apart.
            versions = {(r.kind, r.cell, r.started_at, r.at): r for r in _checked_records(samples, span)}
            into.records.extend(versions.values())
            into.details.extend(map(_detail, versions.values()))
            continue
        spec = manifest.outputs.get(name) or manifest.output(name)
        if spec is None:
            raise ModelError(
                f"output '{name}' is not declared in the manifest", f"Declared: {list(manifest.outputs)}"
            )
        if not isinstance(samples, Samples | Labels):
            raise ModelError(f"output '{name}' is no Samples but {type(samples).__name__}")
        stamps = checked.get(id(samples.t)) or _Stamps.check(name, samples.t, inputs, span, slot_us)
        checked[id(samples.t)] = stamps
        x = stamps.values(name, samples)
        if len(x) == 0:
            continue
        keep, newest = _kept(name, x, spec, last.get(name), stamps.ends)
        last[name] = (int(stamps.t[-1]), newest)
        into.pieces.setdefault(name, []).append((stamps.t, x) if keep is None else (stamps.t[keep], x[keep]))


def _kept(
    name: str, x: NDArray[Any], spec: OutputSpec, last: Given | None, ends: NDArray[np.intp]
) -> tuple[NDArray[np.bool_] | None, float | str]:
    """Which rows to keep, and the last of them all."""
    if x.dtype.kind == "O":
        _fits(name, spec, "label", [word for word in x if word is not None])
        return decimate_labels(x, last, ends), np.nan if x[-1] is None else x[-1]
    if spec.type == "label":
        _fits(name, spec, "number", x[~np.isnan(x)].tolist())
    before = None if last is None or isinstance(last[1], str) else (last[0], last[1])
    return decimate(x, spec.decimation_threshold, before, ends), float(x[-1])


def _fits(name: str, spec: OutputSpec, kind: str, there: Sequence[Any]) -> None:
    if spec.type not in (None, kind) and there:
        what = f"output '{name}' gives {kind}s, such as {there[0]!r}, and model.json declares {spec.type}s"
        raise ModelError(what, f"Correct outputs.{name}.type")


@dataclass(frozen=True, slots=True)
class _Stamps:
    """Stamps found to be increasing and inside the span, lead-ins dropped; `size` counts these, too."""

    t: Times
    size: int
    ends: NDArray[np.intp]

    @classmethod
    def check(cls, name: str, t: Times, inputs: Mapping[str, Input], span: Span, slot_us: int) -> "_Stamps":
        if t.dtype != np.int64 or t.ndim != 1:
            raise ModelError(f"output '{name}' is not int64 stamps and float64 values of one length")
        if not (t[1:] > t[:-1]).all():
            raise ModelError(f"output '{name}': stamps do not increase")
        first = int(np.searchsorted(t, span.start))
        if first:
            series = (value for value in inputs.values() if isinstance(value, Samples | Labels | Table))
            leads = np.concatenate([value.t[: value.lead] for value in series] or [t[:0]])
            if not np.isin(t[:first], leads).all():
                raise ModelError(f"output '{name}' is stamped before the span: {_show(int(t[0]))}")
        if len(t) and t[-1] >= span.end:
            raise ModelError(f"output '{name}' is stamped after the span: {_show(int(t[-1]))}")
        inside = t[first:]
        ends = slot_ends(inside, slot_us) if len(inside) else np.empty(0, np.intp)
        return cls(inside, len(t), ends)

    def values(self, name: str, given: Samples | Labels) -> NDArray[Any]:
        """The values or labels that belong to these stamps."""
        x = given.x
        if x.shape != (self.size,) or x.dtype != (np.float64 if isinstance(given, Samples) else np.object_):
            raise ModelError(f"output '{name}' is not int64 stamps and float64 values of one length")
        if isinstance(given, Labels):
            _check_labels(name, given.x)
        return x[self.size - len(self.t) :]


def _check_labels(name: str, words: Words) -> None:
    for word in words:
        if word is not None and type(word) is not str:
            raise ModelError(f"output '{name}' has the label {word!r}, which is no text")
    try:
        "".join(word for word in words if word is not None).encode()
    except UnicodeEncodeError as error:
        raise ModelError(f"output '{name}' has a label that is no valid text: {error}") from error


def _checked_records(records: object, span: Span) -> Sequence[Record]:
    if not isinstance(records, list | tuple) or not all(isinstance(record, Record) for record in records):
        raise ModelError("'records' is no list of Record")
    for record in records:
        if not span.start <= record.at < span.end:
            raise ModelError(f"a record of kind '{record.kind}' is stamped outside the span: {_show(record.at)}")
    return records


def _detail(record: Record) -> str:
    """What JSON has no word for, NaN and infinity, is null: SQL reads this text as JSON."""
    try:
        return to_json(dict(sorted(record.detail.items())), inf_nan_mode="null").decode()
    except (PydanticSerializationError, TypeError) as error:
        raise ModelError(f"a record of kind '{record.kind}' has a detail that is not JSON: {error}") from error


def _show(t: int) -> str:
    return str(np.datetime64(t, "us")) + "Z"
