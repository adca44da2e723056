"""Result series of the file gateway: a CSV file each, replaced whole: a reader sees all of a change or none of it."""

import csv
import io
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from altergo_interface.data import Times
from altergo_interface.gateway import GatewayError, Points

HEADER = ("ts", "value", "label", "unit")
_Row = tuple[str, str]


def put_points(path: Path, points: Points) -> None:
    """Put points into the series of a file, and take out those that are withdrawn; all else stays as it was."""
    was = path.read_bytes() if path.is_file() else b""
    t, rows = _read(was, path)
    gone = np.isin(t, np.concatenate([points.t, points.withdrawn]))
    kept = [row for row, out in zip(rows, gone.tolist(), strict=True) if not out]
    stamps = np.concatenate([t[~gone], points.t])
    order = np.argsort(stamps, kind="stable").tolist()
    every = [*kept, *_rows(points)]
    now = _text(stamps[order], [every[at] for at in order], points.unit)
    if now != was:
        _replace(path, now)


def _rows(points: Points) -> Iterator[_Row]:
    labels = points.labels if points.labels is not None else [None] * len(points.t)
    for value, label in zip(points.x.tolist(), labels, strict=True):
        yield "" if math.isnan(value) else repr(value), label or ""


def _read(content: bytes, path: Path) -> tuple[Times, list[_Row]]:
    lines = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))[1:]
    try:
        stamps = np.array([line[0].removesuffix("Z") for line in lines], "M8[us]").astype(np.int64)
        return stamps, [(line[1], line[2]) for line in lines]
    except (ValueError, IndexError) as error:
        raise GatewayError(f"{path}: it was changed by somebody else", "Remove it, and upload again") from error


def _text(t: Times, rows: list[_Row], unit: str) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    stamps = np.datetime_as_string(t.view("M8[us]")).tolist()
    writer.writerows((f"{stamp}Z", *row, unit) for stamp, row in zip(stamps, rows, strict=True))
    return out.getvalue().encode("utf-8")


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # who sends notes it as sent, and it must not be lost then
    os.replace(draft, path)
