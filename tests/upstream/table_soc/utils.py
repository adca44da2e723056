def gain():
    """2 here, 1 in the other folder with a module of this name."""
    return 2


def clamp(series):
    return series.clip(0, 100)
