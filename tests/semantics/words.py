"""Manifests of the base cluster that the cases share, written short."""

SPEC = """
apiVersion: airtight.dev/v1
kind: IsolationSpec
metadata: {name: base, owner: tests}
defaults: {namespace: app}
boundary:
  mode: airgapped
  cluster:
    pods: [10.42.0.0/16, "fd00:42::/56"]
    services: [10.43.0.0/16]
    nodes: [10.10.0.0/24]
    domain: cluster.local
    dns: {namespace: kube-system, labels: {k8s-app: kube-dns}, service: 10.43.0.10}
    uplinks: [eth0]
    apiServer: ["10.10.0.1:6443"]
  deny: [xpander-cloud, cloud-metadata]
workloads:
  web: {labels: {app: web}, serves: {http: 8080/tcp}, dns: none}
  db: {labels: {app: db}, serves: {sql: 5432/tcp}, dns: none}
endpoints:
  vllm: {role: llm, addresses: [10.20.0.10], ports: [8000/tcp]}
flows:
  - {from: web, to: vllm, why: inference}
  - {from: web, to: db.sql, why: storage}
targets: [networkpolicy]
"""


def documents(*texts):
    return "\n---\n".join(text.strip("\n") for text in texts) + "\n"


def deployment(name, ns="app", labels=None, pod="", ports=""):
    """`pod`: more of the pod's spec; `ports`: of its container."""
    labels = f"{{app: {name}}}" if labels is None else labels
    more = "".join(f"\n      {line}" for line in pod.strip("\n").split("\n")) if pod else ""
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {ns}}}
spec:
  selector: {{matchLabels: {labels}}}
  template:
    metadata: {{labels: {labels}}}
    spec:
      containers: [{{name: main, image: registry.corp.example/{name}, ports: [{ports}]}}]{more}
"""


def namespace(name, labels="{}"):
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {labels}}}\n"


def policy(spec, name="rules", ns="app"):
    """A NetworkPolicy; `spec` in lines from the left margin."""
    lines = "".join(f"\n  {line}" for line in spec.strip("\n").split("\n"))
    return f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {ns}}}\nspec:{lines}\n"


def egress(rules, selector="{}", name="rules", ns="app"):
    return policy(f"podSelector: {selector}\npolicyTypes: [Egress]\negress: {rules}", name, ns)


def ingress(rules, selector="{}", name="inward", ns="app"):
    return policy(f"podSelector: {selector}\npolicyTypes: [Ingress]\ningress: {rules}", name, ns)


def deny(ns="app", name="deny-all"):
    return policy("podSelector: {}\npolicyTypes: [Ingress, Egress]", name, ns)


def kind(api, name, body, ns="app"):
    """Any object: `body` in lines from the left margin, `api` as "group/version Kind"."""
    version, what = api.split()
    where = f", namespace: {ns}" if ns else ""
    return f"apiVersion: {version}\nkind: {what}\nmetadata: {{name: {name}{where}}}\n{body.strip(chr(10))}\n"


WEB = deployment("web", ports="{containerPort: 8080}")
DB = deployment("db", ports="{containerPort: 5432}")
BASE = documents(WEB, DB, deny())
