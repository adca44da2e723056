"""What a snapshot stores: all that is needed to go on from a slot's edge as if nothing had been cut."""

import hashlib
from typing import Any

from pydantic import BaseModel, ConfigDict

Sample = tuple[int, float]
"""A stamp (µs UTC) and a value."""


class Carry(BaseModel):
    """A pair's memory at a slot's edge.

    Attributes:
        state: the model's state as JSON values.
        through: end of the last visited slot (µs UTC), where the next span begins; None before the first.
        last: per sensor input, the last valid sample of every series that feeds it (converted).
        outputs: per output, its last sample before decimation: the decimator's memory.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    state: dict[str, Any]
    through: int | None = None
    last: dict[str, dict[str, Sample]] = {}
    outputs: dict[str, Sample] = {}

    def to_json(self) -> str:
        """Exact and canonical: equal carries give equal text."""
        return self.model_dump_json()

    def digest(self) -> str:
        """16 bytes, as hex: equal for equal carries. Where two are equal, all that follows is equal."""
        return hashlib.blake2b(self.to_json().encode(), digest_size=16).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> "Carry":
        """The carry of `to_json`, bit for bit."""
        return cls.model_validate_json(text)
