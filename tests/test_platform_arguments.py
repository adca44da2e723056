"""What the platform passes, in every form, and errors that name file and key and never a value."""

import json
import logging
import re
from pathlib import Path

import pytest

from actors.platform_arguments import ARGUMENTS, INLINE, NO_ARGUMENTS, read_arguments, with_key
from altergo_interface import SettingsError

KEY = "k3y-Zq7+/9fT2mB0wX5"
SEED = {
    "altergoUserApiKey": KEY,
    "altergoFactoryApi": "https://acme.altergo.io",
    "altergoIotApi": "https://iot.acme.altergo.io",
    "assetId": "EV-1",
}


def read(**more):
    return read_arguments(json.dumps(SEED | more))


def test_the_seeds_keys_inline():
    found = read()
    assert (found.source, found.local, found.assets) == (INLINE, False, ("EV-1",))
    assert found.key.reveal() == KEY
    assert found.given == {name: SEED[name] for name in ("altergoFactoryApi", "altergoIotApi")}
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("name", "local"), [("dev-parameters.json", True), ("dev-2.json", True), ("task.json", False)]
)
@pytest.mark.parametrize("wrap", [lambda text: text, json.dumps, lambda text: "\ufeff" + text])
def test_the_seeds_keys_in_a_file(tmp_path, name, local, wrap):
    """The platform's files hold a JSON text that holds JSON."""
    path = tmp_path / name
    path.write_text(wrap(json.dumps(SEED)), encoding="utf-8")
    found = read_arguments(str(path))
    assert (found.source, found.local, found.assets) == (str(path), local, ("EV-1",))


@pytest.mark.parametrize(
    ("given", "assets"),
    [
        ("EV-1", ("EV-1",)),
        ("EV-1, EV-2,EV-1", ("EV-1", "EV-2")),
        (["EV-1", "a, b"], ("EV-1", "a, b")),
        (17, ("17",)),
        (None, ()),
    ],
)
def test_assets(given, assets):
    assert read(assetId=given).assets == assets


def test_paths_are_relative_to_the_file(tmp_path):
    path = tmp_path / "dev-parameters.json"
    path.write_text(json.dumps({"gateway": "file:platform", "store": "store", "settings": "mine.json"}))
    found = read_arguments(str(path))
    assert found.gateway == f"file:{tmp_path / 'platform'}"
    assert (found.store, found.settings) == (tmp_path / "store", tmp_path / "mine.json")


def test_a_folder_is_a_developers(tmp_path):
    assert read(gateway=f"file:{tmp_path}").local


def test_overrides_in_both_spellings():
    parameters = {"execution": {"compute_type": "full"}}
    assert read(settings={"parameters": parameters}).overrides == {"parameters": parameters}
    assert read(parameters=parameters).overrides == {"parameters": parameters}
    assert read(configurationValues=parameters).sent == parameters
    assert read().overrides is None


def test_what_is_not_known_goes_to_the_sdk():
    assert read(altergoProgramTaskId="t1").given["altergoProgramTaskId"] == "t1"


def test_a_slip_is_an_error_for_a_developer_and_a_warning_on_the_platform(tmp_path, caplog):
    path = tmp_path / "dev-parameters.json"
    path.write_text(json.dumps({"assetID": "EV-1"}))
    with pytest.raises(SettingsError, match=r"unknown key 'assetID'. Did you mean 'assetId'\?"):
        read_arguments(str(path))
    with caplog.at_level(logging.WARNING):
        read_arguments(json.dumps({"assetID": "EV-1"}))
    assert "unknown key 'assetID' (not 'assetId')" in caplog.text


WRONG = {
    "no file": ("nowhere.json", "nowhere.json: No such file"),
    "a folder": (".", ".: Is a directory"),
    "spoilt by a shell": (f"{{altergoUserApiKey: {KEY}", "no valid JSON"),
    "spoilt at its beginning": (f"altergoUserApiKey: '{KEY}'}}", "neither JSON nor the path"),
    "broken": (json.dumps(SEED)[:-1], f"{INLINE}: no valid JSON"),
    "no object": ('"[1]"', "no JSON object"),
    "deep": ("{" + '"a":{' * 100_000, "no valid JSON"),
    "key": (json.dumps(SEED | {"altergoUserApiKey": [KEY]}), "altergoUserApiKey is no text"),
    "empty asset": (json.dumps(SEED | {"assetId": " "}), "assetId is empty"),
    "no assets": (json.dumps(SEED | {"assetId": []}), "assetId is empty"),
    "odd asset": (json.dumps(SEED | {"assetId": {"id": 1}}), "assetId is neither"),
    "odd store": (json.dumps(SEED | {"store": 5}), "store is no text"),
    "odd parameters": (json.dumps(SEED | {"parameters": []}), "parameters is no object"),
    "two overrides": (json.dumps(SEED | {"parameters": {}, "settings": {}}), "both 'settings' and 'parameters'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_without_the_key(workdir, case):
    argument, said = WRONG[case]
    with pytest.raises(SettingsError) as caught:
        read_arguments(argument)
    assert said in str(caught.value)
    error = caught.value
    while error is not None:
        assert KEY not in repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__


def test_the_environments_key_is_taken_out_of_it():
    environ = {"ALTERGO_USER_API_KEY": KEY, "OTHER": "x"}
    assert with_key(NO_ARGUMENTS, environ).key.reveal() == KEY
    assert environ == {"OTHER": "x"}
    environ["ALTERGO_USER_API_KEY"] = "another-key"
    assert with_key(read(), environ).key.reveal() == KEY  # the arguments' own wins, and none is left for the hosts
    assert environ == {"OTHER": "x"}
    assert not with_key(NO_ARGUMENTS, {}).key


def test_the_documentation_lists_every_argument():
    page = (Path(__file__).parents[1] / "documentation" / "how-to" / "deployment.md").read_text(encoding="utf-8")
    section = page.split("### Arguments")[1].split("###")[0]
    first = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    listed = {name for cell in first for name in re.findall(r"`(\w+)`", cell)}
    assert listed == set(ARGUMENTS)
