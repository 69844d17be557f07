#!/usr/bin/env python3
"""Holds JSON files to a JSON Schema (2020-12) with an implementation that is not ours.

usage: check_policy_schema.py SCHEMA FILE... [--refused FILE...]

Every FILE must be accepted, every file after --refused must not be. A file with a member "digest" that is accepted must
carry the SHA-256 of its canonical form, computed here without the program's code. Exit code 77: the validator is not
installed.
"""
import hashlib
import json
import sys


def canonical(value):
    """RFC 8785 for what policy.json holds: no numbers but integers."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(canonical(key) + ":" + canonical(item) for key, item in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def canonical_digest(document):
    rest = {key: value for key, value in document.items() if key != "digest"}
    return "sha256:" + hashlib.sha256(canonical(rest).encode()).hexdigest()


def main(arguments):
    try:
        import jsonschema
    except ImportError:
        print("SKIPPED: the Python module jsonschema is not installed")
        return 77
    if len(arguments) < 2:
        print(__doc__)
        return 2
    with open(arguments[0], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    failures = counted = 0
    must_hold = True
    for path in arguments[1:]:
        if path == "--refused":
            must_hold = False
            continue
        counted += 1
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        error = jsonschema.exceptions.best_match(validator.iter_errors(document))
        if must_hold and error is not None:
            failures += 1
            print(f"{path}: refused: {error.message} at /{'/'.join(map(str, error.absolute_path))}")
        elif not must_hold and error is None:
            failures += 1
            print(f"{path}: accepted, and should not be")
        elif must_hold and isinstance(document, dict) and "digest" in document:
            if canonical_digest(document) != document["digest"]:
                failures += 1
                print(f"{path}: carries {document['digest']}, its content has {canonical_digest(document)}")
    print(f"{counted} files, {failures} wrong")
    return 1 if failures or counted == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
