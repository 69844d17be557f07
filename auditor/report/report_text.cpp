#include <algorithm>
#include <utility>

#include "auditor/classify/rule_table.h"
#include "auditor/evidence/text_fields.h"
#include "auditor/report/finding_groups.h"
#include "auditor/report/report.h"
#include "auditor/report/report_wording.h"

namespace airtight::audit {
namespace {

using Side = Columns::Side;

// What is printed of lists that a log can make as long as it likes; JSON has all.
constexpr std::size_t kReasons = 20;
constexpr std::size_t kRows = 20;  // of a group of findings
constexpr std::size_t kGaps = 20;  // of a node
constexpr std::size_t kRounds = 20;
constexpr std::size_t kDamages = 20;  // of a node
constexpr std::size_t kIntervals = 20;
constexpr std::size_t kDestinations = 5;
constexpr std::size_t kNameWidth = 60;
constexpr std::size_t kWidth = 120;

class TextReport {
 public:
  TextReport(const ReportResult& result, bool colour) : result_(result), ink_(ink(colour)) {}

  std::string write() && {
    write_heading();
    write_reasons();
    write_coverage();
    for (const FindingGroup& group : finding_groups(result_.findings)) write_group(group);
    if (result_.findings_left_out > 0)
      line("\n" + counted(result_.findings_left_out, "more finding") + " beyond the bound of what is listed");
    write_canaries();
    write_gaps();
    write_damages();
    write_list("Exceptions of the policy", result_.exceptions);
    write_list("Assumptions", result_.assumptions);
    write_list("Inside (all else is outside)", result_.inside);
    write_list("Limits", result_.limits);
    write_sources();
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }
  void title(std::string_view text) { line("\n" + std::string(ink_.bold) + std::string(text) + std::string(ink_.off)); }
  void table(const Columns& columns, std::string_view indent = "  ") {
    for (const std::string& row : columns.rows()) line(std::string(indent) + row);
  }
  void more(std::size_t all, std::size_t most, std::string_view noun) {
    if (all > most) line("  and " + counted(all - most, "more " + std::string(noun)) + " (--format json has all)");
  }
  std::string_view colour_of(PeriodVerdict verdict) const {
    return verdict == PeriodVerdict::Proven ? ink_.green : verdict == PeriodVerdict::Violated ? ink_.red : ink_.yellow;
  }

  void write_heading() {
    const std::string text = shown(result_.heading, 1000);
    const std::string word(to_string(result_.verdict));
    const std::size_t at = text.find(word);
    line(text.substr(0, at) + std::string(colour_of(result_.verdict)) + word + std::string(ink_.off) +
         text.substr(at + word.size()));
    std::string about;
    if (result_.period)
      about = period_text(result_.period->from, result_.period->to) + " (" +
              duration_text(result_.period->to - result_.period->from) + ")";
    const auto nodes = static_cast<std::uint64_t>(std::count_if(result_.nodes.begin(), result_.nodes.end(),
                                                                [](const NodeReport& node) { return node.expected; }));
    line("  " + about + (about.empty() ? "" : ", ") + counted(nodes, "node"));
  }

  void write_reasons() {
    if (result_.verdict == PeriodVerdict::Proven || result_.reasons.empty()) return;
    if (result_.reasons.size() == 1 && result_.verdict == PeriodVerdict::Inconclusive) return;  // the first line has it
    title("Why it is not proven");
    for (std::size_t i = 0; i < std::min(kReasons, result_.reasons.size()); ++i)
      line("  " + shown(result_.reasons[i], 1000));
    more(result_.reasons.size(), kReasons, "reason");
  }

  void write_coverage() {
    title("Coverage");
    Columns columns({Side::Left, Side::Right, Side::Left, Side::Right, Side::Left});
    for (const NodeReport& node : result_.nodes)
      columns.add({shown(node.node, kNameWidth), percent_text(node.covered_time, node.asked_time),
                   duration_text(node.covered_time) + " of " + duration_text(node.asked_time),
                   counted(node.packets, "packet"),
                   (node.expected ? std::string() : "not in the inventory, ") +
                       (node.evidence.empty() ? "no evidence" : evidence_text(node))});
    table(columns);
    if (result_.verdict == PeriodVerdict::Proven) return;
    if (result_.proven_intervals.empty()) return line("  at no time was every node covered");
    line("  every node was covered:");
    const std::vector<Period>& all = result_.proven_intervals;
    for (std::size_t i = 0; i < std::min(kIntervals, all.size()); ++i)
      line("    " + period_text(all[i].from, all[i].to) + " (" + duration_text(all[i].to - all[i].from) + ")");
    more(all.size(), kIntervals, "interval");
  }

  static std::string evidence_text(const NodeReport& node) {
    std::vector<std::string> directories;
    for (const std::string& directory : node.evidence) directories.push_back(shown(directory, 200));
    return listed(directories, 5) + (node.enrolled ? ", enrolled" : "");
  }

  void write_group(const FindingGroup& group) {
    const std::string_view colours[] = {ink_.red, ink_.yellow, ink_.bold};
    line("\n" + std::string(colours[group.rank]) + std::string(group.effect()) + "[" + shown(group.rule_id, 20) + "]" +
         std::string(ink_.off) + ": " + std::string(ink_.bold) + group.title + std::string(ink_.off) + " (" +
         shown(group.cls, 40) + "), " + counted(group.packets, "packet") + ", " + counted(group.bytes, "byte"));
    const std::size_t most = std::min(kRows, group.rows.size());
    Columns columns({Side::Left, Side::Left, Side::Left, Side::Left, Side::Left, Side::Right, Side::Right});
    for (std::size_t i = 0; i < most; ++i) {
      const FindingRecord& finding = group.rows[i]->finding;
      columns.add({shown(group.rows[i]->node, kNameWidth), shown(finding.workload, kNameWidth),
                   destinations_text(finding, kDestinations), service_text(finding), shown(finding.name, kNameWidth),
                   counted(finding.packets, "packet"), counted(finding.bytes, "byte")});
    }
    const std::vector<std::string> rows = columns.rows();
    for (std::size_t i = 0; i < most; ++i) {
      line("  " + rows[i]);
      write_below(*group.rows[i]);
    }
    more(group.rows.size(), kRows, "finding");
    if (group.rank < 2 && !group.cure.empty()) write_wrapped("  help:", "       ", group.cure);
  }

  void write_below(const ReportFinding& row) {
    const FindingRecord& finding = row.finding;
    std::string where = finding.source.empty() ? "" : "from " + shown(finding.source, kNameWidth) + " ";
    where +=
        "at " + shown(finding.role, 20) + (finding.interface.empty() ? "" : " " + shown(finding.interface, kNameWidth));
    line("    " + seen_text(finding) + ", " + where);
    if (!finding.catalogue.empty()) line("    " + shown(finding.catalogue));
    if (!finding.detail.empty()) line("    " + shown(finding.detail));
    if (finding.guessed_direction) line("    who opened the connection was not seen: the direction is a guess");
    if (!row.sealed) line("    from records that nothing seals");
  }

  void write_wrapped(std::string_view first, std::string_view rest, std::string_view text) {
    std::string row(first);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      if (row.size() + 1 + (end - at) > kWidth) line(std::exchange(row, std::string(rest)));
      row += " " + std::string(text.substr(at, end - at));
      at = end + 1;
    }
    line(row);
  }

  void write_canaries() {
    title("Canaries");
    for (const std::string& row : canary_rows()) line("  " + row);
    std::size_t failed = 0;
    for (const CanaryLine& each : result_.canaries) {
      if (each.why.empty()) continue;
      if (failed++ < kRounds) line("  " + round_text(each));
    }
    more(failed + result_.canaries_left_out, kRounds, "round");
  }

  std::vector<std::string> canary_rows() const {
    Columns columns({Side::Left, Side::Right, Side::Left, Side::Left});
    for (const NodeReport& node : result_.nodes) {
      if (node.evidence.empty()) continue;
      columns.add(
          {shown(node.node, kNameWidth),
           grouped(node.canary_rounds_good) + " of " + counted(node.canary_rounds, "round") + " good",
           grouped(node.sensor_canaries) + (node.sensor_canaries == 1 ? " sensor canary" : " sensor canaries") +
               " left by design",
           node.probes == 0 ? "" : grouped(node.probes_denied) + " of " + counted(node.probes, "probe") + " denied"});
    }
    return columns.rows();
  }

  void write_gaps() {
    Columns columns({Side::Left, Side::Left, Side::Right, Side::Left, Side::Left});
    std::vector<std::string> left_out;
    for (const NodeReport& node : result_.nodes) {
      for (std::size_t i = 0; i < std::min(kGaps, node.gaps.size()); ++i) {
        const ReportGap& gap = node.gaps[i];
        columns.add({shown(node.node, kNameWidth), period_text(gap.time.from, gap.time.to),
                     duration_text(gap.time.to - gap.time.from),
                     shown(gap.reason) + (gap.interface.empty() ? "" : " (" + shown(gap.interface, kNameWidth) + ")") +
                         (gap.bridged ? ", bridged" : ""),
                     amount_text(gap)});
      }
      if (const std::uint64_t all = node.gaps.size() + node.gaps_left_out; all > kGaps)
        left_out.push_back(shown(node.node, kNameWidth) + ": and " + counted(all - kGaps, "more gap") +
                           " (--format json has all)");
    }
    if (columns.rows().empty()) return;
    title("Gaps");
    table(columns);
    for (const std::string& text : left_out) line("  " + text);
  }

  void write_damages() {
    bool any = false;
    for (const NodeReport& node : result_.nodes) {
      if (node.damages.empty()) continue;
      if (!std::exchange(any, true)) title("Damage");
      for (std::size_t i = 0; i < std::min(kDamages, node.damages.size()); ++i)
        line("  " + shown(node.node, kNameWidth) + ": " + shown(node.damages[i], 400));
      more(node.damages.size(), kDamages, "damage");
    }
  }

  void write_list(std::string_view name, const std::vector<std::string>& entries) {
    if (entries.empty()) return;
    title(name);
    for (const std::string& entry : entries) line("  " + shown(entry, 1000));
  }

  void write_sources() {
    title("Judged by");
    Columns columns({Side::Left, Side::Left});
    columns.add({"policy", (result_.policy_name.empty() ? "" : shown(result_.policy_name) + ", ") +
                               shown(result_.policy_digest)});
    columns.add({"spec", shown(result_.spec_digest)});
    columns.add({"inventory", result_.inventory_digest.empty() ? "none" : shown(result_.inventory_digest)});
    columns.add({"trust root", result_.trust.empty() ? "none" : shown(result_.trust)});
    table(columns);
  }

  const ReportResult& result_;
  const Ink& ink_;
  std::string out_;
};

}  // namespace

std::string render_report_text(const ReportResult& result, bool colour) { return TextReport(result, colour).write(); }

}  // namespace airtight::audit
