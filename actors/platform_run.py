"""One run for a platform: settings, gateway, fetch, run, upload; the logic behind `entrypoint.py`."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from actors.fetching import FetchReport
from actors.fleet import Fleet
from actors.planning import enabled_models
from actors.platform_arguments import PlatformArguments
from actors.report import RunReport
from altergo_interface.config import Settings, defaulted
from altergo_interface.gateway import Gateway
from altergo_interface.gateways import SDK, open_gateway
from altergo_interface.settings_document import key_paths, plain_document, read_document

STORE = Path("fleet-store")
FEW_ASSETS = 32
"""Up to so many are run in this process: Ray would take longer to start."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class PlatformRun:
    """What a run came to; `run` is None where there was nothing to run on."""

    fetch: FetchReport
    run: RunReport | None

    @property
    def exit_code(self) -> int:
        """As of the command line: 3 where the platform failed, 1 where something was parked, quarantined, refused."""
        if self.run is None:
            return fetch_exit_code(self.fetch)
        upload = self.run.upload.exit_code if self.run.upload else 0
        return max(fetch_exit_code(self.fetch), 1 if self.run.parked or self.run.broken else 0, upload)


def run_for_platform(arguments: PlatformArguments, say: Say) -> PlatformRun:
    """Fetch, run, and with `upload_output` send back, as the arguments ask.

    Raises TwinsError for what is wrong with them; nothing is done then.
    """
    fleet = platform_fleet(arguments)
    settings = fleet.settings()
    enabled_models(fleet.registry(), settings)  # a wrong name or key ends it before anything is fetched
    for line in (*defaulted(settings), *unsent(arguments, settings)):
        say(f"warning: {line}")
    gateway = platform_gateway(arguments, fleet, settings)
    fetched = fleet.fetch(gateway)
    say_fetch(fetched, say)
    if not (fleet.root / "catalog.duckdb").is_file():
        return PlatformRun(fetched, None)
    report = fleet.run(local=fetched.assets <= FEW_ASSETS, gateway=gateway)
    _say_run(report, say)
    return PlatformRun(fetched, report)


def platform_fleet(arguments: PlatformArguments) -> Fleet:
    """The fleet that the arguments name, under the settings as they override them."""
    sent = None if arguments.sent is None else {"parameters": arguments.sent}
    over = [document for document in (sent, arguments.overrides) if document is not None]
    root = arguments.store or Path(os.environ.get("TWINS_STORE", STORE))
    return Fleet(root, arguments.settings, overrides=over, local=arguments.local)


def platform_gateway(arguments: PlatformArguments, fleet: Fleet, settings: Settings, named: str = "") -> Gateway:
    """The gateway that is `named`, or by the arguments, or by the settings, or else the platform's."""
    spec = named or arguments.gateway or settings.gateway or SDK
    sensors = wanted_sensors(fleet, settings) if spec == SDK else ()
    return open_gateway(
        spec, os.environ, given=arguments.given, key=arguments.key, assets=arguments.assets, sensors=sensors
    )


def wanted_sensors(fleet: Fleet, settings: Settings) -> list[str]:
    """Names and patterns of sensors in the settings: declared ones, and what the enabled models' inputs map to."""
    registry = fleet.registry()
    names = [*settings.sensors]
    for model, spec in enabled_models(registry, settings).specs.items():
        mapped = settings.models[model].inputs if model in settings.models else {}
        for name, entry in spec.manifest.inputs.items():
            if entry.is_series:
                given = mapped[name].names if name in mapped else ()
                names += given or entry.default or (name,)
    outputs = tuple(f"{model}:" for model in registry)
    return [name for name in dict.fromkeys(names) if not name.startswith(outputs)]


def unsent(arguments: PlatformArguments, settings: Settings) -> list[str]:
    """Keys of the settings file that the platform's configuration lacks, one line each: the file's values hold."""
    if arguments.sent is None:
        return []
    sent = {"parameters": arguments.sent}
    there = set(key_paths(plain_document(sent, arguments.source, {}, arguments.local)))
    file = plain_document(read_document(Path(settings.source)), settings.source, {}, arguments.local)
    missing = [path for path in key_paths(file) if path not in there]
    return [f"{arguments.source}: {'.'.join(path)} is missing: that of {settings.source} is used" for path in missing]


def fetch_exit_code(report: FetchReport) -> int:
    """3 where the platform failed, 1 where something was quarantined or refused, else 0."""
    return 3 if report.failed else 1 if report.quarantined or report.refused else 0


def say_fetch(report: FetchReport, say: Say) -> None:
    """A fetch as lines for its operator."""
    for asset, error in report.failed:
        say(f"error: {asset}: {error}")
    for asset, error in report.refused:
        say(f"refused: {asset}: {error}")
    counts = f"{report.duplicates:,} known, {report.late:,} late, {report.quarantined:,} quarantined"
    say(f"fetched {report.appended:,} events of {report.assets} assets from {report.gateway}: {counts}")
    for reason, count in sorted(report.reasons.items()):
        say(f"  quarantine: {count:,} × {reason}")


def _say_run(report: RunReport, say: Say) -> None:
    for warning in report.warnings:
        say(f"warning: {warning}")
    for asset, model, error in report.parked:
        say(f"parked: {asset} {model}: {error}")
    if report.remaining:
        say(f"{report.remaining} pairs have more to replay: run again to go on")
    say(f"ran {report.pairs} pairs, {report.events_replayed:,} events; {len(report.parked)} parked")
    if report.upload is not None:
        for message in (*report.upload.messages(), report.upload.line):
            say(message)
