#!/usr/bin/env python3
"""Holds what the report tests render to readers that are not ours.

usage: check_report.py SCHEMA TESTS

TESTS, the test program, writes its samples into a new directory (AIRTIGHT_SAMPLES). JSON must fit SCHEMA (2020-12), with
the verdict in the heading; HTML must be balanced, without a script and without a reference to anything outside of it, and
begin with the same heading as the text. Exit code 77: the validator is not installed.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from html.parser import HTMLParser

VOID = {"meta", "br"}
FORBIDDEN = {"script", "link", "img", "iframe", "object", "embed", "base", "form"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.faults, self.heading, self.order = [], [], "", []

    def handle_starttag(self, tag, attributes):
        self.order.append(tag)
        if tag in FORBIDDEN:
            self.faults.append(f"<{tag}>")
        for name, _ in attributes:
            if name in ("src", "href", "style") or name.startswith("on"):
                self.faults.append(f"<{tag} {name}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> out of place")

    def handle_data(self, data):
        if self.open and self.open[-1] == "h1":
            self.heading += data


def check(path, validator):
    document = json.loads(path.read_text(encoding="utf-8"))
    faults = [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in validator.iter_errors(document)]
    text = path.with_suffix(".txt").read_text(encoding="utf-8")
    page = Page()
    page.feed(path.with_suffix(".html").read_text(encoding="utf-8"))
    page.close()
    faults += page.faults + [f"<{tag}> is not closed" for tag in page.open]
    if not text.startswith(document["heading"] + "\n"):
        faults.append("the text does not begin with the heading")
    if page.heading != document["heading"]:
        faults.append(f"the page's heading is {page.heading!r}")
    if document["verdict"] not in document["heading"]:
        faults.append("the verdict is not in the heading")
    if page.order.index("h1") > page.order.index("h2"):
        faults.append("the verdict does not come first")
    return [f"{path.name}: {fault}" for fault in faults]


def main(arguments):
    if len(arguments) != 2:
        print(__doc__)
        return 2
    try:
        import jsonschema
    except ImportError:
        print("SKIPPED: the Python module jsonschema is not installed")
        return 77
    schema = json.loads(pathlib.Path(arguments[0]).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([arguments[1]], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "AIRTIGHT_SAMPLES": directory})
        samples = sorted(pathlib.Path(directory).glob("*.json"))
        faults = [fault for path in samples for fault in check(path, jsonschema.Draft202012Validator(schema))]
    for fault in faults:
        print(fault)
    print(f"{len(samples)} reports, {len(faults)} faults")
    return 1 if faults or not samples else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
