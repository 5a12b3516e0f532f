"""`python -m netc`."""

from netc.start import run

run()
