#include "compiler/net/traffic_set.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

namespace airtight {
namespace {

// One range of addresses with the number of the product that it belongs to.
template <class T>
struct Segment {
  T first;
  T last;
  std::size_t product;
};

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);  // no product of that operand is here

template <class T>
const IntervalSet<T>& half(const IpSet& set) {
  if constexpr (sizeof(T) == sizeof(std::uint32_t)) {
    return set.v4();
  } else {
    return set.v6();
  }
}

template <class T>
std::vector<Segment<T>> segments(std::span<const TrafficSet::Product> products) {
  std::vector<Segment<T>> result;
  for (std::size_t i = 0; i < products.size(); ++i) {
    for (const Interval<T>& range : half<T>(products[i].addresses).intervals()) {
      result.push_back({range.first, range.last, i});
    }
  }
  std::sort(result.begin(), result.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
  return result;
}

// Calls visit(first, last, product of a, product of b) for every largest range in which both are constant and at least
// one is somewhere, ascending. Stops when `visit` returns false, and then returns false.
template <class T, class Visit>
bool sweep(const std::vector<Segment<T>>& a, const std::vector<Segment<T>>& b, Visit visit) {
  std::size_t i = 0;
  std::size_t j = 0;
  T at = 0;
  for (;;) {
    while (i < a.size() && a[i].last < at) ++i;
    while (j < b.size() && b[j].last < at) ++j;
    if (i == a.size() && j == b.size()) return true;
    const bool in_a = i < a.size() && a[i].first <= at;
    const bool in_b = j < b.size() && b[j].first <= at;
    if (!in_a && !in_b) {
      at = i == a.size() ? b[j].first : j == b.size() ? a[i].first : std::min(a[i].first, b[j].first);
      continue;
    }
    T last = static_cast<T>(~T{0});
    if (i < a.size()) last = std::min(last, in_a ? a[i].last : static_cast<T>(a[i].first - 1));
    if (j < b.size()) last = std::min(last, in_b ? b[j].last : static_cast<T>(b[j].first - 1));
    if (!visit(at, last, in_a ? a[i].product : kNowhere, in_b ? b[j].product : kNowhere)) return false;
    if (last == static_cast<T>(~T{0})) return true;
    at = static_cast<T>(last + 1);
  }
}

const ServiceSet& services_of(std::span<const TrafficSet::Product> products, std::size_t product) {
  static const ServiceSet nothing;
  return product == kNowhere ? nothing : products[product].services;
}

struct PairHash {
  std::size_t operator()(const std::pair<std::size_t, std::size_t>& pair) const {
    return pair.first * 0x9E3779B97F4A7C15U ^ (pair.second + (pair.first >> 7));
  }
};

// Computes something once for every pair of products that meet.
template <class Value>
using PairMemo = std::unordered_map<std::pair<std::size_t, std::size_t>, Value, PairHash>;

// Collects ranges by service set; ranges of one family arrive in ascending order.
class Builder {
 public:
  std::size_t number_of(ServiceSet services) {
    if (services.empty()) return kNowhere;
    const auto [where, inserted] = numbers_.emplace(std::move(services), ranges_.size());
    if (inserted) ranges_.emplace_back();
    return where->second;
  }
  void add(std::size_t number, std::uint32_t first, std::uint32_t last) { ranges_[number].v4.push_back({first, last}); }
  void add(std::size_t number, u128 first, u128 last) { ranges_[number].v6.push_back({first, last}); }
  std::vector<TrafficSet::Product> products() {
    std::vector<TrafficSet::Product> result;
    for (const auto& [services, number] : numbers_) {
      Ranges& ranges = ranges_[number];
      IpSet addresses = IpSet::from(IntervalSet<std::uint32_t>::from(std::move(ranges.v4)),
                                    IntervalSet<u128>::from(std::move(ranges.v6)));
      if (!addresses.empty()) result.push_back({std::move(addresses), services});
    }
    std::sort(result.begin(), result.end(), [](const auto& x, const auto& y) { return x.addresses < y.addresses; });
    return result;
  }

 private:
  struct Ranges {
    std::vector<Interval<std::uint32_t>> v4;
    std::vector<Interval<u128>> v6;
  };

  std::map<ServiceSet, std::size_t> numbers_;
  std::vector<Ranges> ranges_;
};

// Combines two canonical lists by a rule on service sets that maps (nothing, nothing) to nothing.
template <class Rule>
std::vector<TrafficSet::Product> combine(std::span<const TrafficSet::Product> a, std::span<const TrafficSet::Product> b,
                                         Rule rule) {
  Builder builder;
  PairMemo<std::size_t> memo;
  const auto visit = [&](auto first, auto last, std::size_t in_a, std::size_t in_b) {
    const auto [where, inserted] = memo.try_emplace({in_a, in_b}, kNowhere);
    if (inserted) where->second = builder.number_of(rule(services_of(a, in_a), services_of(b, in_b)));
    if (where->second != kNowhere) builder.add(where->second, first, last);
    return true;
  };
  sweep(segments<std::uint32_t>(a), segments<std::uint32_t>(b), visit);
  sweep(segments<u128>(a), segments<u128>(b), visit);
  return builder.products();
}

// Whether the rule holds wherever one of the two is somewhere.
template <class Rule>
bool holds_everywhere(std::span<const TrafficSet::Product> a, std::span<const TrafficSet::Product> b, Rule rule) {
  PairMemo<bool> memo;
  const auto visit = [&](auto, auto, std::size_t in_a, std::size_t in_b) {
    const auto [where, inserted] = memo.try_emplace({in_a, in_b}, false);
    if (inserted) where->second = rule(services_of(a, in_a), services_of(b, in_b));
    return where->second;
  };
  return sweep(segments<std::uint32_t>(a), segments<std::uint32_t>(b), visit) &&
         sweep(segments<u128>(a), segments<u128>(b), visit);
}

std::string number_or_range(unsigned first, unsigned last) {
  return first == last ? std::to_string(first) : std::to_string(first) + "-" + std::to_string(last);
}

// Types whose codes are all in the interval are named together; the codes of a cut type follow it.
void append_types(std::string_view protocol, const Interval<std::uint16_t>& interval, std::vector<std::string>& items) {
  const auto add = [&](unsigned first_type, unsigned last_type, const std::string& codes) {
    items.push_back(std::string(protocol) + " type " + number_or_range(first_type, last_type) + codes);
  };
  unsigned first = interval.first;
  const unsigned end = interval.last + 1U;
  while (first < end) {
    const unsigned type = first / 256;
    const unsigned whole_types = first % 256 == 0 ? (end - first) / 256 : 0;
    if (whole_types > 0) {
      add(type, type + whole_types - 1, "");
      first += whole_types * 256;
    } else {
      const unsigned stop = std::min(end, (type + 1) * 256);
      add(type, type, " code " + number_or_range(first % 256, stop - 1 - type * 256));
      first = stop;
    }
  }
}

}  // namespace

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::Tcp:
      return "tcp";
    case Protocol::Udp:
      return "udp";
    case Protocol::Sctp:
      return "sctp";
    case Protocol::Icmp:
      return "icmp";
    case Protocol::Icmpv6:
      return "icmpv6";
    case Protocol::Other:
      return "other";
  }
  assert(false);
  return "";
}

const PortSet& ServiceSet::universe(Protocol protocol) {
  static const PortSet numbers = PortSet::of(0, 255);
  static const PortSet selectors = PortSet::all();
  return protocol == Protocol::Other ? numbers : selectors;
}

ServiceSet ServiceSet::all() {
  ServiceSet set;
  for (const Protocol protocol : kProtocols) set.selectors_[index(protocol)] = universe(protocol);
  return set;
}

ServiceSet ServiceSet::of(Protocol protocol, const PortSet& selectors) {
  assert(selectors.subset_of(universe(protocol)));
  ServiceSet set;
  set.selectors_[index(protocol)] = selectors & universe(protocol);
  return set;
}

ServiceSet ServiceSet::protocol(Protocol protocol) { return of(protocol, universe(protocol)); }

bool ServiceSet::empty() const {
  return std::all_of(selectors_.begin(), selectors_.end(), [](const PortSet& set) { return set.empty(); });
}

bool ServiceSet::is_all() const {
  return std::all_of(kProtocols.begin(), kProtocols.end(), [this](Protocol p) { return ports(p) == universe(p); });
}

bool ServiceSet::subset_of(const ServiceSet& other) const {
  return std::all_of(kProtocols.begin(), kProtocols.end(),
                     [&](Protocol p) { return ports(p).subset_of(other.ports(p)); });
}

bool ServiceSet::intersects(const ServiceSet& other) const {
  return std::any_of(kProtocols.begin(), kProtocols.end(),
                     [&](Protocol p) { return ports(p).intersects(other.ports(p)); });
}

ServiceSet operator|(const ServiceSet& a, const ServiceSet& b) {
  ServiceSet result;
  for (std::size_t i = 0; i < kProtocols.size(); ++i) result.selectors_[i] = a.selectors_[i] | b.selectors_[i];
  return result;
}

ServiceSet operator&(const ServiceSet& a, const ServiceSet& b) {
  ServiceSet result;
  for (std::size_t i = 0; i < kProtocols.size(); ++i) result.selectors_[i] = a.selectors_[i] & b.selectors_[i];
  return result;
}

ServiceSet operator-(const ServiceSet& a, const ServiceSet& b) {
  ServiceSet result;
  for (std::size_t i = 0; i < kProtocols.size(); ++i) result.selectors_[i] = a.selectors_[i] - b.selectors_[i];
  return result;
}

ServiceSet operator~(const ServiceSet& a) { return ServiceSet::all() - a; }

std::string to_string(const ServiceSet& services) {
  if (services.is_all()) return "any";
  if (services.empty()) return "none";
  std::vector<std::string> items;
  for (const Protocol protocol : kProtocols) {
    const std::string_view name = to_string(protocol);
    if (services.ports(protocol) == ServiceSet::universe(protocol)) {
      items.emplace_back(name);
      continue;
    }
    for (const Interval<std::uint16_t>& interval : services.ports(protocol).intervals()) {
      if (protocol == Protocol::Icmp || protocol == Protocol::Icmpv6) {
        append_types(name, interval, items);
      } else if (protocol == Protocol::Other) {
        items.push_back("protocol " + number_or_range(interval.first, interval.last));
      } else {
        items.push_back(number_or_range(interval.first, interval.last) + "/" + std::string(name));
      }
    }
  }
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

TrafficSet TrafficSet::of(IpSet addresses, ServiceSet services) {
  TrafficSet set;
  if (!addresses.empty() && !services.empty()) set.products_.push_back({std::move(addresses), std::move(services)});
  return set;
}

TrafficSet TrafficSet::from(std::vector<Product> products) {
  // First by service set, in one sort for each; then unions in pairs, so that every range is copied log(sets) times.
  std::map<ServiceSet, std::vector<IpRange>> by_services;
  for (Product& product : products) {
    std::vector<IpRange>& ranges = by_services[std::move(product.services)];
    for (const IpRange& range : product.addresses.ranges()) ranges.push_back(range);
  }
  std::vector<TrafficSet> sets;
  sets.reserve(by_services.size());
  for (const auto& [services, ranges] : by_services) sets.push_back(of(IpSet::from(ranges), services));
  while (sets.size() > 1) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < sets.size(); i += 2) {
      TrafficSet joined = i + 1 < sets.size() ? sets[i] | sets[i + 1] : std::move(sets[i]);
      sets[kept++] = std::move(joined);
    }
    sets.resize(kept);
  }
  return sets.empty() ? TrafficSet() : std::move(sets.front());
}

bool TrafficSet::contains(Ip ip, Protocol protocol, std::uint16_t selector) const {
  return std::any_of(products_.begin(), products_.end(), [&](const Product& product) {
    return product.addresses.contains(ip) && product.services.contains(protocol, selector);
  });
}

ServiceSet TrafficSet::services_to(Ip ip) const {
  for (const Product& product : products_) {
    if (product.addresses.contains(ip)) return product.services;
  }
  return {};
}

IpSet TrafficSet::addresses() const {
  std::vector<IpRange> all_ranges;
  for (const Product& product : products_) {
    for (const IpRange& range : product.addresses.ranges()) all_ranges.push_back(range);
  }
  return IpSet::from(all_ranges);
}

bool TrafficSet::subset_of(const TrafficSet& other) const {
  return holds_everywhere(products_, other.products_,
                          [](const ServiceSet& x, const ServiceSet& y) { return x.subset_of(y); });
}

bool TrafficSet::intersects(const TrafficSet& other) const {
  return !holds_everywhere(products_, other.products_,
                           [](const ServiceSet& x, const ServiceSet& y) { return !x.intersects(y); });
}

TrafficSet operator|(const TrafficSet& a, const TrafficSet& b) {
  TrafficSet result;
  result.products_ = combine(a.products_, b.products_, [](const auto& x, const auto& y) { return x | y; });
  return result;
}

TrafficSet operator&(const TrafficSet& a, const TrafficSet& b) {
  TrafficSet result;
  result.products_ = combine(a.products_, b.products_, [](const auto& x, const auto& y) { return x & y; });
  return result;
}

TrafficSet operator-(const TrafficSet& a, const TrafficSet& b) {
  TrafficSet result;
  result.products_ = combine(a.products_, b.products_, [](const auto& x, const auto& y) { return x - y; });
  return result;
}

TrafficSet operator~(const TrafficSet& a) { return TrafficSet::all() - a; }

}  // namespace airtight
