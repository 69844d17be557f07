#include <algorithm>
#include <string_view>

#include "auditor/evidence/text_fields.h"
#include "auditor/report/finding_groups.h"
#include "auditor/report/report.h"
#include "auditor/report/report_wording.h"

namespace airtight::audit {
namespace {

// A page is read and printed by people: beyond these it says how many more there are, and the JSON has all.
constexpr std::size_t kReasons = 200;
constexpr std::size_t kRows = 500;  // of a table
constexpr std::size_t kDestinations = 64;

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #d5d9de; --quiet: #59636e; --band: #f5f7f9;
        --proven: #11632b; --proven-band: #e3f5e8; --violated: #a40e26; --violated-band: #fdeaec;
        --inconclusive: #7a4d00; --inconclusive-band: #fdf3dc; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --paper: #14171a; --line: #3b4249; --quiet: #9aa5b1; --band: #1c2126;
          --proven: #7ddb98; --proven-band: #12301d; --violated: #ff9aa2; --violated-band: #3a1418;
          --inconclusive: #f0c674; --inconclusive-band: #33270d; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: var(--ink); background: var(--paper);
       margin: 0 auto; max-width: 70rem; padding: 2rem 1.25rem 4rem; }
header { border-left: .4rem solid; padding: 1rem 1.25rem; border-radius: 0 .4rem .4rem 0; }
header.proven { color: var(--proven); background: var(--proven-band); }
header.violated { color: var(--violated); background: var(--violated-band); }
header.inconclusive { color: var(--inconclusive); background: var(--inconclusive-band); }
header p { margin: .3rem 0 0; color: var(--ink); }
h1 { font-size: 1.45rem; line-height: 1.3; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem; border-bottom: 2px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p, li { overflow-wrap: anywhere; }
ul, ol { padding-left: 1.4rem; margin: .4rem 0; }
li { margin: .2rem 0; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; font-size: .93em; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top;
         overflow-wrap: anywhere; }
thead th { background: var(--band); font-weight: 600; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.full { color: var(--proven); font-weight: 600; }
.short { color: var(--violated); font-weight: 600; }
.mark { font-size: .82em; font-weight: 600; padding: .1rem .45rem; border-radius: .3rem; margin-right: .4rem; }
.mark.violated { color: var(--violated); background: var(--violated-band); }
.mark.inconclusive { color: var(--inconclusive); background: var(--inconclusive-band); }
.mark.listed { color: var(--quiet); background: var(--band); }
.quiet { color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .5rem 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
@media print {
  :root { --ink: #000; --paper: #fff; --line: #999; --quiet: #333; --band: #eee; --proven: #11632b;
          --violated: #a40e26; --inconclusive: #7a4d00; --proven-band: #fff; --violated-band: #fff;
          --inconclusive-band: #fff; }
  body { font-size: 10pt; max-width: none; padding: 0; }
  thead { display: table-header-group; }
  tr, li, header { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
)";

std::string escaped(std::string_view text, std::size_t most = 1000) {
  std::string out;
  for (const char c : shown(text, most)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

struct Column {
  std::string_view name;
  bool number = false;
};

class Page {
 public:
  explicit Page(const ReportResult& result) : result_(result) {}

  std::string write() && {
    write_head();
    write_heading();
    write_reasons();
    write_coverage();
    write_findings();
    write_canaries();
    write_gaps();
    write_damages();
    write_list("Exceptions of the policy", result_.exceptions, "The policy has none.");
    write_list("Assumptions", result_.assumptions, "");
    write_list("Inside (all else is outside)", result_.inside, "");
    write_list("Limits: what this cannot show", result_.limits, "");
    write_sources();
    out_ += "</main>\n</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  void write_head() {
    out_ +=
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n<title>" +
        escaped(std::string(to_string(result_.verdict)) + ": egress report" +
                (result_.policy_name.empty() ? "" : " for " + result_.policy_name)) +
        "</title>\n<style>" + std::string(kStyle) + "</style>\n</head>\n<body>\n";
  }

  void write_heading() {
    out_ += "<header class=\"" + std::string(to_string(result_.verdict)) + "\">\n<h1>" + escaped(result_.heading) +
            "</h1>\n<p>";
    const auto nodes = static_cast<std::uint64_t>(std::count_if(result_.nodes.begin(), result_.nodes.end(),
                                                                [](const NodeReport& node) { return node.expected; }));
    if (result_.period)
      out_ += escaped(period_text(result_.period->from, result_.period->to)) + " (" +
              duration_text(result_.period->to - result_.period->from) + "), ";
    out_ += counted(nodes, "node");
    if (!result_.policy_name.empty()) out_ += ", policy " + escaped(result_.policy_name);
    out_ += "</p>\n</header>\n<main>\n";
  }

  void title(std::string_view text) { out_ += "<h2>" + escaped(text) + "</h2>\n"; }
  void begin_table(const std::vector<Column>& columns) {
    columns_ = columns;
    out_ += "<table>\n<thead><tr>";
    for (const Column& column : columns)
      out_ += std::string("<th scope=\"col\"") + (column.number ? " class=\"number\"" : "") + ">" +
              std::string(column.name) + "</th>";
    out_ += "</tr></thead>\n<tbody>\n";
  }
  // Cells are HTML already.
  void row(const std::vector<std::string>& cells) {
    out_ += "<tr>";
    for (std::size_t i = 0; i < cells.size(); ++i)
      out_ += std::string(columns_[i].number ? "<td class=\"number\">" : "<td>") + cells[i] + "</td>";
    out_ += "</tr>\n";
  }
  void end_table() { out_ += "</tbody>\n</table>\n"; }
  void more(std::uint64_t all, std::size_t most, std::string_view noun) {
    if (all > most)
      out_ += "<p class=\"quiet\">and " + counted(all - most, "more " + std::string(noun)) + ": the JSON has all</p>\n";
  }
  void list(const std::vector<std::string>& entries, std::string_view tag, std::size_t most) {
    out_ += "<" + std::string(tag) + ">\n";
    for (std::size_t i = 0; i < std::min(most, entries.size()); ++i) out_ += "<li>" + escaped(entries[i]) + "</li>\n";
    out_ += "</" + std::string(tag) + ">\n";
  }

  void write_reasons() {
    if (result_.reasons.empty()) return;
    title("Why it is not proven");
    list(result_.reasons, "ol", kReasons);
    more(result_.reasons.size(), kReasons, "reason");
  }

  static std::string evidence_cell(const NodeReport& node) {
    if (node.evidence.empty()) return "<span class=\"short\">none</span>";
    std::string out;
    for (const std::string& directory : node.evidence) out += (out.empty() ? "" : "<br>") + escaped(directory, 200);
    return out + (node.enrolled ? "" : "<br><span class=\"quiet\">not enrolled</span>");
  }

  void write_coverage() {
    title("Coverage");
    begin_table({{"Node"},
                 {"Coverage", true},
                 {"Covered"},
                 {"Packets judged", true},
                 {"Records", true},
                 {"Uplinks"},
                 {"Evidence"}});
    for (std::size_t i = 0; i < std::min(kRows, result_.nodes.size()); ++i) {
      const NodeReport& node = result_.nodes[i];
      const bool full = node.asked_time > 0 && node.covered_time >= node.asked_time;
      std::vector<std::string> uplinks;
      for (const std::string& uplink : node.uplinks) uplinks.push_back(escaped(uplink, 60));
      row({escaped(node.node, 100) + (node.expected ? "" : "<br><span class=\"short\">not in the inventory</span>"),
           std::string("<span class=\"") + (full ? "full" : "short") + "\">" +
               escaped(percent_text(node.covered_time, node.asked_time)) + "</span>",
           escaped(duration_text(node.covered_time)) + " of " + escaped(duration_text(node.asked_time)),
           grouped(node.packets), grouped(node.records), listed(uplinks, 10), evidence_cell(node)});
    }
    end_table();
    more(result_.nodes.size(), kRows, "node");
    if (result_.verdict == PeriodVerdict::Proven) return;
    if (result_.proven_intervals.empty()) {
      out_ += "<p>At no time was every node covered.</p>\n";
      return;
    }
    out_ += "<p>Every node was covered:</p>\n<ul>\n";
    for (std::size_t i = 0; i < std::min(kRows, result_.proven_intervals.size()); ++i) {
      const Period& each = result_.proven_intervals[i];
      out_ += "<li>" + escaped(period_text(each.from, each.to)) + " (" + escaped(duration_text(each.to - each.from)) +
              ")</li>\n";
    }
    out_ += "</ul>\n";
    more(result_.proven_intervals.size(), kRows, "interval");
  }

  void write_findings() {
    title("Findings");
    const std::vector<FindingGroup> groups = finding_groups(result_.findings);
    if (groups.empty()) out_ += "<p>None.</p>\n";
    for (const FindingGroup& group : groups) {
      out_ += "<h3><span class=\"mark " + std::string(group.effect()) + "\">" + std::string(group.effect()) +
              "</span>" + escaped(group.title) + " <span class=\"quiet\">" + escaped(group.rule_id, 20) + ", " +
              escaped(group.cls, 40) + ", " + counted(group.packets, "packet") + ", " + counted(group.bytes, "byte") +
              "</span></h3>\n";
      if (group.rank < 2 && !group.cure.empty()) out_ += "<p class=\"quiet\">" + escaped(group.cure) + "</p>\n";
      begin_table({{"Node"}, {"Workload"}, {"Destination"}, {"Service"}, {"Seen"}, {"Packets", true}, {"Bytes", true}});
      for (std::size_t i = 0; i < std::min(kRows, group.rows.size()); ++i) write_finding(*group.rows[i]);
      end_table();
      more(group.rows.size(), kRows, "finding");
    }
    if (result_.findings_left_out > 0)
      out_ += "<p>" + counted(result_.findings_left_out, "more finding") + " beyond the bound of what is listed.</p>\n";
  }

  void write_finding(const ReportFinding& each) {
    const FindingRecord& finding = each.finding;
    std::string who = escaped(finding.workload, 120), what = escaped(destinations_text(finding, kDestinations), 4000);
    const auto below = [](std::string& cell, const std::string& text) {
      if (!text.empty())
        cell += (cell.empty() ? "" : "<br>") + std::string("<span class=\"quiet\">") + text + "</span>";
    };
    if (!finding.source.empty()) below(who, "from " + escaped(finding.source, 60));
    below(who,
          "at " + escaped(finding.role, 20) + (finding.interface.empty() ? "" : " " + escaped(finding.interface, 60)));
    below(what, escaped(finding.name, 300));
    below(what, escaped(finding.catalogue, 120));
    below(what, escaped(finding.detail, 300));
    if (finding.guessed_direction) below(what, "the direction is a guess");
    if (!each.sealed) below(what, "from records that nothing seals");
    row({escaped(each.node, 100), who, what, escaped(service_text(finding)), escaped(seen_text(finding)),
         grouped(finding.packets), grouped(finding.bytes)});
  }

  void write_canaries() {
    title("Canaries: would it have been seen?");
    begin_table({{"Node"},
                 {"Rounds", true},
                 {"Good", true},
                 {"One in", true},
                 {"Sensor canaries that left by design", true},
                 {"Probes", true},
                 {"Denied", true}});
    for (const NodeReport& node : result_.nodes)
      if (!node.evidence.empty())
        row({escaped(node.node, 100), grouped(node.canary_rounds), grouped(node.canary_rounds_good),
             grouped(node.canary_interval) + " s", grouped(node.sensor_canaries), grouped(node.probes),
             grouped(node.probes_denied)});
    end_table();
    std::vector<std::string> failed;
    for (const CanaryLine& line : result_.canaries)
      if (!line.why.empty()) failed.push_back(round_text(line));
    if (!failed.empty()) {
      out_ += "<p>Rounds that did not fare well:</p>\n";
      list(failed, "ul", kRows);
      more(failed.size() + result_.canaries_left_out, kRows, "round");
    }
    for (const CanaryLine& line : result_.canaries)
      if (line.why.empty() && line.fate) write_round(line);
  }

  void write_round(const CanaryLine& line) {
    out_ += "<h3>Last good round of " + escaped(line.node, 100) + " <span class=\"quiet\">" +
            escaped(time_text(line.time)) + "</span></h3>\n";
    begin_table({{"Canary"}, {"Family"}, {"Interface"}, {"Fate"}, {"Blocked by"}});
    for (std::size_t i = 0; i < std::min(line.intent.canaries.size(), line.fate->outcomes.size()); ++i) {
      const PlannedCanary& canary = line.intent.canaries[i];
      const CanaryOutcome& outcome = line.fate->outcomes[i];
      row({escaped(canary.kind, 20), escaped(canary.family, 20), escaped(canary.interface, 60),
           escaped(outcome.fate, 20) + (outcome.detail.empty() ? "" : ", " + escaped(outcome.detail, 200)),
           escaped(outcome.blocked_by, 20)});
    }
    end_table();
  }

  void write_gaps() {
    title("Gaps");
    std::uint64_t all = 0;
    std::size_t rows = 0;
    for (const NodeReport& node : result_.nodes) all += node.gaps.size() + node.gaps_left_out;
    if (all == 0) {
      out_ += "<p>None.</p>\n";
      return;
    }
    begin_table({{"Node"}, {"Time"}, {"Length", true}, {"Reason"}, {"Detail"}});
    for (const NodeReport& node : result_.nodes)
      for (const ReportGap& gap : node.gaps) {
        if (rows == kRows) break;
        ++rows;
        row({escaped(node.node, 100), escaped(period_text(gap.time.from, gap.time.to)),
             escaped(duration_text(gap.time.to - gap.time.from)),
             escaped(gap.reason) + (gap.interface.empty() ? "" : " (" + escaped(gap.interface, 60) + ")") +
                 (gap.bridged ? " <span class=\"full\">bridged</span>" : ""),
             escaped(amount_text(gap))});
      }
    end_table();
    more(all, rows, "gap");
  }

  void write_damages() {
    std::vector<std::string> damages;
    for (const NodeReport& node : result_.nodes)
      for (const std::string& damage : node.damages) damages.push_back(node.node + ": " + damage);
    if (damages.empty()) return;
    title("Damage to the logs");
    list(damages, "ul", kRows);
    more(damages.size(), kRows, "damage");
  }

  void write_list(std::string_view name, const std::vector<std::string>& entries, std::string_view none) {
    if (entries.empty() && none.empty()) return;
    title(name);
    if (entries.empty())
      out_ += "<p>" + escaped(none) + "</p>\n";
    else
      list(entries, "ul", kRows);
    more(entries.size(), kRows, "line");
  }

  void write_sources() {
    title("Judged by");
    out_ += "<dl>\n";
    const auto entry = [&](std::string_view name, const std::string& value) {
      out_ += "<dt>" + std::string(name) + "</dt><dd>" + (value.empty() ? "none" : escaped(value)) + "</dd>\n";
    };
    entry("Policy", result_.policy_name);
    entry("Policy digest", result_.policy_digest);
    entry("Spec digest", result_.spec_digest);
    entry("Inventory digest", result_.inventory_digest);
    entry("Trust root", result_.trust);
    for (const NodeReport& node : result_.nodes)
      for (const std::string& origin : node.origins) entry("Log of " + escaped(node.node, 100), origin);
    out_ += "</dl>\n";
  }

  const ReportResult& result_;
  std::vector<Column> columns_;
  std::string out_;
};

}  // namespace

std::string render_report_html(const ReportResult& result) { return Page(result).write(); }

}  // namespace airtight::audit
