#include "auditor/probe/resolver.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <stdexcept>

#include "auditor/decode/dns.h"
#include "auditor/evidence/crypto.h"

namespace airtight::audit {
namespace {

constexpr std::uint16_t kEdnsSize = 1232;
constexpr unsigned kTries = 2;  // the second waits twice as long as the first

struct Question {
  const char* text;
  std::uint16_t type;
  bool edns;
  bool tcp;
};
constexpr std::array<Question, 3> kQuestions{
    {{"A", ns_t_a, false, false}, {"AAAA", ns_t_aaaa, true, false}, {"TXT over TCP", ns_t_txt, false, true}}};

const char* rcode_text(unsigned rcode) {
  constexpr std::array kNames{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
  return rcode < kNames.size() ? kNames[rcode] : "an error that has no name";
}

class AnswerSink : public DnsSink {
 public:
  explicit AnswerSink(const IpSet& inside) : inside_(inside) {}
  void question(const DnsHeader&, const NameText&, std::uint16_t, std::uint16_t) override {}
  void address(const DnsHeader&, DnsSection section, const NameText&, std::uint16_t, Ip ip) override {
    if (section != DnsSection::Answer) return;
    ++addresses;
    outside += inside_.contains(ip) ? 0U : 1U;
    if (addresses <= 4) text += (text.empty() ? "" : ", ") + airtight::to_string(ip);
  }
  void target(const DnsHeader&, DnsSection, const NameText&, std::uint16_t, const NameText&) override {}
  void record(const DnsHeader&, DnsSection, const NameText&, std::uint16_t, bool) override {}

  unsigned addresses = 0, outside = 0;
  std::string text;

 private:
  const IpSet& inside_;
};

struct Pending {
  bool done = false;
  int status = ARES_SUCCESS;
  std::vector<std::uint8_t> bytes;

  static void arrived(void* self, int status, int, unsigned char* bytes, int size) {
    auto& pending = *static_cast<Pending*>(self);
    pending.done = true;
    pending.status = status;
    if (bytes != nullptr && size > 0) pending.bytes.assign(bytes, bytes + size);
  }
};

struct ChannelCloser {
  void operator()(ares_channel channel) const { ares_destroy(channel); }
};
using Channel = std::unique_ptr<ares_channeldata, ChannelCloser>;

void must(int status, const char* what) {
  if (status != ARES_SUCCESS) throw std::runtime_error(std::string("c-ares: ") + what + ": " + ares_strerror(status));
}

Channel open_channel(Ip resolver, bool tcp, unsigned timeout) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  must(library, "library");
  ares_options options{};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP | (tcp ? ARES_FLAG_USEVC : 0);
  options.timeout = static_cast<int>(std::max(timeout / ((1U << kTries) - 1), 1U));
  options.tries = static_cast<int>(kTries);
  options.ndots = 0;
  options.ndomains = 0;
  std::string lookups = "b", nowhere = "/dev/null";
  options.lookups = lookups.data();
  options.resolvconf_path = nowhere.data();
  ares_channel channel = nullptr;
  must(ares_init_options(&channel, &options,
                         ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_DOMAINS |
                             ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF | ARES_OPT_NOROTATE),
       "channel");
  Channel owner(channel);
  ares_addr_port_node server{};
  server.family = resolver.is_v4() ? AF_INET : AF_INET6;
  u128 bits = resolver.bits();
  auto* to = reinterpret_cast<std::uint8_t*>(&server.addr);
  for (std::size_t i = resolver.is_v4() ? 4 : 16; i > 0; --i, bits >>= 8)
    to[i - 1] = static_cast<std::uint8_t>(bits & 0xff);
  must(ares_set_servers_ports(channel, &server), "resolver");
  return owner;
}

void work_off(std::span<const Channel> channels, const std::array<Pending, kQuestions.size()>& pending,
              std::chrono::steady_clock::time_point end) {
  const auto open = [&] {
    return std::any_of(pending.begin(), pending.end(), [](const Pending& one) { return !one.done; });
  };
  while (open() && std::chrono::steady_clock::now() < end) {
    std::vector<pollfd> wanted;
    std::vector<ares_channel> owners;
    for (const Channel& channel : channels) {
      std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
      const int bits = ares_getsock(channel.get(), sockets.data(), ARES_GETSOCK_MAXNUM);
      for (int i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
        const auto events = static_cast<short>((ARES_GETSOCK_READABLE(bits, i) ? POLLIN : 0) |
                                               (ARES_GETSOCK_WRITABLE(bits, i) ? POLLOUT : 0));
        if (events == 0) continue;
        wanted.push_back({sockets[static_cast<std::size_t>(i)], events, 0});
        owners.push_back(channel.get());
      }
    }
    (void)::poll(wanted.data(), wanted.size(), 20);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const short got = wanted[i].revents;
      const bool broken = (got & (POLLERR | POLLHUP | POLLNVAL)) != 0;
      if (got == 0) continue;
      ares_process_fd(owners[i], (got & POLLIN) != 0 || broken ? wanted[i].fd : ARES_SOCKET_BAD,
                      (got & POLLOUT) != 0 || broken ? wanted[i].fd : ARES_SOCKET_BAD);
    }
    for (const Channel& channel : channels) ares_process_fd(channel.get(), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  }
}

Reply reply_of(const Pending& pending, const IpSet& inside) {
  switch (pending.status) {
    case ARES_SUCCESS:
      return judge_answer(pending.bytes.data(), pending.bytes.size(), inside);
    case ARES_ECONNREFUSED:
      return {Reply::Kind::Refused, "", "it cannot be reached, or nobody listens there"};
    case ARES_ETIMEOUT:
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION:
      return {Reply::Kind::Silent, "", "no answer"};
    default:
      return {Reply::Kind::NotADenial, "", std::string("no answer: ") + ares_strerror(pending.status)};
  }
}

}  // namespace

Reply judge_answer(const std::uint8_t* bytes, std::size_t size, const IpSet& inside) {
  AnswerSink sink(inside);
  DnsHeader header;
  if (read_dns({bytes, size}, false, header, sink) != DnsStatus::Ok || !header.response) {
    return {Reply::Kind::NotADenial, "", "an answer that is no DNS message"};
  }
  if (header.rcode == ns_r_nxdomain && header.answers == 0) return {Reply::Kind::Denied, "", "NXDOMAIN"};
  if (header.rcode == ns_r_nxdomain) return {Reply::Kind::Answered, "", "NXDOMAIN with records"};
  if (header.rcode != ns_r_noerror) return {Reply::Kind::NotADenial, "", rcode_text(header.rcode)};
  if (header.answers == 0) return {Reply::Kind::Answered, "", "no such data: somebody knows the name"};
  if (sink.addresses != 0 && sink.outside == 0) return {Reply::Kind::Inside, "", sink.text};
  return {Reply::Kind::Answered, "", sink.addresses != 0 ? sink.text : "records"};
}

std::vector<Reply> ask(Ip resolver, const std::string& name, const IpSet& inside, unsigned timeout) {
  const Secret random = Secret::random();
  const auto identifier = static_cast<std::uint16_t>(static_cast<std::uint8_t>(random.bytes()[0]) << 8 |
                                                     static_cast<std::uint8_t>(random.bytes()[1]));
  std::array<Pending, kQuestions.size()> pending;  // outlives the channels, which call it when they close
  {
    const std::array<Channel, 2> channels{open_channel(resolver, false, timeout),
                                          open_channel(resolver, true, timeout)};
    for (std::size_t i = 0; i < kQuestions.size(); ++i) {
      const Question& question = kQuestions[i];
      unsigned char* message = nullptr;
      int size = 0;
      must(ares_create_query(name.c_str(), ns_c_in, question.type, static_cast<std::uint16_t>(identifier + i), 1,
                             &message, &size, question.edns ? kEdnsSize : 0),
           "question");
      const std::unique_ptr<unsigned char, decltype(&ares_free_string)> owner(message, ares_free_string);
      ares_send(channels[question.tcp ? 1 : 0].get(), message, size, Pending::arrived, &pending[i]);
    }
    work_off(channels, pending, std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout + 200));
  }
  std::vector<Reply> replies;
  for (std::size_t i = 0; i < kQuestions.size(); ++i) {
    replies.push_back(reply_of(pending[i], inside));
    replies.back().question = kQuestions[i].text;
  }
  return replies;
}

}  // namespace airtight::audit
