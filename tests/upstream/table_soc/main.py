"""State of charge by a table of the asset, with helpers found in every way that is in use."""

import os
import sys

import altergo_sdk.boiler_plate as boiler

from .curves.lookup import soc_of

sys.path.insert(0, os.path.dirname(__file__))
import utils

try:
    from curves_that_are_not_there import gain
except ImportError:
    from utils import gain

from table_soc.utils import gain as the_same


@boiler.register_model("table_soc")
class TableSoc(boiler.Model):
    def process(self, data):
        from utils import clamp  # only when it is called

        assert utils.gain is gain is the_same
        soc = soc_of(data["voltage"] / data["cells"], data["ocv_table"])
        return {"soc": clamp(soc), "gain": gain()}
