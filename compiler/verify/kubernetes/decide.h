// One packet, asked of the rules one by one as the API documents say, without any set of outcomes.h: the two must
// agree.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "compiler/verify/kubernetes/evaluation.h"
#include "compiler/verify/kubernetes/tiers.h"

namespace airtight::verify {

// Who is at the other end. Of a pod `address` is one that it may have.
struct PacketPods {
  const KnownLabels* namespace_labels;
  const KnownLabels* labels;
  const KnownLabels* service_account;
  bool host_network;
};

struct PacketAsked {
  Ip address;
  std::optional<PacketPods> pods;  // empty: nobody's address
  Protocol protocol;
  std::uint16_t port;
  const PortTable* named;  // of the destination; nullptr: no pod
  const IpSet* node_ranges;
};

// `certain` is left true: it takes two readings.
Decision decide(std::span<const TierList> plugins, const PacketAsked& packet, Reading reading);

}  // namespace airtight::verify
