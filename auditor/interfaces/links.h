// The network devices of this node, by rtnetlink (RFC 3549): born, gone, renamed, moved to another namespace, new
// address. Nothing here needs a capability. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "auditor/opener/opener.h"  // Fd
#include "compiler/net/ip.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

struct HeldAddress;  // link_message.h
struct LinkMessage;

inline constexpr std::uint32_t kUnknownProgram = 0xffffffff;  // one that the kernel does not name

struct Link {
  std::uint32_t index = 0;
  std::string name;
  std::string kind;      // IFLA_INFO_KIND: "veth" "bridge" "vxlan" …; empty for physical devices and loopback
  bool up = false;       // IFF_UP
  bool running = false;  // IFF_RUNNING: has a carrier
  bool loopback = false;
  std::uint16_t arp_type = 0;  // ARPHRD_
  std::uint32_t mtu = 0;
  std::array<std::uint8_t, 6> mac{};
  std::uint32_t parent = 0;       // IFLA_LINK; 0: none. May be of another namespace
  bool parent_elsewhere = false;  // IFLA_LINK_NETNSID
  std::uint32_t master = 0;       // bridge or bond
  std::uint32_t xdp_program = 0;  // the first of IFLA_XDP's modes; 0: none. list_bypasses() asks anew, and for all:
                                  // programs come and go without an event
  std::uint32_t virtual_functions = 0;  // IFLA_NUM_VF (SR-IOV), as of the last full reading: events do not tell it
  std::vector<Ip> addresses;            // sorted
  friend bool operator==(const Link&, const Link&) = default;
};

struct LinkEvent {
  enum class Kind : std::uint8_t { Born, Gone, Renamed, Changed, Lost };
  Kind kind = Kind::Changed;  // Lost: the kernel dropped events (ENOBUFS); everything was read anew, and events of what
                              // differs follow. Gone: deleted, or moved to another namespace
  Link link;                  // as it is now; of Gone: as it was last seen; of Lost: empty
  std::string old_name;       // of Renamed
};

class LinkWatcher {
 public:
  // Opens the socket, and reads links and addresses that are there: links() is complete then. Throws std::system_error.
  LinkWatcher();
  ~LinkWatcher();
  LinkWatcher(LinkWatcher&&) = delete;
  int fd() const;  // readable when poll() has something to do
  // Takes what the kernel has to say, without waiting. On an error the state is unsure: make a new watcher.
  std::error_code poll(std::vector<LinkEvent>& events);
  const std::map<std::uint32_t, Link>& links() const { return links_; }  // by index

 private:
  std::error_code receive(std::vector<LinkEvent>& events);
  // False where the message cannot be understood: what is known is unsure then.
  bool take(std::uint16_t type, std::span<const std::uint8_t> body, std::vector<LinkEvent>& events);
  void set(const LinkMessage& message, std::vector<LinkEvent>& events);
  void gone(std::uint32_t index, std::vector<LinkEvent>& events);
  // Reads everything; differences to what was known are events.
  std::error_code read_all(std::vector<LinkEvent>& events);

  Fd socket_;
  std::map<std::uint32_t, Link> links_;
  std::map<std::uint32_t, std::set<HeldAddress>> addresses_;  // of each link, by index
  std::vector<std::uint8_t> buffer_;
};

// What an interface is taken for.
enum class InterfaceRole : std::uint8_t { Uplink, PodSide, Overlay, Loopback, Undeclared, Down };
std::string_view to_string(InterfaceRole);  // "uplink" "pod side" "overlay" "loopback" "undeclared" "down"

struct RoleChoice {
  InterfaceRole role = InterfaceRole::Undeclared;
  std::string why;  // "matches uplinks eth*", "--pod-side cali1", "matches podSide veth*, a veth", "named like a pod's
                    // side, but no virtual device" …
};

// The policy's device patterns (cluster.uplinks, pod_side, overlays: literal, or with a final '*'), and those of the
// command line, which come first. Pod side and overlay by the policy count only for virtual kinds that are known to
// send nothing out of the node by themselves: a physical device named like one is undeclared, and so is one of an
// unknown kind. Between the two the longer pattern decides, a literal one before any with '*'. One that is down and not
// an uplink is Down. Loopback is loopback whatever the policy's patterns say.
class InterfaceRoles {
 public:
  // `policy` must outlive it.
  InterfaceRoles(const Policy& policy, std::vector<std::string> uplinks, std::vector<std::string> pod_side);
  // `links` are those that it may hang together with: what an uplink sends through is an uplink too, named or not
  // (slaves of a bond or team, the parent of a VLAN, the ports of a bridge but for pods' sides).
  RoleChoice of(const Link& link, const std::map<std::uint32_t, Link>& links) const;
  // By its own name alone.
  RoleChoice of(const Link& link) const;
  // Patterns of uplinks that no link matches: a declared uplink that is not there.
  std::vector<std::string> absent(const std::map<std::uint32_t, Link>& links) const;

 private:
  // The pattern of an uplink that it matches, as "uplinks eth*" or "--uplink eth*"; empty if none.
  std::string named_uplink(const Link& link) const;
  // The uplink that it carries; null if none.
  const Link* carried(const Link& link, const std::map<std::uint32_t, Link>& links, int depth) const;

  const Policy& policy_;
  std::vector<std::string> uplinks_, pod_side_;
};

}  // namespace airtight::audit
