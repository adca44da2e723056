"""The JSON documents of all commands as types: what `--json` promises."""

from typing import Any

from actors.cli.documents import keeping, log, looks, runs

DOCUMENTS: dict[str, Any] = {
    "demo": log.Demo,
    "init": log.Init,
    "ingest": log.Ingest,
    "sensors": list[log.Sensor],
    "sensors --suggest": log.SuggestedSettings,
    "fetch": log.Fetch,
    "batches list": list[log.Batch],
    "batches retract": log.Retracted,
    "assets import": log.Imported,
    "assets list": list[log.Asset],
    "assets purge": log.Purged,
    "plan": runs.Plan,
    "plan --explain": runs.Explanation,
    "run": runs.Run,
    "retry": runs.Run,
    "replay": looks.Replay,
    "live --follow": looks.LiveRecord,
    "status": looks.Status,
    "state": looks.State,
    "digest": looks.Digest,
    "sql": list[looks.Row],
    "dashboard": looks.Dashboard,
    "upload": runs.Upload,
    "models list": list[keeping.Model | keeping.BrokenFolder],
    "models check": keeping.ModelCheck,
    "models new": keeping.NewModel,
    "config": looks.Config,
    "store verify": keeping.Verification,
    "store compact": keeping.Compaction,
    "store gc": keeping.Collected,
    "store upgrade": keeping.Upgrade,
    "store restore": keeping.Restored,
    "doctor": keeping.Doctor,
    "error": keeping.Error,
}
"""By command; an option stands where it changes the document."""


def schema(command: str) -> dict[str, Any]:
    """The JSON Schema of a command's document."""
    from pydantic import TypeAdapter

    return TypeAdapter(DOCUMENTS[command]).json_schema()
