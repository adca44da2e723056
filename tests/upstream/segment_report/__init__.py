from .segments import SegmentReport
