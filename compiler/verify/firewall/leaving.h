// Packets of the firewall layer's questions: what is outside on each path, and what may leave all the same.
#pragma once

#include <string>
#include <vector>

#include "compiler/verify/firewall/evaluation.h"
#include "compiler/verify/firewall/packet_space.h"
#include "compiler/verify/question.h"

namespace airtight::verify {

// A shape that leaves by right: subtracted, and printed with the verdict.
struct Shape {
  std::string what;  // "neighbour discovery on the link", "the sensor canary, IPv4"
  PacketSet packets;
};

// Everything that leaves on the path and is destined outside; on Egress also every frame that is neither ARP nor IP nor
// of a declared EtherType. On the IP paths, packets for the loopback device are left out if `without_loopback`.
PacketSet outside_packets(const Question&, Path, bool without_loopback);
// Exceptions in force are among them: pods' on Forward, nodes' on Output, all on Egress without their ports.
std::vector<Shape> shapes(const Question&, Path);

// The ruleset as a sender meets it who waits for the limit: an accept of at most so many packets a second accepts each
// of them sooner or later, so what it lets out is out for certain.
Ruleset with_patience(Ruleset);

// A flow of the spec as new packets on the path, as a packet without options leaves; empty if the path does not see it.
PacketSet flow_packets(const Question&, const Flow&, Path);

// The answers to it, of an established connection; TCP, UDP and SCTP.
PacketSet reply_packets(const Question&, const Flow&, Path);

}  // namespace airtight::verify
