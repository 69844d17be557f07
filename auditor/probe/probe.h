// The active denial test (DESIGN §6, "Probes"): asks what must be refused, and believes it only where our own counter
// says that the firewall dropped it (R47). Blocking; call it on a thread of its own. Nothing is sent unless `sealed`
// says so.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "auditor/evidence/record.h"
#include "compiler/net/ip.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

struct ProbeTarget {
  enum class Kind : std::uint8_t { Name, Tcp, Udp };
  Kind kind = Kind::Name;
  std::string name;        // of Name: "k3v9….example.com" …
  Ip address = Ip::v4(0);  // of Tcp and Udp
  std::uint16_t port = 0;
  std::string catalogue;  // of a target that only --real may ask
  bool real = false;
};

// By default a random name below each of example, example.com, example.net, example.org, test, invalid (RFC 2606,
// 6761), and example.com, example.net and example.org themselves: those exist, so that a resolver with an upstream
// cannot answer NXDOMAIN by chance; and a random address of each documentation range (RFC 5737, RFC 3849), TCP 443 and
// UDP 53. With `real` also every name (TCP 443 of the first address of every prefix) of the denied catalogues. Names
// and addresses that the policy calls inside, or excepts, are left out.
std::vector<ProbeTarget> plan_probes(const Policy& policy, bool real);

struct ProbeGround {
  std::vector<Ip> resolvers;  // cluster DNS: its Service addresses, nodeLocal; of the policy. Proxy variables and the
                              // search list of the environment are ignored
  // The firewall's drop counters added up; empty: not readable.
  std::function<std::optional<std::uint64_t>()> drops;
  // Why nothing may be sent; empty where enforcement was read and found sealed.
  std::string unsafe;
  unsigned timeout = 2000;     // milliseconds a question
  std::function<bool()> stop;  // asked between probes; may be empty
};

struct ProbeReport {
  std::vector<ProbeRecord> probes;
  std::string verdict;               // "denied" (all were, and counted), "succeeded", "inconclusive"
  std::vector<std::string> reasons;  // why not denied: no interface, no route, dead resolver, not counted …
};

// Questions go through c-ares to the resolvers alone, never by getaddrinfo, every name to every resolver by UDP and
// TCP; an answer must be NXDOMAIN without records, or an inside address ("inside"). NODATA is "succeeded": somebody
// knows the name. SERVFAIL, REFUSED and silence deny nothing ("unanswered", a dead resolver is asked once). An address
// is tried with a non-blocking connect, or a datagram: refused by the firewall means that the drop counter rose by at
// least what was sent; an answer, a reset, or a connection, is "succeeded". ENETUNREACH ("unsent"), a timeout without a
// rise
// ("unanswered"), an interface that is down: not counted, inconclusive. A family of which the node has neither an
// address nor a route is left out of the verdict, but not both families.
ProbeReport run_probes(const Policy& policy, const std::vector<ProbeTarget>& targets, const ProbeGround& ground);

std::string render_probe_text(const ProbeReport& report, bool colour);
std::string render_probe_json(const ProbeReport& report);

}  // namespace airtight::audit
