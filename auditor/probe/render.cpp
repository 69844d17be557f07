#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "auditor/probe/probe.h"
#include "auditor/wording.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kShown = 20;  // of reasons, and of probes that were denied
constexpr std::size_t kWidth = 160;

std::size_t count_of(const ProbeReport& report, std::string_view outcome) {
  return static_cast<std::size_t>(std::count_if(report.probes.begin(), report.probes.end(),
                                                [&](const ProbeRecord& probe) { return probe.outcome == outcome; }));
}

// The answer in one line.
std::string first_line(const ProbeReport& report) {
  const std::string all = counted(report.probes.size(), "probe");
  if (report.verdict == "denied") {
    const std::size_t unsent = count_of(report, "unsent");
    const std::string rest =
        unsent == 0 ? "" : "; " + grouped(unsent) + " more of a family that this node does not speak";
    return "every way out that was tried is closed (" + counted(report.probes.size() - unsent, "probe") + rest + ")";
  }
  if (report.verdict == "succeeded") return grouped(count_of(report, "succeeded")) + " of " + all + " got through";
  return "nothing is shown either way (" + all + ", " +
         grouped(count_of(report, "denied") + count_of(report, "inside")) + " denied)";
}

}  // namespace

std::string render_probe_text(const ProbeReport& report, bool colour) {
  const Ink& pen = ink(colour);
  const std::string_view shade = report.verdict == "denied"      ? pen.green
                                 : report.verdict == "succeeded" ? pen.red
                                                                 : pen.yellow;
  std::string text = std::string(shade) + report.verdict + std::string(pen.off) + ": " + first_line(report) + "\n";
  if (!report.reasons.empty()) {
    text += "\n" + std::string(pen.bold) + "Why" + std::string(pen.off) + "\n";
    for (std::size_t i = 0; i < report.reasons.size() && i < kShown; ++i) {
      text += "  " + shown(report.reasons[i], kWidth) + "\n";
    }
    if (report.reasons.size() > kShown) text += "  and " + grouped(report.reasons.size() - kShown) + " more\n";
  }
  if (report.probes.empty()) return text;
  text += "\n" + std::string(pen.bold) + "Probes" + std::string(pen.off) + "\n";
  using Side = Columns::Side;
  Columns columns({Side::Left, Side::Left, Side::Left, Side::Left, Side::Left});
  std::size_t denied = 0;
  for (const ProbeRecord& probe : report.probes) {
    if (probe.outcome == "denied" && ++denied > kShown) continue;  // a day's catalogue; JSON has all
    columns.add({probe.outcome, probe.counted ? "counted" : "", shown(probe.target, kWidth), probe.real ? "real" : "",
                 shown(probe.detail, kWidth)});
  }
  for (const std::string& row : columns.rows()) text += "  " + row + "\n";
  if (denied > kShown) text += "  and " + grouped(denied - kShown) + " more that were denied\n";
  return text;
}

std::string render_probe_json(const ProbeReport& report) {
  nlohmann::ordered_json probes = nlohmann::ordered_json::array();
  for (const ProbeRecord& probe : report.probes) {
    probes.push_back({{"kind", probe.kind},
                      {"target", probe.target},
                      {"real", probe.real},
                      {"outcome", probe.outcome},
                      {"counted", probe.counted},
                      {"detail", probe.detail}});
  }
  const nlohmann::ordered_json json{{"verdict", report.verdict},
                                    {"answer", first_line(report)},
                                    {"reasons", report.reasons},
                                    {"probes", std::move(probes)}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace airtight::audit
