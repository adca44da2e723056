"""`twins fetch` and `twins config`: what an operator types, reads, and gets as exit codes."""

import json

import pytest

KEY = "k3y-Zq7+/9fT2mB0wX5"


@pytest.fixture
def folder(platform_of):
    return platform_of({"capacity": 50})


def test_a_fetch_is_one_document(ask, folder):
    found = ask("fetch", "--gateway", f"file:{folder}")
    assert (found["gateway"], found["assets"], found["appended"]) == (f"file:{folder}", 2, 13_824)
    assert (found["parameters"], found["failed"], found["refused"]) == (2, [], [])
    assert ask("sql", "select count(*) as n from events")[0]["n"] == 13_824
    again = ask("fetch", "--gateway", f"file:{folder}", "--overlap", "1h", "--select", "EV-1")
    assert (again["assets"], again["appended"], again["duplicates"]) == (1, 0, 13 * 6)
    full = ask("fetch", "--gateway", f"file:{folder}", "--full")
    assert (full["appended"], full["duplicates"]) == (0, 13_824)


def test_the_gateway_may_stand_in_the_parameters_or_the_settings(ask, write, folder, settings_document):
    write("dev-parameters.json", {"gateway": "file:platform", "assetId": "EV-1", "altergoUserApiKey": KEY})
    assert ask("fetch")["assets"] == 1
    write("other.json", {"gateway": "file:platform"})
    assert ask("fetch", "--parameters", "other.json")["assets"] == 2
    (folder.parent / "dev-parameters.json").unlink()
    write("settings.json", settings_document | {"gateway": "file:platform"})
    assert ask("fetch")["assets"] == 2


def test_it_says_what_came_and_what_did_not(twins, folder):
    (folder / "EV-2" / "events.parquet").write_bytes(b"PAR1")
    (folder / "EV-1" / "sensors").mkdir()
    (folder / "EV-1" / "sensors" / "soh.csv").write_text("ts,value\n2026-01-30T00:00Z,?\n")
    code, out, err = twins("fetch", "--gateway", "file:platform")
    assert (code, out) == (3, "")
    assert f"error: EV-2: {folder}/EV-2/events.parquet: cannot be read" in err
    assert f"fetched 6,912 events of 2 assets from file:{folder}: 0 known, 0 late, 1 quarantined" in err
    assert "quarantine: 1 × value is not finite" in err
    (folder / "EV-1" / "parameters.json").write_text('{"capacity": "much"}')
    code, _, err = twins("fetch", "--gateway", "file:platform", "--select", "EV-1")
    assert (code, "refused: EV-1: parameters: capacity 'much' is no number" in err) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--gateway", "file:nowhere"), 2, "no such folder"),
        (("--gateway", "ftp:x"), 2, "'ftp' is not known"),
        ((), 2, "altergoUserApiKey is missing"),
        (("--gateway", "file:platform", "--select", "EV-9"), 2, "no asset matches 'EV-9'"),
        (("--gateway", "file:platform", "--overlap", "soon"), 2, "'soon' is no duration"),
        (("--parameters", "nowhere.json"), 2, "nowhere.json: No such file"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_changed(twins, folder, store, words, code, said):
    found, _, err = twins("fetch", *words)
    assert (found, said in err) == (code, True), err
    assert not store.exists()


def origins(document):
    return {row["key"]: (row["value"], row["origin"]) for row in document["values"]}


def test_config_says_where_each_value_comes_from(ask, write, settings, monkeypatch):
    write(".env", "TWINS__EXECUTION__MAX_DAYS_PERIOD_COMPUTE=3\nTWINS__EXECUTION__DEBUG_MODE=true\nOTHER=1\n")
    monkeypatch.setenv("TWINS__EXECUTION__DEBUG_MODE", "false")
    monkeypatch.setenv("TWINS__MODELS__EQ_CYCLES__DEADBAND_A", "0.5")
    document = ask("config", "--show-origin", "--compute-type", "full")
    assert (document["settings"], document["chosen"]) == (str(settings), "--settings")
    found = origins(document)
    assert found["execution.compute_type"] == ("full", "flag")
    assert found["execution.debug_mode"] == (False, "environment")
    assert found["execution.max_days_period_compute"] == (3.0, ".env")
    assert found["execution.enabled_models"] == (["eq_cycles", "voltage_monitor"], "file")
    assert found["execution.upload_output"] == (False, "default")
    assert found["sensors.current.unit"] == ("A", "file")
    assert found["models.eq_cycles.inputs.voltage"] == (["pack_voltage"], "file")
    assert found["models.eq_cycles.inputs.current"][1] == "manifest default"
    assert found["models.eq_cycles.configuration.deadband_a"] == (0.5, "environment")
    assert found["models.eq_cycles.configuration.charge_efficiency"] == (0.98, "manifest default")
    assert not any(key.startswith("models.data_quality") for key in found)


def test_flat_and_nested_configuration_have_the_same_origin(ask, write, settings_document):
    for block in ({"charge_efficiency": 0.97}, {"configuration": {"charge_efficiency": {"default": 0.97}}}):
        settings_document["parameters"]["models"] = {"eq_cycles": {"debug_mode": True, **block}}
        write("settings.json", settings_document)
        found = origins(ask("config", "--show-origin"))
        assert found["models.eq_cycles.configuration.charge_efficiency"] == (0.97, "file")
        assert found["models.eq_cycles.debug_mode"] == (True, "file")


def test_config_as_a_table(twins):
    code, out, err = twins("config", "--show-origin")
    assert code == 0
    assert "(--settings)" in err
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["key", "value", "origin"]
    assert ["execution.compute_type", "incremental", "default"] in lines
    assert "origin" not in twins("config")[1]


def test_missing_keys_are_told_with_v_alone(twins, ingested, caplog):
    caplog.set_level("INFO")
    twins("plan")
    lines = [record.message for record in caplog.records if "is missing" in record.message]
    assert len(lines) == len(set(lines)) == 4
    assert {record.levelname for record in caplog.records if "is missing" in record.message} == {"INFO"}


def test_a_wrong_model_key_is_named(twins, write, settings_document):
    settings_document["parameters"]["models"]["eq_cycles"]["charge_eficiency"] = 1
    write("settings.json", settings_document)
    code, _, err = twins("config")
    assert (code, "charge_eficiency" in err, "Did you mean 'charge_efficiency'?" in err) == (2, True, True)


def test_json_has_nothing_but_the_document(twins, folder):
    code, document, err = twins("--json", "fetch", "--gateway", "file:platform")
    assert (code, err) == (0, "")
    assert json.dumps(document)
