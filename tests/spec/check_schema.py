#!/usr/bin/env python3
"""Holds the JSON Schema of the language and the parser to the same accepted and refused files.

    check_schema.py AIRTIGHT SCHEMA TESTS POLICIES

- every spec that the parser accepts (a case of TESTS/golden, a file of POLICIES that stands alone, a whole set of
  files after merging) is valid by the schema;
- every sample of TESTS/rejected that is one file and whose codes are all `schema_sees` is refused by the schema;
- whatever the schema refuses, the parser refuses: over all of these, and over mutations of the accepted ones.

Scalars are read as the language reads them: text, apart from plain true and false, and null.
"""
import copy
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(f"SKIPPED schema_spec {error.name} is not installed (python3-jsonschema, python3-yaml)")
    sys.exit(77)

AT = "2026-11-25"

# Samples that the schema cannot see, although it sees their codes.
EXCUSED = {
    "s210-version-without-quotes": "quotes do not survive reading",
}


class SpecLoader(yaml.BaseLoader):
    """Every scalar is text, but plain true, false and null."""


def construct_scalar(loader, node):
    if node.style is None:
        words = {"true": True, "false": False, "null": None, "~": None, "": None, "Null": None, "NULL": None}
        if node.value in words:
            return words[node.value]
    return loader.construct_scalar(node)


SpecLoader.add_constructor("tag:yaml.org,2002:str", construct_scalar)


def load(text):
    return yaml.load(text, Loader=SpecLoader)


def merge(into, new, path=()):
    for key, value in new.items():
        if path == () and key in ("apiVersion", "kind", "metadata") and key in into:
            continue
        if into.get(key) is None:
            into[key] = value
        elif value is None:
            continue
        elif isinstance(into[key], dict) and isinstance(value, dict):
            merge(into[key], value, path + (key,))
        elif path == () and key in ("flows", "exceptions"):
            into[key] = into[key] + value
    return into


class Checker:
    def __init__(self, airtight, schema):
        self.airtight = airtight
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(schema)
        self.passed = self.failed = 0

    def refusals(self, document):
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:160]}" for error in self.validator.iter_errors(document)]

    def parser_codes(self, paths):
        with tempfile.TemporaryDirectory(prefix="schema-") as out:
            done = subprocess.run([self.airtight, "compile", *map(str, paths), "-o", out + "/out", "--at", AT], capture_output=True, timeout=60)
        return done.returncode, set(re.findall(r"error\[(AT-[A-Z][0-9]{3})\]", done.stderr.decode("utf-8", "replace")))

    def verdict(self, good, what):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print("FAIL " + what)


def schema_sees(table):
    """Code -> whether the schema sees it too, from the one table."""
    rows = re.findall(r'\{Code::\w+, "(AT-[A-Z]\d{3})".*?(true|false)\}', table.read_text(), re.S)
    return {code: sees == "true" for code, sees in rows}


def mutations(document, rng, count):
    """Documents with one thing changed that may break the grammar or not."""
    def places(node, path=()):
        yield path
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in items:
            yield from places(value, path + (key,))

    junk = ["", "x", "Yes", "10.0.0.0/8", "443/tcp", "icmp", "0/tcp", "fd00::1", [], {}, ["x"], ["x", "x"], {"x": "y"}, True, "1.30", "2026-02-31", "*", "eth0", "vxlan:0", "none", "A.B", "a" * 64]
    everywhere = [path for path in places(document) if path]
    for _ in range(count):
        changed = copy.deepcopy(document)
        path = rng.choice(everywhere)
        parent = changed
        for key in path[:-1]:
            parent = parent[key]
        action = rng.randrange(4)
        if action == 0:
            del parent[path[-1]]
        elif action == 1:
            parent[path[-1]] = copy.deepcopy(rng.choice(junk))
        elif action == 2 and isinstance(parent, dict):
            parent[rng.choice(["x", "name", "labels", "ports", "why", "NAME"])] = copy.deepcopy(rng.choice(junk))
        elif isinstance(parent, list):
            parent.append(copy.deepcopy(parent[path[-1]]))
        else:
            continue
        yield changed


def as_text(node):
    """YAML that reads back as this document: text in double quotes, booleans plain."""
    return json.dumps(node, ensure_ascii=False)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    airtight, schema, tests, policies = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
    checker = Checker(str(pathlib.Path(airtight).resolve()), json.loads(schema.read_text()))
    sees = schema_sees(tests.parent / "compiler/policy/diagnostic_code.cpp")
    checker.verdict(len(sees) > 70, f"only {len(sees)} codes found in the table")

    accepted = []
    for case in sorted(path for path in (tests / "golden").iterdir() if path.is_dir()):
        document = {}
        for spec in sorted(case.glob("spec*.yaml")):
            merge(document, load(spec.read_text()))
        accepted.append((case.name, document))
    for path in sorted(policies.glob("*.yaml")):
        status, _ = checker.parser_codes([path])
        document = load(path.read_text())
        if status == 0:
            accepted.append((path.name, document))
        # a base with nulls is no whole spec: both refuse it
        else:
            checker.verdict(bool(checker.refusals(document)), f"{path.name}: refused by the parser only")
    for name, document in accepted:
        checker.verdict(not checker.refusals(document), f"{name}: accepted, but the schema says " + "; ".join(checker.refusals(document)))

    for path in sorted((tests / "rejected").glob("*.yaml")):
        if path.with_suffix(".args").exists():
            continue
        status, codes = checker.parser_codes([path])
        if any(code.startswith("AT-Y") for code in codes):
            continue  # the text is no YAML of ours: no schema sees it
        document = load(path.read_text())
        refused = checker.refusals(document)
        if codes and all(sees[code] for code in codes) and path.stem not in EXCUSED:
            checker.verdict(bool(refused), f"{path.name}: {sorted(codes)} should be seen by the schema")
        if refused:
            checker.verdict(status == 2, f"{path.name}: the schema refuses it ({refused[0]}), the parser takes it")

    rng = random.Random(20261125)
    with tempfile.TemporaryDirectory(prefix="schema-") as directory:
        path = pathlib.Path(directory) / "spec.yaml"
        for name, document in accepted:
            for changed in mutations(document, rng, 60):
                path.write_text(as_text(changed))
                status, codes = checker.parser_codes([path])
                refused = checker.refusals(load(path.read_text()))
                shown = f"{name}, changed: "
                if refused:
                    checker.verdict(status == 2, shown + f"the schema refuses it ({refused[0]}), the parser takes it: " + as_text(changed))
                elif codes and all(sees[code] for code in codes):
                    checker.verdict(False, shown + f"{sorted(codes)} should be seen by the schema: " + as_text(changed))
                else:
                    checker.verdict(True, "")
    print(f"{checker.passed} passed, {checker.failed} failed")
    return 1 if checker.failed else 0


if __name__ == "__main__":
    sys.exit(main())
