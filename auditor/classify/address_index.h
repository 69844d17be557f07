// What the policy says about addresses, looked up in O(log n) without allocation.
//
// The sets of the policy (ranges, peers, exceptions, groups) cut each family into pieces; pieces in the same sets are
// one class. What permits something (a multicast group, a flow, an exception) has a number; a class knows the numbers
// of which it may be the source and those of which it may be the destination, a service those that carry it, and what
// fits is the intersection of three rows of bits. Rows hold their non-zero words only: memory grows with the
// memberships that there are, not with classes times flows, and there is no table of pairs of classes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "auditor/classify/boundary.h"
#include "auditor/classify/partition.h"
#include "compiler/net/ip.h"
#include "compiler/net/traffic_set.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

class AddressIndex {
 public:
  explicit AddressIndex(const Policy&);

  Boundary::Place place(Ip ip) const { return classes_[class_of(ip)].place; }
  Judgement decide(Ip source, Ip destination, Protocol, std::uint16_t selector, std::optional<Date> on) const;

 private:
  // Sixty-four bits of a row.
  struct Word {
    std::uint32_t index;
    std::uint64_t bits;
  };
  using Row = std::vector<Word>;  // ascending
  struct AddressClass {
    Boundary::Place place;
    Row as_source;
    Row as_destination;
  };
  class Builder;

  std::uint32_t class_of(Ip ip) const { return ip.is_v4() ? v4_[ip.v4_bits()] : v6_[ip.bits()]; }

  // Calls `visit` with each number of [first, last) that all three rows have, ascending, until it returns false.
  template <class Visit>
  static void each_common(std::uint32_t first, std::uint32_t last, const Row&, const Row&, const Row&, Visit visit);

  AddressIndex(const Policy&, Builder&&);

  std::uint32_t flows_;       // numbers from 0 are multicast, from here flows,
  std::uint32_t exceptions_;  // from here exceptions,
  std::uint32_t end_;         // and from here nothing
  std::vector<Date> expires_;
  std::vector<AddressClass> classes_;
  Partition<std::uint32_t> v4_;
  Partition<u128> v6_;
  std::vector<Partition<std::uint16_t>> selectors_;  // by Protocol
  std::vector<Row> carried_;                         // by the values of selectors_
};

// The catalogue entries that name addresses: the longest prefix wins, a denied catalogue before another at one length.
class AddressLabels {
 public:
  explicit AddressLabels(const Policy&);
  Label of(Ip) const;  // of exactly this address

 private:
  struct Rows;
  explicit AddressLabels(const Rows&);

  std::vector<Label> labels_;  // [0] is none
  Partition<std::uint32_t> v4_;
  Partition<u128> v6_;
};

}  // namespace airtight::audit
