"""A training run in a process of its own, which the net's own code ends: `killed.py JOB FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import jobs_to_stop
import torch
from devices import DEVICE

from netc.runtime import train

if __name__ == "__main__":
    torch.set_num_threads(1)
    train(jobs_to_stop.job(sys.argv[1]), Path(sys.argv[2]), device=DEVICE, save_every=5)
