// What goes over the socket pair, one message a datagram. The opener takes every request for hostile: anything but
// exactly one of these is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auditor/opener/opener.h"

namespace airtight::audit {

inline constexpr std::size_t kMaxRequest = 128;
inline constexpr std::size_t kMaxReply = 256 * 1024;
inline constexpr std::uint32_t kReadyId = 0;  // of the one reply that nobody asked for: the opener is ready, or why not

enum class Operation : std::uint8_t {
  OpenSocket = 1,
  RulesetGeneration,
  Counters,
  ReadRulesets,
  ProgramName,
  DevicePrograms
};

struct Request {
  std::uint32_t id = 0;
  Operation operation = Operation::RulesetGeneration;
  SocketKind kind = SocketKind::PacketRaw;  // OpenSocket
  std::uint32_t number = 0;                 // ProgramName: its id; DevicePrograms: the index of the device
  std::string family;                       // Counters
  std::string table;                        // Counters
  friend bool operator==(const Request&, const Request&) = default;
};

// A descriptor, where there is one, goes beside it.
struct Reply {
  std::uint32_t id = 0;
  int error = 0;  // of errno
  std::string text;
  friend bool operator==(const Reply&, const Reply&) = default;
};

std::string encode_request(const Request& request);
// `id` is set as far as there is one, so that a refusal can be sent.
std::optional<Request> parse_request(std::string_view bytes, std::uint32_t& id);

std::string encode_reply(const Reply& reply);
std::optional<Reply> parse_reply(std::string_view bytes);

// "ip" "ip6" "inet" "arp" "bridge" "netdev".
std::optional<std::uint8_t> nft_family(std::string_view name);
// Names that nft itself accepts unquoted, at most 64 bytes.
bool is_nft_name(std::string_view name);

// Big-endian, and in every message here.
void put_u32(std::string& to, std::uint32_t value);
std::uint32_t get_u32(std::string_view bytes);  // of the first four, which are there

}  // namespace airtight::audit
