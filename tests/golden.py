#!/usr/bin/env python3
"""Compiles every case under tests/golden/ and compares the whole output directory.

    golden.py AIRTIGHT [--update]

CASE/spec*.yaml       the spec; several files are given in the order of their names
CASE/expected/        the output. policy.json is kept without its catalogues and digest, which are the same in every case, and
                      manifest.json without the tool's version and policy.json's digest
CASE/expected.stderr  warnings, whole; absent where there are none
CASE/expected.sha256  digests of the files that are too big to read (`sha256sum` text)

Beside that: a second run is byte-identical, `--check` is clean, and a change of comments, of line ends or of the day leaves
the output as it is. CLAIMS holds what an --update must never lose.
"""
import difflib
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"
TOO_BIG = 65536

# (case, file, regular expression, how often it matches)
CLAIMS = [
    ("r11-api-server", "networkpolicy/app.yaml", r"cidr: 10\.10\.0\.1/32", 1),
    ("r11-api-server", "networkpolicy/app.yaml", r"port: 6443\b", 1),
    ("r11-api-server", "networkpolicy/app.yaml", r"port: 443\b", 0),
    ("r13-two-namespaces", "networkpolicy/front.yaml", r"- namespaceSelector:\n +matchLabels:\n +kubernetes\.io/metadata\.name: back\n +podSelector:", 1),
    ("r13-two-namespaces", "networkpolicy/back.yaml", r"- namespaceSelector:\n +matchLabels:\n +kubernetes\.io/metadata\.name: front\n +podSelector:", 1),
    ("r13-two-namespaces", "networkpolicy/back.yaml", r"- podSelector:\n +matchLabels:\n +app: web", 0),
    ("r15-one-family-endpoints", "nftables/airtight.nft", r"\bip [sd]addr [^@{]*:", 0),
    ("r15-one-family-endpoints", "nftables/airtight.nft", r"\bip6 [sd]addr \d+\.", 0),
    ("r27-name-denied-twice", "rpz/*", r"(?m)^api\.openai\.com\s.*CNAME", 1),
]


def compile_case(airtight, specs, out, *more, at="2026-11-25"):
    done = subprocess.run([airtight, "compile", *specs, "-o", str(out), "--at", at, *more], capture_output=True, text=True, timeout=60)
    return done


def outputs(directory):
    """Every file by relative path; what differs between builds taken out."""
    found = {}
    for path in sorted(directory.rglob("*")):
        if not path.is_file():
            continue
        data, name = path.read_bytes(), path.relative_to(directory).as_posix()
        if name == "policy.json":
            policy = json.loads(data)
            policy["catalogues"], policy["digest"] = [], "…"
            data = (json.dumps(policy, indent=2, ensure_ascii=False) + "\n").encode()
        if name == "manifest.json":
            manifest = json.loads(data)
            manifest["version"] = "…"
            for artifact in manifest["artifacts"]:
                if artifact["path"] == "policy.json":
                    artifact["sha256"] = "…"
            data = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
        found[name] = (data, os.access(path, os.X_OK))
    return found


def digest_lines(files):
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, (data, _) in files.items() if len(data) > TOO_BIG)


def update_case(case, files, stderr):
    shutil.rmtree(case / "expected", ignore_errors=True)
    for name, (data, executable) in files.items():
        if len(data) > TOO_BIG:
            continue
        path = case / "expected" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if executable else 0o644)
    for name, text in (("expected.sha256", digest_lines(files)), ("expected.stderr", stderr)):
        if text:
            (case / name).write_text(text)
        else:
            (case / name).unlink(missing_ok=True)


def kept_text(path):
    return path.read_text() if path.exists() else ""


def compare_case(case, files, stderr):
    problems = []
    kept = {}
    for path in sorted((case / "expected").rglob("*")) if (case / "expected").exists() else []:
        if path.is_file():
            kept[path.relative_to(case / "expected").as_posix()] = (path.read_bytes(), os.access(path, os.X_OK))
    small = {name: value for name, value in files.items() if len(value[0]) <= TOO_BIG}
    for name in sorted(kept.keys() | small.keys()):
        want, have = kept.get(name), small.get(name)
        if want is None or have is None:
            problems.append(f"{name} is {'not expected' if want is None else 'missing'}")
        elif want[0] != have[0]:
            lines = [data.decode("utf-8", "replace").splitlines() for data in (want[0], have[0])]
            problems.append("\n".join(list(difflib.unified_diff(*lines, "expected/" + name, "written", lineterm=""))[:60]))
        elif want[1] != have[1]:
            problems.append(f"{name}: executable {have[1]}, expected {want[1]}")
    for name, text in (("expected.sha256", digest_lines(files)), ("expected.stderr", stderr)):
        if kept_text(case / name) != text:
            problems.append("\n".join(difflib.unified_diff(kept_text(case / name).splitlines(), text.splitlines(), name, "now", lineterm="")))
    return problems


def changed_form(case, specs, directory):
    """The same spec in other bytes: comments, a byte order mark and CRLF line ends."""
    changed = []
    for spec in specs:
        text = spec.read_text()
        lines = [line + ("  # a comment" if line and "#" not in line and '"' not in line else "") for line in text.splitlines()]
        target = directory / spec.name
        target.write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())
        changed.append(target)
    return changed


def judge_case(airtight, case, scratch, update):
    problems = []
    specs = sorted(case.glob("spec*.yaml"))
    first, second, third = scratch / "first", scratch / "second", scratch / "third"
    done = compile_case(airtight, specs, first)
    if done.returncode != 0:
        return [f"exit code {done.returncode}\n{done.stderr}"]
    stderr = done.stderr.replace(str(case) + "/", "")
    files = outputs(first)
    if update:
        update_case(case, files, stderr)
    problems += compare_case(case, files, stderr)

    # An earlier day: exceptions are all in force, and time never changes a byte.
    compile_case(airtight, specs, second, at="2026-01-01")
    raw = [{p.relative_to(d).as_posix(): p.read_bytes() for p in sorted(d.rglob("*")) if p.is_file()} for d in (first, second)]
    if raw[0] != raw[1]:
        problems.append("a second run on another day wrote other bytes")
    compile_case(airtight, specs, second)
    if {p.relative_to(second).as_posix(): p.read_bytes() for p in sorted(second.rglob("*")) if p.is_file()} != raw[0]:
        problems.append("a run over its own output wrote other bytes")
    check = compile_case(airtight, specs, first, "--check")
    if check.returncode != 0:
        problems.append(f"--check: exit code {check.returncode}\n{check.stderr}")

    (scratch / "changed").mkdir()
    done = compile_case(airtight, changed_form(case, specs, scratch / "changed"), third)
    if done.returncode != 0:
        problems.append("with comments and CRLF: " + done.stderr)
    elif outputs(third) != files:
        problems.append("comments, a byte order mark and CRLF line ends changed the output")

    for name, path, pattern, count in CLAIMS:
        if name == case.name:
            texts = [p.read_text() for p in sorted(first.glob(path))]
            found = max((len(re.findall(pattern, text)) for text in texts), default=-1)
            if found != count:
                problems.append(f"{path}: {pattern!r} matches {found} times, claimed {count}")
    return problems


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    airtight, update = os.path.abspath(sys.argv[1]), "--update" in sys.argv[2:]
    passed = failed = 0
    for case in sorted(path for path in GOLDEN.iterdir() if path.is_dir()):
        with tempfile.TemporaryDirectory(prefix="golden-") as scratch:
            problems = judge_case(airtight, case, pathlib.Path(scratch), update)
        if problems:
            failed += 1
            print(f"FAIL {case.name} " + "\n  ".join(problems))
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
