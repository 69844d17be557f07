#include "auditor/opener/message.h"

#include <linux/netfilter.h>

#include <algorithm>
#include <utility>

namespace airtight::audit {
namespace {

constexpr std::pair<std::string_view, std::uint8_t> kFamilies[] = {
    {"ip", NFPROTO_IPV4}, {"ip6", NFPROTO_IPV6},      {"inet", NFPROTO_INET},
    {"arp", NFPROTO_ARP}, {"bridge", NFPROTO_BRIDGE}, {"netdev", NFPROTO_NETDEV}};
constexpr std::size_t kMaxName = 64;
constexpr int kMaxErrno = 4095;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

void put_u32(std::string& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<char>(value >> shift & 0xff));
}

std::uint32_t get_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
  return value;
}

std::optional<std::uint8_t> nft_family(std::string_view name) {
  for (const auto& [known, number] : kFamilies)
    if (known == name) return number;
  return std::nullopt;
}

bool is_nft_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && (is_letter(name[0]) || name[0] == '_') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/';
         });
}

std::string encode_request(const Request& request) {
  std::string bytes;
  put_u32(bytes, request.id);
  bytes.push_back(static_cast<char>(request.operation));
  switch (request.operation) {
    case Operation::OpenSocket:
      bytes.push_back(static_cast<char>(request.kind));
      break;
    case Operation::ProgramName:
    case Operation::DevicePrograms:
      put_u32(bytes, request.number);
      break;
    case Operation::Counters:
      bytes += request.family + ' ' + request.table;
      break;
    case Operation::RulesetGeneration:
    case Operation::ReadRulesets:
      break;
  }
  return bytes;
}

std::optional<Request> parse_request(std::string_view bytes, std::uint32_t& id) {
  id = 0;
  if (bytes.size() < 4) return std::nullopt;
  id = get_u32(bytes);
  if (bytes.size() < 5 || bytes.size() > kMaxRequest) return std::nullopt;
  Request request;
  request.id = id;
  request.operation = static_cast<Operation>(bytes[4]);
  const std::string_view rest = bytes.substr(5);
  switch (request.operation) {
    case Operation::OpenSocket:
      if (rest.size() != 1 || static_cast<std::uint8_t>(rest[0]) > static_cast<std::uint8_t>(SocketKind::RulesetEvents))
        return std::nullopt;
      request.kind = static_cast<SocketKind>(rest[0]);
      return request;
    case Operation::ProgramName:
    case Operation::DevicePrograms:
      if (rest.size() != 4) return std::nullopt;
      request.number = get_u32(rest);
      return request;
    case Operation::Counters: {
      const std::size_t space = rest.find(' ');
      if (space == std::string_view::npos || !nft_family(rest.substr(0, space)) || !is_nft_name(rest.substr(space + 1)))
        return std::nullopt;
      request.family = rest.substr(0, space);
      request.table = rest.substr(space + 1);
      return request;
    }
    case Operation::RulesetGeneration:
    case Operation::ReadRulesets:
      if (!rest.empty()) return std::nullopt;
      return request;
  }
  return std::nullopt;
}

std::string encode_reply(const Reply& reply) {
  std::string bytes;
  put_u32(bytes, reply.id);
  put_u32(bytes, static_cast<std::uint32_t>(reply.error));
  return bytes + reply.text;
}

std::optional<Reply> parse_reply(std::string_view bytes) {
  if (bytes.size() < 8 || bytes.size() > kMaxReply) return std::nullopt;
  const std::uint32_t error = get_u32(bytes.substr(4));
  if (error > static_cast<std::uint32_t>(kMaxErrno)) return std::nullopt;
  return Reply{get_u32(bytes), static_cast<int>(error), std::string(bytes.substr(8))};
}

}  // namespace airtight::audit
