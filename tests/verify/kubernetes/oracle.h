// A slow, obvious evaluator: one packet, every policy walked as its API documents it, every uncertainty tried both ways
// and every undefined order tried. It shares nothing with the verifier but the objects.
#pragma once

#include <cstdint>
#include <optional>

#include "compiler/net/ip.h"
#include "compiler/net/ip_set.h"
#include "compiler/verify/kubernetes/evaluation.h"
#include "compiler/verify/kubernetes/objects.h"

namespace airtight::verify::oracle {

struct Question {
  const Cluster* cluster = nullptr;
  Scope scope = Scope::All;
  IpSet pod_ranges;
  IpSet node_ranges;
};

struct Packet {
  std::size_t subject = 0;  // index of the workload whose policies are asked
  Direction direction = Direction::Egress;
  std::optional<std::size_t> peer;  // the workload at the other end; else `address`
  Ip address = Ip::v4(0);
  Protocol protocol = Protocol::Tcp;
  std::uint16_t port = 0;
};

struct Answer {
  bool may_be_allowed = false;
  bool may_be_denied = false;
};

Answer ask(const Question& question, const Packet& packet);

// The 8-bit world of both families, and one address of each outside of it.
inline Ip v4(unsigned last) { return Ip::v4(0x0A000000U | (last & 0xFFU)); }
inline Ip v6(unsigned last) { return Ip::v6((u128{0xFD00} << 112) | (last & 0xFFU)); }

}  // namespace airtight::verify::oracle
