#!/usr/bin/env python3
"""Holds every sample under tests/rejected/ to its whole expected message.

    rejected.py AIRTIGHT [--update]

NAME.yaml      compiled alone, in tests/rejected/, with `-o OUT --at 2026-11-25`
NAME.args      the arguments in place of NAME.yaml, one a line; -o and --at are added
NAME.sh        a bash script, run with $AIRTIGHT and an empty directory $DIR: what needs files, devices or a second command
NAME.expected  standard error, whole; of a script both outputs and the exit code

A sample is named after the code that it shows: s203-… shows AT-S203. Every code of the table has one, here or in the
file that ELSEWHERE names.
"""
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent
SAMPLES = TESTS / "rejected"
TABLE = TESTS.parent / "compiler/policy/diagnostic_code.cpp"
TIMEOUT = 20

# Codes that no command of this build shows, and the test that shows them.
ELSEWHERE = {
    "AT-P501": "policy/compiled_policy_test.cpp",
    "AT-P502": "policy/compiled_policy_test.cpp",
    "AT-P503": "policy/compiled_policy_test.cpp",
}


def run_script(airtight, script):
    with tempfile.TemporaryDirectory(prefix="rejected-") as directory:
        done = subprocess.run(["bash", script.name], cwd=SAMPLES, env=environment(AIRTIGHT=airtight, DIR=directory),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT)
        text = done.stdout.decode("utf-8", "replace").replace(directory, "$DIR")
    return text + f"exit {done.returncode}\n", done.returncode, []


def run_compile(airtight, arguments):
    with tempfile.TemporaryDirectory(prefix="rejected-") as directory:
        command = [airtight, "compile", *arguments, "-o", directory + "/out", "--at", "2026-11-25"]
        if "--at" in arguments:
            command = command[:-2]
        done = subprocess.run(command, cwd=SAMPLES, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)
        problems = []
        if done.stdout:
            problems.append(f"standard output is not empty: {done.stdout[:200]!r}")
        if os.listdir(directory):
            problems.append(f"something was written: {os.listdir(directory)}")
    return done.stderr.decode("utf-8", "replace").replace(directory, "$DIR"), done.returncode, problems


def environment(**more):
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
    return {**kept, "LC_ALL": "C.UTF-8", **more}


def wanted_exit(codes):
    if codes & {"AT-F601", "AT-F602"}:
        return 4
    return 1 if codes == {"AT-F604"} else 2


def judge(name, text, status, problems):
    codes = set(re.findall(r"error\[(AT-[A-Z][0-9]{3})\]", text))
    shown = codes | set(re.findall(r"warning\[(AT-[A-Z][0-9]{3})\]", text))
    if not codes:
        problems.append("no error is shown")
    elif status != wanted_exit(codes):
        problems.append(f"exit code {status}, expected {wanted_exit(codes)}")
    named = re.match(r"([a-z][0-9]{3})-", name)
    if named and "AT-" + named[1].upper() not in shown:
        problems.append(f"named after AT-{named[1].upper()}, but shows {sorted(shown)}")
    if not named and len(re.findall(r"error\[", text)) < 2:
        problems.append("named after no code, and shows fewer than two errors")
    return shown


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    airtight, update = os.path.abspath(sys.argv[1]), "--update" in sys.argv[2:]
    kinds = {".yaml", ".args", ".sh", ".expected"}
    names = sorted({path.stem for path in SAMPLES.iterdir() if path.is_file() and path.suffix in kinds})
    passed = failed = 0
    seen = set()

    def verdict(name, problems):
        nonlocal passed, failed
        if problems:
            failed += 1
            print(f"FAIL {name} " + "\n  ".join(problems))
        else:
            passed += 1

    for name in names:
        script, arguments, expected = (SAMPLES / (name + suffix) for suffix in (".sh", ".args", ".expected"))
        try:
            if script.exists():
                text, status, problems = run_script(airtight, script)
            else:
                given = arguments.read_text().splitlines() if arguments.exists() else [name + ".yaml"]
                text, status, problems = run_compile(airtight, given)
        except subprocess.TimeoutExpired:
            verdict(name, [f"no end within {TIMEOUT} s"])
            continue
        seen |= judge(name, text, status, problems)
        if update:
            expected.write_text(text)
        kept = expected.read_text() if expected.exists() else ""
        if kept != text:
            difference = difflib.unified_diff(kept.splitlines(), text.splitlines(), expected.name, "printed", lineterm="")
            problems.append("\n".join(["another message than expected", *difference]))
        verdict(name, problems)

    for code in re.findall(r'"(AT-[A-Z][0-9]{3})"', TABLE.read_text()):
        if code in ELSEWHERE:
            found = code in (TESTS / ELSEWHERE[code]).read_text()
            verdict(code, [] if found else [f"{ELSEWHERE[code]} does not show it"])
        else:
            verdict(code, [] if code in seen else ["no sample shows it"])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
