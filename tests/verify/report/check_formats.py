#!/usr/bin/env python3
"""Holds what `verify`, `connections`, `diff` and `explain` print to readers that are not ours.

usage: check_formats.py SCHEMAS_DIR SAMPLES_DIR [--sarif SARIF_SCHEMA] [--require]
       check_formats.py SCHEMAS_DIR --tests PROGRAM [--sarif SARIF_SCHEMA]

SCHEMAS_DIR holds our schemas (compiler/verify). SAMPLES_DIR holds outputs named KIND by their ending; with --tests the
program writes them first (it is run with AIRTIGHT_SAMPLES set to a new directory).
  *.verify.json *.connections.json *.diff.json *.explain.json   JSON Schema (jsonschema)
  *.sarif        SARIF's own schema where it is given; ids, indexes and places by hand
  *.junit.xml    an XML parser; the elements that Jenkins reads, and counts that add up
  *.connections.csv  the csv module: four columns everywhere
  *.dot          graphviz where it is installed, else a tokenizer of the language
  *.html         one page that loads nothing, with a policy that allows exactly its own style and script

Prints "ok NAME", "FAIL NAME WHY" or "SKIPPED NAME WHY". Exit: 0 all hold, 1 not, 77 nothing could be checked.
"""
import argparse
import base64
import csv
import hashlib
import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMAS = {".verify.json": "report", ".connections.json": "connections", ".diff.json": "difference",
           ".explain.json": "explanation"}


class Skipped(Exception):
    pass


def expect(condition, why):
    if not condition:
        raise AssertionError(why)


def hold_to(schema, document, validator_class):
    validator_class.check_schema(schema)
    error = jsonschema.exceptions.best_match(validator_class(schema).iter_errors(document))
    expect(error is None, error and f"{error.message} at /{'/'.join(map(str, error.absolute_path))}")


def check_json(path, context, schema):
    if jsonschema is None:
        raise Skipped("the Python module jsonschema is not installed")
    schema = json.loads((context.schemas / f"{schema}.schema.json").read_text(encoding="utf-8"))
    hold_to(schema, json.loads(path.read_text(encoding="utf-8")), jsonschema.Draft202012Validator)


def check_sarif(path, context):
    log = json.loads(path.read_text(encoding="utf-8"))
    expect(log["version"] == "2.1.0" and len(log["runs"]) == 1, "one run of SARIF 2.1.0")
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    expect(len({rule["id"] for rule in rules}) == len(rules), "rule ids are unique")
    for result in run["results"]:
        expect(rules[result["ruleIndex"]]["id"] == result["ruleId"], "ruleIndex leads to ruleId")
        expect(result["kind"] == "fail" or result["level"] == "none", "a kind other than fail has no level")
        expect(re.fullmatch("[0-9a-f]{64}", result["partialFingerprints"]["cause/v1"]), "a fingerprint")
        places = [place["physicalLocation"] for key in ("locations", "relatedLocations")
                  for place in result.get(key, []) if "physicalLocation" in place]
        for place in places:
            uri, region = place["artifactLocation"]["uri"], place["region"]
            expect(re.fullmatch(r"(file:///)?([A-Za-z0-9._~/-]|%[0-9A-F]{2})+", uri), f"a URI reference: {uri}")
            expect((region["endLine"], region["endColumn"]) >= (region["startLine"], region["startColumn"]),
                   "a region that does not end before it begins")
    if jsonschema is None:
        raise Skipped("the Python module jsonschema is not installed")
    if context.sarif is None or not context.sarif.exists():
        raise Skipped("SARIF's schema is not here; checked by hand only")
    hold_to(json.loads(context.sarif.read_text(encoding="utf-8")), log, jsonschema.Draft4Validator)


def check_junit(path, _):
    root = xml.etree.ElementTree.parse(path).getroot()
    expect(root.tag == "testsuites", "the root is testsuites")

    def counts(element):
        return {name: int(element.get(name)) for name in ("tests", "failures", "errors", "skipped")}

    total = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in root:
        cases = list(suite)
        expect(suite.tag == "testsuite" and all(case.tag == "testcase" for case in cases), "suites of cases")
        expect(all(case.get("name") and case.get("classname") for case in cases), "every case has its names")
        inner = [child.tag for case in cases for child in case]
        expect(set(inner) <= {"failure", "error", "skipped", "system-out"}, f"elements that Jenkins reads: {inner}")
        found = {"tests": len(cases), "failures": inner.count("failure"), "errors": inner.count("error"),
                 "skipped": inner.count("skipped")}
        expect(counts(suite) == found, f"counts of {suite.get('name')}: {found}")
        expect(all(sum(child.tag != "system-out" for child in case) <= 1 for case in cases), "one outcome a case")
        for name in total:
            total[name] += found[name]
    expect(counts(root) == total and total["tests"] > 0, f"counts of the whole: {total}")


def check_csv(path, _):
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    expect(text.endswith("\r\n") and "\n" not in text.replace("\r\n", ""), "lines end with CR LF")
    rows = list(csv.reader(text.splitlines(), strict=True))
    expect(rows[0] == ["source", "destination", "services", "certain"], "the header row")
    expect(all(len(row) == 4 for row in rows), "four columns everywhere")
    expect(not any(cell[:1] in tuple("=+-@") for row in rows for cell in row if cell), "no formula")


DOT_TOKEN = re.compile(r'\s+|"(?:[^"\\]|\\.)*"|->|[{}\[\];,=]|[A-Za-z_][A-Za-z_0-9]*|-?[0-9.]+')


def check_dot(path, _):
    text = path.read_text(encoding="utf-8")
    at = depth = 0
    while at < len(text):
        token = DOT_TOKEN.match(text, at)
        expect(token, f"no token of the language: {text[at:at + 40]!r}")
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        expect(depth >= 0, "brackets in order")
        at = token.end()
    expect(depth == 0 and text.startswith("digraph "), "one graph, closed")
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tcanon", str(path)], check=True, capture_output=True, timeout=60)


class Page(html.parser.HTMLParser):
    kVoid = {"meta", "input", "br"}
    kTags = {"html", "head", "meta", "title", "style", "body", "h1", "dl", "dt", "dd", "form", "label", "input", "output",
             "table", "caption", "thead", "tbody", "tr", "th", "td", "button", "script"}
    kAttributes = {"lang", "charset", "http-equiv", "content", "name", "class", "role", "hidden", "type", "autocomplete",
                   "scope"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.policy, self.counts = [], {"style": "", "script": ""}, "", {}

    def handle_starttag(self, tag, attributes):
        expect(tag in self.kTags, f"an element that the page does not have: {tag}")
        self.counts[tag] = self.counts.get(tag, 0) + 1
        attributes = dict(attributes)
        expect(set(attributes) <= self.kAttributes, f"attributes of {tag}: {set(attributes) - self.kAttributes}")
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        if tag not in self.kVoid:
            self.open.append(tag)

    def handle_endtag(self, tag):
        expect(self.open and self.open.pop() == tag, f"</{tag}> where it belongs")

    def handle_data(self, data):
        if self.open and self.open[-1] in self.texts:
            self.texts[self.open[-1]] += data


def check_html(path, _):
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    expect(not page.open, f"elements left open: {page.open}")
    expect(page.counts["script"] == 1 and page.counts["style"] == 1, "one script, one style")
    expect(page.policy.startswith("default-src 'none'; "), "a policy that forbids the rest")
    for name, text in page.texts.items():
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        expect(f"{name}-src 'sha256-{digest}'" in page.policy, f"the policy names the {name}")
    expect("unsafe" not in page.policy, "nothing unsafe")


CHECKS = {".sarif": check_sarif, ".junit.xml": check_junit, ".connections.csv": check_csv, ".dot": check_dot,
          ".html": check_html}
for ending, schema in SCHEMAS.items():
    CHECKS[ending] = lambda path, context, schema=schema: check_json(path, context, schema)


def check_all(samples, context):
    seen, failures, checked = set(), 0, 0
    for path in sorted(samples.iterdir()):
        for ending, check in CHECKS.items():
            if not path.name.endswith(ending):
                continue
            seen.add(ending)
            try:
                check(path, context)
                checked += 1
                print(f"ok {path.name}")
            except Skipped as why:
                print(f"SKIPPED {path.name} {why}")
            except Exception as why:  # whatever a reader throws
                failures += 1
                print(f"FAIL {path.name} {type(why).__name__}: {why}")
    for ending in sorted(set(CHECKS) - seen) if context.require else []:
        failures += 1
        print(f"FAIL *{ending} no sample of this format")
    return 1 if failures else 0 if checked else 77


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("schemas", type=pathlib.Path)
    parser.add_argument("samples", type=pathlib.Path, nargs="?")
    parser.add_argument("--tests", type=pathlib.Path)
    parser.add_argument("--sarif", type=pathlib.Path)
    parser.add_argument("--require", action="store_true", help="every format must be among the samples")
    context = parser.parse_args()
    if context.tests is None:
        if context.samples is None:
            parser.error("SAMPLES_DIR or --tests is needed")
        return check_all(context.samples, context)
    context.require = True
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([context.tests], check=True, stdout=subprocess.DEVNULL, timeout=300,
                       env={**os.environ, "AIRTIGHT_SAMPLES": directory})
        return check_all(pathlib.Path(directory), context)


if __name__ == "__main__":
    sys.exit(main())
