"""Maps the folders at the root into the package: `compiler/` is installed as `netc.compiler`."""

from setuptools import find_packages, setup

ROOMS = ("compiler", "runtime", "grammar", "specs")
found = find_packages(include=[room + end for room in ROOMS for end in ("", ".*")])
setup(
    packages=["netc", *("netc." + name for name in found)],
    package_dir={"netc": "src/netc", **{"netc." + room: room for room in ROOMS}},
)
