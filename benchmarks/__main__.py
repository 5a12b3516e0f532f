"""`python -m benchmarks [TOPIC…]`: runs the topics one after the other, each in its own process.

A process of its own for each topic: peak memory of a child is measured from a small parent.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.measure import machine

TOPICS = ("start", "report", "networks", "chain", "train", "vision")


def main() -> int:
    """Runs the topics named on the command line, or all. Returns the exit status."""
    wanted = sys.argv[1:] or list(TOPICS)
    unknown = [topic for topic in wanted if topic not in TOPICS]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(TOPICS)}", file=sys.stderr)
        return 2
    print(machine())
    statuses = []
    for topic in wanted:
        print(f"\n== {topic}", flush=True)
        statuses.append(subprocess.run([sys.executable, "-m", f"benchmarks.{topic}"]).returncode)
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
