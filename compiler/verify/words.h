// Sets in words, for people: short where the set is simple, honest about what was left out where it is not.
#pragma once

#include <optional>
#include <string>

#include "compiler/net/ip_set.h"
#include "compiler/net/traffic_set.h"

namespace airtight::verify {

// "all of IPv6 except fd00::/8", "10.0.0.0/8, 192.0.2.0/24 and 12 more ranges".
std::string describe(const IpSet&);
// "all of IPv6 except fd00::/8, any port of tcp, udp and sctp"; products joined by "; ".
std::string describe(const TrafficSet&);
// "any protocol", "tcp, udp and sctp", else to_string().
std::string describe(const ServiceSet&);

// What the kubernetes and cluster layers have in scope: TCP, UDP and SCTP.
const ServiceSet& transport_services();
TrafficSet restrict(const TrafficSet&, const IpSet&, const ServiceSet&);

// The smallest address of the set that a host would send to (neither 0.0.0.0/8 nor ::/96, unless there is no other),
// with its smallest service; port 0 only where there is no other.
struct Sample {
  Ip address = Ip::v4(0);
  Protocol protocol = Protocol::Tcp;
  std::uint16_t selector = 0;
};
std::optional<Sample> smallest(const TrafficSet&);

}  // namespace airtight::verify
