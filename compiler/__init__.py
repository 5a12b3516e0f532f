"""From text to tree, graph, report and PyTorch source. Pure: no torch, no network, no printing."""
