// Packet sets in words, and one packet of each.
#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>

#include "compiler/verify/firewall/evaluation.h"
#include "compiler/verify/words.h"

namespace airtight::verify {
namespace {

constexpr std::size_t kFields = static_cast<std::size_t>(Field::Count);
constexpr std::size_t kShown = 4;

// Values that a host would send come first, in this order; a field without an entry has none.
struct Preference {
  Field field;
  Interval<u128> values;
};
constexpr std::array kPreferences{
    Preference{Field::EtherType, {0x0800, 0x0800}},
    Preference{Field::EtherType, {0x86dd, 0x86dd}},
    Preference{Field::Ip4Source, {u128{1} << 24, 0xffff'ffff}},
    Preference{Field::Ip4Destination, {u128{1} << 24, 0xffff'ffff}},
    Preference{Field::Ip6Source, {u128{1} << 32, ~u128{0}}},
    Preference{Field::Ip6Destination, {u128{1} << 32, ~u128{0}}},
    Preference{Field::Ip4VersionLength, {0x45, 0x45}},
    Preference{Field::HopLimit, {1, 255}},
    Preference{Field::Protocol, {6, 6}},
    Preference{Field::Protocol, {17, 17}},
    Preference{Field::Protocol, {132, 132}},
    Preference{Field::Protocol, {1, 1}},
    Preference{Field::Protocol, {58, 58}},
    Preference{Field::Ip6NextHeader, {6, 6}},
    Preference{Field::Ip6NextHeader, {17, 17}},
    Preference{Field::SourcePort, {1, 0xffff}},
    Preference{Field::DestinationPort, {1, 0xffff}},
    Preference{Field::State, {static_cast<u128>(StateValue::New), static_cast<u128>(StateValue::Related)}},
};

// How far from preferred, then the value: smaller is better.
using Rank = std::pair<std::size_t, u128>;
Rank best(Field field, const Values& values) {
  std::size_t place = 0;
  for (const Preference& preference : kPreferences) {
    ++place;
    if (preference.field != field) continue;
    const Values liked = values & Values::of(preference.values.first, preference.values.last);
    if (!liked.empty()) return {place, liked.intervals().front().first};
  }
  return {place + 1, values.intervals().front().first};
}

// Addresses before what stands in front of them in the packet.
constexpr std::array kOrder{Field::EtherType,       Field::Ip4Destination, Field::Ip6Destination, Field::Protocol,
                            Field::DestinationPort, Field::IcmpTypeCode,   Field::Icmpv6TypeCode, Field::Ip4Source,
                            Field::Ip6Source,       Field::SourcePort,     Field::State};

bool before(const Box& a, const Box& b) {
  const auto less = [&](Field field) {
    const Rank x = best(field, a.values(field));
    const Rank y = best(field, b.values(field));
    return x == y ? 0 : x < y ? -1 : 1;
  };
  for (const Field field : kOrder) {
    if (const int order = less(field)) return order < 0;
  }
  for (std::size_t i = 0; i < kFields; ++i) {
    if (const int order = less(static_cast<Field>(i))) return order < 0;
  }
  return false;
}

std::string hex(u128 value, int digits) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  do {
    text.insert(text.begin(), kDigits[static_cast<std::size_t>(value & 15)]);
    value >>= 4;
  } while (value != 0 || static_cast<int>(text.size()) < digits);
  return text;
}

std::string number(u128 value) { return std::to_string(static_cast<std::uint64_t>(value)); }
std::string hex_number(u128 value) { return "0x" + hex(value, 1); }
std::string ether_type(u128 value) { return "0x" + hex(value, 4); }

std::string mac(u128 value) {
  const std::string digits = hex(value, 12);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); i += 2) text += (i == 0 ? "" : ":") + digits.substr(i, 2);
  return text;
}

std::string state(u128 value) {
  static constexpr std::array<std::string_view, 5> kNames{"invalid", "new", "established", "related", "untracked"};
  return std::string(kNames[static_cast<std::size_t>(value)]);
}

// Of an interface: the name, or for an interval of all names with a prefix the prefix and a star.
std::string interface_name(const Interval<u128>& names) {
  std::string text;
  for (int shift = 120; shift >= 0; shift -= 8) {
    const auto first = static_cast<unsigned>(names.first >> shift & 0xff);
    const auto last = static_cast<unsigned>(names.last >> shift & 0xff);
    if (first != last) return text + "*";
    if (first == 0) break;
    text += static_cast<char>(first);
  }
  return text.empty() ? "no device" : text;
}

std::string listed(const Values& values, std::string (*one)(u128)) {
  std::string text;
  std::size_t shown = 0;
  for (const Interval<u128>& interval : values.intervals()) {
    if (shown == kShown) return text + " and " + number(values.intervals().size() - kShown) + " more";
    const bool pair = interval.last == interval.first + 1;
    text += (shown++ == 0 ? "" : ", ") + one(interval.first);
    if (interval.last != interval.first) text += (pair ? ", " : "-") + one(interval.last);
  }
  return text;
}

std::string interfaces(const Values& values) {
  std::string text;
  std::size_t shown = 0;
  for (const Interval<u128>& interval : values.intervals()) {
    if (shown == kShown) return text + " and " + number(values.intervals().size() - kShown) + " more";
    text += (shown++ == 0 ? "" : ", ") + interface_name(interval);
  }
  return text;
}

// A field that is not among destinations and services, in words; `ordinary` is what goes without saying.
struct Wording {
  Field field;
  std::string_view text;
  std::string (*one)(u128);  // nullptr: interfaces
  Values ordinary;           // not mentioned if it is in the set
};

const std::vector<Wording>& wordings() {
  static const std::vector<Wording> kWordings{
      {Field::SkbProtocol, "sent as frame type", ether_type, {}},
      {Field::EthDestination, "to MAC", mac, {}},
      {Field::EthSource, "from MAC", mac, {}},
      {Field::VlanProtocol, "frame type behind the tag", ether_type, {}},
      {Field::InInterface, "in by", nullptr, {}},
      {Field::OutInterface, "out by", nullptr, {}},
      {Field::Ip4VersionLength, "IPv4 first byte", hex_number, Values::of(0x45)},
      {Field::Ip4SourceRoute, "IPv4 source route", number, Values::of(0)},
      {Field::Ip4Options, "IPv4 options", hex_number, {}},
      {Field::Ip4Fragment, "IPv4 fragment field", hex_number, Values::of(0)},
      {Field::Ip6Routing, "IPv6 routing header", number, Values::of(0)},
      {Field::HopLimit, "hop limit", number, {}},
      {Field::IpLength, "IP length", number, {}},
      {Field::Ip6NextHeader, "first next header", number, Values::of(6)},
      {Field::Ip6SecondHeader, "second next header", number, Values::of(6)},
      {Field::Ip6ExtensionLength, "extension header length", number, {}},
      {Field::SourcePort, "source port", number, {}},
      {Field::UdpLength, "UDP length", number, {}},
      {Field::TcpFlags, "TCP flags", hex_number, {}},
      {Field::State, "state", state, {}},
      {Field::ConntrackDnat, "destination translated", number, Values::of(0)},
      {Field::ConntrackSnat, "source translated", number, Values::of(0)},
      {Field::Mark, "mark", hex_number, {}},
      {Field::Length, "length", number, {}},
      {Field::PacketType, "packet type", number, {}},
      {Field::LocalDestination, "local destination", number, Values::of(0)},
  };
  return kWordings;
}

Values projected(const PacketSet& packets, Field field) {
  Values values;
  for (const Box& box : packets.boxes()) {
    if (box.is_free(field)) return universe(field);
    values |= box.values(field);
  }
  return values;
}

// Fewer intervals say it better: those that are meant, or those that are not.
std::string restricted(const Wording& wording, const Values& values) {
  const Values& all = universe(wording.field);
  const Values absent = all.intervals().back().last == kAbsent ? Values::of(kAbsent) : Values();
  const Values there = values - absent;
  if (there.empty()) return "no " + std::string(wording.text);
  const Values rest = all - absent - there;
  const bool except = !rest.empty() && rest.intervals().size() < there.intervals().size();
  const Values& named = except ? rest : there;
  return std::string(wording.text) + (except ? " not " : " ") +
         (wording.one ? listed(named, wording.one) : interfaces(named));
}

// "all of IPv4 except 10.0.0.0/8" for sources, as far as they are restricted in a family that is there.
std::string from_sources(const PacketSet& packets, const IpSet& destinations) {
  const IpSet sources = project_sources(packets).addresses();
  const bool free =
      (destinations.v4().empty() || sources.v4().is_all()) && (destinations.v6().empty() || sources.v6().is_all());
  return free ? "" : ", from " + describe(sources);
}

std::string frames(const Values& types) {
  const Values ip = Values::of(0x0800) | Values::of(0x86dd);
  const Values others = types - ip;
  if (others.empty()) return "";
  const Values rest = universe(Field::EtherType) - ip - others;
  if (rest.empty()) return "every frame that is not IP";
  return rest.intervals().size() + 2 < others.intervals().size()
             ? "every frame that is not IP except EtherType " + listed(rest, ether_type)
             : "frames of EtherType " + listed(others, ether_type);
}

}  // namespace

Box smallest(const Box& box) {
  Box one = box;
  for (const auto& [field, values] : box.constraints()) one = with_smallest(one, field);
  return one;
}

Box with_smallest(Box box, Field field) {
  const auto value = std::make_shared<const Values>(Values::of(best(field, box.values(field)).second));
  (void)box.narrow(field, value);  // a value of it: something is left
  return box;
}

Box smallest(const PacketSet& packets) {
  return smallest(*std::min_element(packets.boxes().begin(), packets.boxes().end(), before));
}

std::string describe(const PacketSet& packets) {
  if (packets.empty()) return "nothing";
  const std::string most = packets.too_many() ? "at most " : "";
  std::string extras;
  for (const Wording& wording : wordings()) {
    const Values values = projected(packets, wording.field);
    if (values == universe(wording.field) || values.intersects(wording.ordinary)) continue;
    extras += ", " + restricted(wording, values);
  }
  const TrafficSet traffic = project_destinations(packets);
  const std::string other = frames(projected(packets, Field::EtherType));
  if (traffic == TrafficSet::all() && other == "every frame that is not IP") return most + "every packet" + extras;
  if (traffic.empty()) return most + other + extras;
  return most + describe(traffic) + from_sources(packets, traffic.addresses()) + (other.empty() ? "" : "; " + other) +
         extras;
}

}  // namespace airtight::verify
