"""Opens pages of `netc view` in a browser that is on this machine: `python -m tests.browser`.

A check apart from the suite, which needs no browser. Each page is opened at one of its layers, in
headless Chromium; what the script drew is read back. Exit status 1 if something is not there, or if
the browser had anything to complain of (its console shows what the page's policy refused).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from html import unescape
from pathlib import Path

from netc.api import load
from netc.compiler.view import page

REPOSITORY = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAGES = (
    ("specs/lenet5.net", "conv2", 12),
    ("specs/resnet50.net", "layer1.0.conv2", 24),
    ("specs/inception.net", "inception1.branch2.0", 39),
    ("tests/nets/unet.net", "double1.conv1", 32),
    ("tests/nets/densenet.net", "repeat1.2.conv2", 35),
    ("tests/nets/triplet.net", "encoder.dense1", 24),
)
"""Specs, the layer that each is opened at, and how many lines its table then has."""


def complaints(browser: str, file: str, layer: str, lines: int) -> list[str]:
    """What is wrong with a spec's page."""
    spec = load(REPOSITORY / file)
    nets = [spec.net(name) for name in spec.names]
    why = next(row.why for row in nets[0].report().rows if row.path == layer)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "page.html")
        text = page([(net.report(), net.graph.module) for net in nets], file)
        path.write_text(text, encoding="utf-8")
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={folder}/user",
        ]
        command = [browser, *options, "--enable-logging=stderr", "--dump-dom"]
        done = subprocess.run(
            [*command, f"{path.as_uri()}#{layer}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    found = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    rows = len(re.findall(r"<tr [^>]*data-id", done.stdout))
    if rows != lines:
        found.append(f"{rows} lines in the table, not {lines}")
    shown = unescape(re.sub(r"<[^>]*>", "", done.stdout.partition('id="why"')[2])).replace(",", "")
    for part in (why.params, why.macs):
        if part.replace(",", "") not in shown:
            found.append(f"`{part}` is not shown for {layer}")
    if "<path" not in done.stdout:
        found.append("nothing is drawn")
    return [f"{file}: {one}" for one in found]


def main() -> int:
    """Checks every page; the process's exit status."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"no browser here: one of {', '.join(BROWSERS)} is needed")
        return 1
    wrong = [text for one in PAGES for text in complaints(browser, *one)]
    print("\n".join(wrong) or f"{len(PAGES)} pages are as they should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
