"""Settings: every form that the README and the platform write, the environment, and errors that name the key."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altergo_interface import SettingsError
from altergo_interface.config import InputMapping, Settings, defaulted, load_settings, parse_settings


def parse(parameters: Any, env: Mapping[str, str] | None = None) -> Settings:
    return parse_settings({"parameters": parameters}, "f.json", env or {})


def configuration(block: Any, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    return parse({"models": {"toy": block}}, env).models["toy"].configuration


def mapping(value: Any) -> InputMapping:
    return parse({"models": {"toy": {"inputs": {"x": value}}}}).models["toy"].inputs["x"]


def leaf(**values: Any) -> dict[str, Any]:
    return {"description": "what it is", **values}


SECTIONS = {
    "execution": {"compute_type": "full", "enabled_models": "toy"},
    "sensors": {"SoC": {"unit": "%"}},
    "models": {"toy": {"inputs": {"x": "X"}, "configuration": {"gain": 2}}},
}


def test_sections_may_sit_under_configuration() -> None:
    direct, nested = parse(SECTIONS), parse({"configuration": SECTIONS})
    assert direct == nested
    assert direct.execution.compute_type == "full"
    assert direct.sensors["SoC"].unit == "%"
    assert direct.source == "f.json"


def test_sections_may_be_split_between_both_places() -> None:
    models = {"models": SECTIONS["models"]}
    rest = {key: value for key, value in SECTIONS.items() if key != "models"}
    assert parse({**models, "configuration": rest}) == parse(SECTIONS)


def test_nothing_given_means_defaults() -> None:
    execution = parse({}).execution
    assert (execution.enabled_models, execution.compute_type) == (None, "incremental")
    assert execution.max_days_period_compute is None
    assert not execution.debug_mode


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("a,b", ("a", "b")),
        (" a , b ,", ("a", "b")),
        (["a", "b"], ("a", "b")),
        ("", None),
        ([], None),
        (leaf(default="a"), ("a",)),
        (leaf(default="a", valueDev="b,c"), ("b", "c")),
    ],
)
def test_enabled_models(given: Any, names: tuple[str, ...] | None) -> None:
    assert parse({"execution": {"enabled_models": given}}).execution.enabled_models == names


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (3, 3),
        (leaf(default=3), 3),
        (leaf(default=3, valueDev=4), 4),
        (leaf(default=3, valueDev=None), 3),
        (leaf(default=3, valueDev=0), 0),
        ({"valueDev": False}, False),
        ({"default": None}, None),
        ({"description": "no leaf"}, {"description": "no leaf"}),
        ({"default": 3, "other": 4}, {"default": 3, "other": 4}),
        ({}, {}),
    ],
)
def test_leaves(given: Any, value: Any) -> None:
    assert configuration({"configuration": {"key": given}}) == {"key": value}
    assert configuration({"key": given}) == {"key": value}


def test_leaves_are_read_in_every_section() -> None:
    settings = parse(
        {
            "execution": {"debug_mode": leaf(default=False, valueDev=True)},
            "sensors": {"V": {"unit": leaf(default="mV"), "valid_range": leaf(default=[1, 2])}},
            "models": {"toy": {"compute_type": leaf(default="full"), "outputs": {"y": leaf(default="Y")}}},
        }
    )
    assert settings.execution.debug_mode is True
    assert (settings.sensors["V"].unit, settings.sensors["V"].valid_range) == ("mV", (1.0, 2.0))
    assert (settings.models["toy"].compute_type, settings.models["toy"].outputs) == ("full", {"y": "Y"})


def test_flat_and_nested_configuration_are_one() -> None:
    block = {"inputs": {}, "debug_mode": True, "gain": 2, "configuration": {"bias": 1}}
    assert configuration(block) == {"gain": 2, "bias": 1}
    assert parse({"models": {"toy": block}}).models["toy"].debug_mode is True


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Current", InputMapping(names=("Current",))),
        (["Current", "I"], InputMapping(names=("Current", "I"))),
        ({"default": "Current"}, InputMapping(names=("Current",))),
        ({"default": ["Current", "I"]}, InputMapping(names=("Current", "I"))),
        ({"default": "Current", "valueDev": "I"}, InputMapping(names=("I",))),
        ({"unit": "%"}, InputMapping(unit="%")),
        (
            {"default": ["Current"], "unit": leaf(default="A"), "current_sign": "charge_positive"},
            InputMapping(names=("Current",), unit="A", current_sign="charge_positive"),
        ),
    ],
)
def test_input_mappings(given: Any, expected: InputMapping) -> None:
    assert mapping(given) == expected


ENVIRONMENT: list[tuple[dict[str, str], str, Any]] = [
    ({"TWINS__EXECUTION__COMPUTE_TYPE": "full"}, "compute_type", "full"),
    ({"TWINS__EXECUTION__ENABLED_MODELS": "a,b"}, "enabled_models", ("a", "b")),
    ({"TWINS__EXECUTION__ENABLED_MODELS": '["a"]'}, "enabled_models", ("a",)),
    ({"TWINS__EXECUTION__MAX_DAYS_PERIOD_COMPUTE": "1.5"}, "max_days_period_compute", 1.5),
    ({"TWINS__EXECUTION__MAX_DAYS_PERIOD_COMPUTE": "null"}, "max_days_period_compute", None),
    ({"TWINS__EXECUTION__DEBUG_MODE": "true"}, "debug_mode", True),
    ({"TWINS_STORE": "/somewhere", "OTHER": "x"}, "compute_type", "manual"),
]


@pytest.mark.parametrize(("env", "key", "value"), ENVIRONMENT)
def test_the_environment_overrides_the_file(env: dict[str, str], key: str, value: Any) -> None:
    file = {"execution": {"compute_type": "manual", "max_days_period_compute": leaf(default=7)}}
    assert getattr(parse(file, env).execution, key) == value
    assert getattr(parse({"configuration": file}, env).execution, key) == value


@pytest.mark.parametrize("variable", ["TWINS__MODELS__TOY__GAIN", "TWINS__MODELS__TOY__CONFIGURATION__GAIN"])
@pytest.mark.parametrize("block", [{}, {"gain": 1}, {"configuration": {"gain": 1}}, {"gain": leaf(default=1)}])
def test_the_environment_overrides_either_form_of_a_models_block(variable: str, block: dict[str, Any]) -> None:
    assert configuration({**block, "keep": 5}, {variable: "2"}) == {"gain": 2, "keep": 5}


def test_the_environment_reaches_inputs_and_sensors() -> None:
    env = {
        "TWINS__MODELS__TOY__INPUTS__X": "y",
        "TWINS__SENSORS__SOC__UNIT": "%",
        "TWINS__MODELS__TOY__DEBUG_MODE": "1",
    }
    settings = parse({}, env)
    assert settings.models["toy"].inputs["x"].names == ("y",)
    assert settings.models["toy"].debug_mode is True
    assert settings.sensors["soc"].unit == "%"


def test_the_process_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINS__EXECUTION__COMPUTE_TYPE", "full")
    assert parse_settings({"parameters": {}}, "f.json").execution.compute_type == "full"


def test_the_given_document_is_left_alone() -> None:
    document = {"parameters": json.loads(json.dumps(SECTIONS))}
    parse_settings(document, "f.json", {"TWINS__EXECUTION__COMPUTE_TYPE": "manual"})
    assert document == {"parameters": SECTIONS}


WRONG: list[tuple[Any, dict[str, str], str]] = [
    ({"sensor": {}}, {}, "parameters.sensor'. Did you mean 'sensors'?"),
    ({"configuration": {"exection": {}}}, {}, "parameters.exection'. Did you mean 'execution'?"),
    ({"configuration": []}, {}, "'parameters.configuration' is no object"),
    ({"models": []}, {}, "'parameters.models' is no object"),
    ({"execution": {"enabled_model": "a"}}, {}, "parameters.execution.enabled_model"),
    ({"execution": {"enabled_model": "a"}}, {}, "Did you mean 'enabled_models'?"),
    ({"execution": {"compute_type": "all"}}, {}, "parameters.execution.compute_type"),
    ({"execution": {"max_days_period_compute": 0}}, {}, "parameters.execution.max_days_period_compute"),
    ({"sensors": {"V": {"unti": "V"}}}, {}, "parameters.sensors.V.unti"),
    ({"sensors": {"V": {"unti": "V"}}}, {}, "Did you mean 'unit'?"),
    ({"sensors": {"V": "mV"}}, {}, "parameters.sensors.V"),
    ({"sensors": {"V": {"unit": "furlong"}}}, {}, "sensor 'V' has the unknown unit 'furlong'"),
    ({"sensors": {"V": {"resolution": 0}}}, {}, "parameters.sensors.V.resolution"),
    ({"sensors": {"V": {"telemetry": "often"}}}, {}, "parameters.sensors.V.telemetry"),
    ({"models": {"toy": 5}}, {}, "parameters.models.toy"),
    ({"models": {"toy": {"inputs": ["x"]}}}, {}, "parameters.models.toy.inputs"),
    ({"models": {"toy": {"inputs": {"x": 5}}}}, {}, "parameters.models.toy.inputs.x"),
    ({"models": {"toy": {"inputs": {"x": {"default": "X", "unti": "V"}}}}}, {}, "parameters.models.toy.inputs.x"),
    ({"models": {"toy": {"inputs": {"x": {"current_sign": "up"}}}}}, {}, "parameters.models.toy.inputs.x"),
    ({"models": {"toy": {"configuration": ["x"]}}}, {}, "parameters.models.toy.configuration"),
    ({"models": {"toy": {"outputs": ["x"]}}}, {}, "parameters.models.toy.outputs"),
    ({}, {"TWINS__EXECUTIN__X": "1"}, "TWINS__EXECUTIN__X names no setting. Did you mean 'execution'?"),
    ({}, {"TWINS__EXECUTION": "full"}, "TWINS__EXECUTION names no setting"),
    ({}, {"TWINS__EXECUTION__COMPUTE_TYP": "full"}, "Did you mean 'compute_type'?"),
    ({"models": {"toy": {"inputs": {"x": "X"}}}}, {"TWINS__MODELS__TOY__INPUTS__X__UNIT": "V"}, "INPUTS__X__UNIT"),
]


@pytest.mark.parametrize(("parameters", "env", "said"), WRONG)
def test_what_is_wrong_is_named(parameters: Any, env: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(parameters, env)
    assert said in str(caught.value)
    assert env or "f.json" in str(caught.value)


@pytest.mark.parametrize("document", [[], {}, {"parameters": 1}, {"execution": {}}])
def test_a_document_without_parameters_is_refused(document: Any) -> None:
    with pytest.raises(SettingsError, match="no object 'parameters'"):
        parse_settings(document, "f.json", {})


def test_files_are_read_and_named_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    with pytest.raises(SettingsError, match=r"settings\.json"):
        load_settings(path, {})
    path.write_text("{", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"settings\.json: no valid JSON"):
        load_settings(path, {})
    path.write_text(json.dumps({"parameters": SECTIONS}), encoding="utf-8")
    assert load_settings(path, {}).source == str(path)


def test_the_shipped_settings_are_valid() -> None:
    settings = load_settings(Path(__file__).parents[1] / "altergo-settings.json", {})
    assert settings.sensors["current"].current_sign == "discharge_positive"


def test_value_dev_counts_in_local_runs_alone() -> None:
    block = {
        "execution": {"compute_type": leaf(default="full", valueDev="manual"), "debug_mode": {"valueDev": True}},
        "sensors": {"V": {"unit": leaf(default="mV", valueDev="V")}},
        "models": {
            "toy": {
                "inputs": {"x": {"default": "Current", "valueDev": "I"}},
                "outputs": {"y": leaf(default="Y", valueDev="dev")},
                "gain": leaf(default=2, valueDev=3),
                "debug_mode": leaf(default=False, valueDev=True),
            }
        },
    }
    local, platform = (parse_settings({"parameters": block}, "f.json", {}, local=local) for local in (True, False))
    told = [
        (
            s.execution.compute_type,
            s.execution.debug_mode,
            s.sensors["V"].unit,
            s.models["toy"].inputs["x"].names,
            s.models["toy"].outputs["y"],
            s.models["toy"].configuration["gain"],
            s.models["toy"].debug_mode,
        )
        for s in (local, platform)
    ]
    assert told[0] == ("manual", True, "V", ("I",), "dev", 3, True)
    assert told[1] == ("full", False, "mV", ("Current",), "Y", 2, False)


OVERRIDES: list[tuple[Any, Any, dict[str, Any]]] = [
    ({"gain": 1, "keep": 5}, {"gain": 2}, {"gain": 2, "keep": 5}),
    ({"configuration": {"gain": 1, "keep": 5}}, {"gain": 2}, {"gain": 2, "keep": 5}),
    ({"gain": 1, "keep": 5}, {"configuration": {"gain": 2}}, {"gain": 2, "keep": 5}),
    ({"gain": leaf(default=1, valueDev=9)}, {"gain": 2}, {"gain": 2}),
    ({"gain": 1}, {"gain": leaf(default=2)}, {"gain": 2}),
    ({}, {"gain": 2}, {"gain": 2}),
]


@pytest.mark.parametrize(("file", "over", "expected"), OVERRIDES)
@pytest.mark.parametrize("nested", [False, True])
def test_other_documents_override_either_form(file: Any, over: Any, expected: dict[str, Any], nested: bool) -> None:
    sections: dict[str, Any] = {"models": {"toy": over}, "execution": {"compute_type": "full"}}
    document = {"parameters": {"configuration": sections} if nested else sections}
    before = {"parameters": {"models": {"toy": {"gain": 7}}, "execution": {"compute_type": "incremental"}}}
    raw = {"parameters": {"models": {"toy": file}, "execution": {"debug_mode": True}}}
    settings = parse_settings(raw, "f.json", {}, over=[before, document])
    assert settings.models["toy"].configuration == expected
    assert (settings.execution.debug_mode, settings.execution.compute_type) == (True, "full")
    env = {"TWINS__EXECUTION__COMPUTE_TYPE": "manual"}
    assert parse_settings(raw, "f.json", env, over=[document]).execution.compute_type == "manual"


def test_what_is_wrong_in_an_override_is_named() -> None:
    with pytest.raises(SettingsError, match=r"what overrides f\.json: unknown key 'parameters\.model'"):
        parse_settings({"parameters": {}}, "f.json", {}, over=[{"parameters": {"model": {}}}])


def test_the_gateway_stands_beside_the_parameters(tmp_path: Path) -> None:
    path = str(tmp_path / "f.json")
    for named, expected in (("file:here", f"file:{tmp_path}/here"), ("altergo", "altergo"), ("file:/x", "file:/x")):
        assert parse_settings({"parameters": {}, "gateway": named}, path, {}).gateway == expected
    with pytest.raises(SettingsError, match="'gateway' is no text"):
        parse_settings({"parameters": {}, "gateway": 5}, path, {})


def test_missing_keys_are_told_once_each() -> None:
    told = defaulted(parse({"execution": {"compute_type": "full"}}))
    assert told == [
        "f.json: parameters.execution.enabled_models is missing: null is used",
        "f.json: parameters.execution.max_days_period_compute is missing: null is used",
        "f.json: parameters.execution.debug_mode is missing: false is used",
        "f.json: parameters.execution.upload_output is missing: false is used",
    ]
    manual = " ".join(defaulted(parse({"execution": {"compute_type": "manual"}})))
    assert "manual_start_date is missing" in manual
    assert "manual_end_date is missing" in manual


HOSTILE = {
    "not utf-8": b"\xff\xfe{}",
    "deep": b'{"parameters": ' + b"[" * 100_000,
    "twice": b'{"parameters": {"execution": {"debug_mode": true, "debug_mode": false}}}',
    "no object": b'"parameters"',
    "nothing": b"",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_named(tmp_path: Path, case: str) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(HOSTILE[case])
    with pytest.raises(SettingsError, match=r"settings\.json"):
        load_settings(path, {})


def test_a_key_that_is_there_twice_is_named(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(HOSTILE["twice"])
    with pytest.raises(SettingsError, match="key 'debug_mode' is there twice"):
        load_settings(path, {})


KEYS = st.sampled_from(["configuration", "inputs", "outputs", "default", "valueDev", "unit"]) | st.text(max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
SECTION = st.sampled_from(["execution", "sensors", "models", "chemistries", "configuration"])
PARAMETERS = st.dictionaries(SECTION, st.dictionaries(KEYS, JSON, max_size=3) | JSON, max_size=3)


@given(PARAMETERS, PARAMETERS, st.booleans())
def test_any_document_is_settings_or_an_error_of_ours(parameters: Any, over: Any, local: bool) -> None:
    with suppress(SettingsError):
        parse_settings({"parameters": parameters}, "f.json", {}, local=local, over=[{"parameters": over}])
