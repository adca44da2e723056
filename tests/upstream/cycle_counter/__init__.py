from .cycle_counter import CycleCounter
