#include "auditor/classify/boundary.h"

#include <algorithm>
#include <vector>

#include "auditor/classify/address_index.h"
#include "auditor/classify/domain_form.h"
#include "auditor/classify/name_index.h"
#include "auditor/decode/frame.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kLongestAddress = 45;  // eight groups, the last two as a dotted quad

// The host of an authority (RFC 3986 §3.2 without user): the literal, or the name that it must be taken for.
struct Host {
  std::optional<Ip> literal;
  std::string_view name;
};

std::optional<Ip> parse_literal(std::string_view text) {
  return text.size() > kLongestAddress ? std::nullopt : Ip::parse(text);
}

// Digits of a number up to 65535; none are allowed too.
bool is_port(std::string_view text) {
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = std::min(value * 10 + static_cast<unsigned>(c - '0'), 65536U);
  }
  return value < 65536;
}

// What has no form of a host stays as it is, and is no name.
Host parse_host(std::string_view text) {
  if (!text.empty() && text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return {{}, text};
    const std::string_view rest = text.substr(end + 1);
    const bool complete = rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
    const auto literal = parse_literal(text.substr(1, end - 1));
    return complete && literal && !literal->is_v4() ? Host{literal, {}} : Host{{}, text};
  }
  if (const auto literal = parse_literal(text)) return {literal, {}};
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_port(text.substr(colon + 1))) return {{}, text};
  text = text.substr(0, colon);
  return {parse_literal(text), text};
}

std::optional<unsigned> number_of(std::string_view label, unsigned base, std::size_t most_digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (label.empty() || label.size() > most_digits || (label.size() > 1 && label.front() == '0')) return std::nullopt;
  unsigned value = 0;
  for (const char c : label) {
    const std::size_t digit = kDigits.find(fold(c));
    if (digit >= base) return std::nullopt;
    value = value * base + static_cast<unsigned>(digit);
  }
  return value;
}

struct ReverseZone {
  std::string_view name;
  std::size_t labels;
  unsigned base;
  std::size_t most_digits;
  unsigned bits;
};
constexpr ReverseZone kReverseZones[] = {{".in-addr.arpa", 4, 10, 3, 8}, {".ip6.arpa", 32, 16, 1, 4}};

// The address of a complete reverse name (RFC 1035 §3.5, RFC 3596 §2.5).
std::optional<Ip> address_of_reverse(std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  for (const ReverseZone& zone : kReverseZones) {
    if (name.size() <= zone.name.size()) continue;
    const std::size_t cut = name.size() - zone.name.size();
    if (!std::equal(zone.name.begin(), zone.name.end(), name.begin() + static_cast<std::ptrdiff_t>(cut),
                    [](char a, char b) { return a == fold(b); })) {
      continue;
    }
    std::string_view rest = name.substr(0, cut);
    u128 bits = 0;
    for (std::size_t i = 0; i < zone.labels; ++i) {
      const std::size_t dot = rest.find('.');
      if ((dot == std::string_view::npos) != (i + 1 == zone.labels)) return std::nullopt;
      const auto value = number_of(rest.substr(0, dot), zone.base, zone.most_digits);
      if (!value || *value >> zone.bits != 0) return std::nullopt;
      bits |= u128{*value} << (zone.bits * i);
      rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
    }
    return zone.bits == 8 ? Ip::v4(static_cast<std::uint32_t>(bits)) : Ip::v6(bits);
  }
  return std::nullopt;
}

ServiceSet carriers(const Policy& policy) {
  ServiceSet set;
  for (const Tunnel& tunnel : policy.cluster.tunnels) set |= tunnel.carrier;
  return set;
}

}  // namespace

struct Boundary::State {
  explicit State(const Policy& p)
      : policy(p), addresses(p), address_labels(p), inside_names(p.inside_names), name_labels(p), tunnels(carriers(p)) {
    for (const EtherType& type : p.cluster.l2) ether_types.push_back(type.value);
    std::sort(ether_types.begin(), ether_types.end());
  }

  const Policy& policy;
  AddressIndex addresses;
  AddressLabels address_labels;
  InsideNames inside_names;
  NameLabels name_labels;
  ServiceSet tunnels;  // of any kind
  std::vector<std::uint16_t> ether_types;
};

Boundary::Boundary(const Policy& policy) : state_(std::make_unique<State>(policy)) {}
Boundary::~Boundary() = default;

const Policy& Boundary::policy() const { return state_->policy; }

Boundary::Place Boundary::place(Ip ip) const { return state_->addresses.place(ip); }

bool Boundary::inside(Ip ip) const { return place(ip).inside; }

Judgement Boundary::decide(Ip source, Ip destination, Protocol protocol, std::uint16_t selector,
                           std::optional<Date> on) const {
  return state_->addresses.decide(source, destination, protocol, selector, on);
}

Label Boundary::label(Ip ip) const {
  if (const Label label = state_->address_labels.of(ip)) return label;
  const auto embedded = embedded_ipv4(ip);
  return embedded ? state_->address_labels.of(Ip::v4(embedded->address)) : Label{};
}

bool Boundary::inside_name(std::string_view name) const { return state_->inside_names.contains(name); }

bool Boundary::inside_host(std::string_view text) const {
  const Host host = parse_host(text);
  return host.literal ? inside(*host.literal) : inside_name(host.name);
}

Label Boundary::label_name(std::string_view text) const {
  const Host host = parse_host(text);
  if (host.literal) return label(*host.literal);
  if (const Label label = state_->name_labels.of(host.name)) return label;
  const auto reversed = address_of_reverse(host.name);
  return reversed ? label(*reversed) : Label{};
}

bool Boundary::declared_tunnel(Ip source, Ip destination, Protocol protocol, std::uint16_t selector) const {
  return state_->tunnels.contains(protocol, selector) && place(source).node && place(destination).node;
}

bool Boundary::declared_ether_type(std::uint16_t type) const {
  return std::binary_search(state_->ether_types.begin(), state_->ether_types.end(), type);
}

// Days to a date by eras of 400 years that begin on 1 March, so that the leap day is the last of its year.
std::optional<Date> day_of(std::int64_t time) {
  if (time == kNoTime) return std::nullopt;
  constexpr std::int64_t kDay = 86'400'000'000'000;
  constexpr std::int64_t kDaysOfEra = 146'097;
  constexpr std::int64_t kToMarch0000 = 719'468;  // from 1 March 0000 to 1 January 1970
  const auto floor_divide = [](std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); };
  const std::int64_t days = floor_divide(time, kDay) + kToMarch0000;
  const std::int64_t era = floor_divide(days, kDaysOfEra);
  const std::int64_t day_of_era = days - era * kDaysOfEra;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (kDaysOfEra - 1)) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;  // 153 days in five months
  const std::int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const std::int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return Date{static_cast<int>(year), static_cast<unsigned>(month), static_cast<unsigned>(day)};
}

}  // namespace airtight::audit
