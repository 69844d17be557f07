// What a verdict consists of. Made by the judges, written out by report.h; plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/net/ip.h"
#include "compiler/net/traffic_set.h"
#include "compiler/policy/policy.h"
#include "compiler/policy/source.h"
#include "compiler/verify/rule_table.h"

namespace airtight::verify {

// Ordered by strength: violated beats inconclusive beats proven (DESIGN §1).
enum class Verdict : std::uint8_t { Proven, Inconclusive, Violated };
std::string_view to_string(Verdict);  // "proven" "inconclusive" "violated"
constexpr Verdict worse(Verdict a, Verdict b) { return a < b ? b : a; }

enum class Property : std::uint8_t { Sealed, Complete, Exact };
std::string_view to_string(Property);

// One concrete packet, the smallest of its set. Absent parts are not fixed by the rules ("any").
struct Packet {
  std::optional<Ip> source;
  std::optional<Ip> destination;
  std::string protocol;  // "tcp" … "icmpv6", "protocol 47", "EtherType 0x88cc"; dns: the type asked
  std::optional<std::uint16_t> source_port;
  std::optional<std::uint16_t> destination_port;  // icmp: none
  std::string state;                              // "new" "established" "related"; empty where no state is kept
  friend bool operator==(const Packet&, const Packet&) = default;
};
// "10.42.0.9 → 203.0.113.1:443 tcp, established"; `source` and `destination` stand for addresses that are not fixed.
std::string to_string(const Packet&, std::string_view source = "any", std::string_view destination = "any");

// Why: a rule in a file, or what is not there.
struct Because {
  Span where;          // unknown for an absence
  std::string object;  // "NetworkPolicy app/allow-dns, egress rule 1", "table inet t, chain o"
  std::string absent;  // "no NetworkPolicy with policyTypes Egress selects it"; empty where there is a rule
};

// One cause. Workloads that share it are all listed; JSON prints one finding a workload, text one for all.
struct Finding {
  Rule rule = Rule::NotSealed;
  std::optional<Property> property;    // empty: of no property
  Verdict effect = Verdict::Proven;    // what it does to its layer's verdict; Proven: nothing
  std::vector<std::string> workloads;  // "namespace/name[Kind]", "every other pod of namespace app", "nodes"; sorted
  std::string destination;             // "ns/name[Kind]", an address or name; the smallest one
  std::string protocol;                // "tcp", "any"
  std::optional<std::uint16_t> port;
  std::optional<Packet> counterexample;
  std::string extent;   // the whole set around it, in words: "all of IPv6 except fd00::/8, any protocol"
  std::string message;  // one sentence, no full stop
  std::string remedy;   // a way out; may be empty
  std::vector<Because> because;
};
// The order of every output: by effect with the worst first, property, rule, place, then the rest.
bool stands_before(const Finding&, const Finding&);
// Makes the exit code 1 whatever the verdict: incomplete, excess, or wrong although of no property (DESIGN §4).
bool fails_by_itself(const Finding&);

struct LayerReport {
  Layer layer = Layer::Kubernetes;
  Verdict verdict = Verdict::Proven;
  std::vector<std::string> workloads;  // judged there, sorted
  std::vector<Finding> findings;
  // By property what was shown; empty where it was not asked (no policy to compare with).
  std::optional<Verdict> sealed, complete, exact;
};

// Reach over two or more hops that no policy forbids; reported, never a verdict.
struct Relay {
  std::vector<std::string> path;  // "app/web[Deployment]", "app/proxy[Deployment]", "outside 203.0.113.0/24"
  std::string why;
  Span where;
};

struct NotUnderstood {
  Span where;
  std::string subject;  // "kind VirtualMachine, vm/one"
  std::string message;  // how it was read instead
};

// One row of the comparison of layers: what one lets through and another stops.
struct Disagreement {
  std::string what;  // "app/web[Deployment] → 10.20.0.0/24, 5432/tcp"
  Layer allows = Layer::Kubernetes;
  Layer forbids = Layer::Firewall;
};

struct Report {
  Verdict verdict = Verdict::Inconclusive;
  // What the heading says beside the verdict: why it is inconclusive; of a proven one as "not fully air-gapped". The
  // number of exceptions is added by the renderers.
  std::vector<std::string> reasons;
  std::vector<std::string> assumptions;  // sorted, unique
  std::vector<std::string> inside;       // "10.0.0.0/8 (default)", public ones marked
  std::vector<std::string> exceptions;   // "203.0.113.7/32 443/tcp from workers, SEC-12, until 2027-06-30"
  std::vector<LayerReport> layers;       // in the order of Layer
  std::vector<Finding> findings;         // of the layers together, and of no layer
  std::vector<Relay> relays;
  std::vector<NotUnderstood> unsupported;
  std::vector<Disagreement> disagreements;
  // The artifact that stands for findings without a place: viewers of SARIF show none that has no file. 0: none.
  std::uint32_t first_source = 0;

  // DESIGN §4: 1 if violated or any incomplete, excess or finding of no property that leaves the verdict alone; else 3
  // if inconclusive; else 0.
  int exit_code() const;
};
// Puts layers and findings into their order, and what is a set (assumptions, relays …) sorted and once.
void arrange(Report&);

}  // namespace airtight::verify
