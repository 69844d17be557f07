#include "auditor/interfaces/netlink.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

namespace airtight::audit::netlink {
namespace {

constexpr int kAttempts = 32;
constexpr std::size_t kMostBytes = std::size_t{64} << 20;
constexpr time_t kPatience = 5;  // seconds

std::error_code error_of(int number) { return {number, std::generic_category()}; }

constexpr std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

// `size` octets and their padding, which the last one may lack.
void pass(Bytes& rest, std::size_t size) { rest = rest.subspan(std::min(padded(size), rest.size())); }

}  // namespace

bool next_message(Bytes& rest, Message& message) {
  nlmsghdr header{};
  if (!leading(rest, header) || header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size()) return false;
  message = {header.nlmsg_type, header.nlmsg_flags, header.nlmsg_seq,
             rest.subspan(sizeof header, header.nlmsg_len - sizeof header)};
  pass(rest, header.nlmsg_len);
  return true;
}

bool next_attribute(Bytes& rest, Attribute& attribute) {
  nlattr header{};
  if (!leading(rest, header) || header.nla_len < sizeof header || header.nla_len > rest.size()) return false;
  attribute = {static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
               rest.subspan(sizeof header, header.nla_len - sizeof header)};
  pass(rest, header.nla_len);
  return true;
}

bool text(Bytes bytes, std::size_t longest, std::string& value) {
  const auto end = std::find(bytes.begin(), bytes.end(), std::uint8_t{0});
  if (end == bytes.end() || end - bytes.begin() > static_cast<std::ptrdiff_t>(longest)) return false;
  value.assign(bytes.begin(), end);
  return true;
}

void append_attribute(std::vector<std::uint8_t>& bytes, std::uint16_t type, std::uint32_t value) {
  append(bytes, nlattr{static_cast<std::uint16_t>(sizeof(nlattr) + sizeof value), type});
  append(bytes, value);
}

void append_flag(std::vector<std::uint8_t>& bytes, std::uint16_t type) {
  append(bytes, nlattr{static_cast<std::uint16_t>(sizeof(nlattr)), type});
}

std::error_code receive(int socket, int flags, std::vector<std::uint8_t>& buffer, Bytes& datagram) {
  buffer.resize(kLongestDatagram);
  for (;;) {
    sockaddr_nl from{};
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const ssize_t size = ::recvmsg(socket, &message, flags);
    if (size < 0) {
      if (errno == EINTR) continue;
      return error_of(errno);
    }
    if (message.msg_namelen != sizeof from || from.nl_pid != 0) continue;
    if ((message.msg_flags & MSG_TRUNC) != 0) return std::make_error_code(std::errc::message_size);
    datagram = Bytes(buffer.data(), static_cast<std::size_t>(size));
    return {};
  }
}

std::error_code Asker::open(int protocol) {
  protocol_ = protocol;
  socket_ = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!socket_) return error_of(errno);
  const timeval patience{kPatience, 0};
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) return error_of(errno);
  return {};
}

std::error_code Asker::dump(std::uint16_t type, Bytes request, std::vector<std::uint8_t>& answers) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    bool interrupted = false;
    if (const auto error = dump_once(type, request, answers, interrupted)) {
      // What is left of the answer would be taken for the next one's.
      if (const auto again = open(protocol_)) return again;
      return error;
    }
    if (!interrupted) return {};
  }
  return std::make_error_code(std::errc::resource_unavailable_try_again);
}

std::error_code Asker::dump_once(std::uint16_t type, Bytes request, std::vector<std::uint8_t>& answers,
                                 bool& interrupted) {
  const auto malformed = std::make_error_code(std::errc::bad_message);
  answers.clear();
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + request.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header.nlmsg_seq = ++sequence_;
  std::vector<std::uint8_t> question;
  append(question, header);
  question.insert(question.end(), request.begin(), request.end());
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(socket_.get(), question.data(), question.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
               sizeof kernel) < 0)
    return error_of(errno);
  for (;;) {
    Bytes rest;
    if (const auto error = receive(socket_.get(), 0, buffer_, rest)) return error;
    Bytes whole = rest;
    Message message;
    while (next_message(rest, message)) {
      const Bytes bytes = whole.first(whole.size() - rest.size());
      whole = rest;
      if (message.sequence != sequence_) continue;
      if ((message.flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
      switch (message.type) {
        case NLMSG_DONE: {
          int status = 0;
          if (!leading(message.body, status)) return malformed;
          return status == 0 ? std::error_code{} : error_of(-status);
        }
        case NLMSG_ERROR: {
          nlmsgerr error{};
          if (!leading(message.body, error.error)) return malformed;
          return error.error == 0 ? malformed : error_of(-error.error);
        }
        case NLMSG_NOOP:
          break;
        case NLMSG_OVERRUN:
          return std::make_error_code(std::errc::no_buffer_space);
        default:
          if (answers.size() + bytes.size() > kMostBytes) return std::make_error_code(std::errc::value_too_large);
          answers.insert(answers.end(), bytes.begin(), bytes.end());
      }
    }
    if (!rest.empty()) return malformed;
  }
}

}  // namespace airtight::audit::netlink
