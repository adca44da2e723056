"""What a replay yields: decimated output columns and record versions, checked against the span."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic_core import PydanticSerializationError, to_json

from altergo_interface.base_model import Outputs
from altergo_interface.data import Input, Samples, Span, Table, Times, Values
from altergo_interface.errors import ModelError
from altergo_interface.manifest import Manifest
from altergo_interface.records import Record
from twins.carry import Sample
from twins.decimate import decimate, slot_ends

RECORDS = "records"


@dataclass(slots=True)
class Collected:
    """Outputs of one replay, in order: name to pieces of (stamps, values), and record versions with their details as
    JSON text."""

    pieces: dict[str, list[tuple[Times, Values]]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def followed_by(self, later: "Collected") -> "Collected":
        """Both, one after the other."""
        names = [*self.pieces, *(name for name in later.pieces if name not in self.pieces)]
        pieces = {name: [*self.pieces.get(name, ()), *later.pieces.get(name, ())] for name in names}
        return Collected(pieces, [*self.records, *later.records], [*self.details, *later.details])

    def columns(self) -> dict[str, tuple[Times, Values]]:
        """Every output that has rows, as one pair of arrays."""
        return {
            name: (np.concatenate([t for t, _ in rows]), np.concatenate([x for _, x in rows]))
            for name, rows in self.pieces.items()
            if rows
        }


def collect(
    into: Collected,
    outputs: Outputs,
    inputs: Mapping[str, Input],
    span: Span,
    manifest: Manifest,
    last: dict[str, Sample],
    slot_us: int,
) -> None:
    """Check one call's outputs, decimate them and add them; `last` is updated with every output's last sample.

    Raises ModelError for an undeclared output, for stamps that are not increasing or not inside the span
    (rows at lead-in stamps are dropped), and for a record version outside the span or with a detail that is not JSON.
    """
    checked: dict[int, _Stamps] = {}  # outputs mostly share one array of stamps: each is looked at once
    for name, samples in outputs.items():
        if name == RECORDS:
            # Of versions of one record that became known at one time the last stands; nobody could tell them apart.
            versions = {(r.kind, r.cell, r.started_at, r.at): r for r in _checked_records(samples, span)}
            into.records.extend(versions.values())
            into.details.extend(map(_detail, versions.values()))
            continue
        spec = manifest.outputs.get(name)
        if spec is None:
            raise ModelError(
                f"output '{name}' is not declared in the manifest", f"Declared: {list(manifest.outputs)}"
            )
        if not isinstance(samples, Samples):
            raise ModelError(f"output '{name}' is no Samples but {type(samples).__name__}")
        stamps = checked.get(id(samples.t)) or _Stamps.check(name, samples.t, inputs, span, slot_us)
        checked[id(samples.t)] = stamps
        x = stamps.values(name, samples.x)
        if len(x) == 0:
            continue
        keep = decimate(x, spec.decimation_threshold, last.get(name), stamps.ends)
        last[name] = (int(stamps.t[-1]), float(x[-1]))
        into.pieces.setdefault(name, []).append((stamps.t, x) if keep is None else (stamps.t[keep], x[keep]))


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
            series = (value for value in inputs.values() if isinstance(value, Samples | Table))
            leads = np.concatenate([value.t[: value.lead] for value in series] or [t[:0]])
            if not np.isin(t[:first], leads).all():
                raise ModelError(f"output '{name}' is stamped before the span: {_show(int(t[0]))}")
        if len(t) and t[-1] >= span.end:
            raise ModelError(f"output '{name}' is stamped after the span: {_show(int(t[-1]))}")
        inside = t[first:]
        ends = slot_ends(inside, slot_us) if len(inside) else np.empty(0, np.intp)
        return cls(inside, len(t), ends)

    def values(self, name: str, x: Values) -> Values:
        """The values that belong to these stamps."""
        if x.dtype != np.float64 or x.shape != (self.size,):
            raise ModelError(f"output '{name}' is not int64 stamps and float64 values of one length")
        return x[self.size - len(self.t) :]


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
