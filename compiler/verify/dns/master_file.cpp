// RFC 1035 §5 master files, and the triggers of response policy zones in them.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>

#include "compiler/verify/dns/zones.h"
#include "compiler/verify/document.h"

namespace airtight::verify {
namespace {

constexpr Code kSyntax = Code::ArtifactSyntax;
constexpr std::string_view kUnknownOrigin = "@";

struct Token {
  std::string_view text;
  Span span;
};

// Entries: what stands on one line, or on several inside parentheses, without comments.
class Entries {
 public:
  Entries(std::uint32_t source, std::string_view text, Diagnostics& diagnostics)
      : source_(source), text_(text), diagnostics_(diagnostics) {}

  // False at the end and after an error. `indented`: the entry starts with white space, so it has no owner of its own.
  bool next(std::vector<Token>& tokens, bool& indented) {
    tokens.clear();
    std::size_t depth = 0;
    indented = at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t');
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        ++at_;
        if (depth > 0) continue;
        if (!tokens.empty()) return true;
        indented = at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t');
      } else if (c == ' ' || c == '\t' || (c == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n')) {
        ++at_;
      } else if (c == ';') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '(') {
        ++depth;
        ++at_;
      } else if (c == ')') {
        if (depth == 0) return fail(at_, at_ + 1, "')' without '('");
        --depth;
        ++at_;
      } else if (!take_token(tokens)) {
        return false;
      }
    }
    if (depth > 0) return fail(text_.size(), text_.size(), "the file ends inside parentheses");
    return !tokens.empty();
  }
  bool failed() const { return failed_; }

 private:
  Span span(std::size_t begin, std::size_t end) const {
    return {source_, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  }
  bool fail(std::size_t begin, std::size_t end, std::string message) {
    diagnostics_.error(kSyntax, span(begin, end), std::move(message));
    failed_ = true;
    return false;
  }

  bool take_token(std::vector<Token>& tokens) {
    const std::size_t begin = at_;
    const bool quoted = text_[at_] == '"';
    for (at_ += quoted ? 1 : 0; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') {
        ++at_;
      } else if (quoted ? c == '"'
                        : c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';' || c == '(' || c == ')') {
        break;
      } else if (c == '\n' || (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f' ||
                 (!quoted && c == '"')) {
        return fail(at_, at_ + 1,
                    c == '\n' ? "the quotes are not closed on this line" : "a character that has no place here");
      }
    }
    if (quoted) {
      if (at_ == text_.size()) return fail(begin, at_, "the quotes are not closed");
      ++at_;
    } else if (at_ == begin) {
      return fail(at_, at_ + 1, "a character that has no place here");
    }
    tokens.push_back({text_.substr(begin, at_ - begin), span(begin, at_)});
    return true;
  }

  std::uint32_t source_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

enum class Kind : std::uint8_t { Soa, Ns, Cname, Address4, Address6, Data, Signature };

struct RecordType {
  std::string_view name;
  Kind kind;
  std::size_t fewest;
  std::size_t most;
};

constexpr std::size_t kMany = 10'000;
constexpr std::array<RecordType, 41> kRecordTypes{{
    {"a", Kind::Address4, 1, 1},
    {"aaaa", Kind::Address6, 1, 1},
    {"afsdb", Kind::Data, 2, 2},
    {"caa", Kind::Data, 3, 3},
    {"cds", Kind::Signature, 4, kMany},
    {"cdnskey", Kind::Signature, 4, kMany},
    {"cert", Kind::Data, 4, kMany},
    {"cname", Kind::Cname, 1, 1},
    {"csync", Kind::Data, 2, kMany},
    {"dhcid", Kind::Data, 1, kMany},
    {"dname", Kind::Data, 1, 1},
    {"dnskey", Kind::Signature, 4, kMany},
    {"ds", Kind::Signature, 4, kMany},
    {"hinfo", Kind::Data, 2, 2},
    {"hip", Kind::Data, 3, kMany},
    {"https", Kind::Data, 2, kMany},
    {"key", Kind::Data, 4, kMany},
    {"kx", Kind::Data, 2, 2},
    {"loc", Kind::Data, 1, kMany},
    {"mx", Kind::Data, 2, 2},
    {"naptr", Kind::Data, 6, 6},
    {"ns", Kind::Ns, 1, 1},
    {"nsec", Kind::Signature, 1, kMany},
    {"nsec3", Kind::Signature, 5, kMany},
    {"nsec3param", Kind::Signature, 4, 4},
    {"openpgpkey", Kind::Data, 1, kMany},
    {"ptr", Kind::Data, 1, 1},
    {"rp", Kind::Data, 2, 2},
    {"rrsig", Kind::Signature, 9, kMany},
    {"sig", Kind::Data, 9, kMany},
    {"smimea", Kind::Data, 4, kMany},
    {"soa", Kind::Soa, 7, 7},
    {"spf", Kind::Data, 1, kMany},
    {"srv", Kind::Data, 4, 4},
    {"sshfp", Kind::Data, 3, kMany},
    {"svcb", Kind::Data, 2, kMany},
    {"tlsa", Kind::Data, 4, kMany},
    {"txt", Kind::Data, 1, kMany},
    {"uri", Kind::Data, 3, 3},
    {"x25", Kind::Data, 1, 1},
    {"zonemd", Kind::Signature, 4, kMany},
}};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Seconds, or numbers with units as BIND writes them: 1h30m.
bool is_ttl(std::string_view text) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || std::string_view("smhdwSMHDW").find(c) != std::string_view::npos;
  });
}

const RecordType* find_type(std::string_view word) {
  static constexpr RecordType kUnnamed{"type", Kind::Data, 2, kMany};  // TYPE65534 \# …, RFC 3597
  const std::string name = lower(word);
  for (const RecordType& type : kRecordTypes) {
    if (type.name == name) return &type;
  }
  return name.size() > 4 && name.substr(0, 4) == "type" && is_number(std::string_view(name).substr(4)) ? &kUnnamed
                                                                                                       : nullptr;
}

class ZoneReader {
 public:
  // `origin` as the configuration names the zone, or kUnknownOrigin.
  ZoneReader(std::uint32_t source, const Sources& sources, std::string origin, Diagnostics& diagnostics,
             DnsArtifacts& artifacts)
      : source_(source),
        sources_(sources),
        diagnostics_(diagnostics),
        artifacts_(artifacts),
        origin_(std::move(origin)) {}

  std::optional<ZoneFile> read() {
    const std::string_view text = sources_.text(source_);
    zone_.source = source_;
    zone_.span = {source_, 0, static_cast<std::uint32_t>(std::min(text.size(), text.find('\n')))};
    if (text.size() > kMaxArtifactBytes) {
      diagnostics_.error(Code::TooBig, zone_.span,
                         "the file is longer than " + std::to_string(kMaxArtifactBytes) + " bytes");
      return std::nullopt;
    }
    Entries entries(source_, text, diagnostics_);
    std::vector<Token> tokens;
    for (bool indented = false; entries.next(tokens, indented);) {
      if (!(tokens[0].text[0] == '$' ? directive(tokens) : record(tokens, indented))) return std::nullopt;
    }
    if (entries.failed()) return std::nullopt;
    finish();
    return std::move(zone_);
  }

 private:
  bool fail(Span where, std::string message, std::string expected = {}) {
    diagnostics_.error(kSyntax, where, std::move(message)).expect(std::move(expected));
    return false;
  }
  void remark(std::vector<Remark>& list, Rule rule, Span where, std::string message) {
    list.push_back({rule, where, "zone file " + std::string(sources_.basename(source_)), std::move(message)});
  }

  // Lower case, without the final dot; the root is empty.
  std::string absolute(std::string_view name) const {
    if (name == "@") return origin_;
    if (name == ".") return {};
    if (name.back() == '.') return lower(name.substr(0, name.size() - 1));
    return origin_.empty() ? lower(name) : lower(name) + '.' + origin_;
  }

  bool directive(const std::vector<Token>& tokens) {
    const std::string name = lower(tokens[0].text);
    if (name == "$include" || name == "$generate") {
      remark(artifacts_.not_understood, Rule::FieldNotUnderstood, tokens[0].span,
             "records that " + name + " adds are not read");
      return true;
    }
    if (name != "$ttl" && name != "$origin") return fail(tokens[0].span, "an unknown directive", "$ORIGIN or $TTL");
    if (tokens.size() != 2) return fail(tokens[0].span, name + " takes one value");
    if (name == "$ttl") return is_ttl(tokens[1].text) || fail(tokens[1].span, "no time to live", "seconds");
    origin_ = absolute(tokens[1].text);
    return true;
  }

  bool record(const std::vector<Token>& tokens, bool indented) {
    std::size_t at = 0;
    if (!indented) {
      owner_ = absolute(tokens[0].text);
      owner_span_ = tokens[0].span;
      at = 1;
    } else if (!owner_span_.known()) {
      return fail(tokens[0].span, "a record without an owner");
    }
    for (int i = 0; i < 2 && at < tokens.size(); ++i) {  // a time to live and a class, in either order
      const std::string word = lower(tokens[at].text);
      if (word == "ch" || word == "hs" || word == "cs") return fail(tokens[at].span, "a class other than IN");
      if (word != "in" && !is_ttl(word)) break;
      ++at;
    }
    if (at == tokens.size()) return fail(tokens.back().span, "a record without a type");
    const RecordType* type = find_type(tokens[at].text);
    if (type == nullptr) return fail(tokens[at].span, "no record type: " + quoted(tokens[at].text));
    const std::vector<Token> data(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1, tokens.end());
    if (data.size() < type->fewest || data.size() > type->most) {
      return fail(tokens[at].span, "a record of type " + std::string(tokens[at].text) + " with " +
                                       std::to_string(data.size()) + " fields");
    }
    return add(type->kind, data);
  }

  // The owner below the zone; nullopt if it is not in the zone.
  std::optional<std::string> below_zone() const {
    if (zone_origin_.empty() || owner_ == zone_origin_) return owner_ == zone_origin_ ? std::string() : owner_;
    const std::size_t tail = zone_origin_.size() + 1;
    if (owner_.size() <= tail || owner_[owner_.size() - tail] != '.' ||
        std::string_view(owner_).substr(owner_.size() - tail + 1) != zone_origin_) {
      return std::nullopt;
    }
    return owner_.substr(0, owner_.size() - tail);
  }

  bool add(Kind kind, const std::vector<Token>& data) {
    if (first_) {
      first_ = false;
      zone_.span = owner_span_;
      zone_origin_ = kind == Kind::Soa ? owner_ : origin_;
      zone_.has_soa = kind == Kind::Soa;
    } else if (kind == Kind::Soa) {
      return fail(owner_span_, zone_.has_soa ? "a second SOA record" : "the SOA record does not come first");
    }
    if (kind == Kind::Soa) {
      const auto bad = std::find_if(data.begin() + 2, data.end(), [](const Token& t) { return !is_ttl(t.text); });
      return bad == data.end() || fail(bad->span, "no number", "serial, refresh, retry, expire, minimum");
    }
    const std::optional<std::string> below = below_zone();
    if (!below) {
      remark(artifacts_.remarks, Rule::RefusedObject, owner_span_,
             "the owner is not in the zone, so servers leave the record out");
      return true;
    }
    if (kind == Kind::Address4 || kind == Kind::Address6) {
      const std::optional<Ip> ip = Ip::parse(data[0].text);
      if (!ip || ip->is_v4() != (kind == Kind::Address4)) {
        return fail(data[0].span,
                    quoted(data[0].text) + (kind == Kind::Address4 ? " is no IPv4 address" : " is no IPv6 address"));
      }
      zone_.addresses.emplace_back(*ip, data[0].span);
    }
    if (kind == Kind::Signature) return true;
    if (kind == Kind::Ns) {
      zone_.has_ns = zone_.has_ns || below->empty();
      if (!below->empty()) delegations_.push_back({*below, absolute(data[0].text), owner_span_});
      return true;
    }
    if (!below->empty()) add_trigger(kind, *below, data);
    return true;
  }

  struct Cut {
    std::string owner;
    std::string server;
    Span where;
  };

  RpzAction action_of(Kind kind, const std::string& owner, const std::vector<Token>& data) {
    if (kind != Kind::Cname) return RpzAction::Other;
    const std::string target = lower(data[0].text);
    constexpr std::array<std::pair<std::string_view, RpzAction>, 5> kActions{{{".", RpzAction::NxDomain},
                                                                              {"*.", RpzAction::NoData},
                                                                              {"rpz-drop.", RpzAction::Drop},
                                                                              {"rpz-passthru.", RpzAction::Passthru},
                                                                              {"rpz-tcp-only.", RpzAction::TcpOnly}}};
    for (const auto& [name, action] : kActions) {
      if (target != name) continue;
      zone_.policy_zone = true;
      return action;
    }
    return absolute(target) == owner ? RpzAction::Passthru : RpzAction::Other;  // the old way to say passthru
  }

  void add_trigger(Kind kind, const std::string& below, const std::vector<Token>& data) {
    RpzTrigger trigger;
    trigger.where = owner_span_;
    trigger.action = action_of(kind, below, data);
    const std::size_t dot = below.rfind('.');
    const std::string_view last = std::string_view(below).substr(dot == std::string::npos ? 0 : dot + 1);
    if (last == "rpz-ip" && dot != std::string::npos) {
      zone_.policy_zone = true;
      const std::optional<Prefix> prefix = parse_rpz_prefix(std::string_view(below).substr(0, dot));
      trigger.address = prefix.has_value();
      if (prefix) trigger.prefix = *prefix;
      trigger.understood = prefix.has_value();
    } else if (last.substr(0, 4) == "rpz-") {
      zone_.policy_zone = true;
      trigger.understood = false;
    } else {
      const std::string_view name =
          below == "*" ? std::string_view(".") : std::string_view(below).substr(below[0] == '*' ? 2 : 0);
      trigger.understood = (below[0] != '*' || below.size() == 1 || below[1] == '.') && Domain::parse(name).has_value();
    }
    if (!trigger.address) trigger.owner = below;
    zone_.triggers.push_back(std::move(trigger));
    is_cname_.push_back(kind == Kind::Cname);
  }

  void finish() {
    zone_.origin = zone_origin_.empty() ? "." : zone_origin_;
    if (first_)
      zone_.refused = "it holds no record";
    else if (!zone_.has_soa)
      zone_.refused = "it has no SOA record";
    else if (!zone_.has_ns)
      zone_.refused = "it has no NS record of its own";
    check_duplicates();
    if (zone_.policy_zone) {
      for (const Cut& cut : delegations_) {
        RpzTrigger trigger;
        trigger.owner = cut.owner;
        trigger.understood = false;
        trigger.where = cut.where;
        zone_.triggers.push_back(std::move(trigger));
      }
      for (const RpzTrigger& trigger : zone_.triggers) {
        if (trigger.understood) continue;
        remark(artifacts_.remarks, Rule::RuleNotUnderstood, trigger.where,
               "trigger " + quoted(trigger.owner) + " is not understood, or servers refuse its spelling");
      }
      zone_.triggers.shrink_to_fit();
    } else {
      plain_zone();
      zone_.triggers = {};
    }
  }

  // Two records of one owner: the same twice is one; a CNAME beside anything else is refused with the whole zone.
  void check_duplicates() {
    std::vector<std::size_t> order(zone_.triggers.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto key = [this](std::size_t i) {
      const RpzTrigger& trigger = zone_.triggers[i];
      return std::tie(trigger.address, trigger.prefix, trigger.owner);
    };
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return key(a) != key(b) ? key(a) < key(b) : a < b; });
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (key(order[i - 1]) != key(order[i])) continue;
      const RpzTrigger& first = zone_.triggers[order[i - 1]];
      const RpzTrigger& second = zone_.triggers[order[i]];
      const bool cname = is_cname_[order[i - 1]] || is_cname_[order[i]];
      if (!cname) continue;
      if (first.action == second.action && first.action != RpzAction::Other) {
        remark(artifacts_.remarks, Rule::SameNameTwice, second.where,
               "the trigger stands twice, and some servers refuse such a zone whole");
      } else {
        remark(artifacts_.remarks, Rule::RefusedObject, second.where,
               "a second record beside a CNAME of the same name, so servers refuse the zone whole");
        zone_.refused = "one name has a CNAME and another record";
      }
    }
  }

  // The absolute name as a Domain; remarked if it cannot be one.
  std::optional<Domain> judged_name(const std::string& below, Span where) {
    std::string name = below;
    if (!zone_origin_.empty()) name += '.' + zone_origin_;
    std::optional<Domain> domain = Domain::parse(name);
    // Under an unknown origin the file is read again once its name is known.
    if (!domain && zone_origin_ != kUnknownOrigin) {
      remark(artifacts_.not_understood, Rule::FieldNotUnderstood, where,
             "the owner " + quoted(name) + " is not understood");
    }
    return domain;
  }

  void plain_zone() {
    for (const Cut& cut : delegations_) {
      std::optional<Domain> name = judged_name(cut.owner, cut.where);
      if (!name) continue;
      Delegation delegation{std::move(*name), {}, cut.where};
      if (std::optional<Domain> server = Domain::parse(cut.server)) {
        delegation.servers.push_back(std::move(*server));
      } else if (zone_origin_ != kUnknownOrigin) {
        remark(artifacts_.not_understood, Rule::FieldNotUnderstood, cut.where, "its name server is not understood");
      }
      zone_.delegations.push_back(std::move(delegation));
    }
    std::stable_sort(zone_.delegations.begin(), zone_.delegations.end(),
                     [](const Delegation& a, const Delegation& b) { return a.name < b.name; });
    std::vector<Delegation> merged;
    for (Delegation& delegation : zone_.delegations) {
      if (!merged.empty() && merged.back().name == delegation.name) {
        for (Domain& server : delegation.servers) merged.back().servers.push_back(std::move(server));
      } else {
        merged.push_back(std::move(delegation));
      }
    }
    zone_.delegations = std::move(merged);

    std::vector<Domain> names;
    for (const RpzTrigger& record : zone_.triggers) {
      const bool wildcard = record.owner[0] == '*' && (record.owner.size() == 1 || record.owner[1] == '.');
      if (wildcard) {
        const std::string above = record.owner.size() == 1 ? std::string() : record.owner.substr(2);
        if (above.empty()) {
          if (const std::optional<Domain> origin = Domain::parse(zone_.origin))
            zone_.data |= DomainSet::strictly_below(*origin);
        } else if (const std::optional<Domain> name = judged_name(above, record.where)) {
          zone_.data |= DomainSet::strictly_below(*name);
        }
      } else if (std::optional<Domain> name = judged_name(record.owner, record.where)) {
        names.push_back(std::move(*name));
      }
    }
    zone_.data |= DomainSet::from_names(names);
  }

  std::uint32_t source_;
  const Sources& sources_;
  Diagnostics& diagnostics_;
  DnsArtifacts& artifacts_;
  std::string origin_;       // of names without final dot; the root is empty
  std::string zone_origin_;  // of the zone
  std::string owner_;
  Span owner_span_;
  bool first_ = true;
  ZoneFile zone_;
  std::vector<bool> is_cname_;
  std::vector<Cut> delegations_;
};

}  // namespace

bool read_zone_file(std::uint32_t source, const Sources& sources, Diagnostics& diagnostics, DnsArtifacts& artifacts) {
  std::optional<ZoneFile> zone =
      ZoneReader(source, sources, std::string(kUnknownOrigin), diagnostics, artifacts).read();
  if (!zone) return false;
  artifacts.zones.push_back(std::move(*zone));
  return true;
}

std::optional<ZoneFile> read_zone_as(std::string_view origin, std::uint32_t source, const Sources& sources) {
  Diagnostics diagnostics;
  DnsArtifacts artifacts;
  std::string text = lower(origin == "." ? std::string_view() : origin);
  std::optional<ZoneFile> zone = ZoneReader(source, sources, std::move(text), diagnostics, artifacts).read();
  if (!artifacts.not_understood.empty() && zone) zone->refused = artifacts.not_understood.front().message;
  return zone;
}

}  // namespace airtight::verify
