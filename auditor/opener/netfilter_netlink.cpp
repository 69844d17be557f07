#include "auditor/opener/netfilter_netlink.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "auditor/opener/message.h"

namespace airtight::audit {
namespace {

constexpr int kTries = 5;            // of a dump that a transaction cut across
constexpr int kPatienceSeconds = 5;  // the kernel answers at once, or never
constexpr std::size_t kMaxJson = 200 * 1024;

std::error_code code_of(int number) { return {number, std::system_category()}; }

std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

struct Attribute {
  std::uint16_t type = 0;
  std::string_view value;
};

// Takes one attribute off the front; nullopt at the end, and where what is left is none.
std::optional<Attribute> next(std::string_view& bytes) {
  nlattr header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.nla_len < sizeof header || header.nla_len > bytes.size()) return std::nullopt;
  const Attribute attribute{static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
                            bytes.substr(sizeof header, header.nla_len - sizeof header)};
  bytes.remove_prefix(std::min(padded(header.nla_len), bytes.size()));
  return attribute;
}

std::string text_of(std::string_view value) { return std::string(value.substr(0, value.find('\0'))); }

std::optional<std::uint64_t> number_of(std::string_view value) {
  if (value.size() != 4 && value.size() != 8) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : value) number = number << 8 | static_cast<std::uint8_t>(c);
  return number;
}

void put(std::string& request, std::uint16_t type, std::string_view value) {
  const nlattr header{static_cast<std::uint16_t>(sizeof header + value.size()), type};
  request.append(reinterpret_cast<const char*>(&header), sizeof header).append(value);
  request.resize(padded(request.size()));
}

void put_text(std::string& request, std::uint16_t type, std::string_view text) {
  put(request, type, std::string(text) + '\0');
}

std::string message(std::uint16_t type, std::uint8_t family) {
  std::string request(sizeof(nlmsghdr) + sizeof(nfgenmsg), '\0');
  nlmsghdr header{};
  header.nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
  std::memcpy(request.data(), &header, sizeof header);
  request[sizeof header] = static_cast<char>(family);
  return request;
}

struct Counter {
  std::string name, table;
  std::optional<std::uint64_t> type, handle, packets, bytes;
};

Counter read_counter(std::string_view attributes) {
  Counter counter;
  while (const auto attribute = next(attributes)) {
    if (attribute->type == NFTA_OBJ_NAME) counter.name = text_of(attribute->value);
    if (attribute->type == NFTA_OBJ_TABLE) counter.table = text_of(attribute->value);
    if (attribute->type == NFTA_OBJ_TYPE) counter.type = number_of(attribute->value);
    if (attribute->type == NFTA_OBJ_HANDLE) counter.handle = number_of(attribute->value);
    if (attribute->type != NFTA_OBJ_DATA) continue;
    std::string_view data = attribute->value;
    while (const auto value = next(data)) {
      if (value->type == NFTA_COUNTER_PACKETS) counter.packets = number_of(value->value);
      if (value->type == NFTA_COUNTER_BYTES) counter.bytes = number_of(value->value);
    }
  }
  return counter;
}

bool plain(std::string_view text) {
  for (const char c : text)
    if (c < ' ' || c > '~' || c == '"' || c == '\\') return false;
  return !text.empty();
}

}  // namespace

struct NetfilterNetlink::Message {
  std::uint8_t family = 0;
  std::string_view attributes;
};

std::error_code NetfilterNetlink::connect() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!socket) return code_of(errno);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  const timeval patience{kPatienceSeconds, 0};
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
    return code_of(errno);
  socket_ = std::move(socket);
  return {};
}

// Calls `take` with every message of the answer; the first error that it returns is the answer's.
template <typename Take>
std::error_code NetfilterNetlink::ask(std::string request, bool dump, const Take& take) {
  if (!socket_)
    if (const std::error_code error = connect()) return error;
  nlmsghdr header;
  std::memcpy(&header, request.data(), sizeof header);
  header.nlmsg_len = static_cast<std::uint32_t>(request.size());
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0));
  header.nlmsg_seq = ++sequence_;
  std::memcpy(request.data(), &header, sizeof header);
  if (send(socket_.get(), request.data(), request.size(), 0) < 0) return code_of(errno);
  return receive(dump, take);
}

template <typename Take>
std::error_code NetfilterNetlink::receive(bool dump, const Take& take) {
  const auto give_up = [this](int error) {  // the rest of the answer would be in the way of the next one
    socket_.reset();
    return code_of(error);
  };
  int taken = 0;
  bool interrupted = false;
  for (;;) {
    alignas(nlmsghdr) static std::array<char, 64 * 1024> buffer;
    sockaddr_nl from{};
    iovec part{buffer.data(), buffer.size()};
    msghdr envelope{};
    envelope.msg_name = &from;
    envelope.msg_namelen = sizeof from;
    envelope.msg_iov = &part;
    envelope.msg_iovlen = 1;
    const ssize_t size = recvmsg(socket_.get(), &envelope, 0);
    if (size < 0) return give_up(errno == EAGAIN ? ETIMEDOUT : errno);
    if ((envelope.msg_flags & MSG_TRUNC) != 0) return give_up(EMSGSIZE);
    if (from.nl_pid != 0) continue;
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
    nlmsghdr header;
    while (bytes.size() >= sizeof header) {
      std::memcpy(&header, bytes.data(), sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size()) return give_up(EBADMSG);
      const std::string_view body = bytes.substr(sizeof header, header.nlmsg_len - sizeof header);
      bytes.remove_prefix(std::min(padded(header.nlmsg_len), bytes.size()));
      if (header.nlmsg_seq != sequence_) continue;
      interrupted = interrupted || (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
        std::int32_t error = 0;
        if (body.size() >= sizeof error) std::memcpy(&error, body.data(), sizeof error);
        return code_of(error != 0 ? -error : interrupted ? EINTR : taken);
      }
      if (header.nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || body.size() < sizeof(nfgenmsg)) return give_up(EBADMSG);
      if (taken == 0) taken = take(Message{static_cast<std::uint8_t>(body[0]), body.substr(sizeof(nfgenmsg))});
      if (!dump) return code_of(taken);
    }
  }
}

std::error_code NetfilterNetlink::generation(std::uint32_t& generation) {
  return ask(message(NFT_MSG_GETGEN, NFPROTO_UNSPEC), false, [&](const Message& answer) {
    std::string_view attributes = answer.attributes;
    while (const auto attribute = next(attributes)) {
      if (attribute->type != NFTA_GEN_ID || attribute->value.size() != 4) continue;
      generation = static_cast<std::uint32_t>(*number_of(attribute->value));
      return 0;
    }
    return EBADMSG;
  });
}

std::error_code NetfilterNetlink::tables(std::vector<Table>& tables) {
  std::error_code error;
  for (int i = 0; i < kTries; ++i) {
    tables.clear();
    error = ask(message(NFT_MSG_GETTABLE, NFPROTO_UNSPEC), true, [&](const Message& answer) {
      std::string_view attributes = answer.attributes;
      while (const auto attribute = next(attributes))
        if (attribute->type == NFTA_TABLE_NAME) tables.push_back({answer.family, text_of(attribute->value)});
      return 0;
    });
    if (error != std::errc::interrupted) break;
  }
  return error;
}

std::error_code NetfilterNetlink::counters(std::string_view family, std::uint8_t number, std::string_view table,
                                           std::string& json) {
  std::string request = message(NFT_MSG_GETOBJ, number);
  put_text(request, NFTA_OBJ_TABLE, table);
  std::string type;
  put_u32(type, NFT_OBJECT_COUNTER);
  put(request, NFTA_OBJ_TYPE, type);

  std::error_code error;
  bool any = false;
  for (int i = 0; i < kTries; ++i) {
    any = false;
    json = R"({"nftables": [{"metainfo": {"json_schema_version": 1}})";
    error = ask(request, true, [&](const Message& answer) {
      const Counter counter = read_counter(answer.attributes);
      if (answer.family != number || counter.table != table || counter.type != NFT_OBJECT_COUNTER) return 0;
      if (!plain(counter.name) || !plain(counter.table) || !counter.handle || !counter.packets || !counter.bytes)
        return EBADMSG;
      json += R"(, {"counter": {"family": ")" + std::string(family) + R"(", "name": ")" + counter.name +
              R"(", "table": ")" + counter.table + R"(", "handle": )" + std::to_string(*counter.handle) +
              R"(, "packets": )" + std::to_string(*counter.packets) + R"(, "bytes": )" +
              std::to_string(*counter.bytes) + "}}";
      any = true;
      return json.size() > kMaxJson ? EMSGSIZE : 0;
    });
    if (error != std::errc::interrupted) break;
  }
  if (error) return error;
  json += "]}";
  if (any) return {};
  // A dump of a table that is not there is empty, and no error.
  std::string question = message(NFT_MSG_GETTABLE, number);
  put_text(question, NFTA_TABLE_NAME, table);
  return ask(question, false, [](const Message&) { return 0; });
}

}  // namespace airtight::audit
