#include "compiler/verify/report_wording.h"

#include <algorithm>
#include <array>

#include "compiler/policy/diagnostic.h"

namespace airtight::verify {
namespace {

constexpr Ink kPlain{};
constexpr Ink kAnsi{"\033[1m", "\033[1;31m", "\033[1;33m", "\033[1;32m", "\033[0m"};
constexpr std::array kWithPorts{Protocol::Tcp, Protocol::Udp, Protocol::Sctp};
constexpr std::array kWithoutPorts{Protocol::Icmp, Protocol::Icmpv6, Protocol::Other};

constexpr std::size_t kReasons = 3;  // in the heading; each is also a finding or a thing not understood

std::string port_list(const PortSet& ports) {
  std::string out;
  for (const Interval<std::uint16_t>& range : ports.intervals()) {
    if (!out.empty()) out += ",";
    out += std::to_string(range.first);
    if (range.last != range.first) out += "-" + std::to_string(range.last);
  }
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

// What a violated report is about: the first thing that violates it, and how many more do.
std::string violation(const Report& report) {
  if (report.verdict != Verdict::Violated) return {};
  const Finding* first = nullptr;
  std::size_t count = 0;
  const auto look = [&](const std::vector<Finding>& findings) {
    for (const Finding& finding : findings)
      if (finding.effect == Verdict::Violated && ++count == 1) first = &finding;
  };
  look(report.findings);
  for (const LayerReport& layer : report.layers) look(layer.findings);
  if (first == nullptr) return {};
  return printable(first->message) + (count > 1 ? ", and " + counted(count - 1, "more violation") : "");
}

}  // namespace

const Ink& ink(bool colour) { return colour ? kAnsi : kPlain; }

std::string inked(Verdict verdict, const Ink& ink) {
  const std::array<std::string_view, 3> colours{ink.green, ink.yellow, ink.red};
  return std::string(colours[static_cast<std::size_t>(verdict)]) + std::string(to_string(verdict)) +
         std::string(ink.off);
}

std::string counted(std::size_t number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string listed(const std::vector<std::string>& names, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) out += (i > 0 ? ", " : "") + printable(names[i]);
  if (names.size() > most) out += " and " + std::to_string(names.size() - most) + " more";
  return out;
}

Place place_of(const Sources& sources, Span where) {
  return {printable(sources.name(where.source)), sources.position(where.source, where.begin),
          sources.position(where.source, std::max(where.begin, where.end))};
}

std::string place_text(const Sources& sources, Span where) {
  const Place place = place_of(sources, where);
  return place.file + ":" + std::to_string(place.begin.line) + ":" + std::to_string(place.begin.column);
}

std::string line_with_caret(const Sources& sources, Span where, bool colour) {
  Diagnostics one;
  one.error(Code::CannotRead, where, {});
  const std::string text = render_text(one, sources, colour);
  return text.substr(text.find('\n') + 1);  // without the line of the message
}

std::string heading(const Report& report) {
  std::string out(to_string(report.verdict));
  if (report.verdict == Verdict::Proven && !report.exceptions.empty())
    out += " with " + counted(report.exceptions.size(), "exception");
  std::string_view before = report.verdict == Verdict::Proven ? ", " : ": ";
  if (const std::string what = violation(report); !what.empty()) out += ": " + what, before = "; ";
  for (std::size_t i = 0; i < std::min(kReasons, report.reasons.size()); ++i)
    out += std::string(before) + printable(report.reasons[i]), before = "; ";
  if (report.reasons.size() > kReasons) out += " and " + counted(report.reasons.size() - kReasons, "more reason");
  return out;
}

std::string packet_text(const Finding& finding) {
  if (!finding.counterexample) return {};
  const std::string source = finding.workloads.empty() ? "any" : finding.workloads.front();
  const std::string destination = finding.destination.empty() ? "any" : finding.destination;
  return printable(to_string(*finding.counterexample, source, destination));
}

std::string_view outcome(const Finding& finding) {
  if (finding.effect != Verdict::Proven) return to_string(finding.effect);
  if (finding.property == Property::Complete) return "incomplete";
  if (finding.property == Property::Exact) return "excess";
  return "finding";
}

std::string services_text(const ServiceSet& services) {
  const auto all_of = [&](Protocol protocol) { return (services.ports(protocol) | PortSet::of(0)).is_all(); };
  std::vector<std::string> parts;
  if (std::all_of(kWithPorts.begin(), kWithPorts.end(), all_of)) {
    parts.emplace_back("All Connections");
  } else {
    for (const Protocol protocol : kWithPorts)
      if (!services.ports(protocol).empty())
        parts.push_back(upper(to_string(protocol)) + " " +
                        (all_of(protocol) ? "1-65535" : port_list(services.ports(protocol))));
  }
  for (const Protocol protocol : kWithoutPorts)
    if (!services.ports(protocol).empty())
      parts.push_back(to_string(ServiceSet::of(protocol, services.ports(protocol))));
  if (parts.empty()) return "No Connections";
  std::string out = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) out += "; " + parts[i];
  return out;
}

std::string services_json(const ServiceSet& services) {
  constexpr std::array<std::string_view, kProtocols.size()> kKeys{"ports",    "ports",    "ports",
                                                                  "messages", "messages", "numbers"};
  std::string out;
  for (const Protocol protocol : kProtocols) {
    std::string ranges;
    for (const Interval<std::uint16_t>& range : services.ports(protocol).intervals())
      ranges += (ranges.empty() ? "[" : ",[") + std::to_string(range.first) + "," + std::to_string(range.last) + "]";
    if (ranges.empty()) continue;
    out += (out.empty() ? "" : ",") + ("{\"protocol\":\"" + std::string(to_string(protocol)) + "\",\"" +
                                       std::string(kKeys[static_cast<std::size_t>(protocol)]) + "\":[" + ranges + "]}");
  }
  return "[" + out + "]";
}

}  // namespace airtight::verify
