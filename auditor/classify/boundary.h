// The policy's answers, made fast: what an address is, what a packet that opens a connection is, what a name is. Equal
// to decide() and to the sets in the Policy (a property test holds that), without allocation and in O(log n).
// Immutable: any number of threads may ask.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "compiler/net/ip.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

// A catalogue entry that names something outside; views into the Policy; empty if none does.
struct Label {
  std::string_view catalogue;  // "hosted-llm"
  std::string_view title;      // of the catalogue: "hosted LLM"
  std::string_view entry;      // of the entry: "OpenAI"
  explicit operator bool() const { return !catalogue.empty(); }
};

class Boundary {
 public:
  // The Policy must outlive it.
  explicit Boundary(const Policy&);
  ~Boundary();
  Boundary(const Boundary&) = delete;
  Boundary& operator=(const Boundary&) = delete;

  const Policy& policy() const;

  struct Place {
    bool inside = false;
    bool cluster = false;  // pods, services, nodes, nodeTunnels
    bool pod = false;
    bool node = false;      // nodes, nodeTunnels
    bool resolver = false;  // of a declared resolver: a `role: dns` endpoint, cluster DNS (service, nodeLocal), or a
                            // pod where cluster DNS is pods, which addresses alone cannot tell apart from other pods
  };
  Place place(Ip) const;
  bool inside(Ip) const;

  // As airtight::decide(), except that catalogue and label are left empty: ask label() for them. `exception` likewise.
  Judgement decide(Ip source, Ip destination, Protocol, std::uint16_t selector, std::optional<Date> on) const;
  // The longest prefix that names the address, denied catalogues first; also the IPv4 address inside it.
  Label label(Ip) const;

  // A host name in DNS presentation form, any letter case, with or without a final dot. Bytes or labels that a Domain
  // cannot have (escapes, spaces) make it an outside name. Inside: in Policy::inside_names. Underscore labels and
  // one-label names are names like others.
  bool inside_name(std::string_view name) const;
  // "host", "host:port", "203.0.113.7", "[2001:db8::1]:443": a literal is inside if its address is; else as
  // inside_name().
  bool inside_host(std::string_view host) const;
  // The catalogue entry that names it, denied ones first; exact and suffix entries before patterns; literals by
  // address. May allocate (patterns).
  Label label_name(std::string_view host) const;

  // Whether the packet, between these addresses, is a tunnel that the policy declares between nodes (cluster.tunnels).
  bool declared_tunnel(Ip source, Ip destination, Protocol, std::uint16_t selector) const;
  // An EtherType of cluster.l2.
  bool declared_ether_type(std::uint16_t) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The day of a time in nanoseconds since 1970, UTC; empty for kNoTime.
std::optional<Date> day_of(std::int64_t time);

}  // namespace airtight::audit
