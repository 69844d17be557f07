// BIND's named.conf (grammar of 9.18). A statement that is neither read here nor harmless may give an upstream or
// an answer: it is recorded as not understood, and what is absent is no longer certain.
#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <utility>

#include "compiler/verify/dns/named_conf_words.h"
#include "compiler/verify/dns/zones.h"
#include "compiler/verify/document.h"

namespace airtight::verify {
namespace {

constexpr Code kSyntax = Code::ArtifactSyntax;

struct Statement;

// A word, a quoted string or a block.
struct Element {
  std::string text;
  bool quoted = false;
  bool block = false;
  std::vector<Statement> statements;
  Span span;
};

struct Statement {
  std::vector<Element> elements;  // at least one
  const std::string& keyword() const { return elements[0].text; }
  Span span() const { return elements[0].span; }
};

class Grammar {
 public:
  Grammar(std::uint32_t source, std::string_view text, Diagnostics& diagnostics)
      : source_(source), text_(text), diagnostics_(diagnostics) {}

  // Statements up to the end of the text, or to the '}' of a block.
  bool statements(std::vector<Statement>& out, std::size_t depth) {
    while (true) {
      if (!skip_blank()) return false;
      if (at_ == text_.size()) return depth == 0 || fail(at_, "the file ends inside a block", "'}'");
      if (text_[at_] == '}') {
        if (depth == 0) return fail(at_, "'}' without '{'");
        ++at_;
        return true;
      }
      if (text_[at_] == ';') {
        ++at_;
        continue;
      }
      Statement statement;
      if (!this->statement(statement, depth)) return false;
      out.push_back(std::move(statement));
    }
  }

 private:
  Span span(std::size_t begin, std::size_t end) const {
    return {source_, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  }
  bool fail(std::size_t at, std::string message, std::string expected = {}) {
    diagnostics_.error(kSyntax, span(at, std::min(at + 1, text_.size())), std::move(message))
        .expect(std::move(expected));
    return false;
  }
  bool comment_starts(std::size_t at) const {
    return text_[at] == '#' || text_.substr(at, 2) == "//" || text_.substr(at, 2) == "/*";
  }

  bool skip_blank() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++at_;
      } else if (text_.substr(at_, 2) == "/*") {
        const std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return fail(at_, "the comment is not closed", "'*/'");
        at_ = end + 2;
      } else if (comment_starts(at_)) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        break;
      }
    }
    return true;
  }

  bool statement(Statement& out, std::size_t depth) {
    while (true) {
      if (!skip_blank()) return false;
      if (at_ == text_.size() || text_[at_] == '}') return fail(at_, "the statement is not ended", "';'");
      if (text_[at_] == ';') {
        ++at_;
        return true;
      }
      Element element;
      const std::size_t begin = at_;
      if (text_[at_] == '{') {
        if (depth + 1 > kMaxArtifactDepth)
          return fail(at_, "more than " + std::to_string(kMaxArtifactDepth) + " levels");
        ++at_;
        element.block = true;
        element.span = span(begin, at_);
        if (!statements(element.statements, depth + 1)) return false;
      } else if (text_[at_] == '"') {
        const std::size_t end = text_.find_first_of("\"\n\\", at_ + 1);
        if (end == std::string_view::npos || text_[end] != '"')
          return fail(at_, "the quotes are not closed, or hold '\\'");
        element.quoted = true;
        element.text = text_.substr(begin + 1, end - begin - 1);
        at_ = end + 1;
        element.span = span(begin, at_);
      } else if (!word(element)) {
        return false;
      }
      out.elements.push_back(std::move(element));
    }
  }

  bool word(Element& element) {
    const std::size_t begin = at_;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (std::string_view(" \t\r\n{};").find(c) != std::string_view::npos) break;
      if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == '\x7f') {
        return fail(at_, "a character that has no place here");
      }
      if (comment_starts(at_)) return fail(at_, "a comment inside a word", "white space before the comment");
    }
    element.text = text_.substr(begin, at_ - begin);
    element.span = span(begin, at_);
    return true;
  }

  std::uint32_t source_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

std::string zone_name(std::string_view text) {
  std::string name = lower(text);
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  return name;
}

std::optional<bool> boolean(std::string_view text) {
  const std::string word = lower(text);
  if (word == "yes" || word == "true" || word == "1") return true;
  if (word == "no" || word == "false" || word == "0") return false;
  return std::nullopt;
}

class Reader {
 public:
  Reader(std::uint32_t source, const Sources& sources, DnsArtifacts& artifacts)
      : object_("resolver configuration " + std::string(sources.basename(source))), artifacts_(artifacts) {}

  ResolverConfiguration read(const std::vector<Statement>& statements) {
    for (const Statement& statement : statements) top(statement);
    return std::move(conf_);
  }

 private:
  void not_understood(Span where, std::string message) {
    conf_.whole = false;
    artifacts_.not_understood.push_back({Rule::FieldNotUnderstood, where, object_, std::move(message)});
  }
  void unknown(const Statement& statement) {
    not_understood(statement.span(), "statement " + quoted(statement.keyword()) + " is not understood");
  }
  // A server refuses the whole file.
  void once(const Statement& statement, const std::string& what) {
    if (!given_.insert(what).second) not_understood(statement.span(), what + " is given twice, which servers refuse");
  }

  static const Element* block(const Statement& statement) {
    const auto at =
        std::find_if(statement.elements.begin(), statement.elements.end(), [](const Element& e) { return e.block; });
    return at == statement.elements.end() ? nullptr : &*at;
  }
  // The one word behind the keyword; empty if there is none or more.
  static std::string_view value(const Statement& statement) {
    const bool one = statement.elements.size() == 2 && !statement.elements[1].block;
    return one ? std::string_view(statement.elements[1].text) : std::string_view();
  }
  void read_boolean(const Statement& statement, bool& into) {
    const std::optional<bool> read = boolean(value(statement));
    if (read)
      into = *read;
    else
      not_understood(statement.span(), "the value of " + quoted(statement.keyword()) + " is not understood");
  }
  static bool only_harmless_value(const Statement& statement) {
    if (statement.elements.size() != 2 || !statement.elements[1].block) {
      return is_harmless(statement.keyword(), lower(value(statement)));
    }
    const std::vector<Statement>& inner = statement.elements[1].statements;
    return inner.size() == 1 && inner[0].elements.size() == 1 && is_harmless(statement.keyword(), inner[0].keyword());
  }

  void top(const Statement& statement) {
    const std::string& word = statement.keyword();
    if (statement.elements[0].block || statement.elements[0].quoted) return unknown(statement);
    if (word == "options") {
      once(statement, "options");
      conf_.options_span = statement.span();
      if (block(statement) == nullptr || statement.elements.size() != 2) return unknown(statement);
      for (const Statement& option : block(statement)->statements) this->option(option);
    } else if (word == "zone") {
      zone(statement);
    } else if (word == "server") {
      server(statement);
    } else if (!is_harmless(ConfPlace::Top, word)) {
      unknown(statement);
    }
  }

  void option(const Statement& statement) {
    struct Switch {
      std::string_view name;
      bool ResolverConfiguration::*field;
    };
    static constexpr std::array<Switch, 2> kSwitches{{{"recursion", &ResolverConfiguration::recursion},
                                                      {"empty-zones-enable", &ResolverConfiguration::empty_zones}}};
    const std::string& word = statement.keyword();
    if (word != "listen-on" && word != "listen-on-v6") once(statement, "option " + word);
    for (const Switch& s : kSwitches) {
      if (word == s.name) return read_boolean(statement, conf_.*s.field);
    }
    if (word == "directory") {
      conf_.directory = value(statement);
    } else if (word == "forwarders") {
      addresses(statement, conf_.forwarders);
    } else if (word == "response-policy") {
      response_policy(statement);
    } else if (word == "dnssec-validation") {
      conf_.dnssec_validation = boolean(value(statement)).value_or(true);  // auto
    } else if (word == "minimal-responses") {
      conf_.minimal_responses = boolean(value(statement)).value_or(false);  // no-auth, no-auth-recursive
    } else if (!is_harmless(ConfPlace::Options, word) && !only_harmless_value(statement)) {
      unknown(statement);
    }
  }

  // ADDRESS [port N] [tls NAME] [key NAME]; …
  void addresses(const Statement& statement, std::vector<std::pair<Ip, Span>>& into) {
    const Element* list = block(statement);
    if (list == nullptr) return unknown(statement);
    for (const Statement& entry : list->statements) {
      const std::optional<Ip> ip = entry.elements[0].block ? std::nullopt : Ip::parse(entry.keyword());
      if (ip)
        into.emplace_back(*ip, entry.span());
      else
        not_understood(entry.span(), "the server " + quoted(entry.keyword()) + " is no address");
    }
  }

  static std::optional<RpzAction> override_of(std::string_view policy) {
    constexpr std::array<std::pair<std::string_view, RpzAction>, 7> kOverrides{{{"nxdomain", RpzAction::NxDomain},
                                                                                {"nodata", RpzAction::NoData},
                                                                                {"drop", RpzAction::Drop},
                                                                                {"passthru", RpzAction::Passthru},
                                                                                {"no-op", RpzAction::Passthru},
                                                                                {"tcp-only", RpzAction::TcpOnly},
                                                                                {"cname", RpzAction::Other}}};
    for (const auto& [name, action] : kOverrides) {
      if (policy == name) return action;
    }
    return std::nullopt;
  }

  void policy_zone(const Statement& entry) {
    if (entry.keyword() != "zone" || entry.elements.size() < 2) return unknown(entry);
    PolicyZoneUse use;
    use.name = zone_name(entry.elements[1].text);
    use.where = entry.elements[1].span;
    for (std::size_t i = 2; i < entry.elements.size(); i += 2) {
      const std::string word = lower(entry.elements[i].text);
      const std::string of = i + 1 < entry.elements.size() ? lower(entry.elements[i + 1].text) : std::string();
      if (word == "policy" && of == "disabled") {
        use.disabled = true;
      } else if (word == "policy" && of != "given") {
        use.override_all = override_of(of);
        if (!use.override_all) not_understood(entry.elements[i].span, "policy " + quoted(of) + " is not understood");
        if (of == "cname") ++i;
      } else if (word == "recursive-only" && boolean(of)) {
        use.recursive_only = boolean(of);
      } else if (word != "policy" && !is_harmless(ConfPlace::ResponsePolicy, word)) {
        not_understood(entry.elements[i].span, quoted(word) + " is not understood");
      }
    }
    conf_.response_policy.push_back(std::move(use));
  }

  void response_policy(const Statement& statement) {
    struct Switch {
      std::string_view name;
      bool ResolverConfiguration::*field;
    };
    static constexpr std::array<Switch, 3> kSwitches{
        {{"qname-wait-recurse", &ResolverConfiguration::qname_wait_recurse},
         {"break-dnssec", &ResolverConfiguration::break_dnssec},
         {"recursive-only", &ResolverConfiguration::recursive_only}}};
    conf_.policy_span = statement.span();
    if (statement.elements.size() < 2 || !statement.elements[1].block) return unknown(statement);
    for (const Statement& entry : statement.elements[1].statements) policy_zone(entry);
    for (std::size_t i = 2; i < statement.elements.size(); i += 2) {
      const std::string word = lower(statement.elements[i].text);
      const std::optional<bool> on =
          i + 1 < statement.elements.size() ? boolean(statement.elements[i + 1].text) : std::nullopt;
      const auto s = std::find_if(kSwitches.begin(), kSwitches.end(), [&](const Switch& x) { return x.name == word; });
      if (s != kSwitches.end() && on)
        conf_.*s->field = *on;
      else if (s != kSwitches.end() || !is_harmless(ConfPlace::ResponsePolicy, word)) {
        not_understood(statement.elements[i].span, quoted(word) + " is not understood");
      }
    }
  }

  void zone(const Statement& statement) {
    const Element* body = block(statement);
    if (statement.elements.size() < 3 || body == nullptr || body != &statement.elements.back())
      return unknown(statement);
    ConfiguredZone zone;
    zone.name = zone_name(statement.elements[1].text);
    zone.where = statement.elements[1].span;
    for (std::size_t i = 2; i + 1 < statement.elements.size(); ++i) {
      if (lower(statement.elements[i].text) != "in") return unknown(statement);
    }
    once(statement, "zone " + quoted(zone.name));
    ForwardZone forward;
    forward.name = zone.name;
    forward.where = zone.where;
    bool forwards = false;
    std::set<std::string> seen;
    for (const Statement& option : body->statements) {
      const std::string& word = option.keyword();
      if (!seen.insert(word).second)
        not_understood(option.span(), quoted(word) + " is given twice, which servers refuse");
      if (word == "type") {
        zone.type = lower(value(option));
        if (zone.type == "master") zone.type = "primary";
        if (zone.type == "slave") zone.type = "secondary";
      } else if (word == "file") {
        zone.file = value(option);
      } else if (word == "forward") {
        forward.only = value(option) == "only";
      } else if (word == "forwarders") {
        forwards = true;
        addresses(option, forward.forwarders);
      } else if (word == "primaries" || word == "masters" || word == "server-addresses") {
        addresses(option, zone.servers);
      } else if (!is_harmless(ConfPlace::Zone, word) && !only_harmless_value(option)) {
        unknown(option);
      }
    }
    if (forwards || zone.type == "forward") conf_.forward_zones.push_back(std::move(forward));
    if (zone.type != "forward") conf_.zones.push_back(std::move(zone));
  }

  void server(const Statement& statement) {
    const Element* body = block(statement);
    if (statement.elements.size() != 3 || body != &statement.elements[2]) return unknown(statement);
    const std::string& text = statement.elements[1].text;
    std::optional<Prefix> prefix = Prefix::parse(text);
    if (const std::optional<Ip> ip = Ip::parse(text)) prefix = Prefix::host(*ip);
    if (!prefix) return not_understood(statement.elements[1].span, quoted(text) + " is no address or prefix");
    once(statement, "server " + to_string(*prefix));
    bool bogus = false;
    for (const Statement& option : body->statements) {
      if (option.keyword() == "bogus")
        read_boolean(option, bogus);
      else if (!is_harmless(ConfPlace::Server, option.keyword()))
        unknown(option);
    }
    conf_.bogus.emplace_back(*prefix, bogus);
  }

  std::string object_;
  DnsArtifacts& artifacts_;
  ResolverConfiguration conf_;
  std::set<std::string> given_;
};

}  // namespace

bool read_named_conf(std::uint32_t source, const Sources& sources, Diagnostics& diagnostics, DnsArtifacts& artifacts) {
  const std::string_view text = sources.text(source);
  const Span whole{source, 0, static_cast<std::uint32_t>(std::min(text.size(), text.find('\n')))};
  if (text.size() > kMaxArtifactBytes) {
    diagnostics.error(Code::TooBig, whole, "the file is longer than " + std::to_string(kMaxArtifactBytes) + " bytes");
    return false;
  }
  std::vector<Statement> statements;
  if (!Grammar(source, text, diagnostics).statements(statements, 0)) return false;
  ResolverConfiguration configuration = Reader(source, sources, artifacts).read(statements);
  configuration.span = statements.empty() ? whole : statements.front().span();
  artifacts.resolvers.push_back(std::move(configuration));
  return true;
}

}  // namespace airtight::verify
