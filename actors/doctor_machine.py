"""The doctor's checks of the machine: Python, packages, memory, disk, open files, time zones."""

import os
import platform
import re
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from actors.doctor import FAILED, OK, WARNING, Check, Patient, usable

PROJECT = "battery-twins"
OLDEST_PYTHON = (3, 11)
GB = 1e9
SCARCE_BYTES = {"memory": 1.0 * GB, "disk": 2.0 * GB}
"""Below this a run of a small fleet may fail."""
FULL_BYTES = 0.1 * GB
FEW_FILES = 4096
"""Queries open a file for each segment that they read, and Ray a dozen for each process."""


def check_python(_: Patient) -> Check:
    """The interpreter."""
    detail = f"{platform.python_version()} at {sys.executable}, on {platform.system()} {platform.machine()}"
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", FAILED, detail, f"Use Python {'.'.join(map(str, OLDEST_PYTHON))} or later")
    return Check("python", OK, detail)


def check_packages(_: Patient) -> Check:
    """Everything that the project requires is there, and new enough."""
    try:
        required = metadata.requires(PROJECT) or []
    except metadata.PackageNotFoundError:
        return Check("packages", WARNING, f"{PROJECT} itself is not installed", "Run: make test, or pip install .")
    names = [requirement for requirement in required if "extra ==" not in requirement]
    wrong = [said for requirement in names if (said := _lacking(requirement))]
    if wrong:
        return Check("packages", FAILED, "; ".join(wrong), "Run: pip install -r requirements.txt")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("ray", "duckdb", "pyarrow", "plotly"))
    return Check("packages", OK, f"all {len(names)} are there: {versions}, …")


def _lacking(requirement: str) -> str:
    """What is wrong with a requirement such as `duckdb>=1.5`; empty where it is met."""
    name, _, least = re.sub(r"[;\s].*", "", requirement).partition(">=")
    name = re.sub(r"\[.*", "", name)
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is missing"
    return f"{name} {version} is older than {least}" if _numbers(version) < _numbers(least) else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def check_memory(_: Patient) -> Check:
    """CPUs, and memory that is free."""
    page = os.sysconf("SC_PAGE_SIZE")
    free, total = (page * os.sysconf(name) for name in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES"))
    free = max(free, _available())
    detail = f"{os.cpu_count()} CPUs, {free / GB:.1f} of {total / GB:.1f} GB of memory free"
    if free < SCARCE_BYTES["memory"]:
        return Check("memory", WARNING, detail, "Run with fewer --workers, or close something")
    return Check("memory", OK, detail)


def _available() -> int:
    """What Linux could give, caches that it would drop included; 0 elsewhere."""
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def check_disk(patient: Patient) -> Check:
    """Room for the store."""
    return _room("disk", usable(patient.root), "Make room, or choose another --store")


def check_temporary(_: Patient) -> Check:
    """Room for what Ray and DuckDB put aside."""
    return _room("temporary files", Path(tempfile.gettempdir()), "Make room, or set TMPDIR to another folder")


def _room(name: str, folder: Path, advice: str) -> Check:
    free = shutil.disk_usage(folder).free
    detail = f"{folder}: {free / GB:,.1f} GB free"
    if not os.access(folder, os.W_OK):
        return Check(name, FAILED, f"{folder}: cannot be written", "Allow it, or choose another")
    if free < SCARCE_BYTES["disk"]:
        return Check(name, FAILED if free < FULL_BYTES else WARNING, detail, advice)
    return Check(name, OK, detail)


def check_files(_: Patient) -> Check | None:
    """How many files a process may open."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard) and soft == resource.RLIM_INFINITY:
        return Check("open files", OK, "without limit")
    if soft < FEW_FILES:
        return Check("open files", WARNING, f"{soft:,} at a time", "Run before: ulimit -n 65536")
    return Check("open files", OK, f"{soft:,} at a time")


def check_zones(_: Patient) -> Check:
    """Names of time zones are known, which `ingest --tz` needs."""
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    now = datetime.now(UTC)
    berlin = now.astimezone(ZoneInfo("Europe/Berlin"))
    detail = f"it is {now:%Y-%m-%dT%H:%M:%SZ}; tzdata {metadata.version('tzdata')}, Berlin is UTC{berlin:%z}"
    if now.year < 2026:
        return Check("clock", FAILED, detail, "Set the clock: the ingest refuses stamps that lie ahead of it")
    return Check("clock", OK, detail)


CHECKS = {
    "python": check_python,
    "packages": check_packages,
    "memory": check_memory,
    "disk": check_disk,
    "temporary files": check_temporary,
    "open files": check_files,
    "clock": check_zones,
}
