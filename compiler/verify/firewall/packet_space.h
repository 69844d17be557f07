// Sets of packets over the fields that firewalls look at. A field's values are intervals of 128-bit numbers, so that
// addresses, ports, interface names and states are one algebra; what a box does not mention is free.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/net/interval_set.h"
#include "compiler/net/ip_set.h"
#include "compiler/net/traffic_set.h"

namespace airtight::verify {

// Fields of the wire, read by offset or by name, plus what the kernel knows of the packet. Values as big-endian
// numbers.
enum class Field : std::uint8_t {
  EtherType,    // on the wire, behind the MAC addresses; 0x0800 and 0x86dd in the IP families
  SkbProtocol,  // what the sender of a raw frame said it was; in IP families equal to EtherType, so never used there
  EthDestination,
  EthSource,
  VlanProtocol,  // EtherType behind one 802.1Q tag
  InInterface,   // name as 16 bytes, zero filled: "cali*" is one interval; 0 where there is no device
  OutInterface,
  Ip4Source,
  Ip4Destination,
  Ip6Source,
  Ip6Destination,
  Ip4VersionLength,    // first byte: 0x45 where there are no options
  Ip4SourceRoute,      // 1: an LSRR or SSRR option is there
  Ip4Options,          // the first four bytes of them
  Ip4Fragment,         // flags and offset, 16 bits
  Ip6Routing,          // 1: a routing header is there
  HopLimit,            // TTL or hop limit
  IpLength,            // IPv4 total length, IPv6 payload length
  Protocol,            // IPv4 protocol; IPv6 the last next header (`meta l4proto`)
  Ip6NextHeader,       // the first one, as on the wire
  Ip6SecondHeader,     // what follows the first extension header, as on the wire
  Ip6ExtensionLength,  // of the first extension header
  SourcePort,          // TCP, UDP, SCTP, DCCP, UDP-Lite: of Protocol
  DestinationPort,
  IcmpTypeCode,  // type * 256 + code
  Icmpv6TypeCode,
  TcpFlags,
  UdpLength,
  State,          // conntrack: one bit number each, see StateValue
  ConntrackDnat,  // ct status: 1 if translated
  ConntrackSnat,
  Mark,              // of the packet
  Length,            // meta length
  PacketType,        // unicast, broadcast, multicast …
  LocalDestination,  // fib daddr type local: 1
  Count,
};
std::string_view to_string(Field);

// Values of Field::State.
enum class StateValue : std::uint8_t { Invalid = 0, New = 1, Established = 2, Related = 3, Untracked = 4 };

// A fragment after the first one, and a packet cut short, has no ports, type or flags: no match on them holds, not even
// one that names every value. The fields of transport headers have this value for it, which no rule can name.
inline constexpr unsigned kAbsent = 0x1'0000;

using Values = IntervalSet<u128>;
using SharedValues = std::shared_ptr<const Values>;
// The values that the field can have at all.
const Values& universe(Field);
// "eth0" -> one value; "cali*" -> an interval. Names longer than 15 bytes: empty.
Values interface_values(std::string_view pattern);

// A product: each field in `constraints` has one of its values. Sorted by field, no constraint is the universe, none is
// empty. Copies share the values.
class Box {
 public:
  struct Constraint {
    Field field;
    SharedValues values;
  };
  // What a range-for sees: `for (const auto& [field, values] : box.constraints())`.
  class Constraints {
   public:
    class Iterator {
     public:
      explicit Iterator(const Constraint* at) : at_(at) {}
      std::pair<Field, const Values&> operator*() const { return {at_->field, *at_->values}; }
      Iterator& operator++() { return ++at_, *this; }
      friend bool operator==(Iterator, Iterator) = default;

     private:
      const Constraint* at_;
    };
    explicit Constraints(std::span<const Constraint> of) : of_(of) {}
    Iterator begin() const { return Iterator(of_.data()); }
    Iterator end() const { return Iterator(of_.data() + of_.size()); }
    std::size_t size() const { return of_.size(); }
    bool empty() const { return of_.empty(); }

   private:
    std::span<const Constraint> of_;
  };

  Box() = default;  // every packet
  // Intersects as a match by name does, which holds only where the header is: what the field implies is constrained
  // too (Ip4Destination: EtherType 0x0800; ports: the protocols that have them) and kAbsent is never meant, so that the
  // complement of a rule has the packets without the header. False if nothing is left; the box must not be used then.
  // A test of bytes at an offset holds for frames of any kind: without the EtherType beside it, it is not this field.
  [[nodiscard]] bool constrain(Field, const Values&);
  [[nodiscard]] bool constrain(Field, SharedValues);  // copies nothing
  // Intersects this field and implies nothing.
  [[nodiscard]] bool narrow(Field, SharedValues);
  void release(Field);                // makes it free
  const Values& values(Field) const;  // universe where it is free
  bool is_free(Field field) const { return find(field) == nullptr; }
  bool subset_of(const Box&) const;
  bool intersects(const Box&) const;
  Constraints constraints() const { return Constraints(constraints_); }
  friend bool operator==(const Box&, const Box&);

  // Divides into what is in `other`, at the end of `hit` (nullptr: not wanted), and the rest as disjoint boxes.
  void split(const Box& other, std::vector<Box>* hit, std::vector<Box>& rest) &&;
  // Makes fewer boxes of disjoint ones: those that differ in one field become one.
  static void merge(std::vector<Box>&);
  // The smallest box around all of them; there is at least one.
  static Box around(std::span<const Box>);

 private:
  const SharedValues* find(Field) const;
  void set(Field, SharedValues);
  std::size_t hash_without(Field) const;
  bool equal_without(Field, const Box&) const;

  std::vector<Constraint> constraints_;
};
std::optional<Box> operator&(const Box&, const Box&);

// A union of disjoint boxes. Not canonical: compare by (a - b).empty(). Operations may blow up: beyond kMaxBoxes the
// result says so and is a superset of the right one.
class PacketSet {
 public:
  PacketSet() = default;
  static PacketSet all() { return of(Box()); }
  static PacketSet of(Box);
  static PacketSet of(std::span<const Box> overlapping);
  std::span<const Box> boxes() const { return boxes_; }
  bool empty() const { return boxes_.empty(); }
  bool too_many() const { return overflow_; }  // sticky
  void mark_too_many() { overflow_ = true; }
  bool subset_of(const PacketSet& other) const { return (*this - other).empty(); }
  // A set made of one address family and services: helper for callers that think in IpSet and ServiceSet.
  static PacketSet destined(const IpSet& destinations, const ServiceSet& services);
  static PacketSet sourced(const IpSet& sources);

  // Removes what is in one of the boxes and returns it.
  PacketSet take(std::span<const Box>);
  // Union with a set that the caller knows to have no packet in common.
  void add_disjoint(PacketSet&&);
  // Makes the field free: afterwards the packet may have any value there.
  PacketSet released(Field) const;

  friend PacketSet operator|(PacketSet a, const PacketSet& b) { return std::move(a |= b); }
  friend PacketSet operator&(const PacketSet&, const PacketSet&);
  friend PacketSet operator-(const PacketSet&, const PacketSet&);
  PacketSet& operator|=(const PacketSet&);
  PacketSet& operator-=(const PacketSet& o) { return *this = *this - o; }

 private:
  // Takes away what is in the box, to the end of `hit` (nullptr: not wanted).
  void cut(const Box&, std::vector<Box>* hit);
  // Merges when the boxes have doubled since the last time; false if there are too many still.
  bool settle();
  void collapse();  // to one box around all, and says so

  std::vector<Box> boxes_;
  static constexpr std::size_t kWorthMerging = 32;
  std::size_t merged_ = kWorthMerging;  // boxes after the last merging
  bool overflow_ = false;
};
inline constexpr std::size_t kMaxBoxes = 20'000;

// Addresses (destination, or source) × services of a set, every other field forgotten: a superset. A fragment without
// ports counts as its protocol's every port only where no port is in the box.
TrafficSet project_destinations(const PacketSet&);
TrafficSet project_sources(const PacketSet&);

}  // namespace airtight::verify
