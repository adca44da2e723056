"""The doctor's checks of what a run needs: Ray, the settings, the models, the platform's SDK."""

import importlib.util
import os
from importlib import metadata

from actors.doctor import FAILED, OK, Check, Patient


def check_ray(patient: Patient) -> Check:
    """Ray is there; with `ray` it starts, or is reached, and runs a task."""
    address = os.environ.get("RAY_ADDRESS")
    where = f"RAY_ADDRESS is {address}" if address else "RAY_ADDRESS is not set: runs use this machine"
    detail = f"{metadata.version('ray')}; {where}"
    if importlib.util.find_spec("ray") is None:
        return Check("ray", FAILED, "cannot be imported", "Run: pip install -r requirements.txt")
    if not patient.ray:
        return Check("ray", OK, f"{detail}; --ray starts it")
    from actors.ray_pool import trial

    cpus = trial(address)
    return Check("ray", OK, f"{detail}; it has run a task, and offers {cpus} CPUs")


def check_settings(patient: Patient) -> Check:
    """The settings in force can be read, and name models that there are."""
    from actors.fleet import Fleet
    from actors.planning import enabled_models
    from actors.settings_file import chosen_settings

    path, chosen = chosen_settings(patient.root, patient.settings)
    fleet = Fleet(patient.root, patient.settings, patient.models_dirs)
    models = enabled_models(fleet.registry(tell=False), fleet.settings())
    return Check("settings", OK, f"{path.absolute()} ({chosen}); {len(models.specs)} models enabled")


def check_models(patient: Patient) -> Check:
    """Every folder of a model can be loaded."""
    from altergo_interface.models import discover

    registry = discover(tuple(patient.models_dirs))
    if registry.broken:
        reasons = "; ".join(broken.reason for broken in registry.broken)
        return Check("models", FAILED, f"{len(registry)} loaded, {len(registry.broken)} left out: {reasons}", _MEND)
    return Check("models", OK, f"{len(registry)} loaded: {', '.join(registry)}")


_MEND = "Mend the folder; `twins models check DIR` tells more"


def check_sdk(_: Patient) -> Check:
    """The platform's SDK; only a platform needs it."""
    there = importlib.util.find_spec("altergo_sdk") is not None
    return Check("platform SDK", OK, "installed" if there else "not installed: only the platform itself needs it")


CHECKS = {"ray": check_ray, "settings": check_settings, "models": check_models, "platform SDK": check_sdk}
