#include "compiler/spec/scalar.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "compiler/spec/text_check.h"

namespace airtight {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_alnum(char c) { return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z'); }

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// A decimal number without sign and leading zero, at most `limit`.
std::optional<unsigned> number(std::string_view text, unsigned limit) {
  if (text.empty() || text.size() > 9 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > limit) return std::nullopt;
  return value;
}

// Label names and values: alphanumeric ends, '-', '_' and '.' between, at most 63 (Kubernetes "qualified name").
bool is_label_word(std::string_view text) {
  if (text.empty() || text.size() > 63 || !is_alnum(text.front()) || !is_alnum(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_rfc1123_label(std::string_view text) {
  const auto edge = [](char c) { return is_lower(c) || is_digit(c); };
  if (text.empty() || text.size() > 63 || !edge(text.front()) || !edge(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return edge(c) || c == '-'; });
}

std::string with(std::string_view what, std::string message) { return std::string(what) + ": " + std::move(message); }

// A name that would be accepted in place of `text`, for a hint; empty if none is near.
std::string repaired_name(std::string_view text) {
  std::string out;
  for (const char c : folded(text)) out += is_lower(c) || is_digit(c) ? c : '-';
  while (!out.empty() && out.front() == '-') out.erase(out.begin());
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.substr(0, 63);
}

}  // namespace

std::string_view ambiguity(std::string_view plain) {
  static constexpr std::array<std::string_view, 12> kBooleans{"true", "false", "yes",  "no", "on",  "off",
                                                              "y",    "n",     "null", "~",  "nan", "none"};
  if (plain.empty()) return "null for YAML";
  const std::string lower = folded(plain);
  if (lower == "none") return {};
  if (std::find(kBooleans.begin(), kBooleans.begin() + 8, lower) != kBooleans.begin() + 8)
    return "a boolean for some YAML readers";
  if (lower == "null" || lower == "~") return "null for YAML";
  std::string_view rest = lower;
  if (rest.front() == '+' || rest.front() == '-') rest.remove_prefix(1);
  if (rest == ".inf" || rest == ".nan") return "a number for YAML";
  if (rest.size() > 1 && rest[0] == '0' && (rest[1] == 'x' || rest[1] == 'o' || rest[1] == 'b') &&
      std::all_of(rest.begin() + 2, rest.end(),
                  [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) || c == '_'; }))
    return "a hexadecimal, octal or binary number for some YAML readers";
  const bool digits_only = !rest.empty() &&
                           std::all_of(rest.begin(), rest.end(), [](char c) { return is_digit(c) || c == '_'; }) &&
                           is_digit(rest.front());
  if (digits_only && rest.size() > 1 && rest.front() == '0') return "an octal number for some YAML readers";
  if (digits_only) return "a number for YAML";
  // Floats: digits, at most one dot, an exponent; sexagesimal: digits and colons.
  if (!rest.empty() && (is_digit(rest.front()) || rest.front() == '.')) {
    std::size_t dots = 0, colons = 0, digits = 0;
    bool number_like = true, exponent = false;
    for (std::size_t i = 0; i < rest.size() && number_like; ++i) {
      const char c = rest[i];
      if (is_digit(c))
        ++digits;
      else if (c == '.')
        ++dots;
      else if (c == ':')
        ++colons;
      else if (c == '_')
        continue;
      else if (c == 'e' && digits != 0 && !exponent && i + 1 < rest.size()) {
        exponent = true;
        if (rest[i + 1] == '+' || rest[i + 1] == '-') ++i;
        number_like = i + 1 < rest.size();
      } else {
        number_like = false;
      }
    }
    if (number_like && digits != 0 && dots <= 1 && colons == 0) return "a number for YAML";
    if (number_like && colons != 0 && dots <= 1) return "a sexagesimal number for some YAML readers";
    if (Date::parse(plain)) return "a date for some YAML readers";
  }
  return {};
}

const Node* ScalarReader::scalar(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::Scalar) return &node;
  if (node.kind == Node::Kind::Null)
    diagnostics_.error(Code::NotFilled, node.span, with(what, "is still to be filled in"))
        .help("give the value here, or in a second file next to this one");
  else
    diagnostics_.error(Code::WrongType, node.span, with(what, "is " + std::string(describe(node))))
        .expect("a single value");
  return nullptr;
}

bool ScalarReader::ascii(const Node& node, std::string_view what) {
  std::size_t offset = 0, length = 0;
  const std::string why = describe_non_ascii(node.text, offset, length);
  if (why.empty()) return true;
  Span at = node.span;
  if (!node.quoted &&
      node.span.end - node.span.begin == node.text.size()) {  // the character itself, where text equals source
    at.begin += static_cast<std::uint32_t>(offset);
    at.end = at.begin + static_cast<std::uint32_t>(length);
  }
  diagnostics_.error(Code::LookAlike, at, with(what, why)).expect("ASCII characters");
  return false;
}

std::optional<std::string> ScalarReader::text(const Node& node, std::string_view what) {
  if (!scalar(node, what)) return std::nullopt;
  // A block scalar ends with a line feed of its own; inside, a text is one line, as it is in comments and reports.
  const std::string value = node.text.substr(0, node.text.find_last_not_of('\n') + 1);
  if (value.find_first_not_of(" \n") == std::string::npos) {
    diagnostics_.error(Code::EmptyValue, node.span, with(what, "is empty"));
    return std::nullopt;
  }
  if (value.find('\n') != std::string::npos) {
    diagnostics_.error(Code::ControlCharacter, node.span, with(what, "holds a line break"))
        .help("write it on one line, or fold it with >-");
    return std::nullopt;
  }
  if (!node.quoted) {
    if (const std::string_view why = ambiguity(node.text); !why.empty()) {
      diagnostics_.error(Code::AmbiguousScalar, node.span, with(what, quoted(node.text) + " is " + std::string(why)))
          .help("write \"" + printable(node.text) + "\" if text is meant");
      return std::nullopt;
    }
  }
  return value;
}

std::optional<bool> ScalarReader::boolean(const Node& node, std::string_view what) {
  if (!scalar(node, what)) return std::nullopt;
  if (!node.quoted && node.text == "true") return true;
  if (!node.quoted && node.text == "false") return false;
  Diagnostic& error = diagnostics_.error(Code::BadBoolean, node.span, with(what, quoted(node.text) + " is no boolean"))
                          .expect("true or false");
  const std::string lower = folded(node.text);
  if (lower == "yes" || lower == "on" || lower == "y" || lower == "1" || lower == "true") error.help("write true");
  if (lower == "no" || lower == "off" || lower == "n" || lower == "0" || lower == "false") error.help("write false");
  return std::nullopt;
}

std::optional<std::string> ScalarReader::word(const Node& node, std::string_view what,
                                              std::span<const std::string_view> words) {
  if (!scalar(node, what)) return std::nullopt;
  if (std::find(words.begin(), words.end(), node.text) != words.end()) return node.text;
  std::string list;
  for (const std::string_view candidate : words) list += (list.empty() ? "" : ", ") + std::string(candidate);
  Diagnostic& error =
      diagnostics_.error(Code::UnknownValue, node.span, with(what, quoted(node.text) + " is not on its list"))
          .expect(list);
  std::string_view near;
  for (const std::string_view candidate : words)
    if (folded(candidate) == folded(node.text)) near = candidate;
  if (near.empty()) near = nearest(node.text, words);
  if (!near.empty()) error.help("did you mean '" + std::string(near) + "'?");
  return std::nullopt;
}

bool ScalarReader::key(const Member& member, std::string_view what) {
  const std::string_view why = member.key_quoted ? std::string_view{} : ambiguity(member.key);
  if (why.empty()) return true;
  diagnostics_
      .error(Code::AmbiguousScalar, member.key_span,
             with(what, "key " + quoted(member.key) + " is " + std::string(why)))
      .help("write \"" + printable(member.key) + "\" if text is meant");
  return false;
}

bool ScalarReader::name(std::string_view text, Span at, std::string_view what) {
  std::size_t offset = 0, length = 0;
  const std::string why = describe_non_ascii(text, offset, length);
  if (!why.empty()) {
    diagnostics_.error(Code::LookAlike, at, with(what, why)).expect("ASCII characters");
    return false;
  }
  if (is_rfc1123_label(text)) return true;
  Diagnostic& error =
      diagnostics_.error(Code::BadName, at, with(what, quoted(text) + " is no name"))
          .expect("lower-case letters, digits and '-', at most 63, with a letter or digit at both ends");
  const std::string repaired = repaired_name(text);
  if (is_rfc1123_label(repaired)) error.help("for instance '" + repaired + "'");
  return false;
}

std::optional<std::string> ScalarReader::name(const Node& node, std::string_view what) {
  if (!scalar(node, what)) return std::nullopt;
  if (!node.quoted) {
    if (const std::string_view why = ambiguity(node.text); !why.empty()) {
      diagnostics_.error(Code::AmbiguousScalar, node.span, with(what, quoted(node.text) + " is " + std::string(why)))
          .help("write \"" + printable(node.text) + "\" if text is meant");
      return std::nullopt;
    }
  }
  if (!name(node.text, node.span, what)) return std::nullopt;
  return node.text;
}

bool ScalarReader::label_key(std::string_view text, Span at, std::string_view what) {
  const std::size_t slash = text.find('/');
  const std::string_view prefix = slash == std::string_view::npos ? std::string_view{} : text.substr(0, slash);
  const std::string_view rest = slash == std::string_view::npos ? text : text.substr(slash + 1);
  const std::optional<Domain> domain = slash == std::string_view::npos ? Domain::root() : Domain::parse(prefix);
  const bool prefix_ok = slash == std::string_view::npos || (domain && !domain->is_root() && domain->text() == prefix);
  if (is_label_word(rest) && prefix_ok) return true;
  std::size_t offset = 0, length = 0;
  const std::string why = describe_non_ascii(text, offset, length);
  if (!why.empty())
    diagnostics_.error(Code::LookAlike, at, with(what, why)).expect("ASCII characters");
  else
    diagnostics_.error(Code::BadLabel, at, with(what, quoted(text) + " is no label key"))
        .expect("[dns.prefix/]name, the name at most 63 letters, digits, '-', '_' and '.'");
  return false;
}

std::optional<std::string> ScalarReader::label_value(const Node& node, std::string_view what) {
  if (!scalar(node, what)) return std::nullopt;
  if (!node.quoted) {
    if (const std::string_view why = ambiguity(node.text); !why.empty()) {
      diagnostics_
          .error(Code::AmbiguousScalar, node.span,
                 with(what, quoted(node.text) + " is " + std::string(why) + ", and Kubernetes wants text"))
          .help("write \"" + printable(node.text) + "\"");
      return std::nullopt;
    }
  }
  if (!ascii(node, what)) return std::nullopt;
  if (node.text.empty() || is_label_word(node.text)) return node.text;
  diagnostics_.error(Code::BadLabel, node.span, with(what, quoted(node.text) + " is no label value"))
      .expect("at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends");
  return std::nullopt;
}

std::optional<Ip> ScalarReader::address(const Node& node, std::string_view what) {
  if (!scalar(node, what) || !ascii(node, what)) return std::nullopt;
  const std::optional<Ip> ip = Ip::parse(node.text);
  if (!ip) {
    Diagnostic& error = diagnostics_
                            .error(Code::BadAddress, node.span,
                                   with(what, quoted(node.text) + " is no IP address: " + why_not_ip(node.text)))
                            .expect("an IPv4 or IPv6 address");
    if (Domain::parse(node.text) && std::any_of(node.text.begin(), node.text.end(),
                                                [](char c) { return std::isalpha(static_cast<unsigned char>(c)); }))
      error.help("names go under `names`; a policy needs the address");
    return std::nullopt;
  }
  if (to_string(*ip) != node.text) {
    diagnostics_.error(Code::NotCanonical, node.span, with(what, quoted(node.text) + " is not in canonical form"))
        .expect(to_string(*ip));
    return std::nullopt;
  }
  return ip;
}

std::optional<Prefix> ScalarReader::prefix(const Node& node, std::string_view what) {
  if (!scalar(node, what) || !ascii(node, what)) return std::nullopt;
  const std::optional<Prefix> prefix = Prefix::parse(node.text);
  if (!prefix) {
    if (const std::optional<Prefix> masked = masked_prefix(node.text)) {
      diagnostics_.error(Code::HostBits, node.span, with(what, quoted(node.text) + " has host bits set"))
          .expect(to_string(*masked));
      return std::nullopt;
    }
    Diagnostic& error = diagnostics_
                            .error(Code::BadPrefix, node.span,
                                   with(what, quoted(node.text) + " is no prefix: " + why_not_prefix(node.text)))
                            .expect("ADDRESS/LENGTH");
    if (const std::optional<Ip> ip = Ip::parse(node.text))
      error.help("a single address is written " + to_string(Prefix::host(*ip)));
    return std::nullopt;
  }
  if (to_string(*prefix) != node.text) {
    diagnostics_.error(Code::NotCanonical, node.span, with(what, quoted(node.text) + " is not in canonical form"))
        .expect(to_string(*prefix));
    return std::nullopt;
  }
  return prefix;
}

std::optional<Prefix> ScalarReader::address_or_prefix(const Node& node, std::string_view what) {
  if (!scalar(node, what)) return std::nullopt;
  if (node.text.find('/') != std::string::npos) return prefix(node, what);
  const std::optional<Ip> ip = address(node, what);
  if (!ip) return std::nullopt;
  return Prefix::host(*ip);
}

std::optional<AddressPort> ScalarReader::address_port(const Node& node, std::string_view what) {
  if (!scalar(node, what) || !ascii(node, what)) return std::nullopt;
  const std::string_view text = node.text;
  const std::size_t colon = text.find_last_of(':');
  const bool bracketed = !text.empty() && text.front() == '[';
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  bool shape = colon != std::string_view::npos;
  if (bracketed) {
    shape = shape && host.size() > 2 && host.back() == ']';
    if (shape) host = host.substr(1, host.size() - 2);
  }
  const std::optional<Ip> ip = shape ? Ip::parse(host) : std::nullopt;
  const std::optional<unsigned> port = number(port_text, 65535);
  if (!ip || !port || *port == 0 || bracketed != (ip->family() == Family::V6)) {
    Diagnostic& error =
        diagnostics_.error(Code::BadAddress, node.span, with(what, quoted(text) + " is no ADDRESS:PORT"))
            .expect("as 10.10.0.1:6443 or [fd00:10::1]:6443");
    const std::optional<Ip> unbracketed = bracketed ? std::nullopt : Ip::parse(host);
    if (unbracketed && unbracketed->family() == Family::V6 && port && *port != 0)
      error.help("an IPv6 address stands in brackets: " +
                 to_string(AddressPort{*unbracketed, static_cast<std::uint16_t>(*port)}));
    else if (const std::optional<Ip> bare = Ip::parse(text))
      error.help("add the port: " + to_string(AddressPort{*bare, 6443}));
    else if (ip && !port)
      error.help("ports are decimal numbers from 1 to 65535");
    return std::nullopt;
  }
  const AddressPort value{*ip, static_cast<std::uint16_t>(*port)};
  if (to_string(value) != text) {
    diagnostics_.error(Code::NotCanonical, node.span, with(what, quoted(text) + " is not in canonical form"))
        .expect(to_string(value));
    return std::nullopt;
  }
  return value;
}

std::optional<ServiceSet> ScalarReader::port(const Node& node, std::string_view what) {
  if (!scalar(node, what) || !ascii(node, what)) return std::nullopt;
  const std::string_view text = node.text;
  if (text == "icmp") return ServiceSet::protocol(Protocol::Icmp) | ServiceSet::protocol(Protocol::Icmpv6);
  const auto refuse = [&](const std::string& message, std::string help) -> std::optional<ServiceSet> {
    Diagnostic& error =
        diagnostics_.error(Code::BadPort, node.span, with(what, quoted(text) + " is no port: " + message))
            .expect("PORT/tcp, FIRST-LAST/udp, PORT/sctp or icmp");
    if (!help.empty()) error.help(std::move(help));
    return std::nullopt;
  };
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    if (number(text, 65535)) return refuse("the protocol is missing", "for instance " + std::string(text) + "/tcp");
    return refuse("the protocol is missing", "");
  }
  const std::string_view protocol_text = text.substr(slash + 1);
  std::optional<Protocol> protocol;
  for (const Protocol candidate : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp})
    if (to_string(candidate) == protocol_text) protocol = candidate;
  if (!protocol) {
    const std::string lower = folded(protocol_text);
    const bool only_case = lower == "tcp" || lower == "udp" || lower == "sctp";
    return refuse("protocol " + quoted(protocol_text) + " is not tcp, udp or sctp",
                  only_case ? "write " + std::string(text.substr(0, slash)) + "/" + lower : "");
  }
  const std::string_view ports = text.substr(0, slash);
  const std::size_t dash = ports.find('-');
  const std::optional<unsigned> first = number(ports.substr(0, dash), 65535);
  const std::optional<unsigned> last = dash == std::string_view::npos ? first : number(ports.substr(dash + 1), 65535);
  if (!first || !last) return refuse("ports are decimal numbers from 1 to 65535", "");
  if (*first == 0 || *last == 0) return refuse("port 0 cannot be named", "");
  if (*first > *last)
    return refuse("the range runs backwards",
                  std::to_string(*last) + "-" + std::to_string(*first) + "/" + std::string(protocol_text));
  if (dash != std::string_view::npos && *first == *last)
    return refuse("a range of one port", std::to_string(*first) + "/" + std::string(protocol_text));
  return ServiceSet::of(*protocol, PortSet::of(static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)));
}

std::optional<Domain> ScalarReader::domain(const Node& node, std::string_view what) {
  if (!scalar(node, what)) return std::nullopt;
  std::optional<Domain> domain = Domain::parse(node.text);
  if (!domain) {
    diagnostics_
        .error(Code::BadDomain, node.span,
               with(what, quoted(node.text) + " is no domain name: " + why_not_domain(node.text)))
        .expect("a name as corp.example");
    return std::nullopt;
  }
  if (domain->text() != node.text && !domain->is_root()) {
    diagnostics_.error(Code::NotCanonical, node.span, with(what, quoted(node.text) + " is not in canonical form"))
        .expect(domain->text());
    return std::nullopt;
  }
  return domain;
}

std::optional<Date> ScalarReader::date(const Node& node, std::string_view what) {
  if (!scalar(node, what) || !ascii(node, what)) return std::nullopt;
  if (const std::optional<Date> date = Date::parse(node.text)) return date;
  diagnostics_.error(Code::BadDate, node.span, with(what, quoted(node.text) + " is no date"))
      .expect("YYYY-MM-DD, a day that exists");
  return std::nullopt;
}

std::optional<KubernetesVersion> ScalarReader::version(const Node& node, std::string_view what) {
  if (!scalar(node, what) || !ascii(node, what)) return std::nullopt;
  const std::size_t dot = node.text.find('.');
  const std::optional<unsigned> major = number(std::string_view(node.text).substr(0, dot), 9);
  const std::optional<unsigned> minor =
      dot == std::string::npos ? std::nullopt : number(std::string_view(node.text).substr(dot + 1), 999);
  if (!major || !minor || *major == 0) {
    diagnostics_.error(Code::BadVersion, node.span, with(what, quoted(node.text) + " is no Kubernetes version"))
        .expect("MAJOR.MINOR in quotes, as \"1.29\"");
    return std::nullopt;
  }
  if (!node.quoted) {
    diagnostics_
        .error(Code::BadVersion, node.span, with(what, "a version without quotes is a number: YAML reads 1.30 as 1.3"))
        .help("write \"" + node.text + "\"");
    return std::nullopt;
  }
  return KubernetesVersion{*major, *minor};
}

std::optional<std::string> ScalarReader::device(const Node& node, std::string_view what) {
  if (!scalar(node, what)) return std::nullopt;
  if (!ascii(node, what)) return std::nullopt;
  const std::string& text = node.text;
  const std::size_t star = text.find('*');
  const bool characters = std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '@' || c == '+' || c == '*';
  });
  const bool shape = !text.empty() && text.size() <= 15 && characters && text != "." && text != ".." &&
                     (star == std::string::npos || star == text.size() - 1);
  if (shape && text != "*" && text != "lo") return text;
  Diagnostic& error =
      diagnostics_.error(Code::BadDevice, node.span, with(what, quoted(text) + " is no device name pattern"))
          .expect("a name of at most 15 letters, digits, '-', '_', '.', '@' and '+', with at most one '*', at its end");
  if (text == "*") error.help("name the devices: a pattern for every device tells uplinks and pods apart no more");
  if (text == "lo") error.help("the loopback device never leaves the node and is always known");
  return std::nullopt;
}

}  // namespace airtight
