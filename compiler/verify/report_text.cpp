#include <algorithm>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/report.h"
#include "compiler/verify/report_wording.h"

namespace airtight::verify {
namespace {

constexpr std::size_t kNamed = 5;     // workloads by name; JSON has them all
constexpr std::size_t kBecauses = 8;  // places of one finding

class TextReport {
 public:
  TextReport(const Report& report, const Sources& sources, bool colour)
      : report_(report), sources_(sources), colour_(colour), ink_(ink(colour)) {}

  std::string write() && {
    write_heading();
    for (const LayerReport& layer : report_.layers)
      write_findings("In layer " + std::string(to_string(layer.layer)), layer.findings);
    write_findings("Of no single layer", report_.findings);
    write_disagreements();
    write_relays();
    write_unsupported();
    write_list("Exceptions in force", report_.exceptions);
    write_list("Inside", report_.inside);
    write_list("Assumptions", report_.assumptions);
    return std::move(out_);
  }

 private:
  void line(std::string_view text) { out_ += std::string(text) + "\n"; }
  void title(std::string_view text) { line("\n" + std::string(ink_.bold) + std::string(text) + std::string(ink_.off)); }
  void field(std::string_view name, std::string_view value) {
    if (!value.empty()) line("  " + std::string(name) + ": " + std::string(value));
  }

  void write_heading() {
    const std::string text = heading(report_);
    const std::size_t length = to_string(report_.verdict).size();
    line(inked(report_.verdict, ink_) + text.substr(length));
    if (!report_.layers.empty()) line("");
    for (const LayerReport& layer : report_.layers) write_layer(layer);
  }

  // "  kubernetes  proven        sealed, complete and exact …" in columns; what is not proven is said.
  void write_layer(const LayerReport& layer) {
    std::string shown;
    const auto add = [&](Property property, std::optional<Verdict> verdict) {
      if (!verdict) return;
      shown += (shown.empty() ? "" : ", ") + std::string(to_string(property));
      if (*verdict != Verdict::Proven) shown += " " + std::string(to_string(*verdict));
    };
    add(Property::Sealed, layer.sealed);
    add(Property::Complete, layer.complete);
    add(Property::Exact, layer.exact);
    const bool judged = !shown.empty() || layer.verdict != Verdict::Proven;
    if (!layer.workloads.empty()) shown += (shown.empty() ? "" : "; ") + counted(layer.workloads.size(), "workload");
    const std::string_view verdict = judged ? to_string(layer.verdict) : "not judged";
    const std::string cell = judged ? inked(layer.verdict, ink_) : std::string(verdict);
    std::string row = "  " + padded(to_string(layer.layer), 12) + cell;
    if (!shown.empty()) row += std::string(14 - verdict.size(), ' ') + shown;
    line(row);
  }

  static std::string padded(std::string_view text, std::size_t width) {
    return std::string(text) + std::string(width - std::min(width, text.size()), ' ');
  }

  void write_findings(std::string_view where, const std::vector<Finding>& findings) {
    if (findings.empty()) return;
    title(std::string(where) + ": " + counted(findings.size(), "finding"));
    for (const Finding& finding : findings) write_finding(finding);
  }

  void write_finding(const Finding& finding) {
    const std::string_view colour = finding.effect == Verdict::Violated ? ink_.red : ink_.yellow;
    line("\n" + std::string(colour) + std::string(outcome(finding)) + "[" + std::string(info(finding.rule).id) + "]" +
         std::string(ink_.off) + ": " + printable(finding.message));
    if (!finding.workloads.empty()) {
      const std::size_t count = finding.workloads.size();
      field(count == 1 ? "workload" : counted(count, "workload"), listed(finding.workloads, kNamed));
    }
    if (finding.counterexample) {
      field("packet", packet_text(finding));
    } else if (!finding.destination.empty()) {
      field("toward", printable(finding.destination) + services_of(finding));
    }
    field("extent", printable(finding.extent));
    for (std::size_t i = 0; i < std::min(kBecauses, finding.because.size()); ++i) write_because(finding.because[i]);
    if (finding.because.size() > kBecauses)
      field("because", "of " + counted(finding.because.size() - kBecauses, "more place") + " (--format json has all)");
    field("help", printable(finding.remedy));
  }

  static std::string services_of(const Finding& finding) {
    if (finding.protocol.empty()) return {};
    return finding.port ? ", " + std::to_string(*finding.port) + "/" + printable(finding.protocol)
                        : ", " + printable(finding.protocol);
  }

  void write_because(const Because& because) {
    std::string text = because.where.known() ? place_text(sources_, because.where) : "";
    for (const std::string& part : {because.object, because.absent})
      if (!part.empty()) text += (text.empty() ? "" : ": ") + printable(part);
    field("because", text);
    if (because.where.known()) out_ += line_with_caret(sources_, because.where, colour_);
  }

  void write_disagreements() {
    if (report_.disagreements.empty()) return;
    title("Layers disagree");
    std::size_t width = 0;
    for (const Disagreement& row : report_.disagreements) width = std::max(width, characters(printable(row.what)));
    for (const Disagreement& row : report_.disagreements) {
      const std::string what = printable(row.what);
      line("  " + what + std::string(width - characters(what), ' ') + "  " + padded(to_string(row.allows), 10) +
           " allows, " + std::string(to_string(row.forbids)) + " forbids");
    }
  }

  static std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  }

  void write_relays() {
    if (report_.relays.empty()) return;
    title("Relays (reach over several hops; no part of the verdict)");
    for (const Relay& relay : report_.relays) {
      std::string path;
      for (const std::string& hop : relay.path) path += (path.empty() ? "" : " → ") + printable(hop);
      line("  " + path);
      if (!relay.why.empty()) line("    " + printable(relay.why));
      if (relay.where.known()) line("    at " + place_text(sources_, relay.where));
    }
  }

  void write_unsupported() {
    if (report_.unsupported.empty()) return;
    title("Not understood");
    for (const NotUnderstood& thing : report_.unsupported) {
      std::string text = thing.where.known() ? place_text(sources_, thing.where) : "";
      for (const std::string& part : {thing.subject, thing.message})
        if (!part.empty()) text += (text.empty() ? "" : ": ") + printable(part);
      line("  " + text);
    }
  }

  void write_list(std::string_view name, const std::vector<std::string>& entries) {
    if (entries.empty()) return;
    title(name);
    for (const std::string& entry : entries) line("  " + printable(entry));
  }

  const Report& report_;
  const Sources& sources_;
  bool colour_;
  const Ink& ink_;
  std::string out_;
};

}  // namespace

std::string render_report_text(const Report& report, const Sources& sources, bool colour) {
  return TextReport(report, sources, colour).write();
}

}  // namespace airtight::verify
