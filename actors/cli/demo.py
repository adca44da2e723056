"""The demo: a simulated fleet with known truth, ingested, run on Ray, summed up in SQL."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actors.cli.grammar import DATA, Command, examples
from actors.cli.progress import Meter
from actors.cli.shell import Shell, of, say, settings_error
from actors.wording import told

if TYPE_CHECKING:
    from actors.fleet import Fleet

QUERIES = (
    (
        "The most used assets",
        "select asset_id, round(value, 2) as cycles from latest_outputs where output = 'equivalent_cycles' "
        "order by value desc limit 5",
    ),
    (
        "Voltage alerts",
        "select asset_id, cell as side, started_at, ended_at, severity, round(value, 3) as volts from records "
        "where kind = 'alert' order by started_at limit 8",
    ),
    (
        "State of charge, and its 1 σ",
        "select asset_id, round(any_value(value) filter (output = 'soc'), 3) as soc, "
        "round(any_value(value) filter (output = 'soc_uncertainty'), 3) as sigma from latest_outputs "
        "where model = 'soc_ocv_estimation' group by asset_id order by asset_id limit 5",
    ),
    (
        "What was no sample",
        "select asset_id, sensor, sum(out_of_range)::int as out_of_range from quality group by all "
        "having sum(out_of_range) > 0 order by all limit 5",
    ),
    (
        "Twin state, straight from SQL",
        "select asset_id, as_of, state.equivalent_cycles from twin_state where model = 'eq_cycles' "
        "order by asset_id limit 3",
    ),
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("--store demo-store demo", "--store big demo --assets 200 --days 30 --seed 1")
    app.command(cls=Command, rich_help_panel=DATA, epilog=epilog)(demo)


def demo(
    context: typer.Context,
    assets: Annotated[int, typer.Option(metavar="N", min=1, help="How many assets.")] = 24,
    days: Annotated[int, typer.Option(metavar="N", min=1, help="How many days.")] = 14,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same fleet.")] = 7,
) -> None:
    """Simulate a fleet with known truth, ingest it, run its twins on Ray, and query the result."""
    from actors.fleet import Fleet
    from actors.settings_file import packaged_settings
    from actors.simulated import write_fleet
    from models._simulator import FleetSpec

    shell = of(context)
    folder = shell.store.with_name(shell.store.name + "-events")
    fleet = Fleet(shell.store, shell.settings or packaged_settings(), shell.models_dirs)
    _refuse_strangers(fleet, folder)
    say(f"simulating {assets} assets × {days} days at 60 s into {folder}")
    files = write_fleet(FleetSpec(assets=assets, days=days, seed=seed), folder)
    appended = sum(fleet.ingest(path).appended for path in files)
    fleet.import_assets(folder / "assets.csv")
    say(f"ingested {appended:,} events into {shell.store}; running the twins on Ray")
    with Meter(quiet=shell.as_json) as meter:
        report = fleet.run(on_progress=meter.show)
    rate = report.events_replayed / max(report.seconds, 1e-9)
    say(f"replayed {report.events_replayed:,} events in {told(report.seconds)} ({rate:,.0f}/s)")
    summary = {
        "store": str(shell.store),
        "assets": assets,
        "appended": appended,
        "run_id": report.run_id,
        "pairs": report.pairs,
        "parked": len(report.parked),
        "worst_throughput_error": worst_throughput_error(fleet, folder / "truth.json"),
        "voltage_faults": voltage_faults(fleet, folder / "truth.json"),
        "digest": fleet.digest(),
    }
    shell.show(summary, _lines(summary, shell))
    if not shell.as_json:
        for title, query in QUERIES:
            _sample(shell, fleet, title, query)


def _refuse_strangers(fleet: "Fleet", folder: Path) -> None:
    """Simulated assets do not belong among real ones: a log keeps them for good."""
    if not (fleet.root / "catalog.duckdb").is_file():
        return
    others = [row["file"] for row in fleet.batches() if Path(row["file"]).parent != folder]
    if others:
        hint = "Name another --store for the demo"
        if (folder / "truth.json").is_file():  # an earlier demo's: nobody's data but for what was added to it
            hint += f", or remove the old one and what was added: rm -r {fleet.root} {folder}"
        raise settings_error(f"{fleet.root}: holds other events ({others[0]})", hint)


def worst_throughput_error(fleet: "Fleet", truth_file: Path) -> float:
    """The largest relative error of the charge throughput against the simulated truth, over assets without faults."""
    truth = json.loads(truth_file.read_text())
    query = """select asset_id, sum(value) from latest_outputs
               where output in ('charge_throughput_ah', 'discharge_throughput_ah') group by asset_id"""
    found: dict[str, float] = dict(fleet.sql(query).fetchall())
    errors = [
        abs(found[asset] / entry["throughput_ah"] - 1)
        for asset, entry in truth.items()
        if asset in found and not entry["faults"]
    ]
    return max(errors, default=0.0)


def voltage_faults(fleet: "Fleet", truth_file: Path) -> dict[str, int]:
    """Assets with an injected weak cell or over-voltage, those of them with an alert, and other assets with one."""
    truth = json.loads(truth_file.read_text())
    kinds = {"weak_cell", "over_voltage"}
    injected = {name for name, entry in truth.items() if kinds & {fault["kind"] for fault in entry["faults"]}}
    rows = fleet.sql("select distinct asset_id from records where kind = 'alert'").fetchall()
    alerted = {asset for (asset,) in rows if asset in truth}
    return {"injected": len(injected), "found": len(injected & alerted), "false": len(alerted - injected)}


def _lines(summary: dict[str, Any], shell: Shell) -> list[str]:
    error, voltage = summary["worst_throughput_error"], summary["voltage_faults"]
    return [
        f"{summary['pairs']:,} twins are up to date, {summary['parked']:,} parked; digest {summary['digest'][:16]}",
        f"ampere-hour throughput: within {error:.2%} of the simulated truth on healthy assets",
        f"voltage alerts: on {voltage['found']} of {voltage['injected']} assets with an injected fault, "
        f"on {voltage['false']} others",
        f"Look further: twins --store {shell.store} sql",
    ]


def _sample(shell: Shell, fleet: "Fleet", title: str, query: str) -> None:
    typer.echo(f"\n{title}:\n  {query}")
    found = fleet.sql(query)
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    shell.table(rows, rows, found.columns, "  no rows")
