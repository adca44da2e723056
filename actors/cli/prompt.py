"""stub"""


def converse(shell: object) -> None:
    """stub"""
