// Packet sets from and to what the rest of the verifier thinks in: addresses and services.
#include <array>
#include <limits>

#include "compiler/verify/firewall/packet_space.h"

namespace airtight::verify {
namespace {

constexpr unsigned kIpv4 = 0x0800;
constexpr unsigned kIpv6 = 0x86dd;

// How a protocol of ServiceSet stands in packets; the others are themselves.
struct Service {
  Protocol protocol;
  unsigned number;
  Field selector;
};
constexpr std::array<Service, 5> kServices{{{Protocol::Tcp, 6, Field::DestinationPort},
                                            {Protocol::Udp, 17, Field::DestinationPort},
                                            {Protocol::Sctp, 132, Field::DestinationPort},
                                            {Protocol::Icmp, 1, Field::IcmpTypeCode},
                                            {Protocol::Icmpv6, 58, Field::Icmpv6TypeCode}}};

template <class To, class From>
IntervalSet<To> converted(const IntervalSet<From>& set) {
  constexpr u128 kLargest = std::numeric_limits<To>::max();
  std::vector<Interval<To>> intervals;
  intervals.reserve(set.intervals().size());
  for (const Interval<From>& interval : set.intervals()) {
    if (interval.first > kLargest) break;
    intervals.push_back({static_cast<To>(interval.first),
                         interval.last > kLargest ? std::numeric_limits<To>::max() : static_cast<To>(interval.last)});
  }
  return IntervalSet<To>::from(std::move(intervals));
}

template <class From>
SharedValues widened(const IntervalSet<From>& set) {
  std::vector<Interval<u128>> intervals;
  intervals.reserve(set.intervals().size());
  for (const Interval<From>& interval : set.intervals()) intervals.push_back({interval.first, interval.last});
  return std::make_shared<const Values>(Values::from(std::move(intervals)));
}

// One box a family that has addresses.
std::vector<Box> addressed(const IpSet& addresses, Field v4, Field v6) {
  std::vector<Box> boxes;
  Box box4;
  if (!addresses.v4().empty() && box4.constrain(v4, widened(addresses.v4()))) boxes.push_back(std::move(box4));
  Box box6;
  if (!addresses.v6().empty() && box6.constrain(v6, std::make_shared<const Values>(addresses.v6()))) {
    boxes.push_back(std::move(box6));
  }
  return boxes;
}

const Values& named_protocols() {
  static const Values kNamed = [] {
    Values all;
    for (const Service& service : kServices) all |= Values::of(service.number);
    return all;
  }();
  return kNamed;
}

// One box for each way in which services restrict packets: whole protocols together.
std::vector<Box> boxes_of(const ServiceSet& services) {
  if (services.is_all()) return {Box()};
  std::vector<Box> boxes;
  Values whole = *widened(services.ports(Protocol::Other)) - named_protocols();
  for (const Service& service : kServices) {
    const PortSet& ports = services.ports(service.protocol);
    if (ports == ServiceSet::universe(service.protocol)) {
      whole |= Values::of(service.number);
    } else if (Box box; !ports.empty() && box.constrain(Field::Protocol, Values::of(service.number)) &&
                        box.constrain(service.selector, widened(ports))) {
      boxes.push_back(std::move(box));
    }
  }
  if (Box box; !whole.empty() && box.constrain(Field::Protocol, whole)) boxes.push_back(std::move(box));
  return boxes;
}

ServiceSet services_of(const Box& box) {
  if (box.is_free(Field::Protocol)) return ServiceSet::all();
  const Values& protocols = box.values(Field::Protocol);
  ServiceSet services;
  for (const Service& service : kServices) {
    if (!protocols.contains(service.number)) continue;
    const PortSet ports = converted<std::uint16_t>(box.values(service.selector));
    services |= ServiceSet::of(service.protocol, ports.empty() ? ServiceSet::universe(service.protocol) : ports);
  }
  // All others are the whole of Other, whose numbers of the named protocols mean nothing.
  const Values others = protocols - named_protocols();
  const bool all_others = (universe(Field::Protocol) - named_protocols()).subset_of(others);
  return services | (all_others ? ServiceSet::protocol(Protocol::Other)
                                : ServiceSet::of(Protocol::Other, converted<std::uint16_t>(others)));
}

TrafficSet project(const PacketSet& packets, Field v4, Field v6) {
  std::vector<TrafficSet::Product> products;
  for (const Box& box : packets.boxes()) {
    const Values& types = box.values(Field::EtherType);
    IpSet addresses =
        IpSet::from(types.contains(kIpv4) ? converted<std::uint32_t>(box.values(v4)) : IntervalSet<std::uint32_t>(),
                    types.contains(kIpv6) ? box.values(v6) : Values());
    if (!addresses.empty()) products.push_back({std::move(addresses), services_of(box)});
  }
  return TrafficSet::from(std::move(products));
}

}  // namespace

PacketSet PacketSet::destined(const IpSet& destinations, const ServiceSet& services) {
  PacketSet set;
  const std::vector<Box> by_service = boxes_of(services);
  for (const Box& to : addressed(destinations, Field::Ip4Destination, Field::Ip6Destination)) {
    for (const Box& service : by_service) {
      if (std::optional<Box> both = to & service) set.boxes_.push_back(std::move(*both));
    }
  }
  return set;
}

PacketSet PacketSet::sourced(const IpSet& sources) {
  PacketSet set;
  set.boxes_ = addressed(sources, Field::Ip4Source, Field::Ip6Source);
  return set;
}

TrafficSet project_destinations(const PacketSet& packets) {
  return project(packets, Field::Ip4Destination, Field::Ip6Destination);
}

TrafficSet project_sources(const PacketSet& packets) { return project(packets, Field::Ip4Source, Field::Ip6Source); }

}  // namespace airtight::verify
