#include <algorithm>
#include <array>
#include <utility>

#include "auditor/interfaces/links.h"

namespace airtight::audit {
namespace {

constexpr int kDeepest = 8;  // the kernel stacks no deeper

// What such a device sends stays on the node or leaves by another device of it, where it is seen again. A ppp, wwan or
// can device, a network of user space's own making or a bond named like a pod's side is not of this kind.
constexpr std::array<std::string_view, 27> kVirtualKinds{
    "amt",         "bareudp",   "bridge", "dummy", "erspan", "geneve", "gre",     "gretap",  "ip6erspan",
    "ip6gre",      "ip6gretap", "ip6tnl", "ipip",  "ipvlan", "ipvtap", "macvlan", "macvtap", "netkit",
    "openvswitch", "sit",       "tun",    "veth",  "vrf",    "vti",    "vti6",    "vxlan",   "wireguard"};
// These send through their parent, which counts only where we see it.
constexpr std::array<std::string_view, 4> kOnParent{"ipvlan", "ipvtap", "macvlan", "macvtap"};
// IFLA_LINK of these is the other end of a pair.
constexpr std::array<std::string_view, 3> kPairs{"netkit", "veth", "vxcan"};

template <typename Range>
bool has(const Range& range, std::string_view text) {
  return std::find(range.begin(), range.end(), text) != range.end();
}

bool is_wild(std::string_view pattern) { return !pattern.empty() && pattern.back() == '*'; }

bool matches(std::string_view pattern, std::string_view name) {
  return is_wild(pattern) ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern;
}

const std::string* first_match(const std::vector<std::string>& patterns, std::string_view name) {
  const auto found = std::find_if(patterns.begin(), patterns.end(),
                                  [&](const std::string& pattern) { return matches(pattern, name); });
  return found == patterns.end() ? nullptr : &*found;
}

// How exactly a pattern names a device: literal before wild, then by length.
std::pair<bool, std::size_t> exactness(const std::string& pattern) { return {!is_wild(pattern), pattern.size()}; }

const std::string* best_match(const std::vector<std::string>& patterns, std::string_view name) {
  const std::string* best = nullptr;
  for (const std::string& pattern : patterns)
    if (matches(pattern, name) && (best == nullptr || exactness(pattern) > exactness(*best))) best = &pattern;
  return best;
}

// Why a device of this kind is none whose name may make it a pod's side or an overlay; empty if it is one.
std::string why_not_virtual(const Link& link) {
  if (link.kind.empty()) return "no virtual device";
  if (!has(kVirtualKinds, link.kind)) return "of kind " + link.kind + ", which may leave the node";
  if (has(kOnParent, link.kind) && link.parent_elsewhere) return "its parent is in another network namespace";
  return "";
}

}  // namespace

std::string_view to_string(InterfaceRole role) {
  switch (role) {
    case InterfaceRole::Uplink:
      return "uplink";
    case InterfaceRole::PodSide:
      return "pod side";
    case InterfaceRole::Overlay:
      return "overlay";
    case InterfaceRole::Loopback:
      return "loopback";
    case InterfaceRole::Undeclared:
      return "undeclared";
    case InterfaceRole::Down:
      return "down";
  }
  return "undeclared";
}

InterfaceRoles::InterfaceRoles(const Policy& policy, std::vector<std::string> uplinks,
                               std::vector<std::string> pod_side)
    : policy_(policy), uplinks_(std::move(uplinks)), pod_side_(std::move(pod_side)) {}

std::string InterfaceRoles::named_uplink(const Link& link) const {
  if (const std::string* pattern = first_match(uplinks_, link.name)) return "--uplink " + *pattern;
  if (link.loopback) return "";
  if (const std::string* pattern = first_match(policy_.cluster.uplinks, link.name)) return "uplinks " + *pattern;
  return "";
}

const Link* InterfaceRoles::carried(const Link& link, const std::map<std::uint32_t, Link>& links, int depth) const {
  if (depth == 0) return nullptr;
  const auto is_uplink = [&](const Link& other) {
    return other.index != link.index && (!named_uplink(other).empty() || carried(other, links, depth - 1) != nullptr);
  };
  if (const auto master = links.find(link.master); link.master != 0 && master != links.end()) {
    // A bridge's ports are pods' sides and what leaves the node; a bond's and a team's all leave it.
    const bool pod = master->second.kind == "bridge" && why_not_virtual(link).empty() &&
                     (best_match(policy_.cluster.pod_side, link.name) != nullptr ||
                      best_match(policy_.cluster.overlays, link.name) != nullptr);
    if (!pod && master->second.kind != "vrf" && is_uplink(master->second)) return &master->second;
  }
  for (const auto& [index, other] : links)
    if (other.parent == link.index && !other.parent_elsewhere && !has(kPairs, other.kind) && is_uplink(other))
      return &other;
  return nullptr;
}

RoleChoice InterfaceRoles::of(const Link& link) const { return of(link, {}); }

RoleChoice InterfaceRoles::of(const Link& link, const std::map<std::uint32_t, Link>& links) const {
  if (const std::string uplink = named_uplink(link); !uplink.empty())
    return {InterfaceRole::Uplink, uplink.starts_with("--") ? uplink : "matches " + uplink};
  // A word on the command line makes no way out a pod's side: it is not in the policy that was enrolled.
  const std::string* given = why_not_virtual(link).empty() ? first_match(pod_side_, link.name) : nullptr;
  if (!link.up && (given != nullptr || link.loopback)) return {InterfaceRole::Down, "it is down"};
  if (given != nullptr) return {InterfaceRole::PodSide, "--pod-side " + *given};
  if (link.loopback) return {InterfaceRole::Loopback, "loopback"};
  if (const Link* uplink = carried(link, links, kDeepest))
    return {InterfaceRole::Uplink,
            (uplink->index == link.master ? "part of uplink " : "carries uplink ") + uplink->name};
  if (!link.up) return {InterfaceRole::Down, "it is down"};

  const std::string* pod = best_match(policy_.cluster.pod_side, link.name);
  const std::string* overlay = best_match(policy_.cluster.overlays, link.name);
  if (pod != nullptr && overlay != nullptr) (exactness(*overlay) > exactness(*pod) ? pod : overlay) = nullptr;
  if (pod == nullptr && overlay == nullptr) return {InterfaceRole::Undeclared, "no pattern matches"};
  const std::string pattern = pod != nullptr ? *pod : *overlay;
  if (const std::string why = why_not_virtual(link); !why.empty())
    return {InterfaceRole::Undeclared,
            (pod != nullptr ? "named like a pod's side (" : "named like an overlay (") + pattern + "), but " + why};
  return {pod != nullptr ? InterfaceRole::PodSide : InterfaceRole::Overlay,
          (pod != nullptr ? "matches podSide " : "matches overlays ") + pattern + ", a " + link.kind};
}

std::vector<std::string> InterfaceRoles::absent(const std::map<std::uint32_t, Link>& links) const {
  std::vector<std::string> patterns;
  for (const auto* list : {&uplinks_, &policy_.cluster.uplinks})
    for (const std::string& pattern : *list) {
      const bool there = std::any_of(links.begin(), links.end(), [&](const auto& entry) {
        return matches(pattern, entry.second.name) && !named_uplink(entry.second).empty();
      });
      if (!there && !has(patterns, pattern)) patterns.push_back(pattern);
    }
  return patterns;
}

}  // namespace airtight::audit
