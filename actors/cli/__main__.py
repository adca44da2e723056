"""`python -m actors.cli`: the command line without an installed script."""

from actors.cli.main import main

main()
