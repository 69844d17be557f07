#!/usr/bin/env python3
"""Runs the commands of packaging/ci/*.yaml: ci_gates.py AIRTIGHT ROOT

Each command that calls airtight is taken out of the files as it stands and run by a shell in a repository that the gate
expects: once where all is well (exit 0), once with a hole (exit 1). Charts are stood for by rendered files, because there
is no helm here; everything else is real.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml

CHART = """---
# Source: release/templates/controller.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {{name: xpander-agent-controller, namespace: xpander}}
spec:
  selector: {{matchLabels: {{app.kubernetes.io/name: xpander-agent-controller}}}}
  template:
    metadata: {{labels: {{app.kubernetes.io/name: xpander-agent-controller}}}}
    spec:
      containers: [{{name: controller, image: registry.corp.example/controller:{version}}}]
"""
# What an upgrade could bring along: an allow that no spec declares.
HOLE = """---
# Source: release/templates/telemetry.yaml
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: telemetry, namespace: xpander}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{ports: [{port: 443}]}]
"""


def commands(document):
    """Every shell line of a workflow, in order."""
    for job in document.get("jobs", document).values():
        if not isinstance(job, dict):
            continue
        for step in job.get("steps", []):
            yield from step.get("run", "").splitlines()
        for part in ("before_script", "script", "after_script"):
            yield from job.get(part, [])


def repository(root, airtight, folder, hole):
    shutil.copy(root / "policies/xpander-airgapped.yaml", folder / "isolation.yaml")
    subprocess.run([airtight, "compile", "isolation.yaml", "-o", "deploy"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    for side, version in (("old", "1"), ("new", "2")):
        target = folder / "rendered" / side
        target.mkdir(parents=True)
        (target / "chart.yaml").write_text(CHART.format(version=version) + (HOLE if hole and side == "new" else ""))
        shutil.copytree(folder / "deploy", target / "isolation")
    if hole:
        (folder / "deploy/networkpolicy/extra.yaml").write_text(HOLE)


def expected(command, hole):
    if not hole:
        return 0
    if "rendered/old" in command and "rendered/new" not in command:
        return 0
    return 1


def main():
    airtight, root = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    passed = failed = 0
    for gate in sorted((root / "packaging/ci").glob("*.yaml")):
        lines = [line for line in commands(yaml.safe_load(gate.read_text())) if line.startswith("airtight ")]
        if not lines:
            print(f"FAIL {gate.name}: calls no airtight")
            failed += 1
        for hole in (False, True):
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                repository(root, airtight, folder, hole)
                environment = dict(os.environ, PATH=os.path.dirname(airtight) + ":" + os.environ["PATH"],
                                   GITHUB_STEP_SUMMARY=str(folder / "summary.md"))
                for line in lines:
                    run = subprocess.run(["sh", "-ec", line], cwd=folder, env=environment, capture_output=True, text=True)
                    if run.returncode == expected(line, hole):
                        passed += 1
                    else:
                        failed += 1
                        print(f"FAIL {gate.name}, {'with' if hole else 'without'} a hole: exit {run.returncode}, "
                              f"not {expected(line, hole)}: {line}\n{run.stdout[-1500:]}{run.stderr[-1500:]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
