"""Whatever happens to the log, the settings, the store and to uploads: a platform holds the winning outputs after the
next upload, and the one after that sends nothing."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults import TRIALS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from platform_double import Killed, Platform, winning
from test_arrivals import Log, deliver, fleet_in
from toys import write_toys

from actors import Fleet
from actors.uploading import upload

MODELS = ("held", "latest", "windowed", "below")
NAMES = ({}, {"latest:value": "Newest"}, {"latest:value": "held seconds", "held:seconds": "latest value"})
"""Display names: none, one, and two that have changed places."""

STEPS = st.one_of(
    st.tuples(st.just("deliver"), st.floats(0.05, 0.5)),
    st.tuples(st.just("run"), st.sampled_from(["incremental", "full"])),
    st.tuples(st.just("upload"), st.integers(0, 30)),
    st.tuples(st.just("rename"), st.integers(0, len(NAMES) - 1)),
    st.tuples(st.just("refuse"), st.booleans()),
    st.tuples(st.just("tidy"), st.none()),
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toys(tmp_path_factory.mktemp("toys"), *MODELS)


@dataclass
class World:
    """A fleet whose events arrive bit by bit, and a platform."""

    fleet: Fleet
    root: Path
    log: Log
    platform: Platform
    names: dict[str, str]

    def __post_init__(self) -> None:
        self._waiting = self.log.messages()
        self._all = len(self._waiting)

    def deliver(self, share: float) -> None:
        count = int(share * self._all) + 1
        said, self._waiting = self._waiting[:count], self._waiting[count:]
        if said:
            deliver(self.fleet, self.root, said)

    def run(self, mode: str) -> None:
        assert self.fleet.run(compute_type=mode, local=True).parked == []

    def upload(self, die_at: int) -> None:
        self.platform.steps, self.platform.die_at = 0, die_at
        try:
            upload(self.fleet, self.platform)
        except Killed:
            pass
        else:
            assert self.platform.refused or self.platform.holds() == winning(self.fleet, self.names)

    def rename(self, which: int) -> None:
        self.names = NAMES[which]
        write_settings(self.root, self.names)

    def refuse(self, whether: bool) -> None:
        self.platform.refused = {"EV-1"} if whether else set()

    def tidy(self, _: None) -> None:
        self.fleet.compact(every=True)
        self.fleet.gc(grace_s=0)


def write_settings(root: Path, names: dict[str, str]) -> Path:
    models: dict[str, dict[str, dict[str, str]]] = {}
    for key, name in names.items():
        model, _, output = key.partition(":")
        models.setdefault(model, {}).setdefault("outputs", {})[output] = name
    parameters = {"execution": {"enabled_models": list(MODELS)}, "models": models}
    path = root / "settings.json"
    path.write_text(json.dumps({"parameters": parameters}))
    return path


@settings(max_examples=TRIALS or 5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), steps=st.lists(STEPS, min_size=3, max_size=10))
def test_a_platform_holds_the_winning_outputs_after_any_history(
    tmp_path_factory: pytest.TempPathFactory, toys: Path, seed: int, steps: list[tuple[str, object]]
) -> None:
    root = tmp_path_factory.mktemp("world")
    fleet = Fleet(fleet_in(root / "fleet", toys).root, write_settings(root / "fleet", {}), [toys])
    world = World(fleet, root / "fleet", Log(seed, days=3), Platform(), {})
    world.deliver(0.4)
    world.run("incremental")
    for name, argument in steps:
        getattr(world, name)(argument)
    world.refuse(False)
    world.run("incremental")
    world.upload(0)
    assert world.platform.holds() == winning(fleet, world.names) != {}
    for _ in range(2):
        world.platform.forget_calls()
        report = upload(fleet, world.platform)
        assert (world.platform.calls, report.points, report.withdrawn) == ([], 0, 0)
        world.tidy(None)
