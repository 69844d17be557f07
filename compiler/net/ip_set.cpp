#include "compiler/net/ip_set.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace airtight {
namespace {

Ip address_of(std::uint32_t bits) { return Ip::v4(bits); }
Ip address_of(u128 bits) { return Ip::v6(bits); }

int trailing_zeros(std::uint32_t value) { return std::countr_zero(value); }
int trailing_zeros(u128 value) {
  const auto low = static_cast<std::uint64_t>(value);
  return low != 0 ? std::countr_zero(low) : 64 + std::countr_zero(static_cast<std::uint64_t>(value >> 64));
}

int bit_width(std::uint32_t value) { return static_cast<int>(std::bit_width(value)); }
int bit_width(u128 value) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  return static_cast<int>(high != 0 ? 64 + std::bit_width(high) : std::bit_width(static_cast<std::uint64_t>(value)));
}

// Intervals of a canonical set never touch, so covering each by itself is minimal for the set.
template <class T>
void append_cover(const Interval<T>& interval, std::vector<Prefix>& prefixes) {
  constexpr int kWidth = static_cast<int>(sizeof(T) * 8);
  T at = interval.first;
  for (;;) {
    // The largest block that starts at `at`, is aligned there and ends within the interval.
    const T span = static_cast<T>(interval.last - at);
    const int fitting = span == IntervalSet<T>::kMax ? kWidth : bit_width(static_cast<T>(span + 1)) - 1;
    const int host_bits = std::min(fitting, trailing_zeros(at));
    const T last = host_bits == kWidth ? interval.last : static_cast<T>(at | ((T{1} << host_bits) - 1));
    prefixes.push_back(Prefix::containing(address_of(at), kWidth - host_bits));
    if (last == interval.last) return;
    at = static_cast<T>(last + 1);
  }
}

}  // namespace

std::string to_string(const IpRange& range) {
  return range.first == range.last ? to_string(range.first) : to_string(range.first) + "-" + to_string(range.last);
}

IpSet IpSet::range(Ip first, Ip last) {
  assert(first.family() == last.family() && first <= last);
  if (first.is_v4()) return from(IntervalSet<std::uint32_t>::of(first.v4_bits(), last.v4_bits()), {});
  return from({}, IntervalSet<u128>::of(first.bits(), last.bits()));
}

IpSet IpSet::from(std::span<const Prefix> prefixes) {
  std::vector<IpRange> ranges;
  ranges.reserve(prefixes.size());
  for (const Prefix& prefix : prefixes) ranges.push_back({prefix.first(), prefix.last()});
  return from(ranges);
}

IpSet IpSet::from(std::span<const IpRange> ranges) {
  std::vector<Interval<std::uint32_t>> v4;
  std::vector<Interval<u128>> v6;
  for (const IpRange& range : ranges) {
    assert(range.first.family() == range.last.family() && range.first <= range.last);
    if (range.first.is_v4()) {
      v4.push_back({range.first.v4_bits(), range.last.v4_bits()});
    } else {
      v6.push_back({range.first.bits(), range.last.bits()});
    }
  }
  return from(IntervalSet<std::uint32_t>::from(std::move(v4)), IntervalSet<u128>::from(std::move(v6)));
}

IpSet IpSet::from(IntervalSet<std::uint32_t> v4, IntervalSet<u128> v6) {
  IpSet set;
  set.v4_ = std::move(v4);
  set.v6_ = std::move(v6);
  return set;
}

std::vector<Prefix> IpSet::prefixes() const {
  std::vector<Prefix> prefixes;
  for (const auto& interval : v4_.intervals()) append_cover(interval, prefixes);
  for (const auto& interval : v6_.intervals()) append_cover(interval, prefixes);
  return prefixes;
}

std::vector<IpRange> IpSet::ranges() const {
  std::vector<IpRange> ranges;
  ranges.reserve(v4_.intervals().size() + v6_.intervals().size());
  for (const auto& interval : v4_.intervals()) ranges.push_back({Ip::v4(interval.first), Ip::v4(interval.last)});
  for (const auto& interval : v6_.intervals()) ranges.push_back({Ip::v6(interval.first), Ip::v6(interval.last)});
  return ranges;
}

std::optional<Ip> IpSet::smallest() const {
  if (!v4_.empty()) return Ip::v4(v4_.intervals().front().first);
  if (!v6_.empty()) return Ip::v6(v6_.intervals().front().first);
  return std::nullopt;
}

std::string to_string(const IpSet& set) {
  std::string text;
  for (const Prefix& prefix : set.prefixes()) {
    if (!text.empty()) text += ", ";
    text += to_string(prefix);
  }
  return text;
}

}  // namespace airtight
