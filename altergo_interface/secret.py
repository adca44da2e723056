"""A secret that does not get out: not by printing it, not by pickling what holds it, not in another's error text."""

import json
from collections.abc import Iterator
from typing import NoReturn
from urllib.parse import quote, quote_plus

HIDDEN = "***"
_CUT = 8
"""A library may cut a URL anywhere: a beginning of a secret as long as this is hidden as well."""

_SHORTEST = 6
"""No key is shorter; to hide a placeholder of a letter or two would spoil every text."""


class Secret:
    """A key. Only `reveal` gives it, to the one request that needs it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key itself."""
        return self._value

    def hide(self, text: str) -> str:
        """A text without the key, in any spelling in which a URL, JSON or a repr may hold it."""
        for spelling in self._spellings():
            text = text.replace(spelling, HIDDEN)
        for length in range(len(self._value) - 1, _CUT - 1, -1):
            text = text.replace(self._value[:length], HIDDEN)
        return text

    def _spellings(self) -> Iterator[str]:
        value = self._value
        if len(value) >= _SHORTEST:
            spellings = {value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1]}
            yield from sorted({*spellings, repr(value)[1:-1]}, key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled, copied or stored")
