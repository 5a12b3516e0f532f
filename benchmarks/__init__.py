"""What netc costs, measured against named peers. Run with `python -m benchmarks`."""
