"""What undoes a NetworkPolicy or leads around it: host networks, Services, relays, rights, other networks, namespaces."""
from .case import OPEN, Case
from .words import BASE, DB, SPEC, WEB, deny, deployment, documents, egress, ingress, kind, namespace

FIREWALL = """
table inet held {
  chain outward {
    type filter hook output priority 0; policy drop;
    ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 127.0.0.0/8 } accept
    ip6 daddr { fd80::/9, ::1 } accept
  }
  chain through {
    type filter hook forward priority 0; policy drop;
    ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 } accept
    ip6 daddr fd80::/9 accept
  }
}
"""
ONLY_PORTS = """
table inet held {
  chain outward {
    type filter hook output priority 0; policy accept;
    meta l4proto { tcp, udp, sctp } ip daddr != 10.0.0.0/8 drop
    meta l4proto { tcp, udp, sctp } meta nfproto ipv6 drop
  }
  chain through {
    type filter hook forward priority 0; policy accept;
    meta l4proto { tcp, udp, sctp } ip daddr != 10.0.0.0/8 drop
    meta l4proto { tcp, udp, sctp } meta nfproto ipv6 drop
  }
}
"""
NO_RAW = "securityContext: {capabilities: {drop: [ALL]}}"
ICMP = "nothing but TCP, UDP and SCTP leaves a pod"
NODES = "nodes and pods in their network send nothing out"
TOMORROW = "no pod runs in a namespace other than"


def pod_with(setting, container="", name="x"):
    """A Deployment whose pod has `setting` and whose container has `container`."""
    text = deployment(name, pod=setting)
    return text.replace(f"image: registry.corp.example/{name}",
                        f"image: registry.corp.example/{name}{', ' + container if container else ''}")


def loose(what, text, **more):
    """A finding whatever the policies say, and never exit 0."""
    return Case(f"{what} undoes isolation", {"base.yaml": BASE, "p.yaml": text},
                code=OPEN,
                finds=({"rule_id": "AT-V102", "workload": "app/x[Deployment]", **more}, ))


HOST = [
    Case("ICMP is not promised by NetworkPolicy", {"p.yaml": BASE}, code=0, verdict="proven", assumes=(ICMP, )),
    Case("ICMP is held by a sealed firewall", {"p.yaml": BASE, "f.nft": FIREWALL},
         code=0,
         verdict="proven",
         assumes_not=(ICMP, NODES)),
    Case("ICMP through a firewall of ports only", {"p.yaml": BASE, "f.nft": ONLY_PORTS}, ("--inside", "10.0.0.0/8"),
         code=1,
         verdict="violated",
         layers={"kubernetes": "proven", "firewall": "violated"},
         finds=({"layer": None, "property": "sealed"}, )),
    Case("nodes are an assumption without a firewall", {"p.yaml": BASE}, assumes=(NODES, )),
    Case("a hostNetwork pod without a firewall", {"base.yaml": BASE, "p.yaml": pod_with("hostNetwork: true")},
         code=1,
         finds=({"rule_id": "AT-V101", "workload": "app/x[Deployment]", "because": "p.yaml:metadata: {name: x"}, )),
    Case("a hostNetwork pod is never held by a policy that selects it",
         {"p.yaml": documents(deny(), pod_with("hostNetwork: true"))},
         code=OPEN,
         finds=({"rule_id": "AT-V101"}, )),
    Case("a hostNetwork pod that keeps raw sockets, firewall without an egress chain",
         {"base.yaml": BASE, "p.yaml": pod_with("hostNetwork: true"), "f.nft": FIREWALL},
         code=OPEN,
         verdict="inconclusive"),
    Case("a hostNetwork pod without raw sockets, held by the firewall",
         {"base.yaml": BASE, "p.yaml": pod_with("hostNetwork: true", NO_RAW), "f.nft": FIREWALL},
         verdict="proven",
         assumes=("raw sender", )),
    Case("a hostNetwork pod behind a firewall that is open", {
        "base.yaml": BASE, "p.yaml": pod_with("hostNetwork: true", NO_RAW), "f.nft": FIREWALL.replace(
            "hook output priority 0; policy drop;", "hook output priority 0; policy accept;")
    },
         code=1,
         verdict="violated",
         layers={"kubernetes": "proven", "firewall": "violated"}),
    Case("a hostNetwork pod with NET_ADMIN is an assumption by name", {
        "base.yaml": BASE, "p.yaml": pod_with(
            "hostNetwork: true", "securityContext: {capabilities: {drop: [ALL], add: [NET_ADMIN]}}"), "f.nft": FIREWALL
    },
         assumes=("app/x", )),
    loose("hostPID", pod_with("hostPID: true"), because="p.yaml:hostPID"),
    loose("hostIPC", pod_with("hostIPC: true"), because="p.yaml:hostIPC"),
    loose("privileged", pod_with("", "securityContext: {privileged: true}"), because="p.yaml:privileged"),
    loose("NET_ADMIN", pod_with("", "securityContext: {capabilities: {add: [NET_ADMIN]}}"), because="p.yaml:NET_ADMIN"),
    loose("NET_ADMIN by its long name", pod_with("", "securityContext: {capabilities: {add: [CAP_NET_ADMIN]}}")),
    loose("every capability", pod_with("", "securityContext: {capabilities: {add: [ALL]}}")),
    *(loose(f"hostPath {path}", pod_with(f"volumes: [{{name: s, hostPath: {{path: {path}}}}}]"))
      for path in ("/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/crio/crio.sock", "/var/run", "/")),
    loose("privileged in an init container",
          pod_with("initContainers: [{name: i, image: registry.corp.example/i, securityContext: {privileged: true}}]")),
    Case("a plain pod is no finding", {"base.yaml": BASE, "p.yaml": pod_with("", NO_RAW)}, code=0, verdict="proven"),
    Case("a static pod of a node is hostNetwork", {
        "base.yaml": BASE, "p.yaml": kind("v1 Pod", "kube-proxy",
                                          "spec: {hostNetwork: true, containers: [{name: c, image: i}]}", "kube-system")
    },
         code=OPEN,
         finds=({"rule_id": "AT-V101", "workload": "kube-system/kube-proxy"}, )),
]


def other_network(name, text, *words):
    return Case(name, {"base.yaml": BASE, "p.yaml": text}, code=(1, 3), verdict="inconclusive", text=words)


ANNOTATED = WEB.replace(
    "    metadata: {labels: {app: web}}",
    "    metadata: {labels: {app: web}, annotations: {k8s.v1.cni.cncf.io/networks: macvlan}}").replace(
        "name: web,", "name: x,")
OTHERS = [
    other_network("a pod with a Multus network", ANNOTATED.replace("{name: web, ", "{name: x, "), "macvlan"),
    other_network("a NetworkAttachmentDefinition",
                  kind("k8s.cni.cncf.io/v1 NetworkAttachmentDefinition", "macvlan", "spec: {config: '{}'}"), "macvlan"),
    other_network("an OVN UserDefinedNetwork",
                  kind("k8s.ovn.org/v1 UserDefinedNetwork", "blue", "spec: {topology: Layer2}"), "UserDefinedNetwork"),
    other_network("an OVN ClusterUserDefinedNetwork",
                  kind("k8s.ovn.org/v1 ClusterUserDefinedNetwork", "blue", "spec: {network: {topology: Layer2}}", None),
                  "ClusterUserDefinedNetwork"),
    other_network("a KubeVirt machine",
                  kind("kubevirt.io/v1 VirtualMachine", "vm", "spec: {template: {spec: {domain: {}}}}"), "vm"),
    other_network("a KubeVirt machine instance",
                  kind("kubevirt.io/v1 VirtualMachineInstance", "vm", "spec: {domain: {}}"), "vm"),
    other_network("a kind that may make pods", kind("argoproj.io/v1alpha1 Workflow", "flow",
                                                    "spec: {entrypoint: main}"), "flow"),
]

SERVICE = "spec: {selector: {app: web}, ports: [{port: 80}]"

SERVICES = [
    Case("ExternalName", {
        "base.yaml": BASE, "p.yaml": kind("v1 Service", "way",
                                          "spec:\n  type: ExternalName\n  externalName: api.vendor.example")
    },
         code=1,
         verdict="proven",
         finds=({
             "rule_id": "AT-V103", "destination": "api.vendor.example", "property": None,
             "because": "p.yaml:xternalName"
         }, )),
    Case("externalIPs inside is a finding",
         {"base.yaml": BASE, "p.yaml": kind("v1 Service", "way", SERVICE + ", externalIPs: [10.20.0.10]}")},
         code=1,
         verdict="proven",
         finds=({"rule_id": "AT-V104", "destination": "10.20.0.10"}, )),
    Case("externalIPs in both families", {
        "base.yaml": BASE, "p.yaml": kind("v1 Service", "way", SERVICE + ", externalIPs: ['fd00:20::10', 10.20.0.10]}")
    },
         code=1,
         finds=({"rule_id": "AT-V104",
                 "destination": "fd00:20::10"}, {"rule_id": "AT-V104", "destination": "10.20.0.10"})),
    Case("LoadBalancer", {"base.yaml": BASE, "p.yaml": kind("v1 Service", "way", SERVICE + ", type: LoadBalancer}")},
         code=1,
         finds=({"rule_id": "AT-V106", "property": None}, )),
    Case("NodePort", {"base.yaml": BASE, "p.yaml": kind("v1 Service", "way", SERVICE + ", type: NodePort}")},
         code=1,
         finds=({"rule_id": "AT-V107", "property": None}, )),
    Case("hostPort", {"base.yaml": BASE, "p.yaml": deployment("x", ports="{containerPort: 80, hostPort: 8080}")},
         code=1,
         finds=({"rule_id": "AT-V108", "property": None, "workload": "app/x[Deployment]",
                 "because": "p.yaml:hostPort"}, )),
    Case("a plain Service is no finding", {"base.yaml": BASE, "p.yaml": kind("v1 Service", "web", SERVICE + "}")},
         code=0,
         verdict="proven"),
    Case("an EndpointSlice of outside IPv6 addresses", {
        "base.yaml": BASE, "p.yaml": kind(
            "discovery.k8s.io/v1 EndpointSlice", "s",
            "addressType: IPv6\nports: [{port: 443}]\nendpoints:\n- addresses: ['2001:db8::9']")
    },
         code=1,
         finds=({"rule_id": "AT-V105", "destination": "2001:db8::9", "because": "p.yaml:2001:db8::9"}, )),
    Case("an EndpointSlice of a name", {
        "base.yaml": BASE, "p.yaml": kind(
            "discovery.k8s.io/v1 EndpointSlice", "s",
            "addressType: FQDN\nports: [{port: 443}]\nendpoints:\n- addresses: [api.vendor.example]")
    },
         code=OPEN,
         finds=({"rule_id": "AT-V105", "destination": "api.vendor.example"}, )),
    Case("an EndpointSlice of inside addresses is no finding", {
        "base.yaml": BASE, "p.yaml": kind(
            "discovery.k8s.io/v1 EndpointSlice", "s",
            "addressType: IPv4\nports: [{port: 443}]\nendpoints:\n- addresses: [10.20.0.10]")
    },
         lacks=({"rule_id": "AT-V105"}, ),
         verdict="proven"),
]

PROXY = documents(WEB, deployment("proxy"), deny(),
                  egress("[{to: [{podSelector: {matchLabels: {app: proxy}}}]}]", "{matchLabels: {app: web}}", "a"),
                  ingress("[{from: [{podSelector: {matchLabels: {app: web}}}]}]", "{matchLabels: {app: proxy}}", "b"),
                  egress("[{to: [{ipBlock: {cidr: 203.0.113.0/24}}]}]", "{matchLabels: {app: proxy}}", "c"))
RELAYS = [
    Case("a pod that may talk to a proxy has a way out, with the path", {"p.yaml": PROXY},
         code=1,
         verdict="violated",
         relays=(["app/web", "app/proxy", "203.0.113"], ),
         finds=({"workload": "app/proxy", "property": "sealed"}, ),
         lacks=({"workload": "app/web", "property": "sealed"}, )),
    Case("a relay over three hops", {
        "p.yaml": documents(
            PROXY, deployment("first"),
            egress("[{to: [{podSelector: {matchLabels: {app: web}}}]}]", "{matchLabels: {app: first}}", "d"),
            ingress("[{from: [{podSelector: {matchLabels: {app: first}}}]}]", "{matchLabels: {app: web}}", "e"))
    },
         relays=(["app/first", "app/web", "app/proxy", "203.0.113"], )),
    Case("no relay without both halves", {"p.yaml": PROXY.replace("{app: web}}}]}]", "{app: nobody}}}]}]")},
         text=('"relays":[]', )),
    Case("a hostNetwork pod is a relay", {
        "p.yaml": documents(WEB, pod_with("hostNetwork: true"), deny(),
                            egress("[{to: [{ipBlock: {cidr: 10.10.0.0/24}}]}]"))
    },
         code=OPEN,
         finds=({"rule_id": "AT-V101"}, )),
    Case("a proxy variable is a relay", {
        "base.yaml": BASE, "p.yaml": pod_with("", "env: [{name: HTTPS_PROXY, value: 'http://proxy.corp.example:3128'}]")
    },
         relays=(["app/x", "proxy.corp.example"], )),
    Case("a proxy variable in lower case is a relay", {
        "base.yaml": BASE, "p.yaml": pod_with("", "env: [{name: http_proxy, value: 'http://proxy.corp.example:3128'}]")
    },
         relays=(["app/x", "proxy.corp.example"], )),
    Case("an Ingress is a relay in", {
        "base.yaml": BASE, "p.yaml": kind("networking.k8s.io/v1 Ingress", "way",
                                          "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}")
    },
         verdict="proven",
         relays=(["web"], )),
    Case("an Ingress auth-url is a relay", {
        "base.yaml": BASE, "p.yaml": kind("networking.k8s.io/v1 Ingress", "way",
                                          "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}").
        replace(
            "namespace: app}",
            "namespace: app, annotations: {nginx.ingress.kubernetes.io/auth-url: 'https://login.vendor.example/a'}}")
    },
         relays=(["login.vendor.example"], )),
    Case("an Istio ServiceEntry is a relay", {
        "base.yaml": BASE, "p.yaml": kind(
            "networking.istio.io/v1 ServiceEntry", "way",
            "spec: {hosts: [api.vendor.example], location: MESH_EXTERNAL, ports: [{number: 443, name: https, protocol: TLS}], resolution: DNS}"
        )
    },
         code=OPEN,
         text=("way", )),
    Case("a webhook's Service makes the API server a relay", {
        "base.yaml": BASE, "p.yaml": kind(
            "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration", "hook",
            "webhooks: [{name: a.b.example, clientConfig: {service: {name: web, namespace: app}}}]", None)
    },
         relays=(["API server", "web"], )),
    Case("a conversion URL makes the API server a relay", {
        "base.yaml": BASE, "p.yaml": kind(
            "apiextensions.k8s.io/v1 CustomResourceDefinition", "things.example.com",
            "spec: {group: example.com, conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {url: 'https://conv.vendor.example/'}}}}",
            None)
    },
         relays=(["API server", "conv.vendor.example"], )),
    Case("an APIService makes the API server a relay", {
        "base.yaml": BASE, "p.yaml": kind(
            "apiregistration.k8s.io/v1 APIService", "v1.metrics.example",
            "spec: {group: metrics.example, version: v1, service: {name: web, namespace: app}}", None)
    },
         relays=(["API server", "web"], )),
]

ADMIN = """
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: outside}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
  - {name: inside, action: Pass, from: [{namespaces: {}}]}
  - {name: pods-only, action: Deny, from: [{namespaces: {}}]}
  egress:
  - {name: inside, action: Pass, to: [{networks: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, "fd80::/9"]}]}
  - {name: outside, action: Deny, to: [{networks: [0.0.0.0/0, "::/0"]}]}
"""
CILIUM = """
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: outside}
spec:
  endpointSelector: {}
  enableDefaultDeny: {ingress: false, egress: false}
  ingressDeny: [{fromEntities: [world]}]
  egressDeny: [{toEntities: [world]}]
"""
RIGHTS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: {role}
metadata: {{name: writer{where}}}
rules: [{{apiGroups: [{group}], resources: [{what}], verbs: [{verb}]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {role}Binding
metadata: {{name: writer{where}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {role}, name: writer}}
subjects: [{{kind: ServiceAccount, name: ci, namespace: app}}]
"""


def rights(what="networkpolicies", group="networking.k8s.io", verb="create", role="Role"):
    return RIGHTS.format(what=what,
                         group=group,
                         verb=verb,
                         role=role,
                         where=", namespace: app" if role == "Role" else "")


HOLE = "ServiceAccount app/ci opens no hole"
NAMESPACES = [
    Case("a namespace without a policy is open", {"base.yaml": BASE, "p.yaml": deployment("api", "ops")},
         code=1,
         verdict="violated",
         finds=({"workload": "ops/api", "property": "sealed", "because": "absent"}, )),
    Case("an empty namespace without a policy is an assumption by name",
         {"base.yaml": BASE, "p.yaml": namespace("ops")},
         verdict="proven",
         assumes=("no pod runs in namespace ops", ),
         assumes_not=("other than app, ops", )),
    Case("an empty namespace without a policy, every pod", {"base.yaml": BASE, "p.yaml": namespace("ops")},
         ("--every-pod", ),
         code=1,
         verdict="violated",
         finds=({"workload": "ops", "property": "sealed"}, )),
    Case("namespaces of tomorrow are an assumption", {"p.yaml": BASE}, verdict="proven", assumes=(TOMORROW, )),
    Case("namespaces of tomorrow are held by the Admin tier", {"p.yaml": documents(BASE, ADMIN)},
         verdict="proven",
         assumes_not=(TOMORROW, )),
    Case("an Admin deny for some namespaces does not hold tomorrow's", {
        "p.yaml": documents(
            BASE, namespace("app", "{team: red}"),
            ADMIN.replace("namespaces: {}}\n  ingress", "namespaces: {matchLabels: {team: red}}}\n  ingress"))
    },
         verdict="proven",
         assumes=(TOMORROW, )),
    *(Case(f"the additive hole: {text}", {"base.yaml": BASE, "p.yaml": grant}, verdict="proven", assumes=(HOLE, ))
      for text, grant in (("create", rights()), ("update", rights(verb="update")), ("patch", rights(verb="patch")),
                          ("delete", rights(verb="delete")), ("every verb", rights(verb="'*'")),
                          ("every resource", rights(what="'*'", group="'*'", verb="'*'")),
                          ("a ClusterRole", rights(role="ClusterRole")))),
    Case("the additive hole: pods in the node's network", {"base.yaml": BASE, "p.yaml": rights("deployments", "apps")},
         assumes=(HOLE, )),
    Case("reading policies is no hole", {"base.yaml": BASE, "p.yaml": rights(verb="get")}, code=0,
         assumes_not=(HOLE, )),
    Case("a role that nobody has is no hole", {"base.yaml": BASE, "p.yaml": rights().split("---")[0]},
         code=0,
         assumes_not=(HOLE, )),
    Case("a Cilium deny of both directions closes the additive hole",
         {"base.yaml": BASE, "a.yaml": CILIUM, "p.yaml": rights()},
         verdict="proven",
         assumes_not=(HOLE, )),
    Case("a policy that names only kube-dns pods breaks the node's own resolver", {
        "isolation.yaml": SPEC.replace("service: 10.43.0.10}",
                                       "service: 10.43.0.10, nodeLocal: 169.254.20.10}").replace(
                                           ", dns: none}\n  db", "}\n  db"),
        "p.yaml": documents(
            WEB, DB, deny(),
            egress(
                "[{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53}, {port: 53, protocol: UDP}]}]"
            ))
    }, ("--spec", "isolation.yaml"),
         code=1,
         finds=({"property": "complete", "destination": "169.254.20.10"}, )),
    Case("enforcement starts after the pod", {"p.yaml": BASE}, assumes=("first instant", )),
    Case("an admission policy is recognised and given no verdict", {
        "base.yaml": BASE, "p.yaml": kind("admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy", "no-host",
                                          "spec: {validations: [{expression: 'true'}]}", None)
    },
         verdict="proven",
         text=("no-host", )),
]

CASES = [*HOST, *OTHERS, *SERVICES, *RELAYS, *NAMESPACES]
