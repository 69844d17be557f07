#include "auditor/enforcement/ruleset_events.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>

#include "auditor/enforcement/live_ruleset.h"
#include "compiler/verify/firewall/iptables_rule.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kMostClauses = 64;
constexpr std::size_t kMostTables = 1024;
constexpr std::size_t kDatagram = std::size_t{1} << 17;
// A flood ends a call, not the loop around it: the socket stays readable.
constexpr std::size_t kMostDatagrams = 4096;
constexpr std::uint16_t kTypeMask = 0x3fff;  // less "nested" and "network byte order"

// What an expression of a rule may do to our check.
enum class Effect : std::uint8_t {
  Harmless,  // judges, counts, marks
  Around,    // leads packets where no later rule sees them, or answers for them
  Write,     // may write into the packet, where it has a source register
  Object,    // what the object does that it names
  Target,    // of iptables, by its own name
};
struct Expression {
  std::string_view name;
  Effect effect = Effect::Harmless;
};
// Translation (nat, masq, redir) is harmless: the kernel takes it in chains of type nat only, and gives packets their
// new destination at priority -100 before routing or output, ahead of our checks at 0; SEMANTICS has the measurement.
// The proof says so of every ruleset that it reads, and kube-proxy does it whenever an endpoint comes or goes.
constexpr std::array kExpressions{
    Expression{"bitwise"},
    Expression{"byteorder"},
    Expression{"cmp"},
    Expression{"connlimit"},
    Expression{"counter"},
    Expression{"ct"},
    Expression{"dup", Effect::Around},
    Expression{"dynset"},
    Expression{"exthdr", Effect::Write},
    Expression{"fib"},
    Expression{"flow_offload", Effect::Around},
    Expression{"fwd", Effect::Around},
    Expression{"hash"},
    Expression{"immediate"},
    Expression{"inner"},
    Expression{"last"},
    Expression{"limit"},
    Expression{"log"},
    Expression{"lookup"},
    Expression{"masq"},
    Expression{"match"},
    Expression{"meta"},
    Expression{"nat"},
    Expression{"notrack"},
    Expression{"numgen"},
    Expression{"objref", Effect::Object},
    Expression{"osf"},
    Expression{"payload", Effect::Write},
    Expression{"queue", Effect::Around},
    Expression{"quota"},
    Expression{"range"},
    Expression{"redir"},
    Expression{"reject"},
    Expression{"rt"},
    Expression{"socket"},
    Expression{"synproxy", Effect::Around},
    Expression{"target", Effect::Target},
    Expression{"tproxy", Effect::Around},
    Expression{"tunnel"},
    Expression{"xfrm"},
};

struct Attribute {
  std::uint16_t type = 0;
  std::string_view payload;
};

// Attributes one after the other; `broken` once what is left is none.
class Attributes {
 public:
  explicit Attributes(std::string_view bytes) : rest_(bytes) {}
  bool broken() const { return broken_; }

  std::optional<Attribute> next() {
    if (rest_.empty() || broken_) return std::nullopt;
    nlattr header{};
    if (rest_.size() < sizeof header) return fail();
    std::memcpy(&header, rest_.data(), sizeof header);
    if (header.nla_len < sizeof header || header.nla_len > rest_.size()) return fail();
    const Attribute attribute{static_cast<std::uint16_t>(header.nla_type & kTypeMask),
                              rest_.substr(sizeof header, header.nla_len - sizeof header)};
    rest_.remove_prefix(std::min<std::size_t>(NLA_ALIGN(header.nla_len), rest_.size()));
    return attribute;
  }

  // The first of the type in all of them.
  static std::optional<std::string_view> find(std::string_view bytes, std::uint16_t type, bool& broken) {
    Attributes all(bytes);
    std::optional<std::string_view> found;
    while (const std::optional<Attribute> attribute = all.next())
      if (attribute->type == type && !found) found = attribute->payload;
    broken = broken || all.broken();
    return found;
  }

 private:
  std::optional<Attribute> fail() {
    broken_ = true;
    return std::nullopt;
  }

  std::string_view rest_;
  bool broken_ = false;
};

std::string_view without_zero(std::string_view text) { return text.substr(0, text.find('\0')); }

std::string_view family_name(std::uint8_t family) {
  switch (family) {
    case NFPROTO_INET:
      return "inet";
    case NFPROTO_IPV4:
      return "ip";
    case NFPROTO_IPV6:
      return "ip6";
    case NFPROTO_ARP:
      return "arp";
    case NFPROTO_NETDEV:
      return "netdev";
    case NFPROTO_BRIDGE:
      return "bridge";
    default:
      return {};
  }
}

void insert(std::vector<std::string>& sorted, std::string text) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), text);
  if (at == sorted.end() || *at != text) sorted.insert(at, std::move(text));
}

class Message {
 public:
  Message(std::string_view bytes, RulesetChange& change) : bytes_(bytes), change_(change) {}

  // `type` is the lower octet of the header's.
  void read(std::uint8_t type) {
    if (type == NFT_MSG_NEWGEN) return;
    nfgenmsg header{};
    if (bytes_.size() < sizeof header) return unsure("a message about the ruleset is cut off");
    std::memcpy(&header, bytes_.data(), sizeof header);
    attributes_ = bytes_.substr(NLMSG_ALIGN(sizeof header));
    switch (type) {
      case NFT_MSG_NEWTABLE:
      case NFT_MSG_DELTABLE:
      case NFT_MSG_NEWCHAIN:
      case NFT_MSG_DELCHAIN:
      case NFT_MSG_NEWRULE:
      case NFT_MSG_DELRULE:
      case NFT_MSG_NEWSET:
      case NFT_MSG_DELSET:
      case NFT_MSG_NEWSETELEM:
      case NFT_MSG_DELSETELEM:
      case NFT_MSG_NEWOBJ:
      case NFT_MSG_DELOBJ:
      case NFT_MSG_NEWFLOWTABLE:
      case NFT_MSG_DELFLOWTABLE:
        break;
      default:
        return unsure("a message about the ruleset has the unknown type " + std::to_string(type));
    }
    // Each kind of message holds its table's name in the attribute of the same number.
    static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 && NFTA_SET_TABLE == 1 &&
                  NFTA_SET_ELEM_LIST_TABLE == 1 && NFTA_OBJ_TABLE == 1 && NFTA_FLOWTABLE_TABLE == 1);
    bool broken = false;
    const std::optional<std::string_view> name = Attributes::find(attributes_, NFTA_TABLE_NAME, broken);
    family_ = family_name(header.nfgen_family);
    if (broken || !name || family_.empty()) return unsure("a message about the ruleset names no table");
    const std::string_view table = without_zero(*name);
    table_ = std::string(family_) + " " + printable(table);
    touch();
    const bool own = (family_ == "inet" && table == kInetTable) || (family_ == "netdev" && table == kEgressTable);
    if (own) return unsure("table " + table_ + " changed");
    if (type == NFT_MSG_NEWFLOWTABLE) return unsure("table " + table_ + " gained a flowtable");
    if (type == NFT_MSG_NEWRULE) rule();
  }

 private:
  void unsure(std::string why) {
    if (change_.unsure.size() < kMostClauses) insert(change_.unsure, std::move(why));
  }

  void touch() {
    if (change_.tables.size() < kMostTables) return insert(change_.tables, table_);
    unsure("more tables changed than are listed");
  }

  void rule() {
    bool broken = false;
    const std::optional<std::string_view> list = Attributes::find(attributes_, NFTA_RULE_EXPRESSIONS, broken);
    const std::optional<std::string_view> chain = Attributes::find(attributes_, NFTA_RULE_CHAIN, broken);
    if (chain) chain_ = " chain " + printable(without_zero(*chain));
    if (broken || !list) return gained("a rule that is not understood");
    Attributes elements(*list);
    while (const std::optional<Attribute> element = elements.next()) {
      if (element->type != NFTA_LIST_ELEM) return gained("a rule that is not understood");
      const std::optional<std::string_view> name = Attributes::find(element->payload, NFTA_EXPR_NAME, broken);
      const std::optional<std::string_view> data = Attributes::find(element->payload, NFTA_EXPR_DATA, broken);
      if (broken || !name) return gained("a rule that is not understood");
      expression(without_zero(*name), data.value_or(std::string_view()));
    }
    if (elements.broken()) gained("a rule that is not understood");
  }

  void gained(const std::string& what) { unsure("table " + table_ + chain_ + " gained " + what); }

  void expression(std::string_view name, std::string_view data) {
    const auto* known = std::find_if(kExpressions.begin(), kExpressions.end(),
                                     [&](const Expression& expression) { return expression.name == name; });
    if (known == kExpressions.end()) return gained("a rule with " + quoted(name) + ", which is not understood");
    bool broken = false;
    bool acts = false;
    switch (known->effect) {
      case Effect::Harmless:
        return;
      case Effect::Around:
        acts = true;
        break;
      case Effect::Write:
        acts = Attributes::find(
                   data, name == "payload" ? std::uint16_t{NFTA_PAYLOAD_SREG} : std::uint16_t{NFTA_EXTHDR_SREG}, broken)
                   .has_value();
        if (acts) return gained("a rule that writes into packets (" + std::string(name) + ")");
        break;
      case Effect::Object: {
        const std::optional<std::string_view> type = Attributes::find(data, NFTA_OBJREF_IMM_TYPE, broken);
        // By a map: whatever stands there.
        acts = !type || type->size() != 4 || *type == std::string_view("\0\0\0\x0a", 4);
        static_assert(NFT_OBJECT_SYNPROXY == 10);
        break;
      }
      case Effect::Target:
        return target(data);
    }
    if (broken) return gained("a rule that is not understood");
    if (acts) gained("a rule with " + std::string(name));
  }

  void target(std::string_view data) {
    bool broken = false;
    const std::optional<std::string_view> found = Attributes::find(data, NFTA_TARGET_NAME, broken);
    if (broken || !found) return gained("a rule that is not understood");
    const std::string_view name = without_zero(*found);
    if (family_ == "bridge" || family_ == "arp") return;  // on no path of packets that is judged by them
    using Kind = verify::FirewallVerdict::Kind;
    const verify::IptablesTarget* known = verify::find_iptables_target(name);
    if (!known) return gained("a rule with the target " + quoted(name) + ", which is not understood");
    const bool acts =
        known->kind == Kind::Elsewhere || name == "TPROXY" || known->effect == verify::IptablesTarget::Effect::Rewrite;
    if (acts) gained("a rule with the target " + std::string(name));
  }

  std::string_view bytes_;
  RulesetChange& change_;
  std::string_view attributes_;
  std::string_view family_;
  std::string table_;
  std::string chain_;
};

void unsure(RulesetChange& change, const char* why) { insert(change.unsure, why); }

}  // namespace

void parse_ruleset_events(std::string_view datagram, RulesetChange& change) {
  while (!datagram.empty()) {
    nlmsghdr header{};
    if (datagram.size() >= sizeof header) std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size())
      return unsure(change, "a message about the ruleset is cut off");
    const std::string_view body = datagram.substr(sizeof header, header.nlmsg_len - sizeof header);
    datagram.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
    switch (header.nlmsg_type) {
      case NLMSG_NOOP:
      case NLMSG_DONE:
        continue;
      case NLMSG_OVERRUN:
        change.lost = true;
        unsure(change, "events about the ruleset were lost");
        continue;
      default:
        break;
    }
    if (header.nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES) {
      unsure(change, "a message about the ruleset is of another kind");
      continue;
    }
    Message(body, change).read(static_cast<std::uint8_t>(header.nlmsg_type & 0xffU));
  }
}

std::error_code read_ruleset_events(int socket, RulesetChange& change) {
  std::vector<char> buffer(kDatagram);
  for (std::size_t n = 0; n < kMostDatagrams; ++n) {
    sockaddr_nl sender{};
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (size < 0 && errno == ENOBUFS) {
      change.lost = true;
      unsure(change, "events about the ruleset were lost");
      continue;
    }
    if (size < 0) return {errno, std::system_category()};
    if (size == 0) return {};
    // Only the kernel has no port; what others send is no event.
    if (message.msg_namelen < sizeof sender || sender.nl_pid != 0) continue;
    if ((message.msg_flags & MSG_TRUNC) != 0) unsure(change, "a message about the ruleset is longer than can be read");
    parse_ruleset_events(std::string_view(buffer.data(), static_cast<std::size_t>(size)), change);
  }
  return {};
}

}  // namespace airtight::audit
