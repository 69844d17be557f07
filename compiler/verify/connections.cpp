#include "compiler/verify/connections.h"

#include <algorithm>
#include <map>
#include <utility>

#include "compiler/verify/kubernetes/evaluation.h"
#include "compiler/verify/words.h"

namespace airtight::verify {
namespace {

// No NetworkPolicy can name port 0, so that a rule for 1-65535 is a rule for all.
ServiceSet without_port_zero(const ServiceSet& services) {
  static const ServiceSet kNamed = [] {
    ServiceSet set;
    for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp})
      set |= ServiceSet::of(protocol, PortSet::of(1, 65535));
    return set;
  }();
  return services & kNamed;
}

class Lister {
 public:
  explicit Lister(const Artifacts& artifacts)
      : cluster_(artifacts.cluster), evaluation_(cluster_, Scope::All, {}, {}) {}

  std::vector<Connection> run() {
    const std::size_t count = evaluation_.classes().size();
    for (std::size_t a = 0; a < count; ++a) {
      blocks(a, Direction::Egress);
      blocks(a, Direction::Ingress);
      for (std::size_t b = 0; b < count; ++b) pair(a, b);
    }
    std::sort(connections_.begin(), connections_.end(), before);
    return std::move(connections_);
  }

 private:
  // Address blocks before workloads, in the order of their numbers.
  static bool before(const Connection& a, const Connection& b) {
    const auto end = [](const std::string& text, bool block) {
      const std::optional<Ip> first = block ? Ip::parse(text.substr(0, text.find('-'))) : std::nullopt;
      return std::make_tuple(!block, first.value_or(Ip::v4(0)), std::string_view(text));
    };
    return std::make_pair(end(a.source, a.source_is_block), end(a.destination, a.destination_is_block)) <
           std::make_pair(end(b.source, b.source_is_block), end(b.destination, b.destination_is_block));
  }

  void blocks(std::size_t c, Direction direction) {
    const TrafficSet narrow = evaluation_.addresses(c, direction, Reading::Narrow);
    const TrafficSet wide = evaluation_.addresses(c, direction, Reading::Wide);
    emit(c, direction, narrow, true);
    emit(c, direction, wide - narrow, false);
  }

  void emit(std::size_t c, Direction direction, const TrafficSet& traffic, bool certain) {
    const TrafficSet named = restrict(traffic, IpSet::all(), without_port_zero(ServiceSet::all()));
    for (const TrafficSet::Product& product : named.products())
      for (const IpRange& range : product.addresses.ranges())
        for (const std::size_t w : evaluation_.classes()[c].members) {
          Connection connection;
          const std::string block = to_string(range.first) + "-" + to_string(range.last);
          connection.source = direction == Direction::Egress ? name_of(cluster_.workloads[w]) : block;
          connection.destination = direction == Direction::Egress ? block : name_of(cluster_.workloads[w]);
          connection.source_is_block = direction == Direction::Ingress;
          connection.destination_is_block = direction == Direction::Egress;
          connection.services = product.services;
          connection.certain = certain;
          connections_.push_back(std::move(connection));
        }
  }

  void pair(std::size_t a, std::size_t b) {
    const ServiceSet narrow = without_port_zero(evaluation_.connections(a, b, Reading::Narrow));
    const ServiceSet doubtful = without_port_zero(evaluation_.connections(a, b, Reading::Wide)) - narrow;
    for (const std::size_t from : evaluation_.classes()[a].members)
      for (const std::size_t to : evaluation_.classes()[b].members) {
        if (from == to) continue;
        for (const auto& [services, certain] : {std::pair(&narrow, true), std::pair(&doubtful, false)})
          if (!services->empty())
            connections_.push_back(
                {name_of(cluster_.workloads[from]), name_of(cluster_.workloads[to]), false, false, *services, certain});
      }
  }

  const Cluster& cluster_;
  Evaluation evaluation_;
  std::vector<Connection> connections_;
};

}  // namespace

std::vector<Connection> connections(const Artifacts& artifacts) { return Lister(artifacts).run(); }

}  // namespace airtight::verify
