// `connections`, `explain` and `diff`: the same sets, asked otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/net/traffic_set.h"
#include "compiler/verify/artifacts.h"
#include "compiler/verify/finding.h"
#include "compiler/verify/question.h"

namespace airtight::verify {

// One permitted connection. An end is a workload `namespace/name[Kind]` or an address block `first-last`; blocks are
// disjoint, one family each, and IPv4 stands before IPv6.
struct Connection {
  std::string source;
  std::string destination;
  bool source_is_block = false;
  bool destination_is_block = false;
  ServiceSet services;  // TCP, UDP and SCTP; port 0 left out, so that 1-65535 is all (SEMANTICS)
  bool certain = true;  // false: only if something that was not understood lets it
  friend bool operator==(const Connection&, const Connection&) = default;
};

// Sorted by source, destination. Workloads to themselves are left out.
std::vector<Connection> connections(const Artifacts&);

// "All Connections" in the text form for all TCP, UDP and SCTP.
enum class ConnectionFormat : std::uint8_t { Text, Json, Csv, Dot, Html };
std::string render_connections(const std::vector<Connection>&, ConnectionFormat);

struct Change {
  enum class Kind : std::uint8_t { WayOutGained, Gained, Lost, WayOutLost };  // in the order of the output
  Kind kind = Kind::Gained;
  std::string source;
  std::string destination;
  ServiceSet services;
  std::string detail;  // "out through the firewall (forward)", "resolver"; may be empty
};
struct Difference {
  std::vector<Change> changes;                  // sorted by kind, then source and destination
  std::vector<std::string> only_old, only_new;  // workloads
  std::vector<std::string> notes;               // what could not be compared
  bool way_out_gained() const;
};
// By meaning: connections of both, and what each layer lets out of `question.inside`.
Difference difference(const Artifacts& before, const Artifacts& after, const Question&, const Sources&);
enum class DiffFormat : std::uint8_t { Text, Json, Markdown };
std::string render_difference(const Difference&, DiffFormat);

struct ExplanationStep {
  Span where;
  std::string text;
};
struct LayerExplanation {
  Layer layer = Layer::Kubernetes;
  bool asked = false;  // false: no artifact of this layer is in the input
  bool allowed = false;
  bool certain = true;
  std::string reason;  // one sentence
  std::string change;  // what would have to change for the other answer
  std::vector<ExplanationStep> steps;
};
struct Explanation {
  std::string question;            // "app/web[Deployment] → 203.0.113.9 443/tcp"
  std::vector<std::string> notes;  // "10.43.0.1:443 is Service default/kubernetes: 443 becomes 6443"
  std::vector<LayerExplanation> layers;
  bool allowed = false;  // by all layers that were asked
  bool certain = true;
};
struct ExplanationQuery {
  std::string from;  // "app/web[Deployment]", "app/web", "web", a workload of the spec, "nodes", an address
  std::string to;    // the same
  std::optional<Protocol> protocol;   // tcp where it is not given
  std::optional<std::uint16_t> port;  // 443 where it is not given, of TCP, UDP and SCTP
};
// "D[:PORT[/PROTO]]", an IPv6 address before a port in brackets. Empty, with `why_not`, if the text is none.
std::optional<ExplanationQuery> parse_query(std::string_view from, std::string_view to, std::string& why_not);
// Adds symbolic pods where the question has a policy. Empty, with `why_not` and the nearest names, for an unknown end.
std::optional<Explanation> explain(Artifacts&, const Question&, const ExplanationQuery&, const Sources&,
                                   std::string& why_not);
std::string render_explanation(const Explanation&, const Sources&, bool json, bool colour);

}  // namespace airtight::verify
