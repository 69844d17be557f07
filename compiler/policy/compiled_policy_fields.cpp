#include "compiler/policy/compiled_policy_fields.h"

#include <algorithm>
#include <charconv>
#include <span>

// GCC 12 warns about its own <regex> when sanitizers are on.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <regex>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

namespace airtight {
namespace {

constexpr std::size_t kMostErrors = 50;
constexpr std::size_t kLongestPattern = 512;

std::string_view kind_name(JsonValue::Kind kind) {
  switch (kind) {
    case JsonValue::Kind::Null:
      return "null";
    case JsonValue::Kind::Boolean:
      return "true or false";
    case JsonValue::Kind::Integer:
      return "an integer";
    case JsonValue::Kind::String:
      return "a string";
    case JsonValue::Kind::Array:
      return "an array";
    case JsonValue::Kind::Object:
      return "an object";
  }
  return {};
}

// C0, DEL and C1 controls; the text is UTF-8.
bool has_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return true;
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

template <class T>
std::optional<T> decimal(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<KubernetesVersion> parse_version(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = decimal<unsigned>(text.substr(0, dot));
  const auto minor = decimal<unsigned>(text.substr(dot + 1));
  if (!major || !minor) return std::nullopt;
  return KubernetesVersion{*major, *minor};
}

std::optional<AddressPort> parse_address_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view address = text.substr(0, colon);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  const auto ip = Ip::parse(address);
  const auto port = decimal<std::uint16_t>(text.substr(colon + 1));
  if (!ip || !port) return std::nullopt;
  return AddressPort{*ip, *port};
}

// A text that `parse` reads and that to_string() gives back unchanged.
template <class T>
T read_value(FieldErrors& errors, const JsonValue& value, std::string_view what, T fallback,
             std::optional<T> (*parse)(std::string_view), std::string (*why)(std::string_view) = nullptr) {
  if (!is_kind(errors, value, JsonValue::Kind::String)) return fallback;
  const std::string text = value.string();
  std::optional<T> parsed = parse(text);
  if (!parsed) {
    errors.add(value, "no " + std::string(what), {.reason = why != nullptr ? ": " + why(text) : std::string()});
    return fallback;
  }
  const std::string canonical = to_string(*parsed);
  if (canonical != text) errors.add(value, std::string(what) + " in another form", {.expected = "'" + canonical + "'"});
  return *std::move(parsed);
}

bool is_pattern(const std::string& text) {
  if (text.empty() || text.size() > kLongestPattern) return false;
  try {
    const std::regex compiled(text, std::regex::ECMAScript);
    return true;
  } catch (const std::regex_error&) {
    return false;
  }
}

PortSet read_selectors(FieldErrors& errors, const JsonValue& value, Protocol protocol) {
  const std::size_t before = errors.count();
  const std::int64_t largest = ServiceSet::universe(protocol).intervals().back().last;
  const auto ranges = read_list(errors, value, [&](const JsonValue& item) {
    const std::size_t before_ends = errors.count();
    const auto ends = read_list(errors, item, [&](const JsonValue& end) {
      return static_cast<std::uint16_t>(read_integer(errors, end, largest));
    });
    if (ends.size() == 2 && ends[0] <= ends[1]) return Interval<std::uint16_t>{ends[0], ends[1]};
    if (errors.count() == before_ends) errors.add(item, "no range", {.expected = "[first, last]"});
    return Interval<std::uint16_t>{0, 0};
  });
  PortSet set = PortSet::from(ranges);
  const bool same = std::equal(ranges.begin(), ranges.end(), set.intervals().begin(), set.intervals().end());
  if (errors.count() == before && (!same || ranges.empty())) {
    errors.add(value, "ranges in another form", {.expected = "ascending ranges that do not touch, at least one"});
  }
  return set;
}

// The set that DomainSet::nodes() describes, in O(n log n): of two halves, the later one overrides what it names.
struct Described {
  DomainSet set;
  DomainSet named;  // the names of the nodes and everything below
};

Described describe(std::span<const DomainSet::Node> nodes) {
  if (nodes.empty()) return {};
  if (nodes.size() == 1) {
    const DomainSet::Node& node = nodes[0];
    DomainSet set;
    if (node.self) set |= DomainSet::exactly(node.name);
    if (node.below) set |= DomainSet::strictly_below(node.name);
    return {std::move(set), DomainSet::below(node.name)};
  }
  const Described first = describe(nodes.first(nodes.size() / 2));
  const Described second = describe(nodes.subspan(nodes.size() / 2));
  return {(first.set - second.named) | second.set, first.named | second.named};
}

}  // namespace

void FieldErrors::add(const JsonValue& place, std::string_view what, const More& more) {
  ++count_;
  if (count_ > kMostErrors) return;
  if (count_ == kMostErrors) {
    diagnostics_.error(Code::PolicySyntax, place.span(), "more errors than these, not listed");
    return;
  }
  std::string pointer = place.pointer();
  if (!more.member.empty()) pointer += "/" + std::string(more.member);
  diagnostics_
      .error(Code::PolicySyntax, place.span(), std::string(what) + " at " + shown_pointer(pointer) + more.reason)
      .expect(more.expected)
      .help(more.help);
}

bool is_kind(FieldErrors& errors, const JsonValue& value, JsonValue::Kind kind) {
  if (value.kind() == kind) return true;
  errors.add(value, kind_name(value.kind()), {.expected = std::string(kind_name(kind))});
  return false;
}

std::string read_text(FieldErrors& errors, const JsonValue& value) {
  if (!is_kind(errors, value, JsonValue::Kind::String)) return {};
  std::string text = value.string();
  if (has_control(text)) errors.add(value, "a control character");
  return text;
}

std::string read_filled(FieldErrors& errors, const JsonValue& value) {
  const std::size_t before = errors.count();
  std::string text = read_text(errors, value);
  if (text.empty() && errors.count() == before) errors.add(value, "an empty text");
  return text;
}

std::int64_t read_integer(FieldErrors& errors, const JsonValue& value, std::int64_t largest) {
  if (!is_kind(errors, value, JsonValue::Kind::Integer)) return 0;
  if (value.integer() >= 0 && value.integer() <= largest) return value.integer();
  errors.add(value, std::to_string(value.integer()) + " is out of range",
             {.expected = "0 to " + std::to_string(largest)});
  return 0;
}

Ip read_ip(FieldErrors& errors, const JsonValue& value) {
  return read_value(errors, value, "address", Ip::v4(0), Ip::parse, why_not_ip);
}

Prefix read_prefix(FieldErrors& errors, const JsonValue& value) {
  return read_value(errors, value, "prefix", Prefix::host(Ip::v4(0)), Prefix::parse, why_not_prefix);
}

Domain read_domain(FieldErrors& errors, const JsonValue& value) {
  return read_value(errors, value, "name", Domain::root(), Domain::parse, why_not_domain);
}

KubernetesVersion read_version(FieldErrors& errors, const JsonValue& value) {
  return read_value(errors, value, "version", KubernetesVersion(), parse_version);
}

AddressPort read_address_port(FieldErrors& errors, const JsonValue& value) {
  return read_value(errors, value, "address and port", AddressPort{Ip::v4(0), 0}, parse_address_port);
}

Date read_date(FieldErrors& errors, const JsonValue& value) {
  return read_value(errors, value, "date", Date(), Date::parse);
}

std::string read_pattern(FieldErrors& errors, const JsonValue& value) {
  const std::size_t before = errors.count();
  std::string pattern = read_text(errors, value);
  if (errors.count() == before && !is_pattern(pattern)) {
    errors.add(value, "no pattern", {.expected = "an ECMAScript regular expression of at most 512 bytes"});
  }
  return pattern;
}

IpSet read_addresses(FieldErrors& errors, const JsonValue& value) {
  const std::size_t before = errors.count();
  const auto prefixes = read_list(errors, value, [&](const JsonValue& item) { return read_prefix(errors, item); });
  IpSet set = IpSet::from(std::span<const Prefix>(prefixes));
  if (errors.count() == before && set.prefixes() != prefixes) {
    errors.add(value, "addresses in another form", {.expected = "the fewest prefixes, ascending, IPv4 first"});
  }
  return set;
}

ServiceSet read_services(FieldErrors& errors, const JsonValue& value) {
  ServiceSet set;
  if (!is_kind(errors, value, JsonValue::Kind::Object)) return set;
  for (const JsonMember& member : value.members()) {
    const std::string name = member.key.string();
    const auto protocol = std::find_if(kProtocols.begin(), kProtocols.end(),
                                       [&](Protocol candidate) { return to_string(candidate) == name; });
    if (protocol == kProtocols.end()) {
      errors.add(member.key, "unknown member", {.expected = "one of icmp, icmpv6, other, sctp, tcp, udp"});
      continue;
    }
    set |= ServiceSet::of(*protocol, read_selectors(errors, member.value, *protocol));
  }
  return set;
}

Origin read_origin(FieldErrors& errors, const JsonValue& value) {
  ObjectFields object(errors, value);
  Origin origin;
  origin.file = object.text("file");
  origin.line = object.number<std::uint32_t>("line");
  object.finish();
  return origin;
}

DomainSet read_names(FieldErrors& errors, const JsonValue& value) {
  const std::size_t before = errors.count();
  const auto nodes = read_list(errors, value, [&](const JsonValue& item) {
    ObjectFields object(errors, item);
    DomainSet::Node node{object.domain("name"), object.flag("self"), object.flag("below")};
    object.finish();
    return node;
  });
  if (errors.count() != before) return {};
  DomainSet set = describe(nodes).set;
  if (!std::equal(nodes.begin(), nodes.end(), set.nodes().begin(), set.nodes().end())) {
    errors.add(value, "names in another form",
               {.expected = "nodes in canonical order, none that repeats what its nearest ancestor says"});
  }
  return set;
}

ObjectFields::ObjectFields(FieldErrors& errors, const JsonValue& value) : errors_(errors), place_(value) {
  if (!is_kind(errors, value, JsonValue::Kind::Object)) return;
  readable_ = true;
  members_ = value.members();
  names_.reserve(members_.size());
  for (const JsonMember& member : members_) names_.push_back(member.key.string());
  asked_.resize(members_.size());
}

std::optional<JsonValue> ObjectFields::find(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return std::nullopt;
  return members_[static_cast<std::size_t>(found - names_.begin())].value;
}

std::optional<JsonValue> ObjectFields::ask(std::string_view name) {
  wanted_.push_back(name);
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) {
    if (readable_) errors_.add(place_, "missing member", {.member = name});
    return std::nullopt;
  }
  const auto index = static_cast<std::size_t>(found - names_.begin());
  asked_[index] = true;
  return members_[index].value;
}

ServiceSet ObjectFields::some_services(std::string_view name) {
  return get(name, ServiceSet(), [&](const JsonValue& value) {
    const std::size_t before = errors_.count();
    ServiceSet set = read_services(errors_, value);
    if (set.empty() && errors_.count() == before) errors_.add(value, "no service");
    return set;
  });
}

void ObjectFields::finish() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (asked_[i]) continue;
    const std::string_view meant = nearest(names_[i], wanted_);
    errors_.add(members_[i].key, "unknown member",
                {.help = meant.empty() ? std::string() : "did you mean '" + std::string(meant) + "'?"});
  }
}

}  // namespace airtight
