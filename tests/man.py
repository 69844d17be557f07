#!/usr/bin/env python3
"""The manual page names every command, flag and choice that --help names, and no other flag: man.py AIRTIGHT MAN_PAGE"""
import os
import re
import subprocess
import sys

COMMANDS = {"airtight-auditor": [[], ["run"], ["report"], ["verify"], ["keygen"], ["enrol"], ["probe"], ["doctor"], ["replay"], ["policy"], ["policy", "show"], ["schema"], ["completion"]],
            "airtight": [[], ["compile"], ["verify"], ["connections"], ["explain"], ["diff"], ["catalogue"], ["catalogue", "list"], ["catalogue", "show"], ["catalogue", "check"], ["schema"], ["completion"]]}


def main():
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    with open(sys.argv[2], encoding="utf-8") as file:
        page = file.read()
    written = {("-" + flag) if len(flag) == 1 else "-" + flag for flag in re.findall(r"(?:^\.It |^\.Op |^\.| )Fl (-?[a-z-]+)", page, re.MULTILINE)}
    helped, failures = set(), []
    commands = COMMANDS[os.path.basename(sys.argv[1])]
    for command in commands:
        text = subprocess.run([sys.argv[1], *command, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
        options = text.split("Options:")[1].split("Subcommands:")[0].split("Examples:")[0]
        helped |= set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", "\n".join(line[:28] for line in options.splitlines() if line.startswith("  -"))))
        if "Subcommands:" in text:
            for name in re.findall(r"^  ([a-z]+) ", text.split("Subcommands:")[1].split("Examples:")[0], re.MULTILINE):
                if not re.search(rf"^\.Cm .*\b{name}\b", page, re.MULTILINE):
                    failures.append(f"command {name} is not in the page")
                if not any(name in known for known in commands):
                    failures.append(f"command {name} is not looked at here")
    failures += [f"flag {flag} is not in the page" for flag in sorted(helped - written)]
    failures += [f"flag {flag} of the page is not in --help" for flag in sorted(written - helped)]
    for failure in failures:
        print("FAIL", failure)
    print(f"{len(helped)} flags, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
