// The named counters of an nftables table, out of libnftables' JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace airtight::audit {

struct PacketCounter {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const PacketCounter&, const PacketCounter&) = default;
};
using CounterTable = std::map<std::string, PacketCounter, std::less<>>;

// Empty for anything that is no such listing.
std::optional<CounterTable> parse_counters(std::string_view json);

}  // namespace airtight::audit
