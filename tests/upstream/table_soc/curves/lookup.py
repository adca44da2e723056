import numpy as np
import pandas as pd

try:
    from .constants import PERCENT
except ImportError:
    from constants import PERCENT


def soc_of(voltage, table):
    return pd.Series(PERCENT * np.interp(voltage, table["ocv"], table["soc"]), index=voltage.index)
