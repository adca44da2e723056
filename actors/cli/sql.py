"""The command that asks: one query, a script on standard input, or a prompt."""

import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actors.cli.grammar import RESULTS, Command, examples
from actors.cli.shell import SHOWN, Shell, of

if TYPE_CHECKING:
    import duckdb

_Fetched = tuple[list[str], list[Any], int]
"""Columns, rows, and how many more there are."""

EXAMPLES = examples(
    "sql \"from latest_outputs where asset_id = 'EV-07'\"",
    "sql \"from records where kind = 'alert' and ended_at is null\" --json",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, rich_help_panel=RESULTS, epilog=EXAMPLES)(sql)


def sql(
    context: typer.Context,
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="SQL over the views; a prompt without it.")
    ] = None,
) -> None:
    """Read-only SQL over the published copy: assets, events, outputs, latest_outputs, twin_state, records, ..."""
    shell = of(context)
    if query is not None:
        answer(shell, query)
    elif not sys.stdin.isatty():
        answer(shell, sys.stdin.read())
    else:
        from actors.cli.prompt import converse

        converse(shell)


def answer(shell: Shell, query: str) -> None:
    """Run a query and show its rows; on a terminal the first ones. Raises SelectionError for a wrong one."""
    import duckdb

    from altergo_interface import SelectionError
    from event_store.object_store import own_errors

    whole = shell.as_json or not sys.stdout.isatty()
    con = shell.fleet().connect()

    def fetch() -> _Fetched:
        found = con.sql(query)
        columns = list(found.columns) if found is not None else []
        rows = [] if found is None else found.fetchall() if whole else found.limit(SHOWN + 1).fetchall()
        return columns, rows, 0 if whole or len(rows) <= SHOWN else _count(found) - SHOWN

    try:
        with own_errors():
            columns, fetched, left = _interruptible(con, fetch)
    except duckdb.Error as error:
        raise SelectionError(*_told(str(error))) from error
    rows = [dict(zip(columns, row, strict=True)) for row in (fetched if whole else fetched[:SHOWN])]
    shell.table(rows, rows, columns, "no rows")
    if left:
        sys.stdout.write(f"… {left:,} more rows\n")


def _interruptible(con: "duckdb.DuckDBPyConnection", fetch: Callable[[], _Fetched]) -> _Fetched:
    """What a query gives, until Ctrl-C.

    It runs beside this thread: DuckDB looks for signals only while the thread that asks has a part of the query to
    itself, and where another has it all, Ctrl-C would never come through.
    """
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(fetch)
        try:
            return running.result()
        except KeyboardInterrupt:
            con.interrupt()
            raise


def _count(found: "duckdb.DuckDBPyRelation") -> int:
    """Counted by the database: what nobody sees needs not be fetched."""
    return int(found.aggregate("count(*)").fetchall()[0][0])


_NEAR = re.compile(r"""[!.]?\s*(?:Did you mean|Candidate bindings:)\s*"([^"]+)".*""", re.DOTALL)


def _told(message: str) -> tuple[str, str]:
    """DuckDB's message as one line, and the hint: the name that it takes for the one that was meant."""
    message = message.partition("\n\nLINE ")[0]
    near = _NEAR.search(message)
    what = " ".join((message[: near.start()] if near else message).split()).rstrip("!.")
    return (
        f"SQL: {what}",
        f"Did you mean '{near[1]}'?" if near else "The views are read-only; `show tables` lists them",
    )
