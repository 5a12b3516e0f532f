"""Maps the folders at the root into the package: `compiler/` is installed as `netc.compiler`.

`docs/errors/` goes with them as `netc.errors`: `netc explain E0301` shows its pages.
"""

from setuptools import find_packages, setup

ROOMS = ("compiler", "runtime", "grammar", "specs")
found = find_packages(include=[room + end for room in ROOMS for end in ("", ".*")])
setup(
    packages=["netc", "netc.errors", *("netc." + name for name in found)],
    package_dir={
        "netc": "src/netc",
        "netc.errors": "docs/errors",
        **{"netc." + room: room for room in ROOMS},
    },
)
