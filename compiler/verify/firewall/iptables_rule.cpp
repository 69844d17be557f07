#include "compiler/verify/firewall/iptables_rule.h"

#include <algorithm>
#include <array>

#include "compiler/verify/firewall/nftables_keys.h"
#include "compiler/verify/firewall/payload_layout.h"

namespace airtight::verify {
namespace {

using Kind = FirewallVerdict::Kind;
using Words = std::span<const std::string>;

using Effect = IptablesTarget::Effect;
constexpr IptablesTarget kTargets[] = {{"ACCEPT", Effect::Verdict, Kind::Accept},
                                       {"DROP", Effect::Verdict, Kind::Drop},
                                       {"REJECT", Effect::Verdict, Kind::Drop},
                                       {"RETURN", Effect::Verdict, Kind::Return},
                                       {"QUEUE", Effect::Verdict, Kind::Elsewhere},
                                       {"NFQUEUE", Effect::Verdict, Kind::Elsewhere},
                                       {"TEE", Effect::Verdict, Kind::Elsewhere},
                                       {"SYNPROXY", Effect::Verdict, Kind::Elsewhere},
                                       {"FLOWOFFLOAD", Effect::Verdict, Kind::Elsewhere},
                                       {"DNAT", Effect::Verdict, Kind::Translate},
                                       {"SNAT", Effect::Verdict, Kind::Translate},
                                       {"MASQUERADE", Effect::Verdict, Kind::Translate},
                                       {"REDIRECT", Effect::Verdict, Kind::Translate},
                                       {"TPROXY", Effect::Verdict, Kind::Translate},
                                       {"NETMAP", Effect::Verdict, Kind::Translate},
                                       {"LOG", Effect::Nothing},
                                       {"NFLOG", Effect::Nothing},
                                       {"ULOG", Effect::Nothing},
                                       {"TRACE", Effect::Nothing},
                                       {"AUDIT", Effect::Nothing},
                                       {"CT", Effect::Untrack},
                                       {"NOTRACK", Effect::Untrack},
                                       {"SECMARK", Effect::Nothing},
                                       {"CONNSECMARK", Effect::Nothing},
                                       {"CLASSIFY", Effect::Nothing},
                                       {"DSCP", Effect::Nothing},
                                       {"TOS", Effect::Nothing},
                                       {"ECN", Effect::Nothing},
                                       {"TCPMSS", Effect::Nothing},
                                       {"TCPOPTSTRIP", Effect::Nothing},
                                       {"CHECKSUM", Effect::Nothing},
                                       {"SET", Effect::Nothing},
                                       {"IDLETIMER", Effect::Nothing},
                                       {"RATEEST", Effect::Nothing},
                                       {"MARK", Effect::Mark},
                                       {"HMARK", Effect::Mark},
                                       {"CONNMARK", Effect::RestoreMark},
                                       {"TTL", Effect::HopLimit},
                                       {"HL", Effect::HopLimit},
                                       {"SNPT", Effect::Rewrite},
                                       {"DNPT", Effect::Rewrite}};

// Matches without an option that narrows: naming them is no match by itself, or their options say all.
constexpr std::array<std::string_view, 26> kModules{
    "tcp",   "udp",     "udplite", "sctp",   "dccp",     "icmp",     "icmp6",     "multiport", "conntrack",
    "state", "comment", "iprange", "mark",   "addrtype", "limit",    "hashlimit", "connlimit", "statistic",
    "quota", "ttl",     "hl",      "length", "pkttype",  "standard", "set",       "owner"};
constexpr std::array<std::string_view, 5> kLimits{"limit", "hashlimit", "connlimit", "statistic", "quota"};
constexpr std::pair<std::string_view, unsigned> kIcmpNames[] = {
    {"network-unreachable", 0x300}, {"host-unreachable", 0x301},     {"protocol-unreachable", 0x302},
    {"port-unreachable", 0x303},    {"fragmentation-needed", 0x304}, {"source-route-failed", 0x305},
    {"network-prohibited", 0x309},  {"host-prohibited", 0x30a},      {"communication-prohibited", 0x30d},
    {"network-redirect", 0x500},    {"host-redirect", 0x501}};

bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

template <std::size_t N>
bool among(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

class RuleReader {
 public:
  RuleReader(Words words, Family family, FirewallRule& rule) : words_(words), v4_(family == Family::V4), rule_(rule) {
    (void)box_.constrain(Field::EtherType, Values::of(v4_ ? 0x0800 : 0x86dd));
  }

  void read() {
    FirewallBranch branch;
    while (at_ < words_.size()) {
      negated_ = words_[at_] == "!";
      if (negated_ && ++at_ == words_.size()) {
        mark_not_understood(rule_, "a negation of nothing");
        break;
      }
      const std::string& option = words_[at_++];
      if (option == "-j" || option == "--jump") {
        target(branch.verdict);
        break;
      }
      if (option == "-g" || option == "--goto") {
        branch.verdict = {Kind::Goto, value(), ""};
        continue;
      }
      const std::size_t before = at_;
      if (!match(option)) {
        at_ = before;
        const bool valued = at_ < words_.size() && words_[at_] != "!" && !starts_with(words_[at_], "-");
        mark_not_understood(rule_, printable(option + (valued ? " " + words_[at_] : "")));
        skip_values();
      }
    }
    settle(branch);
    rule_.branches.push_back(std::move(branch));
  }

 private:
  void settle(FirewallBranch& branch) {
    if (never_) return;
    if (boxes_.empty()) boxes_.push_back(Box());
    for (const Box& alternative : boxes_)
      if (auto both = alternative & box_; both && settle_headers(*both)) branch.match.push_back(std::move(*both));
  }

  const std::string& value() {
    static const std::string kNone;
    if (at_ < words_.size() && words_[at_] == "!" && at_ + 1 < words_.size()) {  // the old form: -s ! 10.0.0.0/8
      negated_ = true;
      ++at_;
    }
    return at_ < words_.size() ? words_[at_++] : kNone;
  }

  void skip_values() {
    while (at_ < words_.size() && words_[at_] != "!" && !starts_with(words_[at_], "-")) ++at_;
  }

  void constrain(Field field, const Values& values, u128 largest) {
    const Values wanted = negated_ ? Values::of(0, largest) - values : values;
    if (!box_.constrain(field, wanted)) never_ = true;
  }

  bool constrain(Field field, const std::optional<Values>& values, u128 largest) {
    if (values) constrain(field, *values, largest);
    return values.has_value();
  }

  bool match(std::string_view option) {
    if (option == "-m" || option == "--match") return module(value());
    if (option == "-s" || option == "--source" || option == "--src")
      return address(v4_ ? Field::Ip4Source : Field::Ip6Source);
    if (option == "-d" || option == "--destination" || option == "--dst")
      return address(v4_ ? Field::Ip4Destination : Field::Ip6Destination);
    if (option == "--src-range") return address_range(v4_ ? Field::Ip4Source : Field::Ip6Source);
    if (option == "--dst-range") return address_range(v4_ ? Field::Ip4Destination : Field::Ip6Destination);
    if (option == "-i" || option == "--in-interface") return interface(Field::InInterface);
    if (option == "-o" || option == "--out-interface") return interface(Field::OutInterface);
    if (option == "-p" || option == "--protocol") return protocol();
    if (option == "-f" || option == "--fragment") {
      constrain(Field::Ip4Fragment, Values::of(0, 0xffff) - *slice(Values::of(0), 16, 3, 13), 0xffff);
      return v4_;
    }
    if (option == "--dport" || option == "--destination-port") return ports(Field::DestinationPort, ':');
    if (option == "--sport" || option == "--source-port") return ports(Field::SourcePort, ':');
    if (option == "--dports" || option == "--destination-ports") return ports(Field::DestinationPort, ':');
    if (option == "--sports" || option == "--source-ports") return ports(Field::SourcePort, ':');
    if (option == "--ctstate" || option == "--state") return state();
    if (option == "--comment") return value(), true;
    if (option == "--icmp-type") return v4_ && icmp(Field::IcmpTypeCode, ValueType::IcmpType);
    if (option == "--icmpv6-type") return !v4_ && icmp(Field::Icmpv6TypeCode, ValueType::Icmpv6Type);
    if (option == "--mark") return module_ == "mark" && mark();
    if (option == "--dst-type") return destination_type();
    if (option == "--pkt-type") return packet_type();
    if (option == "--tcp-flags") return tcp_flags();
    if (option == "--syn") return flags(0x17, 0x02), true;
    if (option == "--length") return constrain(Field::Length, range(value(), ':', ValueType::Integer, 32), 0xffffffff);
    if (option == "--ttl-eq" || option == "--hl-eq")
      return constrain(Field::HopLimit, range(value(), ':', ValueType::Integer, 8), 255);
    if (among(module_, kLimits)) {
      rule_.limited = true;
      skip_values();
      return true;
    }
    return false;
  }

  bool module(const std::string& name) {
    module_ = name;
    if (name == "rt" && !v4_) {
      constrain(Field::Ip6Routing, Values::of(1), 1);
      return true;
    }
    if (among(module_, kLimits)) rule_.limited = true;
    return among(module_, kModules);
  }

  bool address(Field field) {
    Values all;
    for (const std::string_view text : split(value(), ',')) {
      const auto one = address_values(text);
      if (!one) return false;
      all |= *one;
    }
    constrain(field, all, low_bits(v4_ ? 32 : 128));
    return true;
  }

  std::optional<Values> address_values(std::string_view text) const {
    const ValueType type = v4_ ? ValueType::Ip4 : ValueType::Ip6;
    const int bits = v4_ ? 32 : 128;
    if (const auto interval = parse_interval(type, bits, text)) return Values::of(interval->first, interval->last);
    const std::size_t slash = text.find('/');  // 10.0.0.0/255.0.0.0
    if (slash == std::string_view::npos) return std::nullopt;
    const auto base = parse_value(type, text.substr(0, slash));
    const auto mask = parse_value(type, text.substr(slash + 1));
    return base && mask ? masked(Values::of(*base & *mask), *mask, bits) : std::nullopt;
  }

  bool address_range(Field field) {
    const auto interval = parse_interval(v4_ ? ValueType::Ip4 : ValueType::Ip6, v4_ ? 32 : 128, value());
    if (interval) constrain(field, Values::of(interval->first, interval->last), low_bits(v4_ ? 32 : 128));
    return interval.has_value();
  }

  bool interface(Field field) {
    std::string name = value();
    if (!name.empty() && name.back() == '+') name.back() = '*';
    const Values values = interface_values(name);
    if (name.empty() || values.empty()) return false;
    constrain(field, values, low_bits(128));
    return true;
  }

  bool protocol() {
    const std::string& name = value();
    if (name == "all" || name == "0") return !negated_;
    const auto number = parse_value(ValueType::Protocol, name);
    if (!number || *number > 255) return false;
    constrain(Field::Protocol, Values::of(*number), 255);
    return true;
  }

  // "80", "1000:2000", ":1023", names; 8 bits and more.
  static std::optional<Values> range(std::string_view text, char sign, ValueType type, int bits) {
    const std::size_t at = text.find(sign);
    if (at == std::string_view::npos) {
      const auto one = parse_value(type, text);
      return one && *one <= low_bits(bits) ? std::optional(Values::of(*one)) : std::nullopt;
    }
    const std::string_view low = text.substr(0, at);
    const std::string_view high = text.substr(at + 1);
    const auto first = low.empty() ? std::optional<u128>(0) : parse_value(type, low);
    const auto last = high.empty() ? std::optional<u128>(low_bits(bits)) : parse_value(type, high);
    if (!first || !last || *first > *last || *last > low_bits(bits)) return std::nullopt;
    return Values::of(*first, *last);
  }

  bool ports(Field field, char sign) {
    static const Values kPorted = Values::from({{6, 6}, {17, 17}, {33, 33}, {132, 132}, {136, 136}});
    Values all;
    for (const std::string_view text : split(value(), ',')) {
      const auto one = range(text, sign, ValueType::Port, 16);
      if (!one) return false;
      all |= *one;
    }
    if (!box_.values(Field::Protocol).subset_of(kPorted)) return false;
    constrain(field, all, 0xffff);
    return true;
  }

  bool state() {
    static constexpr std::pair<std::string_view, StateValue> kStates[] = {{"INVALID", StateValue::Invalid},
                                                                          {"NEW", StateValue::New},
                                                                          {"ESTABLISHED", StateValue::Established},
                                                                          {"RELATED", StateValue::Related},
                                                                          {"UNTRACKED", StateValue::Untracked}};
    Values states;
    bool translated[] = {false, false};  // source, destination
    for (const std::string_view text : split(value(), ',')) {
      if (text == "SNAT" || text == "DNAT") {
        translated[text == "DNAT"] = true;
        continue;
      }
      const auto* found =
          std::find_if(std::begin(kStates), std::end(kStates), [&](const auto& s) { return s.first == text; });
      if (found == std::end(kStates)) return false;
      states |= Values::of(static_cast<u128>(found->second));
    }
    if (!translated[0] && !translated[1]) {
      constrain(Field::State, states, static_cast<u128>(StateValue::Untracked));
      return true;
    }
    if (negated_ || !boxes_.empty()) return false;
    const auto alternative = [this](Field field, const Values& values) {
      Box box;
      if (box.constrain(field, values)) boxes_.push_back(std::move(box));
    };
    if (!states.empty()) alternative(Field::State, states);
    if (translated[0]) alternative(Field::ConntrackSnat, Values::of(1));
    if (translated[1]) alternative(Field::ConntrackDnat, Values::of(1));
    return true;
  }

  bool icmp(Field field, ValueType type) {
    const std::string& text = value();
    if (text == "any" || text == "255") return !negated_;
    for (const auto& [name, number] : kIcmpNames)
      if (v4_ && text == name) return constrain(field, Values::of(number), 0xffff), true;
    const auto parts = split(text, '/');
    const auto kind = parse_value(type, parts[0]);
    const auto code = parse_number(parts.back());
    if (!kind || *kind > 255 || parts.size() > 2 || (parts.size() == 2 && (!code || *code > 255))) return false;
    const bool both = parts.size() == 2;
    const u128 first = *kind * 256 + (both ? *code : 0);
    constrain(field, Values::of(first, both ? first : first + 255), 0xffff);
    return true;
  }

  bool mark() {
    const auto parts = split(value(), '/');
    const auto wanted = parse_number(parts[0]);
    const auto mask = parts.size() == 2 ? parse_number(parts[1]) : std::optional<u128>(0xffffffff);
    if (!wanted || !mask || parts.size() > 2 || *mask > 0xffffffff) return false;
    return constrain(Field::Mark, masked(Values::of(*wanted), *mask, 32), 0xffffffff);
  }

  bool destination_type() {
    if (value() != "LOCAL") return false;
    constrain(Field::LocalDestination, Values::of(1), 1);
    return true;
  }

  bool packet_type() {
    const auto type = symbol(ValueType::PacketType, value());
    if (type) constrain(Field::PacketType, Values::of(*type), 255);
    return type.has_value();
  }

  bool tcp_flags() {
    const auto bits = [](std::string_view list) -> std::optional<u128> {
      if (list == "ALL") return 0x3f;
      u128 all = 0;
      for (const std::string_view name : split(list, ',')) {
        std::string lower(name);
        for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        const auto one = lower == "none" ? std::optional<u128>(0) : symbol(ValueType::TcpFlags, lower);
        if (!one) return std::nullopt;
        all |= *one;
      }
      return all;
    };
    const auto mask = bits(value());
    const auto wanted = bits(value());
    if (mask && wanted) flags(*mask, *wanted);
    return mask && wanted;
  }

  void flags(u128 mask, u128 wanted) { constrain(Field::TcpFlags, *masked(Values::of(wanted), mask, 8), 255); }

  void target(FirewallVerdict& verdict) {
    const std::string name = value();
    std::string text = name;
    bool restores = false;
    bool untracks = name == "NOTRACK";
    for (; at_ < words_.size(); ++at_) {
      text += " " + printable(words_[at_]);
      restores = restores || words_[at_] == "--restore-mark";
      untracks = untracks || words_[at_] == "--notrack";
    }
    const IptablesTarget* found = find_iptables_target(name);
    if (!found) {
      verdict = {Kind::Jump, name, ""};
      return;
    }
    verdict.kind = found->kind;
    if (found->kind == Kind::Translate || found->kind == Kind::Elsewhere || name == "REJECT") verdict.text = text;
    if (found->effect == Effect::Mark || (found->effect == Effect::RestoreMark && restores))
      rule_.changes = {Field::Mark};
    if (found->effect == Effect::Untrack && untracks) rule_.changes = {Field::State};
    if (found->effect == Effect::HopLimit) rule_.changes = {Field::HopLimit};
    if (found->effect == Effect::Rewrite) {
      rule_.rewrites = true;
      rule_.rewrite_text = text;
    }
  }

  Words words_;
  bool v4_;
  FirewallRule& rule_;
  std::size_t at_ = 0;
  bool negated_ = false;
  bool never_ = false;
  std::string module_;
  Box box_;
  std::vector<Box> boxes_;  // alternatives beside it; empty: none
};

}  // namespace

const IptablesTarget* find_iptables_target(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kTargets), std::end(kTargets), [&](const IptablesTarget& t) { return t.name == name; });
  return found == std::end(kTargets) ? nullptr : found;
}

std::optional<std::vector<std::string>> iptables_words(std::string_view line) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] == ' ' || line[i] == '\t') {
      ++i;
      continue;
    }
    std::string word;
    bool quoted = false;
    for (; i < line.size() && (quoted || (line[i] != ' ' && line[i] != '\t')); ++i) {
      if (line[i] == '\\' && quoted && i + 1 < line.size()) {
        word += line[++i];
      } else if (line[i] == '"') {
        quoted = !quoted;
      } else {
        word += line[i];
      }
    }
    if (quoted) return std::nullopt;
    words.push_back(std::move(word));
  }
  return words;
}

void read_iptables_rule(Words words, Family family, FirewallRule& rule) { RuleReader(words, family, rule).read(); }

void mark_not_understood(FirewallRule& rule, const std::string& why) {
  rule.understood = false;
  if (rule.why_not.find(why) == std::string::npos && rule.why_not.size() < 300)
    rule.why_not += (rule.why_not.empty() ? "" : "; ") + why;
}

}  // namespace airtight::verify
