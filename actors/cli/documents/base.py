"""What the types of JSON documents are made of."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, with_config

document = with_config(ConfigDict(use_attribute_docstrings=True))
"""Of a type: what stands below a key is its description."""

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""ISO 8601, UTC, ends with Z."""

Free = dict[str, Any]
"""An object whose keys are data."""

Begin, End = Field(alias="from"), Field(alias="to")
"""`from` is no name in Python."""
