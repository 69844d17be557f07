#!/usr/bin/env python3
"""Reads every #include of the tree and holds the directions between its layers: layering.py [--self-test] ROOT

Prints "FILE:LINE: WHY" for each fault, then what was read; exit 1 if there was one. --self-test also breaks a small
tree one way at a time and demands that each break is found.
"""
import os
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*(<[^>]+>|"[^"]+")', re.MULTILINE)

# What each layer may include, itself apart. A layer is a directory, or a file without suffix; the longest match counts.
MAY = {
    "compiler/net": [],
    "compiler/policy": ["compiler/net"],
    "compiler/spec": ["compiler/net", "compiler/policy"],
    "compiler/emit": ["compiler/net", "compiler/policy"],
    "compiler/verify": ["compiler/net", "compiler/policy"],
    # The program itself: main and what it is made of.
    "cli": [],  # what the command lines of both programs share
    "compiler": ["cli", "compiler/net", "compiler/policy", "compiler/spec", "compiler/emit", "compiler/verify"],
    "cmake": ["compiler/net", "compiler/policy", "compiler/spec"],
    "tests": ["cli", "compiler", "compiler/net", "compiler/policy", "compiler/spec", "compiler/emit", "compiler/verify", "auditor", "auditor/enforcement"],
    # Of the compiler the auditor sees values and the compiled policy, and one part of it the proof.
    "auditor": ["compiler/net", "compiler/policy/compiled_policy"],
    "auditor/main": ["cli", "compiler/policy/compiled_policy"],
    "auditor/command": ["cli", "compiler/net", "compiler/policy/compiled_policy"],
    "auditor/enforcement": ["compiler/net", "compiler/policy/compiled_policy", "compiler/verify"],
}
# The auditor's own order: a part may include those before it. Parts of one row do not see each other.
AUDITOR = [["decode"], ["flow_table"], ["attribution"], ["classify"], ["finding"], ["evidence"], ["opener"], ["interfaces"],
           ["wording", "schema"], ["capture", "canary", "conservation", "probe", "enforcement"],
           ["agent", "replay", "policy_show"], ["command"], ["main"]]
REPORT_SEES = ["evidence", "wording", "classify/rule_table"]  # never packets
REPORT_SEEN_BY = ["command"]
# Libraries that one file alone knows; tests read back with them what was written.
ONLY = {"yaml-cpp/": ["compiler/spec/yaml.cpp", "compiler/verify/document_yaml.cpp"],
        "pcap": [],  # captures are read by our own readers, which tests hold to libpcap
        "nghttp2/": ["auditor/decode/http2.cpp"]}
# Nobody includes these: their file is the top.
TOP = ["compiler/main", "auditor/main"]
# What layer 0 may include besides itself: the standard library, whose headers have neither directory nor suffix.
STANDARD = re.compile(r"^[a-z_0-9]+$")
BUCKETS = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}


def stem(path):
    return re.sub(r"\.(h|cpp)$", "", path)


def layer_of(path):
    name, found = stem(path), ""
    for layer in MAY:
        if (name == layer or name.startswith(layer + "/")) and len(layer) > len(found):
            found = layer
    if found == "compiler" and name.count("/") > 1:
        return None  # a directory that no rule knows
    return found or None


def auditor_part(path):
    return stem(path).split("/")[1]


def auditor_fault(source, target):
    a, b = auditor_part(source), auditor_part(target)
    if a == b:
        return None
    if b == "report":
        return None if a in REPORT_SEEN_BY else f"{a} must not see report"
    if a == "report":
        return None if b in REPORT_SEES or stem(target)[len("auditor/"):] in REPORT_SEES else f"report must not see {b}"
    rows = {part: i for i, row in enumerate(AUDITOR) for part in row}
    for part in (a, b):
        if part not in rows:
            return f"auditor/{part} is in no row of the order"
    return None if rows[b] < rows[a] else f"{a} must not see {b}"


def fault(source, target):
    """Why the file `source` may not include the file `target`, or None."""
    a, b = layer_of(source), layer_of(target)
    for path, layer in ((source, a), (target, b)):
        if layer is None:
            return f"{path} lies in no layer that is known"
    if stem(target) in TOP:
        return f"{target} is the top, nobody includes it"
    if a.startswith("auditor") and b.startswith("auditor"):
        return auditor_fault(source, target)
    if a == b:
        return None
    if any(stem(target) == may or (layer_of(target) == may) for may in MAY[a]):
        return None
    return f"{a} must not see {b}"


def cycle(graph):
    state, stack = {}, []

    def visit(node):
        state[node] = 1
        stack.append(node)
        for following in sorted(graph.get(node, ())):
            if state.get(following) == 1:
                return stack[stack.index(following):] + [following]
            if following not in state:
                found = visit(following)
                if found:
                    return found
        stack.pop()
        state[node] = 2
        return None

    for node in sorted(graph):
        if node not in state:
            found = visit(node)
            if found:
                return found
    return None


def faults_of(files):
    """files: path from the root -> text. Yields (path, line, why)."""
    graph = {}
    for path, text in sorted(files.items()):
        parts = set(path.split("/")[:-1]) | {stem(path).split("/")[-1]}
        if parts & BUCKETS:
            yield path, 1, f"a bucket: {', '.join(sorted(parts & BUCKETS))}"
        if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.MULTILINE):
            yield path, 1, "has no #pragma once"
        for match in INCLUDE.finditer(text):
            line, what = text.count("\n", 0, match.start(1)) + 1, match.group(1)
            name = what[1:-1]
            if what[0] == "<":
                for library, users in ONLY.items():
                    if name.startswith(library) and path not in users and not path.startswith("tests/"):
                        yield path, line, f"only {', '.join(users)} includes {library}"
                if path.startswith("compiler/net/") and not STANDARD.match(name):
                    yield path, line, f"layer 0 includes the standard library only, not <{name}>"
                if path.endswith(".h") and name == "nlohmann/json.hpp" and not path.startswith("tests/"):
                    yield path, line, "a header includes nlohmann/json_fwd.hpp"
                continue
            if name not in files:
                yield path, line, f'"{name}" is no file counted from the root'
                continue
            if not name.endswith(".h"):
                yield path, line, f'"{name}" is no header'
            why = fault(path, name)
            if why:
                yield path, line, f'"{name}": {why}'
            graph.setdefault(path, set()).add(name)
    found = cycle(graph)
    if found:
        yield found[0], 1, "includes itself by way of " + " -> ".join(found)


def read(root):
    files = {}
    for top in ("cli", "compiler", "auditor", "cmake", "tests"):
        for folder, directories, names in os.walk(os.path.join(root, top)):
            directories.sort()
            for name in sorted(names):
                if name.endswith((".h", ".cpp")):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8") as file:
                        files[os.path.relpath(path, root)] = file.read()
    return files


GOOD = {
    "compiler/net/ip.h": "#pragma once\n#include <vector>\n",
    "compiler/net/ip.cpp": '#include "compiler/net/ip.h"\n',
    "compiler/policy/policy.h": '#pragma once\n#include "compiler/net/ip.h"\n',
    "compiler/policy/compiled_policy.h": '#pragma once\n#include "compiler/policy/policy.h"\n',
    "compiler/spec/yaml.cpp": '#include <yaml-cpp/yaml.h>\n#include "compiler/policy/policy.h"\n',
    "compiler/spec/parse.h": "#pragma once\n",
    "compiler/emit/target.h": '#pragma once\n#include "compiler/policy/policy.h"\n',
    "compiler/verify/proof.h": '#pragma once\n#include "compiler/policy/policy.h"\n',
    "compiler/builtin.h": "#pragma once\n",
    "compiler/main.h": "#pragma once\n",
    "compiler/main.cpp": '#include "compiler/emit/target.h"\n#include "compiler/spec/parse.h"\n#include "compiler/builtin.h"\n',
    "tests/emit/target_test.cpp": '#include "compiler/emit/target.h"\n#include "compiler/spec/parse.h"\n',
    "auditor/decode/dns.h": '#pragma once\n#include "compiler/net/ip.h"\n',
    "auditor/flow_table.h": '#pragma once\n#include "auditor/decode/dns.h"\n',
    "auditor/evidence/writer.h": '#pragma once\n#include "auditor/flow_table.h"\n',
    "auditor/report/html.h": '#pragma once\n#include "auditor/evidence/writer.h"\n',
    "auditor/canary.h": "#pragma once\n",
    "auditor/capture.h": "#pragma once\n",
    "auditor/enforcement.cpp": '#include "compiler/verify/proof.h"\n#include "compiler/policy/compiled_policy.h"\n',
}
# (file, its text instead, what must be said)
BREAKS = [
    ("compiler/net/ip.cpp", '#include "compiler/policy/policy.h"\n', "compiler/net must not see compiler/policy"),
    ("compiler/net/ip.cpp", "#include <nlohmann/json.hpp>\n", "layer 0 includes the standard library only"),
    ("compiler/net/ip.cpp", "#include <sys/socket.h>\n", "layer 0 includes the standard library only"),
    ("compiler/policy/policy.h", '#pragma once\n#include "compiler/spec/parse.h"\n', "compiler/policy must not see compiler/spec"),
    ("compiler/emit/target.h", '#pragma once\n#include "compiler/spec/parse.h"\n', "compiler/emit must not see compiler/spec"),
    ("compiler/spec/parse.h", '#pragma once\n#include "compiler/emit/target.h"\n', "compiler/spec must not see compiler/emit"),
    ("compiler/verify/proof.h", '#pragma once\n#include "compiler/emit/target.h"\n', "compiler/verify must not see compiler/emit"),
    ("compiler/verify/proof.h", '#pragma once\n#include "compiler/builtin.h"\n', "compiler/verify must not see compiler"),
    ("compiler/spec/parse.h", "#pragma once\n#include <yaml-cpp/yaml.h>\n", "only compiler/spec/yaml.cpp, compiler/verify/document_yaml.cpp includes yaml-cpp/"),
    ("auditor/canary.h", "#pragma once\n#include <yaml-cpp/yaml.h>\n", "only compiler/spec/yaml.cpp, compiler/verify/document_yaml.cpp includes yaml-cpp/"),
    ("compiler/spec/parse.h", "\n", "has no #pragma once"),
    ("compiler/spec/parse.h", "#pragma once\n#include <nlohmann/json.hpp>\n", "a header includes nlohmann/json_fwd.hpp"),
    ("compiler/main.cpp", '#include "emit/target.h"\n', "is no file counted from the root"),
    ("compiler/main.cpp", '#include "compiler/net/ip.cpp"\n', "is no header"),
    ("tests/emit/target_test.cpp", '#include "compiler/main.h"\n', "is the top"),
    ("compiler/net/utils.h", "#pragma once\n", "a bucket: utils"),
    ("compiler/common/text.h", "#pragma once\n", "a bucket: common"),
    ("compiler/extra/text.cpp", '#include "compiler/net/ip.h"\n', "lies in no layer that is known"),
    ("compiler/net/ip.h", '#pragma once\n#include "compiler/net/ip.h"\n', "includes itself by way of"),
    ("compiler/builtin.h", '#pragma once\n#include "compiler/second.h"\n', "includes itself by way of"),
    ("auditor/decode/dns.h", '#pragma once\n#include "auditor/flow_table.h"\n', "decode must not see flow_table"),
    ("auditor/canary.h", '#pragma once\n#include "auditor/capture.h"\n', "canary must not see capture"),
    ("auditor/report/html.h", '#pragma once\n#include "auditor/flow_table.h"\n', "report must not see flow_table"),
    ("auditor/flow_table.h", '#pragma once\n#include "compiler/policy/policy.h"\n', "auditor must not see compiler/policy"),
    ("auditor/canary.h", '#pragma once\n#include "compiler/verify/proof.h"\n', "auditor must not see compiler/verify"),
    ("auditor/stray.h", '#pragma once\n#include "auditor/capture.h"\n', "auditor/stray is in no row of the order"),
]


def self_test():
    wrong = [f"the good tree: {path}: {why}" for path, _, why in faults_of(GOOD)]
    for path, text, expected in BREAKS:
        files = {**GOOD, path: text}
        if expected.startswith("includes itself") and path == "compiler/builtin.h":
            files["compiler/second.h"] = '#pragma once\n#include "compiler/builtin.h"\n'
        if not any(expected in why for _, _, why in faults_of(files)):
            wrong.append(f"not found: {expected} ({path})")
    for line in wrong:
        print("self-test:", line)
    print(f"self-test: {len(BREAKS)} breaks, {len(wrong)} not as expected")
    return not wrong


def main():
    arguments = sys.argv[1:]
    good = True
    if arguments[:1] == ["--self-test"]:
        arguments = arguments[1:]
        good = self_test()
    if len(arguments) != 1:
        print(__doc__)
        return 2
    files = read(arguments[0])
    count = 0
    for path, line, why in faults_of(files):
        count += 1
        print(f"{path}:{line}: {why}")
    print(f"{len(files)} files, {sum(len(INCLUDE.findall(text)) for text in files.values())} includes, {count} faults")
    return 0 if good and count == 0 and files else 1


if __name__ == "__main__":
    sys.exit(main())
