// Which field of a packet the bits at an offset are (`@ll,96,16`), as far as the packet is known.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/verify/firewall/packet_space.h"

namespace airtight::verify {

enum class PayloadBase : std::uint8_t { Link, Network, Transport };

struct PayloadMatch {
  std::vector<Box> boxes;  // together all packets of the box that match
  bool exact = true;       // false: some of them do not; bits that no field shows
};
// The packets of `box` whose bits [offset, offset + length) from `base` have one of `values`.
PayloadMatch match_payload(const Box& box, PayloadBase base, unsigned offset, unsigned length, const Values& values);

// What one field of a packet says of others: header length and source route, next headers and protocol. False if they
// contradict each other.
[[nodiscard]] bool settle_headers(Box&);

// Whether a packet may lack the field's header: the fields that have the value kAbsent.
bool may_be_absent(Field);

}  // namespace airtight::verify
