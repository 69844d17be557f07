// One base chain, walked with a whole set of packets at once.
#pragma once

#include <bitset>
#include <string>
#include <vector>

#include "compiler/verify/firewall/evaluation.h"

namespace airtight::verify {

using FieldSet = std::bitset<static_cast<std::size_t>(Field::Count)>;
FieldSet looked_at(const FirewallTable&);

PacketSet untracked_of(const PacketSet&);

// What the chain accepts of packets that it sees, its policy at the end. With `steps`, and then `packets` should be one
// packet: the rules that matched, the deciding one last. `looked_at`: by any rule that the packet may meet.
PacketSet walk(const FirewallTable&, const FirewallChain& base, const FieldSet& looked_at, PacketSet packets, Reading,
               std::vector<FirewallStep>* steps = nullptr);

std::string name_of(const FirewallTable&, const FirewallChain&);  // "inet airtight forward"

}  // namespace airtight::verify
