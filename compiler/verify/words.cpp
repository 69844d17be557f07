#include "compiler/verify/words.h"

#include <algorithm>
#include <vector>

namespace airtight::verify {
namespace {

constexpr std::size_t kShown = 4;

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : std::string(separator)) + part;
  return text;
}

std::string listed(const std::vector<Prefix>& prefixes) {
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < prefixes.size() && i < kShown; ++i) shown.push_back(to_string(prefixes[i]));
  std::string text = join(shown, ", ");
  if (const std::size_t rest = prefixes.size() - shown.size(); rest > 0)
    text += " and " + std::to_string(rest) + (rest == 1 ? " more range" : " more ranges");
  return text;
}

// One family of a set; the shorter of what is in it and what is not.
std::string one_family(const IpSet& set, const IpSet& family, std::string_view name) {
  if (set.empty()) return "";
  const std::vector<Prefix> in = set.prefixes();
  const std::vector<Prefix> out = (family - set).prefixes();
  if (out.empty()) return "all of " + std::string(name);
  if (out.size() < in.size()) return "all of " + std::string(name) + " except " + listed(out);
  return listed(in);
}

}  // namespace

const ServiceSet& transport_services() {
  static const ServiceSet kServices =
      ServiceSet::protocol(Protocol::Tcp) | ServiceSet::protocol(Protocol::Udp) | ServiceSet::protocol(Protocol::Sctp);
  return kServices;
}

std::string describe(const IpSet& set) {
  std::vector<std::string> parts;
  for (const std::string& part :
       {one_family(set.only_v4(), IpSet::all_v4(), "IPv4"), one_family(set.only_v6(), IpSet::all_v6(), "IPv6")})
    if (!part.empty()) parts.push_back(part);
  return parts.empty() ? "nothing" : join(parts, " and ");
}

std::string describe(const ServiceSet& services) {
  if (services.is_all()) return "any protocol";
  if (services == transport_services()) return "any port of tcp, udp and sctp";
  return to_string(services);
}

std::string describe(const TrafficSet& traffic) {
  std::vector<std::string> parts;
  for (const TrafficSet::Product& product : traffic.products()) {
    if (parts.size() == kShown) {
      parts.push_back("and " + std::to_string(traffic.products().size() - kShown) + " more");
      break;
    }
    parts.push_back(describe(product.addresses) + ", " + describe(product.services));
  }
  return parts.empty() ? "nothing" : join(parts, "; ");
}

TrafficSet restrict(const TrafficSet& traffic, const IpSet& addresses, const ServiceSet& services) {
  std::vector<TrafficSet::Product> products;
  for (const TrafficSet::Product& product : traffic.products())
    products.push_back({product.addresses & addresses, product.services & services});
  return TrafficSet::from(std::move(products));
}

std::optional<Sample> smallest(const TrafficSet& traffic) {
  static const IpSet kUnlikely = IpSet::of(*Prefix::parse("0.0.0.0/8")) | IpSet::of(*Prefix::parse("::/96"));
  std::optional<Sample> best;
  const auto rank = [](Ip ip) { return std::pair(kUnlikely.contains(ip), ip); };
  for (const TrafficSet::Product& product : traffic.products()) {
    std::optional<Ip> address = (product.addresses - kUnlikely).smallest();
    if (!address) address = product.addresses.smallest();
    if (!address || (best && rank(best->address) <= rank(*address))) continue;
    for (const Protocol protocol : kProtocols)
      if (const PortSet& ports = product.services.ports(protocol); !ports.empty()) {
        const bool has_port = protocol == Protocol::Tcp || protocol == Protocol::Udp || protocol == Protocol::Sctp;
        const PortSet likely = has_port ? ports - PortSet::of(0) : ports;
        best = Sample{*address, protocol, (likely.empty() ? ports : likely).intervals().front().first};
        break;
      }
  }
  return best;
}

}  // namespace airtight::verify
