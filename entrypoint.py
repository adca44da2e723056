"""What the platform starts, and a developer with `python entrypoint.py dev-parameters.json`."""

import sys

from actors.platform_entry import leave_the_command_line, main

if __name__ == "__main__":
    leave_the_command_line(sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
