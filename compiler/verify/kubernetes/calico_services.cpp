#include "compiler/verify/kubernetes/calico_services.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/kubernetes/fields.h"

namespace airtight::verify {
namespace {

struct NamedProtocol {
  std::string_view name;
  Protocol protocol;
  std::uint16_t number;
};
constexpr std::array<NamedProtocol, 6> kCalicoProtocols{{{"TCP", Protocol::Tcp, 6},
                                                         {"UDP", Protocol::Udp, 17},
                                                         {"SCTP", Protocol::Sctp, 132},
                                                         {"ICMP", Protocol::Icmp, 1},
                                                         {"ICMPv6", Protocol::Icmpv6, 58},
                                                         {"UDPLite", Protocol::Other, 136}}};

class ServiceReader {
 public:
  ServiceReader(PolicyRule& rule, PolicyNotes& notes) : rule_(rule), notes_(notes) {}

  void read(const Value& value) {
    const Value* const source = notes_.map(value, "source");
    const Value* const destination = notes_.map(value, "destination");
    read_protocols(value);
    if (destination) read_destination_ports(*destination);
    if (source) read_source_ports(*source);
  }

 private:
  static std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
  }

  // A name or number of kCalicoProtocols, or another number.
  std::optional<ServiceSet> protocol(const Value& value) {
    std::optional<std::int64_t> number = integer(value);
    unsigned from_text = 0;
    const char* const end = value.text.data() + value.text.size();
    const auto [stop, error] = std::from_chars(value.text.data(), end, from_text);
    if (value.is_string() && error == std::errc() && stop == end) number = from_text;
    const auto* const found =
        std::find_if(kCalicoProtocols.begin(), kCalicoProtocols.end(), [&](const NamedProtocol& known) {
          return lower(value.text) == lower(known.name) || (number && *number == known.number);
        });
    if (found != kCalicoProtocols.end() && !number && value.text != found->name)
      notes_.doubt(Rule::RefusedObject, value.span,
                   "protocol " + quoted(value.text) + " is not written as Calico does");
    if (found != kCalicoProtocols.end() && found->protocol != Protocol::Other)
      return ServiceSet::protocol(found->protocol);
    if (found != kCalicoProtocols.end()) number = found->number;
    if (number && *number >= 1 && *number <= 255)
      return ServiceSet::of(Protocol::Other, PortSet::of(static_cast<std::uint16_t>(*number)));
    notes_.refuse(value.span, "there is no protocol " + quoted(value.text));
    return std::nullopt;
  }

  void read_protocols(const Value& value) {
    const Value* const named = field(value, "protocol");
    const Value* const unwanted = field(value, "notProtocol");
    rule_.services = named ? protocol(*named).value_or(ServiceSet()) : ServiceSet::all();
    if (unwanted) rule_.services -= protocol(*unwanted).value_or(ServiceSet());
    const Value* const icmp = notes_.map(value, "icmp");
    const Value* const not_icmp = notes_.map(value, "notICMP");
    const bool is_icmp = rule_.services.subset_of(icmp_of_both());
    if (icmp && !is_icmp) notes_.refuse(icmp->span, "icmp needs protocol ICMP or ICMPv6");
    if (icmp) rule_.services &= icmp_services(*icmp);
    if (not_icmp && is_icmp) rule_.services -= icmp_services(*not_icmp);
    if (not_icmp && !is_icmp)
      notes_.not_understood(rule_, not_icmp->span, "notICMP without protocol ICMP is not understood: read without");
  }

  void read_destination_ports(const Value& destination) {
    const Value* const ports = notes_.list(destination, "ports");
    const Value* const not_ports = notes_.list(destination, "notPorts");
    if (ports && !ports->items.empty()) {
      const ServiceSet transports = with_ports(rule_.services, ports->span);
      const PortSet numbers = port_set(*ports, [&](const Value& port) {
        for (const Protocol one : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp})
          if (!transports.ports(one).empty()) rule_.named_ports.push_back({one, port.text});
      });
      rule_.services = transports & of_transports(numbers);
    }
    if (not_ports && !not_ports->items.empty()) {
      const ServiceSet transports = with_ports(rule_.services, not_ports->span);
      const PortSet numbers = port_set(*not_ports, [&](const Value& port) {
        notes_.not_understood(rule_, port.span, "named notPorts are not understood: read without");
      });
      rule_.services = transports - of_transports(numbers);
      if (!rule_.named_ports.empty())
        notes_.not_understood(rule_, not_ports->span, "notPorts beside named ports are not understood: read without");
    }
  }

  // Ports are only taken with a protocol that has them.
  ServiceSet with_ports(const ServiceSet& services, Span span) {
    static const ServiceSet kTransports = of_transports(PortSet::all());
    if (!services.subset_of(kTransports)) notes_.refuse(span, "ports need protocol TCP, UDP or SCTP");
    return services & kTransports;
  }

  static ServiceSet of_transports(const PortSet& ports) {
    return ServiceSet::of(Protocol::Tcp, ports) | ServiceSet::of(Protocol::Udp, ports) |
           ServiceSet::of(Protocol::Sctp, ports);
  }

  void read_source_ports(const Value& source) {
    const auto named = [&](const Value& port) {
      notes_.not_understood(rule_, port.span, "named source ports are not understood: read without");
    };
    const Value* const ports = notes_.list(source, "ports");
    const Value* const not_ports = notes_.list(source, "notPorts");
    if (ports && !ports->items.empty()) {
      rule_.services = with_ports(rule_.services, ports->span);
      rule_.source_ports = port_set(*ports, named);
      if (!rule_.understood) rule_.source_ports = PortSet::all();
    }
    if (not_ports && !not_ports->items.empty()) {
      rule_.services = with_ports(rule_.services, not_ports->span);
      rule_.source_ports -= port_set(*not_ports, named);
    }
  }

  // Numbers and ranges "first:last"; names go to `named`.
  template <class Named>
  PortSet port_set(const Value& list, const Named& named) {
    PortSet ports;
    for (const Value& port : list.items) {
      const std::size_t colon = port.text.find(':');
      const std::optional<std::uint16_t> first = port_number(port.text.substr(0, colon));
      const std::optional<std::uint16_t> last =
          colon == std::string::npos ? first : port_number(port.text.substr(colon + 1));
      if (first && last && *first <= *last) {
        ports |= PortSet::of(*first, *last);
      } else if (port.is_string() && !first && colon == std::string::npos && !port.text.empty()) {
        named(port);
      } else {
        notes_.refuse(port.span, quoted(port.text) + " is no port");
      }
    }
    return ports;
  }

  static std::optional<std::uint16_t> port_number(const std::string& text) {
    std::uint16_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
    return number;
  }

  static const ServiceSet& icmp_of_both() {
    static const ServiceSet kBoth = ServiceSet::protocol(Protocol::Icmp) | ServiceSet::protocol(Protocol::Icmpv6);
    return kBoth;
  }

  ServiceSet icmp_services(const Value& icmp) {
    notes_.has_only(icmp, "icmp", {"code", "type"});
    const Value* const type = field(icmp, "type");
    const Value* const code = field(icmp, "code");
    if (!type && code) notes_.refuse(code->span, "an ICMP code needs a type");
    if (!type) return icmp_of_both();
    const auto first = static_cast<std::uint16_t>(notes_.number(*type, 254).value_or(0) * 256);
    const std::size_t only = code ? notes_.number(*code, 255).value_or(0) : 0;
    const PortSet selectors = code ? PortSet::of(static_cast<std::uint16_t>(first + only))
                                   : PortSet::of(first, static_cast<std::uint16_t>(first + 255));
    return ServiceSet::of(Protocol::Icmp, selectors) | ServiceSet::of(Protocol::Icmpv6, selectors);
  }

  PolicyRule& rule_;
  PolicyNotes& notes_;
};

}  // namespace

void read_calico_services(const Value& rule, PolicyRule& to, PolicyNotes& notes) {
  ServiceReader(to, notes).read(rule);
}

}  // namespace airtight::verify
