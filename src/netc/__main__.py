"""`python -m netc`."""

from netc.cli import main

main()
