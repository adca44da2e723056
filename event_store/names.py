"""Names of the published copy, at once and without the engine: for completion at a prompt."""

from pathlib import Path

import duckdb


def asset_names(root: Path, prefix: str, limit: int) -> list[str]:
    """The first assets whose id begins so, in their order; none where there is no readable copy."""
    query = "select asset_id from store.assets where starts_with(asset_id, ?) order by asset_id limit ?"
    try:
        with duckdb.connect(str(root / "fleet.duckdb"), read_only=True) as con:
            return [name for (name,) in con.execute(query, [prefix, limit]).fetchall()]
    except (duckdb.Error, OSError):
        return []
