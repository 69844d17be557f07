#include "compiler/verify/firewall/payload_layout.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "compiler/verify/firewall/nftables_keys.h"

namespace airtight::verify {
namespace {

constexpr u128 kIpv4 = 0x0800;
constexpr u128 kIpv6 = 0x86dd;
constexpr u128 kVlan = 0x8100;
constexpr std::size_t kMaxBoxesOfOne = 4096;

// Bits [begin, end) from the start of a header; Field::Count: known to be there, and no field.
struct Part {
  unsigned begin;
  unsigned end;
  Field field;
};

constexpr Part kEthernet[] = {{0, 48, Field::EthDestination}, {48, 96, Field::EthSource}, {96, 112, Field::EtherType}};
constexpr Part kTag[] = {{0, 16, Field::Count}, {16, 32, Field::VlanProtocol}};
constexpr Part kIpv4Header[] = {{0, 8, Field::Ip4VersionLength}, {8, 16, Field::Count},
                                {16, 32, Field::IpLength},       {32, 48, Field::Count},
                                {48, 64, Field::Ip4Fragment},    {64, 72, Field::HopLimit},
                                {72, 80, Field::Protocol},       {80, 96, Field::Count},
                                {96, 128, Field::Ip4Source},     {128, 160, Field::Ip4Destination}};
constexpr Part kIpv6Header[] = {{0, 32, Field::Count},          {32, 48, Field::IpLength},
                                {48, 56, Field::Ip6NextHeader}, {56, 64, Field::HopLimit},
                                {64, 192, Field::Ip6Source},    {192, 320, Field::Ip6Destination}};
constexpr Part kExtension[] = {
    {0, 8, Field::Ip6SecondHeader}, {8, 16, Field::Ip6ExtensionLength}, {16, 64, Field::Count}};
constexpr Part kTcp[] = {
    {0, 16, Field::SourcePort}, {16, 32, Field::DestinationPort}, {32, 104, Field::Count}, {104, 112, Field::TcpFlags}};
constexpr Part kUdp[] = {{0, 16, Field::SourcePort}, {16, 32, Field::DestinationPort}, {32, 48, Field::UdpLength}};
constexpr Part kPorts[] = {{0, 16, Field::SourcePort}, {16, 32, Field::DestinationPort}};
constexpr Part kIcmp[] = {{0, 16, Field::IcmpTypeCode}};
constexpr Part kIcmpv6[] = {{0, 16, Field::Icmpv6TypeCode}};

const Values& extension_headers() {
  static const Values kHeaders = [] {
    std::vector<Interval<u128>> headers;
    for (const unsigned number : {0U, 43U, 44U, 51U, 60U, 135U, 139U, 140U}) headers.push_back({number, number});
    return Values::from(std::move(headers));
  }();
  return kHeaders;
}

std::optional<u128> single(const Values& values) {
  const auto intervals = values.intervals();
  if (intervals.size() != 1 || intervals[0].first != intervals[0].last) return std::nullopt;
  return intervals[0].first;
}

template <std::size_t N>
std::optional<Part> part_at(const Part (&header)[N], unsigned start, unsigned bit) {
  for (const Part& part : header)
    if (bit >= start + part.begin && bit < start + part.end)
      return Part{start + part.begin, start + part.end, part.field};
  return std::nullopt;
}

std::optional<Part> transport_at(const Values& protocols, unsigned start, unsigned bit) {
  const auto protocol = single(protocols);
  if (protocol == u128{1}) return part_at(kIcmp, start, bit);
  if (protocol == u128{58}) return part_at(kIcmpv6, start, bit);
  if (protocol == u128{6}) return part_at(kTcp, start, bit);
  if (protocol == u128{17}) return part_at(kUdp, start, bit);
  static const Values kPorted = Values::from({{6, 6}, {17, 17}, {33, 33}, {132, 132}, {136, 136}});
  return protocols.subset_of(kPorted) ? part_at(kPorts, start, bit) : std::nullopt;
}

std::optional<Part> ipv4_at(const Box& box, unsigned start, unsigned bit) {
  if (bit < start + 160) return part_at(kIpv4Header, start, bit);
  const auto version = single(box.values(Field::Ip4VersionLength));
  if (!version || *version < 0x45 || *version > 0x4f) return std::nullopt;
  const unsigned end = start + static_cast<unsigned>(*version & 15) * 32;
  if (bit >= end) return transport_at(box.values(Field::Protocol), end, bit);
  return bit < start + 192 ? Part{start + 160, start + 192, Field::Ip4Options} : Part{start + 192, end, Field::Count};
}

std::optional<Part> ipv6_at(const Box& box, unsigned start, unsigned bit) {
  const unsigned behind = start + 320;
  if (bit < behind) return part_at(kIpv6Header, start, bit);
  const Values& next = box.values(Field::Ip6NextHeader);
  if (!next.intersects(extension_headers())) return transport_at(next, behind, bit);
  if (!next.subset_of(extension_headers())) return std::nullopt;
  if (bit < behind + 64) return part_at(kExtension, behind, bit);
  // The shortest hop-by-hop or destination options; fragments and AH have what nobody can read behind them.
  const bool options = next.subset_of(Values::from({{0, 0}, {60, 60}}));
  const bool shortest = single(box.values(Field::Ip6ExtensionLength)) == u128{0};
  const Values& second = box.values(Field::Ip6SecondHeader);
  if (!options || !shortest || second.intersects(extension_headers())) return std::nullopt;
  return transport_at(second, behind + 64, bit);
}

class Matcher {
 public:
  explicit Matcher(PayloadBase base) : base_(base) {}

  void match(Box box, unsigned bit, unsigned end, const Values& wanted) {
    if (bit == end || Values::of(0, low_bits(static_cast<int>(end - bit))).subset_of(wanted))
      return add(std::move(box));
    if (result_.boxes.size() >= kMaxBoxesOfOne) return give_up(std::move(box));
    if (needs_ether_type(bit) && !single(box.values(Field::EtherType))) return by_ether_type(box, bit, end, wanted);
    if (needs_tag(box, bit) && !single(box.values(Field::VlanProtocol))) return give_up(std::move(box));
    const std::optional<Part> part = part_at_bit(box, bit);
    if (!part) return give_up(std::move(box));
    if (part->end >= end) return constrain(std::move(box), *part, bit, end, wanted);
    for (auto& [high, low] : divide(wanted, end - part->end)) {
      Box here = box;
      if (!apply(here, *part, bit, part->end, high)) continue;
      match(std::move(here), part->end, end, low);
    }
  }

  PayloadMatch result() && { return std::move(result_); }

 private:
  bool needs_ether_type(unsigned bit) const {
    return base_ == PayloadBase::Network || (base_ == PayloadBase::Link && bit >= 112);
  }
  bool needs_tag(const Box& box, unsigned bit) const {
    return base_ == PayloadBase::Link && bit >= 144 && single(box.values(Field::EtherType)) == kVlan;
  }

  std::optional<u128> network_type(const Box& box) const {
    const auto type = single(box.values(Field::EtherType));
    if (base_ != PayloadBase::Link || type != kVlan) return type;
    return single(box.values(Field::VlanProtocol));
  }

  std::optional<Part> part_at_bit(const Box& box, unsigned bit) const {
    if (base_ == PayloadBase::Transport) return transport_at(box.values(Field::Protocol), 0, bit);
    if (base_ == PayloadBase::Link && bit < 112) return part_at(kEthernet, 0, bit);
    unsigned start = base_ == PayloadBase::Link ? 112 : 0;
    if (base_ == PayloadBase::Link && single(box.values(Field::EtherType)) == kVlan) {
      if (bit < 144) return part_at(kTag, start, bit);
      start = 144;
    }
    const auto type = network_type(box);
    if (type == kIpv4) return ipv4_at(box, start, bit);
    if (type == kIpv6) return ipv6_at(box, start, bit);
    return std::nullopt;
  }

  // Bits mean another thing in each kind of frame.
  void by_ether_type(const Box& box, unsigned bit, unsigned end, const Values& wanted) {
    Values rest = box.values(Field::EtherType);
    for (const u128 type : {kIpv4, kIpv6, kVlan}) {
      Box here = box;
      if (!here.constrain(Field::EtherType, Values::of(type))) continue;
      match(std::move(here), bit, end, wanted);
      rest = rest - Values::of(type);
    }
    Box other = box;
    if (!rest.empty() && other.constrain(Field::EtherType, rest)) give_up(std::move(other));
  }

  void constrain(Box box, const Part& part, unsigned bit, unsigned end, const Values& wanted) {
    if (apply(box, part, bit, end, wanted)) add(std::move(box));
  }

  // Narrows what is read at [bit, end) of the part; false if nothing is left.
  bool apply(Box& box, const Part& part, unsigned bit, unsigned end, const Values& wanted) {
    const int width = static_cast<int>(part.end - part.begin);
    std::optional<Values> values;
    if (part.field != Field::Count)
      values = slice(wanted, width, static_cast<int>(bit - part.begin), static_cast<int>(end - bit));
    if (!values) {
      result_.exact = false;
      return true;
    }
    // What comes behind the first fragment is no header, and yet it may hold such bits.
    if (may_be_absent(part.field) && may_be_fragment(box)) {
      result_.exact = false;
      *values |= Values::of(kAbsent);
    }
    return box.narrow(part.field, std::make_shared<const Values>(std::move(*values))) && settle_headers(box);
  }

  // By name the kernel looks for no header in a fragment behind the first; behind an IPv6 fragment header nor do we.
  bool may_be_fragment(const Box& box) const {
    static const Values kFirst = *slice(Values::of(0), 16, 3, 13);
    return base_ != PayloadBase::Transport && network_type(box) == kIpv4 &&
           !box.values(Field::Ip4Fragment).subset_of(kFirst);
  }

  void add(Box box) { result_.boxes.push_back(std::move(box)); }
  void give_up(Box box) {
    result_.exact = false;
    add(std::move(box));
  }

  // Products of the bits above the lowest `below` and those.
  static std::vector<std::pair<Values, Values>> divide(const Values& wanted, unsigned below) {
    const int count = static_cast<int>(below);
    const u128 ones = low_bits(count);
    std::vector<std::pair<Values, Values>> parts;
    const auto append = [&parts](u128 first, u128 last, const Values& low) {
      if (!parts.empty() && parts.back().first == Values::of(first, last)) {
        parts.back().second |= low;
      } else {
        parts.emplace_back(Values::of(first, last), low);
      }
    };
    for (const auto& [first, last] : wanted.intervals()) {
      u128 from = first >> count;
      u128 to = last >> count;
      if (from == to) {
        append(from, to, Values::of(first & ones, last & ones));
        continue;
      }
      if ((first & ones) != 0) append(from, from, Values::of(first & ones, ones)), ++from;
      const bool open = (last & ones) != ones;
      if (open && to > 0) --to;
      if (from <= to) append(from, to, Values::of(0, ones));
      if (open) append(last >> count, last >> count, Values::of(0, last & ones));
    }
    return parts;
  }

  PayloadBase base_;
  PayloadMatch result_;
};

bool narrow(Box& box, Field field, Values values) {
  return box.narrow(field, std::make_shared<const Values>(std::move(values)));
}

}  // namespace

PayloadMatch match_payload(const Box& box, PayloadBase base, unsigned offset, unsigned length, const Values& values) {
  Matcher matcher(base);
  matcher.match(box, offset, offset + length, values);
  return std::move(matcher).result();
}

bool may_be_absent(Field field) { return universe(field).intervals().back().last == kAbsent; }

bool settle_headers(Box& box) {
  if (box.values(Field::Ip4VersionLength) == Values::of(0x45) && !narrow(box, Field::Ip4SourceRoute, Values::of(0)))
    return false;
  if (box.is_free(Field::Ip6NextHeader)) return true;
  const Values next = box.values(Field::Ip6NextHeader);
  if (!next.intersects(extension_headers()))
    return narrow(box, Field::Protocol, next) && narrow(box, Field::Ip6Routing, Values::of(0));
  const Values second = box.values(Field::Ip6SecondHeader);
  if (!next.subset_of(extension_headers()) || box.is_free(Field::Ip6SecondHeader) ||
      second.intersects(extension_headers()))
    return true;
  return narrow(box, Field::Protocol, second) && (next.contains(43) || narrow(box, Field::Ip6Routing, Values::of(0)));
}

}  // namespace airtight::verify
