from .main import TableSoc
