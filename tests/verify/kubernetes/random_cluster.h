// Small clusters with every construct of the model, of one plugin at a time and now and then of two.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "compiler/verify/kubernetes/objects.h"
#include "tests/verify/kubernetes/oracle.h"

namespace airtight::verify::oracle {

class RandomCluster {
 public:
  explicit RandomCluster(std::uint64_t seed) : engine_(seed) {}

  Cluster cluster();
  // Ranges of pods and nodes inside of the world, or nothing known.
  IpSet pod_ranges();
  IpSet node_ranges();
  Packet packet(const Cluster& cluster);
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }
  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  template <class T>
  const T& pick(const std::vector<T>& items) {
    return items[below(items.size())];
  }
  Ip address();
  IpSet range();
  Selector leaf(const std::vector<std::string>& keys);
  Selector selector(const std::vector<std::string>& keys);
  KnownLabels labels();
  Workload workload(std::size_t number);
  RulePeer peer();
  ServiceSet services();
  PolicyRule rule(PolicyObject::Api api);
  PolicyObject policy(PolicyObject::Api api, std::size_t number);

  std::mt19937_64 engine_;
};

}  // namespace airtight::verify::oracle
