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

// How the firewall's files spell a device in names of chains and counters: "eth0.100" is "eth0_100".
std::string filter_name(std::string_view device);

}  // namespace airtight::audit
