"""A plain model's outputs against its manifest: what is undeclared is left out, and what is left out is said."""

from collections.abc import Collection

from altergo_interface.base_model import Outputs
from altergo_interface.manifest import Manifest
from altergo_interface.records import Record

RECORDS = "records"


class Declared:
    """Follows one replay of a plain model.

    Models written for the platform return more than they declare, which takes what it has a name for; and less.
    A model of `advance` is written for this engine: collecting its outputs refuses what is undeclared.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._kinds: set[str] = set()
        self.undeclared: set[str] = set()

    def only(self, outputs: Outputs) -> Outputs:
        """Those that the manifest declares, and records, of whatever kind."""
        kept = {n: v for n, v in outputs.items() if n == RECORDS or self._manifest.output(n) is not None}
        self.undeclared.update(outputs.keys() - kept.keys())
        records = outputs.get(RECORDS)
        if isinstance(records, list):
            self._kinds.update(record.kind for record in records if isinstance(record, Record))
        return kept

    def notices(self, given: Collection[str], whole: bool) -> list[str]:
        """What an operator should know; only a `whole` history can say that an output never comes."""
        more = [f"returns '{n}', which model.json does not declare: not stored" for n in sorted(self.undeclared)]
        never = [n for n in self._manifest.outputs if whole and not self._came(n, given)]
        return more + [f"declares the output '{name}' and has not given it" for name in never]

    def _came(self, name: str, given: Collection[str]) -> bool:
        """Whether it was given: itself, as the columns of a DataFrame, or as records of that kind."""
        return name in self._kinds or any(known == name or known.startswith(f"{name}.") for known in given)
