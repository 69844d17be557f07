#include "tests/verify/kubernetes/oracle.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/net/oracle.h"
#include "tests/verify/kubernetes/random_cluster.h"

namespace airtight::verify {
namespace {

using oracle::Answer;
using oracle::Packet;
using oracle::RandomCluster;

constexpr std::size_t kPacketsOfCluster = 20;

std::string shown(const Packet& packet) {
  return std::string(packet.direction == Direction::Egress ? "egress" : "ingress") + " of workload " +
         std::to_string(packet.subject) +
         (packet.peer ? ", workload " + std::to_string(*packet.peer) : ", address " + to_string(packet.address)) +
         ", " + std::string(to_string(packet.protocol)) + " " + std::to_string(packet.port);
}

// Everything that the evaluation says about one packet; empty if it agrees with the oracle.
std::string disagreement(const Evaluation& evaluation, const Packet& packet, const Answer& answer) {
  const std::size_t a = evaluation.class_of(packet.subject);
  std::string text;
  for (const Reading reading : {Reading::Wide, Reading::Narrow}) {
    const bool expected = reading == Reading::Wide ? answer.may_be_allowed : !answer.may_be_denied;
    bool in_sets = false;
    Decision decision;
    if (packet.peer) {
      const std::size_t b = evaluation.class_of(*packet.peer);
      in_sets = evaluation.pods(a, b, packet.direction, reading).contains(packet.protocol, packet.port);
      decision = evaluation.decide(a, packet.direction, b, packet.protocol, packet.port, reading);
    } else {
      in_sets =
          evaluation.addresses(a, packet.direction, reading).contains(packet.address, packet.protocol, packet.port);
      decision = evaluation.decide(a, packet.direction, packet.address, packet.protocol, packet.port, reading);
    }
    const std::string name = reading == Reading::Wide ? "wide" : "narrow";
    const auto said = [](bool allowed) { return allowed ? "allowed" : "denied"; };
    if (in_sets != expected) text += " sets " + name + ": " + said(in_sets) + ", not " + said(expected) + ";";
    if (decision.allowed != expected)
      text += " decide " + name + ": " + said(decision.allowed) + ", not " + said(expected) + ";";
    if (decision.certain == (answer.may_be_allowed && answer.may_be_denied))
      text += " decide " + name + ": wrong about being certain;";
  }
  return text;
}

TEST_CASE("evaluation: random clusters and packets agree with the oracle") {
  const std::size_t packets = airtight::oracle::cases(10'000, 1'000'000);
  std::size_t uncertain = 0;
  std::size_t denied = 0;
  for (std::size_t i = 0; i < packets / kPacketsOfCluster; ++i) {
    RandomCluster random(1'000 + i);
    const Cluster cluster = random.cluster();
    oracle::Question question{&cluster, Scope::All, random.pod_ranges(), random.node_ranges()};
    if (random.one_in(3)) question.scope = random.one_in(2) ? Scope::Namespaced : Scope::ClusterScoped;
    const Evaluation evaluation(cluster, question.scope, question.pod_ranges, question.node_ranges);
    for (std::size_t n = 0; n < kPacketsOfCluster; ++n) {
      const Packet packet = random.packet(cluster);
      const Answer answer = oracle::ask(question, packet);
      uncertain += answer.may_be_allowed && answer.may_be_denied;
      denied += !answer.may_be_allowed;
      const std::string wrong = disagreement(evaluation, packet, answer);
      if (!wrong.empty()) FAIL("cluster " << 1'000 + i << ", " << shown(packet) << ":" << wrong);
    }
  }
  // The clusters are worth asking: every kind of answer comes up often.
  CHECK(uncertain > packets / 20);
  CHECK(denied > packets / 20);
  CHECK(uncertain + denied < packets * 19 / 20);
  airtight::oracle::report("packets with the oracle of policies", packets);
}

TEST_CASE("evaluation: the wide reading holds the narrow one, and what shares a cause is decided by it") {
  const std::size_t clusters = airtight::oracle::cases(300, 30'000);
  for (std::size_t i = 0; i < clusters; ++i) {
    RandomCluster random(5'000'000 + i);
    const Cluster cluster = random.cluster();
    const IpSet pod_ranges = random.pod_ranges();
    const IpSet node_ranges = random.node_ranges();
    const Evaluation evaluation(cluster, Scope::All, pod_ranges, node_ranges);
    for (std::size_t c = 0; c < evaluation.classes().size(); ++c) {
      for (const Direction direction : {Direction::Ingress, Direction::Egress}) {
        const TrafficSet wide = evaluation.addresses(c, direction, Reading::Wide);
        const TrafficSet narrow = evaluation.addresses(c, direction, Reading::Narrow);
        if (!narrow.subset_of(wide)) FAIL("cluster " << 5'000'000 + i << ", class " << c);
        for (const Reading reading : {Reading::Wide, Reading::Narrow}) {
          const TrafficSet& traffic = reading == Reading::Wide ? wide : narrow;
          const Packet packet = random.packet(cluster);
          const Packet another = random.packet(cluster);
          if (!traffic.contains(packet.address, packet.protocol, packet.port)) continue;
          const Decision decision =
              evaluation.decide(c, direction, packet.address, packet.protocol, packet.port, reading);
          const TrafficSet share = evaluation.share(c, direction, decision, traffic, reading);
          const Decision other =
              evaluation.decide(c, direction, another.address, another.protocol, another.port, reading);
          // One rule may be asked in two tiers, of two plugins.
          const bool same = other.allowed && other.policy == decision.policy && other.rule == decision.rule &&
                            (other.rule || other.tier == decision.tier);
          const bool right = share.contains(packet.address, packet.protocol, packet.port) && share.subset_of(traffic) &&
                             share.contains(another.address, another.protocol, another.port) == same;
          if (!right) FAIL("cluster " << 5'000'000 + i << ", class " << c << ", " << shown(packet));
        }
      }
    }
  }
  airtight::oracle::report("clusters for their shares", clusters);
}

}  // namespace
}  // namespace airtight::verify
