// Sets of addresses of both families. Canonical, so equality is element equality.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compiler/net/interval_set.h"
#include "compiler/net/ip.h"

namespace airtight {

struct IpRange {  // closed; one family; first <= last
  Ip first;
  Ip last;

  friend auto operator<=>(const IpRange&, const IpRange&) = default;
};

std::string to_string(const IpRange& range);  // "a-b", or "a" when both ends are equal

// Binary operators are linear in the number of ranges of both operands.
class IpSet {
 public:
  IpSet() = default;
  static IpSet all() { return from(IntervalSet<std::uint32_t>::all(), IntervalSet<u128>::all()); }
  static IpSet all_v4() { return from(IntervalSet<std::uint32_t>::all(), {}); }
  static IpSet all_v6() { return from({}, IntervalSet<u128>::all()); }
  static IpSet of(Ip ip) { return range(ip, ip); }
  static IpSet of(const Prefix& prefix) { return range(prefix.first(), prefix.last()); }
  static IpSet range(Ip first, Ip last);  // one family, first <= last
  static IpSet from(std::span<const Prefix> prefixes);
  static IpSet from(std::span<const IpRange> ranges);
  static IpSet from(IntervalSet<std::uint32_t> v4, IntervalSet<u128> v6);

  const IntervalSet<std::uint32_t>& v4() const { return v4_; }
  const IntervalSet<u128>& v6() const { return v6_; }
  IpSet only_v4() const { return from(v4_, {}); }
  IpSet only_v6() const { return from({}, v6_); }

  // The fewest prefixes that cover exactly this set, IPv4 first, ascending.
  std::vector<Prefix> prefixes() const;
  std::vector<IpRange> ranges() const;

  bool empty() const { return v4_.empty() && v6_.empty(); }
  bool is_all() const { return v4_.is_all() && v6_.is_all(); }
  bool contains(Ip ip) const { return ip.is_v4() ? v4_.contains(ip.v4_bits()) : v6_.contains(ip.bits()); }
  bool subset_of(const IpSet& other) const { return v4_.subset_of(other.v4_) && v6_.subset_of(other.v6_); }
  bool intersects(const IpSet& other) const { return v4_.intersects(other.v4_) || v6_.intersects(other.v6_); }
  std::optional<Ip> smallest() const;

  friend IpSet operator|(const IpSet& a, const IpSet& b) { return from(a.v4_ | b.v4_, a.v6_ | b.v6_); }
  friend IpSet operator&(const IpSet& a, const IpSet& b) { return from(a.v4_ & b.v4_, a.v6_ & b.v6_); }
  friend IpSet operator-(const IpSet& a, const IpSet& b) { return from(a.v4_ - b.v4_, a.v6_ - b.v6_); }
  friend IpSet operator~(const IpSet& a) { return from(~a.v4_, ~a.v6_); }
  IpSet& operator|=(const IpSet& other) { return *this = *this | other; }
  IpSet& operator&=(const IpSet& other) { return *this = *this & other; }
  IpSet& operator-=(const IpSet& other) { return *this = *this - other; }
  friend bool operator==(const IpSet&, const IpSet&) = default;
  friend auto operator<=>(const IpSet&, const IpSet&) = default;  // a total order for containers, not inclusion

 private:
  IntervalSet<std::uint32_t> v4_;
  IntervalSet<u128> v6_;
};

std::string to_string(const IpSet& set);  // prefixes() joined by ", "; empty text for the empty set

}  // namespace airtight
