// What an interface is taken for: by policy, by command line, and by what it hangs together with.
#include <catch2/catch.hpp>

#include "auditor/interfaces/links.h"

namespace airtight::audit {
namespace {

Policy sample() {
  Policy policy;
  policy.cluster.uplinks = {"eth0", "bond*"};
  policy.cluster.pod_side = {"cali*", "veth*", "lxc*", "cni*", "eni*", "azv*"};
  policy.cluster.overlays = {"flannel.*", "vxlan.*", "cilium_*", "tunl0", "cni0", "kube-*", "docker0", "nodelocaldns"};
  return policy;
}

Link link(std::string name, std::string kind = "", bool up = true) {
  Link link;
  static std::uint32_t index = 100;
  link.index = ++index;
  link.name = std::move(name);
  link.kind = std::move(kind);
  link.up = up;
  return link;
}

Link loopback(bool up = true) {
  Link lo = link("lo", "", up);
  lo.loopback = true;
  return lo;
}

std::string text(const RoleChoice& choice) { return std::string(to_string(choice.role)) + ": " + choice.why; }

TEST_CASE("roles: by name and kind") {
  const Policy policy = sample();
  const InterfaceRoles roles(policy, {}, {});
  const std::pair<Link, const char*> cases[] = {
      {link("eth0"), "uplink: matches uplinks eth0"},
      {link("eth0", "veth"), "uplink: matches uplinks eth0"},
      {link("eth0", "", false), "uplink: matches uplinks eth0"},
      {link("bond7", "bond"), "uplink: matches uplinks bond*"},
      {link("eth1"), "undeclared: no pattern matches"},
      {link("eth01"), "undeclared: no pattern matches"},
      {link("eth1", "", false), "down: it is down"},
      {loopback(), "loopback: loopback"},
      {loopback(false), "down: it is down"},
      {link("cali1234", "veth"), "pod side: matches podSide cali*, a veth"},
      {link("eni5a3f", "veth"), "pod side: matches podSide eni*, a veth"},
      {link("lxc9", "netkit"), "pod side: matches podSide lxc*, a netkit"},
      {link("cali1234"), "undeclared: named like a pod's side (cali*), but no virtual device"},
      {link("eni1"), "undeclared: named like a pod's side (eni*), but no virtual device"},
      {link("eni1", "", false), "down: it is down"},
      {link("veth9", "ppp"), "undeclared: named like a pod's side (veth*), but of kind ppp, which may leave the node"},
      {link("veth9", "bond"),
       "undeclared: named like a pod's side (veth*), but of kind bond, which may leave the node"},
      {link("kube-wan", "wwan"),
       "undeclared: named like an overlay (kube-*), but of kind wwan, which may leave the node"},
      {link("cni0", "bridge"), "overlay: matches overlays cni0, a bridge"},
      {link("cni1", "veth"), "pod side: matches podSide cni*, a veth"},
      {link("vxlan.calico", "vxlan"), "overlay: matches overlays vxlan.*, a vxlan"},
      {link("tunl0", "ipip"), "overlay: matches overlays tunl0, a ipip"},
      {link("tunl1", "ipip"), "undeclared: no pattern matches"},
      {link("nodelocaldns", "dummy"), "overlay: matches overlays nodelocaldns, a dummy"},
      {link("cilium_wg0", "wireguard"), "overlay: matches overlays cilium_*, a wireguard"},
      {link("docker0"), "undeclared: named like an overlay (docker0), but no virtual device"},
      {link("flannel.1", "vxlan", false), "down: it is down"},
  };
  for (const auto& [device, expected] : cases) CHECK(text(roles.of(device)) == expected);
}

TEST_CASE("roles: the command line comes first") {
  const Policy policy = sample();
  const InterfaceRoles roles(policy, {"wan*", "lo"}, {"eth0", "p1", "wan1"});
  CHECK(text(roles.of(link("wan0"))) == "uplink: --uplink wan*");
  CHECK(text(roles.of(link("wan1"))) == "uplink: --uplink wan*");
  CHECK(text(roles.of(link("p1", "veth"))) == "pod side: --pod-side p1");
  CHECK(text(roles.of(link("p1", "veth", false))) == "down: it is down");
}

TEST_CASE("roles: a word on the command line makes no way out a pod's side") {
  const Policy policy = sample();
  const InterfaceRoles roles(policy, {"wan*", "lo"}, {"eth0", "bond0", "p1"});
  CHECK(text(roles.of(link("eth0"))) == "uplink: matches uplinks eth0");
  CHECK(text(roles.of(link("p1"))) == "undeclared: no pattern matches");
  CHECK(text(roles.of(link("bond0", "bond"))) == "uplink: matches uplinks bond*");
  CHECK(text(roles.of(loopback())) == "uplink: --uplink lo");
}

TEST_CASE("roles: a policy's pattern that matches loopback makes it no uplink") {
  Policy policy = sample();
  policy.cluster.uplinks = {"l*"};
  const InterfaceRoles roles(policy, {}, {});
  CHECK(text(roles.of(loopback())) == "loopback: loopback");
  const Link lo = loopback();
  CHECK(roles.absent({{lo.index, lo}}) == std::vector<std::string>{"l*"});
}

TEST_CASE("roles: a stacked device whose parent is elsewhere is no overlay") {
  const Policy policy = sample();
  const InterfaceRoles roles(policy, {}, {});
  Link here = link("kube-mv", "macvlan");
  CHECK(text(roles.of(here)) == "overlay: matches overlays kube-*, a macvlan");
  here.parent_elsewhere = true;
  CHECK(text(roles.of(here)) ==
        "undeclared: named like an overlay (kube-*), but its parent is in another network namespace");
  Link pod = link("veth1", "veth");
  pod.parent_elsewhere = true;
  CHECK(text(roles.of(pod)) == "pod side: matches podSide veth*, a veth");
}

TEST_CASE("roles: what an uplink sends through is an uplink") {
  Policy policy = sample();
  policy.cluster.uplinks = {"bond0", "eth9.5", "br0", "wan"};
  const InterfaceRoles roles(policy, {}, {});
  Link bond = link("bond0", "bond"), slave = link("eth1"), down = link("eth2", "", false),
       vlan = link("eth9.5", "vlan"), parent = link("eth9"), under = link("eth10"), bridge = link("br0", "bridge"),
       port = link("eth3"), pod = link("veth3", "veth"), odd = link("veth4", "bond"), lone = link("eth4"),
       wan = link("wan", "veth"), peer = link("veth5", "veth"), pod_slave = link("veth6", "veth");
  slave.master = down.master = pod_slave.master = bond.index;
  vlan.parent = parent.index;
  parent.master = 0;
  under.master = parent.index;  // of a bond that a VLAN uplink stands on
  parent.kind = "bond";
  port.master = pod.master = odd.master = bridge.index;
  wan.parent = peer.index;
  peer.parent = wan.index;
  std::map<std::uint32_t, Link> links;
  for (const Link& one : {bond, slave, down, vlan, parent, under, bridge, port, pod, odd, lone, wan, peer, pod_slave})
    links[one.index] = one;
  const auto of = [&](const Link& one) { return text(roles.of(one, links)); };
  CHECK(of(bond) == "uplink: matches uplinks bond0");
  CHECK(of(slave) == "uplink: part of uplink bond0");
  CHECK(of(down) == "uplink: part of uplink bond0");
  CHECK(of(pod_slave) == "uplink: part of uplink bond0");
  CHECK(of(parent) == "uplink: carries uplink eth9.5");
  CHECK(of(under) == "uplink: part of uplink eth9");
  CHECK(of(port) == "uplink: part of uplink br0");
  CHECK(of(pod) == "pod side: matches podSide veth*, a veth");
  CHECK(of(odd) == "uplink: part of uplink br0");
  CHECK(of(lone) == "undeclared: no pattern matches");
  CHECK(of(peer) == "pod side: matches podSide veth*, a veth");
  // By its own name alone it is nobody's.
  CHECK(text(roles.of(slave)) == "undeclared: no pattern matches");

  // Masters in a circle end.
  Link a = link("a"), b = link("b");
  a.master = b.index;
  b.master = a.index;
  CHECK(text(roles.of(a, {{a.index, a}, {b.index, b}})) == "undeclared: no pattern matches");
}

TEST_CASE("roles: uplinks that are not there") {
  const Policy policy = sample();
  const InterfaceRoles roles(policy, {"wan0", "eth0"}, {"bond1"});
  const Link down = link("eth0", "", false), bond = link("bond1", "bond");
  CHECK(roles.absent({}) == std::vector<std::string>{"wan0", "eth0", "bond*"});
  CHECK(roles.absent({{down.index, down}}) == std::vector<std::string>{"wan0", "bond*"});
  CHECK(roles.absent({{bond.index, bond}}) == std::vector<std::string>{"wan0", "eth0"});
}

}  // namespace
}  // namespace airtight::audit
