#include "compiler/verify/finding.h"

#include <algorithm>
#include <array>
#include <functional>
#include <tuple>

namespace airtight::verify {
namespace {

constexpr std::array<std::string_view, 3> kVerdicts{"proven", "inconclusive", "violated"};
constexpr std::array<std::string_view, 3> kProperties{"sealed", "complete", "exact"};

std::string end_of_packet(const std::optional<Ip>& ip, std::string_view otherwise, std::optional<std::uint16_t> port) {
  std::string text = ip ? to_string(*ip) : std::string(otherwise);
  if (!port) return text;
  if (ip && !ip->is_v4()) text = "[" + text + "]";
  return text + ":" + std::to_string(*port);
}

bool any_fails(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(), fails_by_itself);
}

auto key(const Relay& r) { return std::tie(r.path, r.why, r.where.source, r.where.begin); }
auto key(const NotUnderstood& n) { return std::tie(n.where.source, n.where.begin, n.subject, n.message); }
auto key(const Disagreement& d) { return std::tie(d.allows, d.forbids, d.what); }

template <class T>
void sort_once(std::vector<T>& list) {
  std::sort(list.begin(), list.end(), [](const T& a, const T& b) { return key(a) < key(b); });
  list.erase(std::unique(list.begin(), list.end(), [](const T& a, const T& b) { return key(a) == key(b); }),
             list.end());
}

void sort_once(std::vector<std::string>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

void sort_findings(std::vector<Finding>& findings) {
  for (Finding& finding : findings) sort_once(finding.workloads);
  std::stable_sort(findings.begin(), findings.end(), stands_before);
}

}  // namespace

std::string_view to_string(Verdict verdict) { return kVerdicts[static_cast<std::size_t>(verdict)]; }
std::string_view to_string(Property property) { return kProperties[static_cast<std::size_t>(property)]; }

std::string to_string(const Packet& packet, std::string_view source, std::string_view destination) {
  std::string text = end_of_packet(packet.source, source, packet.source_port) + " → " +
                     end_of_packet(packet.destination, destination, packet.destination_port);
  if (!packet.protocol.empty()) text += " " + packet.protocol;
  if (!packet.state.empty()) text += ", " + packet.state;
  return text;
}

bool fails_by_itself(const Finding& finding) {
  return finding.property ? *finding.property != Property::Sealed : finding.effect != Verdict::Inconclusive;
}

bool stands_before(const Finding& a, const Finding& b) {
  const auto key_of = [](const Finding& f) {
    const Span where = f.because.empty() ? Span() : f.because.front().where;
    return std::make_tuple(-static_cast<int>(f.effect), f.property ? static_cast<int>(*f.property) : 3, f.rule,
                           where.source, where.begin, std::cref(f.workloads), std::cref(f.destination),
                           std::cref(f.protocol), f.port, std::cref(f.message));
  };
  return key_of(a) < key_of(b);
}

int Report::exit_code() const {
  const bool fails =
      verdict == Verdict::Violated || any_fails(findings) ||
      std::any_of(layers.begin(), layers.end(), [](const LayerReport& layer) { return any_fails(layer.findings); });
  return fails ? 1 : verdict == Verdict::Inconclusive ? 3 : 0;
}

void arrange(Report& report) {
  std::stable_sort(report.layers.begin(), report.layers.end(),
                   [](const LayerReport& a, const LayerReport& b) { return a.layer < b.layer; });
  for (LayerReport& layer : report.layers) {
    sort_once(layer.workloads);
    sort_findings(layer.findings);
  }
  sort_findings(report.findings);
  sort_once(report.assumptions);
  sort_once(report.relays);
  sort_once(report.unsupported);
  sort_once(report.disagreements);
}

}  // namespace airtight::verify
