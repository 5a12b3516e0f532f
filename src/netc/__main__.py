"""`python -m netc`."""

from netc.cli import run

run()
