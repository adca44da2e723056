"""Debug mode: after a run, a dashboard for each of its pairs whose model is in it."""

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from actors.asset_view import AssetLook, Range
from actors.page_files import FOLDER, written
from altergo_interface.config import Settings
from altergo_interface.dashboards import asset_page
from altergo_interface.file_names import to_file_name
from event_store.pinned import Pinned

MOST = 50
"""Pages of a run: two megabytes and a second each. Debugging looks at few assets; `--select` says at which."""
KEPT_RUNS = 10

_PAIRS = """
select asset_id, model from attempts where run_id = $run and status <> 'gone' and model in (select unnest($models))
order by status = 'ok', asset_id, model"""
_NEWEST = "select run_id from store.runs order by number desc limit $kept"


@dataclass(frozen=True, slots=True)
class DebugPages:
    """The pages that were written, and what an operator must know of the others."""

    written: Sequence[Path] = ()
    warnings: Sequence[str] = ()


def debugged(settings: Settings, names: Collection[str]) -> list[str]:
    """The models that are in debug mode: by their own block, else by `execution`."""
    blocks = settings.models
    own = {name: blocks[name].debug_mode if name in blocks else None for name in names}
    return [name for name in names if (settings.execution.debug_mode if own[name] is None else own[name])]


def debug_pages(
    pin: Pinned, root: Path, run_id: str, models: Sequence[str], look: Callable[[str, Range], AssetLook]
) -> DebugPages:
    """Write the pages of a run, those of parked pairs first, and drop those of all but the newest runs."""
    pairs = [(row["asset_id"], row["model"]) for row in pin.rows(_PAIRS, run=run_id, models=models)]
    folder = root / FOLDER / "runs"
    warnings = []
    if len(pairs) > MOST:
        warnings.append(f"debug_mode: pages of {MOST} of {len(pairs):,} pairs were written; --select narrows a run")
    looks: dict[str, AssetLook] = {}
    done = []
    for asset_id, model in pairs[:MOST]:
        try:
            if asset_id not in looks:
                looks = {asset_id: look(asset_id, Range())}  # one asset's events at a time
            view = looks[asset_id].view([model], f"{model} of {asset_id}, run {run_id}")
            done.append(written(folder / run_id / _file_name(asset_id, model), asset_page(view)))
        except Exception as error:  # the run is committed: what its pages cannot draw must not end it
            warnings.append(f"debug_mode: no page of {asset_id} {model}: {type(error).__name__}: {error}")
    _forget(folder, {row["run_id"] for row in pin.rows(_NEWEST, kept=KEPT_RUNS)})
    return DebugPages(done, warnings)


def _file_name(asset_id: str, model: str) -> str:
    return f"{to_file_name(asset_id)}.{to_file_name(model)}.html"


def _forget(folder: Path, kept: Collection[str]) -> None:
    for run in folder.iterdir() if folder.is_dir() else ():
        if run.name not in kept:
            shutil.rmtree(run, ignore_errors=True)
