// What may be sent: services (protocol × port or type/code), and traffic (address × services).
// Canonical, so equality is element equality.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/net/interval_set.h"
#include "compiler/net/ip_set.h"

namespace airtight {

enum class Protocol : std::uint8_t { Tcp, Udp, Sctp, Icmp, Icmpv6, Other };
inline constexpr std::array<Protocol, 6> kProtocols{Protocol::Tcp,  Protocol::Udp,    Protocol::Sctp,
                                                    Protocol::Icmp, Protocol::Icmpv6, Protocol::Other};

std::string_view to_string(Protocol protocol);  // "tcp" "udp" "sctp" "icmp" "icmpv6" "other"

using PortSet = IntervalSet<std::uint16_t>;

// For each protocol a set of 16-bit selectors:
//   Tcp, Udp, Sctp  the destination port
//   Icmp, Icmpv6    type * 256 + code
//   Other           the number in the IP header, 0..255; callers keep the five protocols above out of it
class ServiceSet {
 public:
  ServiceSet() = default;
  static ServiceSet all();
  static ServiceSet of(Protocol protocol, const PortSet& selectors);  // within universe(protocol)
  static ServiceSet protocol(Protocol protocol);                      // all of one protocol
  static const PortSet& universe(Protocol protocol);                  // 0..65535, or 0..255 for Other

  const PortSet& ports(Protocol protocol) const { return selectors_[index(protocol)]; }
  bool empty() const;
  bool is_all() const;
  bool contains(Protocol protocol, std::uint16_t selector) const { return ports(protocol).contains(selector); }
  bool subset_of(const ServiceSet& other) const;
  bool intersects(const ServiceSet& other) const;

  friend ServiceSet operator|(const ServiceSet& a, const ServiceSet& b);
  friend ServiceSet operator&(const ServiceSet& a, const ServiceSet& b);
  friend ServiceSet operator-(const ServiceSet& a, const ServiceSet& b);
  friend ServiceSet operator~(const ServiceSet& a);
  ServiceSet& operator|=(const ServiceSet& other) { return *this = *this | other; }
  ServiceSet& operator&=(const ServiceSet& other) { return *this = *this & other; }
  ServiceSet& operator-=(const ServiceSet& other) { return *this = *this - other; }
  friend bool operator==(const ServiceSet&, const ServiceSet&) = default;
  friend auto operator<=>(const ServiceSet&, const ServiceSet&) = default;  // a total order, not inclusion

 private:
  static std::size_t index(Protocol protocol) { return static_cast<std::size_t>(protocol); }

  std::array<PortSet, kProtocols.size()> selectors_;
};

// "443/tcp, 8000-8100/tcp, 53/udp, icmp"; a whole protocol is its name; "icmp type 8 code 0"; "protocol 112";
// "any" for everything, "none" for nothing.
std::string to_string(const ServiceSet& services);

// Products have pairwise disjoint non-empty addresses and pairwise different non-empty services, sorted by addresses.
// Operators sweep over the address breakpoints of both operands: O(n log n) for n ranges in all, with every pair of
// service sets combined once only.
class TrafficSet {
 public:
  struct Product {
    IpSet addresses;
    ServiceSet services;

    friend bool operator==(const Product&, const Product&) = default;
  };

  TrafficSet() = default;
  static TrafficSet all() { return of(IpSet::all(), ServiceSet::all()); }
  static TrafficSet of(IpSet addresses, ServiceSet services);
  static TrafficSet from(std::vector<Product> products);  // the union; operands may overlap and be empty

  std::span<const Product> products() const { return products_; }  // valid until the set changes
  bool empty() const { return products_.empty(); }
  bool contains(Ip ip, Protocol protocol, std::uint16_t selector) const;
  bool subset_of(const TrafficSet& other) const;
  bool intersects(const TrafficSet& other) const;
  IpSet addresses() const;
  ServiceSet services_to(Ip ip) const;

  friend TrafficSet operator|(const TrafficSet& a, const TrafficSet& b);
  friend TrafficSet operator&(const TrafficSet& a, const TrafficSet& b);
  friend TrafficSet operator-(const TrafficSet& a, const TrafficSet& b);
  friend TrafficSet operator~(const TrafficSet& a);
  TrafficSet& operator|=(const TrafficSet& other) { return *this = *this | other; }
  TrafficSet& operator&=(const TrafficSet& other) { return *this = *this & other; }
  TrafficSet& operator-=(const TrafficSet& other) { return *this = *this - other; }
  friend bool operator==(const TrafficSet&, const TrafficSet&) = default;

 private:
  std::vector<Product> products_;
};

}  // namespace airtight
