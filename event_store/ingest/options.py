"""How to read an event file: the mapping file and the flags of `ingest`, checked before a byte is read."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from altergo_interface.errors import IngestError, did_you_mean

COLUMNS = ("asset_id", "sensor", "ts", "value")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = "2000-01-01"  # older stamps come from clocks that were never set


class ParseOptions(BaseModel):
    """Everything that decides how the bytes of a file become events.

    Raises:
        IngestError: an unknown key (names the nearest), a value that makes no sense, two that exclude
            each other. With `load` the message says whether the mapping file or a flag is to blame.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    wide: bool = False
    retract: bool = Field(default=False, description="the rows name keys to delete; values do not matter")
    columns: dict[str, str] = Field(default={}, description="our name of a column -> the file's")
    ts_format: str | None = Field(default=None, description="strptime format")
    ts_unit: Literal["s", "ms", "us", "ns"] | None = Field(default=None, description="stamps are epochs")
    tz: str | None = Field(default=None, description="zone of stamps without one")
    delimiter: str = ","
    decimal: Literal[".", ","] = "."
    asset: str | None = Field(default=None, description="the asset of every row")
    asset_from_name: str | None = Field(
        default=None, description="regex on the file's name; its first group, or else the match"
    )
    ts_range: tuple[str, str] | None = Field(default=None, description="plausible times, ISO, half-open")
    max_future_s: float = Field(default=86400.0, ge=0, le=1e9, description="where no ts_range is given")

    @classmethod
    def load(cls, mapping: Path | None, **flags: Any) -> Self:
        """The mapping file (JSON) overlaid by the flags; a flag that is None was not given.

        Raises:
            IngestError: the file is missing or no JSON object, or what the class raises.
        """
        given = {key: value for key, value in flags.items() if value is not None}
        base = _read_mapping(mapping) if mapping else {}
        return cls.model_validate(base | given, context={"mapping": mapping, "flags": given.keys()})

    def fingerprint(self) -> str:
        """Canonical JSON of every option that is not at its default."""
        return json.dumps(self.model_dump(exclude_defaults=True), sort_keys=True, ensure_ascii=False)

    def bounds(self, now_us: int) -> tuple[int, int]:
        """The half-open range of plausible times, µs UTC."""
        if self.ts_range:
            return _instant_us(self.ts_range[0]), _instant_us(self.ts_range[1])
        return _instant_us(EARLIEST), now_us + round(self.max_future_s * 1e6) + 1  # +1: "to" includes it

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, columns: dict[str, str]) -> dict[str, str]:
        for ours in columns:
            if ours not in COLUMNS:
                raise ValueError(f"unknown column '{ours}'. {did_you_mean(ours, COLUMNS)}")
        if len(set(columns.values())) < len(columns):
            raise ValueError("the same column of the file is named twice")
        return columns

    @field_validator("ts_format")
    @classmethod
    def _readable_format(cls, ts_format: str | None) -> str | None:
        if ts_format is None:
            return None
        if "%Z" in ts_format:  # Python would read it by the names of this machine's own zone
            raise ValueError("%Z depends on the machine; use %z for offsets, or cut the zone and give tz")
        try:
            datetime.strptime("", ts_format)
        except (ValueError, re.error) as error:
            if "does not match" not in str(error) and ts_format:
                raise ValueError(f"'{ts_format}': {error}") from error
        return ts_format

    @field_validator("tz")
    @classmethod
    def _known_zone(cls, tz: str | None) -> str | None:
        if tz is None:
            return None
        try:
            ZoneInfo(tz)
        except (KeyError, ValueError, OSError) as error:
            near = did_you_mean(tz, available_timezones())
            hint = near if near.startswith("Did") else "Use a name such as 'UTC' or 'Europe/Berlin'"
            raise ValueError(f"unknown time zone '{tz}'. {hint}") from error
        return tz

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str) -> str:
        if delimiter == "\\t":  # what a shell makes of --delimiter '\t'
            return "\t"
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n':
            raise ValueError(f"'{delimiter}' is not one ASCII character")
        return delimiter

    @field_validator("asset")
    @classmethod
    def _not_blank(cls, asset: str | None) -> str | None:
        if asset is not None and not asset.strip():
            raise ValueError("the asset is empty")
        return asset

    @field_validator("asset_from_name")
    @classmethod
    def _valid_regex(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"'{pattern}' is no regular expression: {error}") from error
        return pattern

    @field_validator("ts_range")
    @classmethod
    def _ordered_range(cls, ts_range: tuple[str, str] | None) -> tuple[str, str] | None:
        if ts_range and _instant_us(ts_range[0]) >= _instant_us(ts_range[1]):
            raise ValueError(f"{ts_range[0]} is not before {ts_range[1]}")
        return ts_range

    @model_validator(mode="after")
    def _no_contradiction(self) -> Self:
        if self.ts_unit and self.ts_format:
            raise ValueError("ts_unit excludes ts_format; give one of them")
        if self.asset and self.asset_from_name:
            raise ValueError("asset excludes asset_from_name; give one of them")
        if (self.asset or self.asset_from_name) and "asset_id" in self.columns:
            raise ValueError("columns.asset_id excludes asset and asset_from_name; give one of them")
        if self.wide and (extra := {"sensor", "value"} & self.columns.keys()):
            raise ValueError(f"a wide file has no column for columns.{min(extra)}; drop it, or wide")
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, given: Any, check: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        try:
            return check(given)
        except ValidationError as error:
            raise _as_ingest_error(error, info.context or {}) from error


def _read_mapping(mapping: Path) -> dict[str, Any]:
    try:
        content = json.loads(mapping.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise IngestError(f"mapping file {mapping}: {error.strerror}", "Check the path") from error
    except ValueError as error:  # bad JSON and bad UTF-8 alike
        raise IngestError(f"mapping file {mapping} is no JSON: {error}", "Correct it") from error
    if not isinstance(content, dict):
        raise IngestError(f"mapping file {mapping} holds no JSON object", 'Write {"columns": {…}, …}')
    return content


def _as_ingest_error(error: ValidationError, context: dict[str, Any]) -> IngestError:
    """The first fault with its place: the mapping file, a flag, or (from Python) the option."""
    first = error.errors(include_url=False)[0]
    keys = [str(part) for part in first["loc"]]
    if keys and keys[0] in context.get("flags", ()):
        place = f"--{keys[0].replace('_', '-')}"
    elif mapping := context.get("mapping"):
        place = f"mapping file {mapping}: {'.'.join(keys)}".removesuffix(": ")
    else:
        place = ".".join(keys) or "options"
    if first["type"] == "extra_forbidden":
        return IngestError(f"{place}: unknown key", did_you_mean(keys[-1], ParseOptions.model_fields))
    what, _, hint = first["msg"].removeprefix("Value error, ").partition(". ")
    return IngestError(f"{place}: {what}", hint)


def _instant_us(text: str) -> int:
    """µs UTC of an ISO 8601 time; without a zone it is UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"'{text}' is no ISO 8601 time") from error
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)
