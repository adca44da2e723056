"""The carry: an exact and canonical JSON round trip, bit for bit."""

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from altergo_interface import ModelState
from twins import Carry

FLOATS = st.one_of(
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 5e-324, 2.2250738585072009e-308, 1.7976931348623157e308]),
    st.floats(allow_subnormal=True, max_value=1e-300, min_value=-1e-300),
    st.integers(-(2**53), 2**53).map(float),
)
TIMES = st.integers(-(2**62), 2**62)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SAMPLES = st.tuples(TIMES, FLOATS)


class Memory(ModelState):
    """A state with everything in it that a model may carry."""

    total: float
    count: int = 0
    name: str = ""
    maybe: float | None = None
    since: int | None = None
    open: tuple[tuple[int, float], ...] = ()
    by_cell: dict[str, float] = Field(default_factory=dict)


STATES = st.builds(
    Memory,
    total=FLOATS,
    count=TIMES,
    name=NAMES,
    maybe=st.none() | FLOATS,
    since=st.none() | TIMES,
    open=st.lists(SAMPLES, max_size=3).map(tuple),
    by_cell=st.dictionaries(NAMES, FLOATS, max_size=3),
)


def bits(value: Any) -> Any:
    """A value in which equal bits are equal, one NaN for all."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value)
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [bits(item) for item in value]
    return type(value).__name__, value


@given(STATES, st.none() | TIMES, st.dictionaries(NAMES, st.dictionaries(NAMES, SAMPLES, max_size=2), max_size=2))
def test_the_round_trip_is_exact(state: Memory, through: int | None, last: dict[str, dict[str, Any]]) -> None:
    outputs = {name: sample for group in last.values() for name, sample in group.items()}
    carry = Carry(state=state.model_dump(mode="json"), through=through, last=last, outputs=outputs)
    text = carry.to_json()
    back = Carry.from_json(text)
    assert bits(Memory.model_validate(back.state).model_dump()) == bits(state.model_dump())
    assert bits(back.last) == bits(last)
    assert bits(back.outputs) == bits(outputs)
    assert back.through == through
    assert back.to_json() == text


@given(STATES)
def test_a_state_alone_is_exact_too(state: Memory) -> None:
    assert bits(Memory.model_validate_json(state.model_dump_json()).model_dump()) == bits(state.model_dump())


@given(STATES)
def test_the_text_is_json_that_others_read(state: Memory) -> None:
    def refuse(name: str) -> float:
        raise AssertionError(f"{name} is no JSON")

    json.loads(Carry(state=state.model_dump(mode="json")).to_json(), parse_constant=refuse)


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1 + 0.2, 1e16, 1e22, 2.0**-1074 * 3])
def test_single_floats(x: float) -> None:
    carry = Carry(state=Memory(total=x).model_dump(mode="json"), outputs={"y": (1, x)}, last={"i": {"s": (2, x)}})
    back = Carry.from_json(carry.to_json())
    assert bits([Memory.model_validate(back.state).total, back.outputs["y"][1], back.last["i"]["s"][1]]) == bits(
        [x] * 3
    )


def test_a_fresh_carry_remembers_nothing() -> None:
    carry = Carry(state={})
    assert (carry.through, carry.last, carry.outputs) == (None, {}, {})


def test_carries_are_frozen_and_closed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Carry(state={}).through = 1  # type: ignore[misc]
    with pytest.raises(ValueError, match="more"):
        Carry.from_json('{"state": {}, "more": 1}')
