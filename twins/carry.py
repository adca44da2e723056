"""What a snapshot stores: all that is needed to go on from a slot's edge as if nothing had been cut."""

import hashlib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

Sample = tuple[int, float]
"""A stamp (µs UTC) and a value."""
Given = tuple[int, float | str]
"""The last sample of an output: a stamp (µs UTC), and its value or its label; NaN where it had neither."""


class Carry(BaseModel):
    """A pair's memory at a slot's edge.

    Attributes:
        state: the model's state as JSON values.
        through: end of the last visited slot (µs UTC), where the next span begins; None before the first.
        last: per sensor input, the last valid sample of every series that feeds it (converted).
        outputs: per output, its last sample before decimation: the decimator's memory.
        labels: the same of outputs whose last sample is a label.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    state: dict[str, Any]
    through: int | None = None
    last: dict[str, dict[str, Sample]] = {}
    outputs: dict[str, Sample] = {}
    labels: dict[str, tuple[int, str]] = {}

    @property
    def given(self) -> dict[str, Given]:
        """The last sample of every output, whatever it is."""
        return {**self.outputs, **self.labels}

    @classmethod
    def of(
        cls,
        state: dict[str, Any],
        through: int | None,
        last: dict[str, dict[str, Sample]],
        given: Mapping[str, Given],
    ) -> "Carry":
        """The carry of these parts, `given` as it is read back by the property."""
        names = sorted(given)  # the order in which outputs first came depends on the cut
        labels = {name: (t, x) for name in names for t, x in [given[name]] if isinstance(x, str)}
        outputs = {name: (t, x) for name in names for t, x in [given[name]] if not isinstance(x, str)}
        return cls(state=state, through=through, last=last, outputs=outputs, labels=labels)

    def to_json(self) -> str:
        """Exact and canonical: equal carries give equal text. Without labels it is the text of earlier versions."""
        return self.model_dump_json(exclude=None if self.labels else {"labels"})

    def digest(self) -> str:
        """16 bytes, as hex: equal for equal carries. Where two are equal, all that follows is equal."""
        return hashlib.blake2b(self.to_json().encode(), digest_size=16).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> "Carry":
        """The carry of `to_json`, bit for bit."""
        return cls.model_validate_json(text)
