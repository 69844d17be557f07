#include "auditor/report/verdict.h"

#include <algorithm>
#include <array>
#include <set>

#include "auditor/classify/rule_table.h"
#include "auditor/evidence/text_fields.h"
#include "auditor/report/finding_sums.h"
#include "auditor/report/report_wording.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kNodes = 5;       // named in one reason
constexpr std::size_t kNodesApart = 3;  // that have a reason each, before they share one

std::string named(const std::vector<std::string>& nodes, std::size_t most) {
  std::vector<std::string> shown_names;
  for (const std::string& node : nodes) shown_names.push_back(shown(node, 60));
  return listed(shown_names, most);
}

// What a violation is about, for the first line. Every rule that violates is of one kind.
enum class Kind : std::uint8_t { Packets, Names, Frames };
Kind kind_of(const FindingRecord& finding) {
  const RuleInfo* rule = find_rule(finding.rule_id);
  if (rule == nullptr) return Kind::Packets;
  switch (rule->rule) {
    case Rule::NameAskedOutside:
    case Rule::NameInClear:
      return Kind::Names;
    case Rule::UndeclaredEtherType:
    case Rule::UndeclaredTag:
      return Kind::Frames;
    default:
      return Kind::Packets;
  }
}

}  // namespace

void Reasons::add(Rank rank, std::string text) { texts_.emplace_back(rank, std::move(text)); }

void Reasons::add(const std::string& node, const CoverageGap& gap) {
  Alike& alike = gaps_[{gap.cause, gap.gap.interface}][node];
  if (alike.times++ == 0) alike.amount = amount_text(gap.gap);
  append(alike.spans, gap.gap.time);
}

std::vector<std::string> Reasons::take() && {
  for (auto& [what, nodes] : gaps_) {
    const std::string cause =
        std::string(to_string(what.first)) + (what.second.empty() ? "" : " (" + shown(what.second, 60) + ")");
    if (nodes.size() > kNodesApart) {
      std::vector<std::string> names;
      Spans all;
      std::uint64_t times = 0;
      for (auto& [node, alike] : nodes) {
        names.push_back(node);
        times += alike.times;
        all.insert(all.end(), alike.spans.begin(), alike.spans.end());
      }
      all = united(std::move(all));
      add(Rank::Gap, named(names, kNodes) + ": " + cause + ", " + counted(times, "time") + " between " +
                         time_text(all.front().from) + " and " + time_text(all.back().to));
      continue;
    }
    for (auto& [node, alike] : nodes) {
      const Spans all = united(std::move(alike.spans));
      std::string text = shown(node, 60) + ": " + cause + ", ";
      if (all.size() == 1)
        text += period_text(all.front().from, all.front().to) + " (" + duration_text(length(all)) + ")";
      else
        text += counted(alike.times, "time") + " between " + time_text(all.front().from) + " and " +
                time_text(all.back().to) + ", " + duration_text(length(all)) + " in all";
      if (!alike.amount.empty()) text += ": " + alike.amount;
      add(Rank::Gap, std::move(text));
    }
  }
  std::stable_sort(texts_.begin(), texts_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> out;
  std::set<std::string> known;
  for (auto& [rank, text] : texts_)
    if (known.insert(text).second) out.push_back(std::move(text));
  return out;
}

std::string violation_text(const std::vector<ReportFinding>& findings) {
  std::array<std::uint64_t, 3> packets{};
  std::array<std::set<std::string>, 3> what;  // destinations, names
  std::vector<std::string> nodes;
  std::set<std::string> known;
  std::uint64_t unlisted = 0;
  for (const ReportFinding& each : findings) {
    if (effect_rank(each.finding) != 0) continue;
    const Kind kind = kind_of(each.finding);
    const auto at = static_cast<std::size_t>(kind);
    packets[at] += std::min(std::max<std::uint64_t>(each.finding.packets, 1), UINT64_MAX - packets[at]);
    if (kind == Kind::Packets) what[at].insert(each.finding.destinations.begin(), each.finding.destinations.end());
    if (kind == Kind::Names) what[at].insert(each.finding.name);
    if (kind == Kind::Packets && each.finding.destinations_count > each.finding.destinations.size())
      unlisted += each.finding.destinations_count - each.finding.destinations.size();
    if (known.insert(each.node).second) nodes.push_back(each.node);
  }
  std::string out;
  const auto clause = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (packets[0] > 0) {
    const std::uint64_t destinations = what[0].size() + unlisted;
    clause(counted(packets[0], "packet") + " left" +
           (destinations == 0 ? "" : " to " + counted(destinations, "outside destination")));
  }
  if (packets[1] > 0) clause(counted(what[1].size(), "outside name") + " left in " + counted(packets[1], "packet"));
  if (packets[2] > 0) clause(counted(packets[2], "undeclared frame") + " left");
  return out.empty() ? out : out + " at " + named(nodes, kNodes);
}

}  // namespace airtight::audit
