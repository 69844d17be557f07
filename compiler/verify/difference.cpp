#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "compiler/verify/connections.h"
#include "compiler/verify/firewall/leaving.h"
#include "compiler/verify/judge.h"
#include "compiler/verify/kubernetes/least_pods.h"
#include "compiler/verify/words.h"

namespace airtight::verify {
namespace {

// What goes out of one side's artifacts, by who sends it.
using WaysOut = std::map<std::string, TrafficSet>;
// Between workloads, and with addresses inside.
using Reach = std::map<std::pair<std::string, std::string>, ServiceSet>;

// `firewall`: one of the two sides has one, so that its absence here means that everything passes.
WaysOut ways_out(const Artifacts& artifacts, const Question& question, bool firewall) {
  WaysOut out;
  const IpSet outside = ~question.inside;
  const Evaluation evaluation(artifacts.cluster, Scope::All, {}, {});
  for (std::size_t c = 0; c < evaluation.classes().size(); ++c)
    for (const std::size_t w : evaluation.classes()[c].members)
      out[name_of(artifacts.cluster.workloads[w])] |=
          restrict(evaluation.addresses(c, Direction::Egress, Reading::Wide), outside, transport_services());
  if (firewall)
    for (const Path path : {Path::Output, Path::Forward}) {
      PacketSet passed = passes(artifacts.firewall, path, outside_packets(question, path, true), Reading::Wide).passed;
      for (const Shape& shape : shapes(question, path)) passed = passed - shape.packets;
      out[path == Path::Output ? "the node, through the firewall" : "pods, through the firewall"] |=
          project_destinations(passed);
    }
  for (const Service& service : artifacts.cluster.services) {
    for (const auto& [address, where] : service.external_ips)
      if (outside.contains(address))
        out["Service " + service.ref.ns + "/" + service.ref.name] |=
            TrafficSet::of(IpSet::of(address), transport_services());
  }
  for (const EndpointAddresses& slice : artifacts.cluster.endpoints)
    for (const auto& [address, where] : slice.addresses)
      if (outside.contains(address))
        out["Service " + slice.ref.ns + "/" + slice.service] |=
            TrafficSet::of(IpSet::of(address), transport_services());
  return out;
}

// ExternalName Services lead to names, which no set of addresses holds.
std::map<std::string, std::string> names_out(const Artifacts& artifacts) {
  std::map<std::string, std::string> names;
  for (const Service& service : artifacts.cluster.services)
    if (service.type == "ExternalName")
      names["Service " + service.ref.ns + "/" + service.ref.name] = service.external_name;
  return names;
}

// Pods that could be created, the same ones on both sides: what a policy opens counts although no pod is there yet.
bool add_possible_pods(Cluster& before, Cluster& after) {
  Cluster both;
  both.policies = before.policies;
  both.policies.insert(both.policies.end(), after.policies.begin(), after.policies.end());
  both.tiers = before.tiers;
  std::set<std::string> names;
  for (const Cluster* side : {&before, &after})
    for (const Namespace& ns : side->namespaces)
      if (names.insert(ns.name).second) both.namespaces.push_back(ns);
  std::sort(both.namespaces.begin(), both.namespaces.end(),
            [](const Namespace& a, const Namespace& b) { return a.name < b.name; });
  const std::vector<std::string> all(names.begin(), names.end());
  const bool bounded = add_symbolic_pods(both, all) && add_least_pods(both, all);
  for (Cluster* side : {&before, &after}) {
    const std::size_t real = side->workloads.size();
    for (const Workload& pods : both.workloads) {
      const auto same = [&](const Workload& known) {
        return !known.host_network && known.ref.ns == pods.ref.ns && known.labels.labels == pods.labels.labels;
      };
      if (pods.judged &&
          std::none_of(side->workloads.begin(), side->workloads.begin() + static_cast<std::ptrdiff_t>(real), same))
        side->workloads.push_back(pods);
    }
    for (const Namespace& ns : both.namespaces)
      if (!side->find_namespace(ns.name)) {
        side->namespaces.push_back(ns);
        std::sort(side->namespaces.begin(), side->namespaces.end(),
                  [](const Namespace& a, const Namespace& b) { return a.name < b.name; });
      }
  }
  return bounded;
}

class Comparison {
 public:
  Comparison(const Artifacts& before, const Artifacts& after, const Question& question, const Sources& sources)
      : before_(before), after_(after), question_(question), sources_(sources) {
    if (!add_possible_pods(before_.cluster, after_.cluster))
      result_.notes.push_back("the label classes of pods are more than can be compared: not every pod was");
  }

  Difference run() {
    outside();
    inside();
    workloads();
    note(before_, "OLD");
    note(after_, "NEW");
    std::stable_sort(result_.changes.begin(), result_.changes.end(), [](const Change& a, const Change& b) {
      return std::tie(a.kind, a.source, a.destination) < std::tie(b.kind, b.source, b.destination);
    });
    return std::move(result_);
  }

 private:
  void add(Change::Kind kind, const std::string& source, const TrafficSet& traffic) {
    for (const TrafficSet::Product& product : traffic.products())
      result_.changes.push_back({kind, source, describe(product.addresses), product.services, ""});
  }

  void outside() {
    const bool firewall = !before_.firewall.tables.empty() || !after_.firewall.tables.empty();
    WaysOut old_ways = ways_out(before_, question_, firewall);
    WaysOut new_ways = ways_out(after_, question_, firewall);
    for (const auto& [source, traffic] : new_ways) add(Change::Kind::WayOutGained, source, traffic - old_ways[source]);
    for (const auto& [source, traffic] : old_ways) add(Change::Kind::WayOutLost, source, traffic - new_ways[source]);
    const std::map<std::string, std::string> old_names = names_out(before_);
    const std::map<std::string, std::string> new_names = names_out(after_);
    const auto missing = [&](const auto& from, const auto& in, Change::Kind kind) {
      for (const auto& [service, name] : from)
        if (const auto same = in.find(service); same == in.end() || same->second != name)
          result_.changes.push_back({kind, service, name, ServiceSet::all(), "ExternalName"});
    };
    missing(new_names, old_names, Change::Kind::WayOutGained);
    missing(old_names, new_names, Change::Kind::WayOutLost);
    resolvers();
  }

  // Names have no sets of packets: what counts is whether the resolver is sealed.
  void resolvers() {
    if (before_.dns.empty() && after_.dns.empty()) return;
    const auto verdict = [&](const Artifacts& artifacts) {
      return artifacts.dns.empty() ? Verdict::Inconclusive
                                   : judge_dns(artifacts.dns, question_, sources_).report.verdict;
    };
    const Verdict old_verdict = verdict(before_);
    const Verdict new_verdict = verdict(after_);
    if (old_verdict == new_verdict) return;
    result_.changes.push_back(
        {new_verdict > old_verdict ? Change::Kind::WayOutGained : Change::Kind::WayOutLost, "whoever asks the resolver",
         "names outside", ServiceSet::all(),
         "dns was " + std::string(to_string(old_verdict)) + ", is " + std::string(to_string(new_verdict))});
  }

  Reach reach(const Artifacts& artifacts) const {
    Reach reach;
    for (const Connection& connection : connections(artifacts)) {
      if (!connection.source_is_block && !connection.destination_is_block)
        reach[{connection.source, connection.destination}] |= connection.services;
    }
    return reach;
  }

  void inside() {
    Reach old_reach = reach(before_);
    Reach new_reach = reach(after_);
    const auto compare = [&](const Reach& from, Reach& in, Change::Kind kind) {
      for (const auto& [ends, services] : from)
        if (const ServiceSet more = services - in[ends]; !more.empty())
          result_.changes.push_back({kind, ends.first, ends.second, more, ""});
    };
    compare(new_reach, old_reach, Change::Kind::Gained);
    compare(old_reach, new_reach, Change::Kind::Lost);
    addresses(Direction::Egress);
    addresses(Direction::Ingress);
  }

  // Inside addresses that are no pods of the input; and who outside may come in, which is a way out for replies.
  void addresses(Direction direction) {
    const auto all = [&](const Artifacts& artifacts) {
      std::map<std::string, TrafficSet> traffic;
      const Evaluation evaluation(artifacts.cluster, Scope::All, {}, {});
      for (std::size_t c = 0; c < evaluation.classes().size(); ++c)
        for (const std::size_t w : evaluation.classes()[c].members)
          traffic[name_of(artifacts.cluster.workloads[w])] |=
              restrict(evaluation.addresses(c, direction, Reading::Wide), IpSet::all(), transport_services());
      return traffic;
    };
    std::map<std::string, TrafficSet> before = all(before_);
    std::map<std::string, TrafficSet> after = all(after_);
    const auto compare = [&](const auto& from, auto& in, bool gained) {
      for (const auto& [name, traffic] : from) {
        const TrafficSet more = traffic - in[name];
        const TrafficSet within = restrict(more, question_.inside, transport_services());
        const TrafficSet beyond = restrict(more, ~question_.inside, transport_services());
        for (const TrafficSet::Product& product : within.products())
          push(gained ? Change::Kind::Gained : Change::Kind::Lost, direction, name, product, "");
        if (direction == Direction::Ingress)
          for (const TrafficSet::Product& product : beyond.products())
            push(gained ? Change::Kind::WayOutGained : Change::Kind::WayOutLost, direction, name, product,
                 "opened from outside: replies leave");
      }
    };
    compare(after, before, true);
    compare(before, after, false);
  }

  void push(Change::Kind kind, Direction direction, const std::string& name, const TrafficSet::Product& product,
            std::string detail) {
    const std::string block = describe(product.addresses);
    const bool egress = direction == Direction::Egress;
    result_.changes.push_back(
        {kind, egress ? name : block, egress ? block : name, product.services, std::move(detail)});
  }

  void workloads() {
    const auto names = [](const Artifacts& artifacts) {
      std::set<std::string> all;
      for (const Workload& pods : artifacts.cluster.workloads)
        if (!pods.symbolic) all.insert(name_of(pods));
      return all;
    };
    const std::set<std::string> old_names = names(before_);
    const std::set<std::string> new_names = names(after_);
    std::set_difference(old_names.begin(), old_names.end(), new_names.begin(), new_names.end(),
                        std::back_inserter(result_.only_old));
    std::set_difference(new_names.begin(), new_names.end(), old_names.begin(), old_names.end(),
                        std::back_inserter(result_.only_new));
  }

  void note(const Artifacts& artifacts, const std::string& side) {
    const auto add = [&](const std::vector<Remark>& remarks) {
      for (const Remark& remark : remarks) result_.notes.push_back(side + ": " + remark.object + " " + remark.message);
    };
    add(artifacts.cluster.not_understood);
    add(artifacts.firewall.not_understood);
    add(artifacts.dns.not_understood);
    if (artifacts.recognised == 0) result_.notes.push_back(side + ": nothing in the input was recognised");
  }

  Artifacts before_;  // copies: possible pods are added
  Artifacts after_;
  const Question& question_;
  const Sources& sources_;
  Difference result_;
};

}  // namespace

bool Difference::way_out_gained() const {
  return std::any_of(changes.begin(), changes.end(),
                     [](const Change& change) { return change.kind == Change::Kind::WayOutGained; });
}

Difference difference(const Artifacts& before, const Artifacts& after, const Question& question,
                      const Sources& sources) {
  return Comparison(before, after, question, sources).run();
}

}  // namespace airtight::verify
