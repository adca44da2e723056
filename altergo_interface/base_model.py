"""The base class that every model inherits from, and the decorator that registers it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from altergo_interface.data import Labels, Samples, StepData
from altergo_interface.errors import ManifestError
from altergo_interface.records import Record

Outputs = Mapping[str, Samples | Labels | Sequence[Record]]
"""Output name to samples or labels; the key `records` holds a list of Record."""


class ModelState(BaseModel):
    """Base of a model's state: frozen, typed, bounded, plain JSON.

    Floats survive JSON bit for bit, NaN and infinity included (as strings); times are integers (µs UTC).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class NoState(ModelState):
    """The state of a model that needs none."""


class Model:
    """A battery model.

    A native model is stateful: it sets `State` and implements `initial` and `advance`. A plain model implements
    `process` alone. `self.config` holds the manifest's defaults overlaid by the settings.
    """

    State: ClassVar[type[ModelState]] = NoState

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self.config: dict[str, Any] = dict(config or {})

    def initial(self) -> ModelState:
        """The state before the first event."""
        return self.State()

    def advance(self, state: Any, data: StepData) -> tuple[ModelState, Outputs]:
        """One pure step: fold the samples of `data.span` into `state` and give the outputs stamped inside it.

        The same bits must come out however the history is cut into calls. Outputs at lead-in stamps are dropped;
        any other row outside the span is an error that parks the pair.
        """
        from altergo_interface.returned import as_outputs
        from altergo_interface.series import to_pandas

        with redirect_stdout(sys.stderr):  # a command's standard output holds its result alone
            returned = self.process(to_pandas(data))
        return state, as_outputs(returned, data)

    def process(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The whole history at once: logical name to pandas Series (UTC index), number, string or dict.

        What a plain model returns may be Series of numbers or of labels, DataFrames, numbers, texts and dicts, see
        `altergo_interface.returned`; None stands for no output.

        Derived for a native model: one `advance` from the initial state.
        """
        from altergo_interface.series import step_from_pandas, to_pandas_outputs

        if type(self).advance is Model.advance:
            raise NotImplementedError(f"{type(self).__name__} implements neither process nor advance")
        step = step_from_pandas(data)
        return to_pandas_outputs(self.advance(self.initial(), step)[1])

    def notices(self, state: Any) -> list[str]:
        """What an operator should be told about the result so far, one line each; `run` prints them."""
        del state
        return []


M = TypeVar("M", bound=type[Model])

_REGISTERED: dict[tuple[str, str], tuple[type[Model], dict[str, str]]] = {}
"""(Top-level package, model name) to (class, metadata): a folder that was edited is imported as a new package."""


def register_model(name: str, metadata: Mapping[str, str] | None = None) -> Callable[[M], M]:
    """Class decorator: makes the model known under `name`.

    `metadata` may hold `category`, `complexity` and `computational_cost`. Raises ManifestError where another
    module of the same top-level package has taken the name; discovery refuses equal names of different packages.
    """

    def register(cls: M) -> M:
        key = (cls.__module__.partition(".")[0], name)
        known = _REGISTERED.get(key)
        if known is not None and known[0].__module__ != cls.__module__:
            raise ManifestError(f"two models are called '{name}': {known[0].__module__} and {cls.__module__}")
        _REGISTERED[key] = (cls, dict(metadata or {}))
        return cls

    return register


def registered() -> dict[tuple[str, str], tuple[type[Model], dict[str, str]]]:
    """The models whose modules were imported in this process: (top-level package, name) to (class, metadata)."""
    return dict(_REGISTERED)
