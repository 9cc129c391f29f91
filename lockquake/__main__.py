"""``python -m lockquake`` is the command line."""

from lockquake.cli import main

main()
