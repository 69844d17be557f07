#include "auditor/report/policy_words.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "auditor/evidence/text_fields.h"
#include "auditor/report/report_wording.h"
#include "compiler/policy/compiled_policy.h"  // printable()

namespace airtight::audit {
namespace {

struct Use {
  std::uint64_t packets = 0, bytes = 0;
};

std::string use_text(const Use* use) {
  return use == nullptr ? "not used" : "used: " + counted(use->packets, "packet") + ", " + counted(use->bytes, "byte");
}

// Space that nobody on the internet can have: RFC 1918, 4193, 6598, loopback and link-local.
bool is_private(const Prefix& prefix) {
  constexpr std::string_view kBlocks[] = {"10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16",
                                          "100.64.0.0/10", "127.0.0.0/8",   "169.254.0.0/16",
                                          "fc00::/7",      "fe80::/10",     "::1/128"};
  return std::any_of(std::begin(kBlocks), std::end(kBlocks),
                     [&](std::string_view block) { return Prefix::parse(block)->contains(prefix); });
}

std::string place(const Origin& origin) { return origin.file.empty() ? "" : " (" + shown(to_string(origin)) + ")"; }

bool leads_to(const FindingRecord& finding, const Prefix& prefix) {
  return std::any_of(finding.destinations.begin(), finding.destinations.end(), [&](const std::string& destination) {
    const auto ip = Ip::parse(destination);
    return ip && prefix.contains(*ip);
  });
}

}  // namespace

std::vector<std::string> exception_lines(const Policy& policy, const std::vector<ReportFinding>& findings,
                                         std::uint64_t& used) {
  std::map<std::size_t, Use> uses;
  std::map<std::string, Use> strangers;
  for (const ReportFinding& each : findings) {
    const FindingRecord& finding = each.finding;
    if (finding.cls != "excepted" || finding.effect != "listed") continue;
    std::vector<std::size_t> fits, named;
    for (std::size_t i = 0; i < policy.exceptions.size(); ++i) {
      if (printable(policy.exceptions[i].ticket) != finding.detail) continue;
      named.push_back(i);
      if (leads_to(finding, policy.exceptions[i].to)) fits.push_back(i);
    }
    // Of exceptions under one ticket those that lead there; all of them where the destinations do not tell.
    const auto add = [&](Use& use) { use.packets += finding.packets, use.bytes += finding.bytes; };
    for (const std::size_t i : fits.empty() ? named : fits) add(uses[i]);
    if (named.empty()) add(strangers[finding.detail]);
  }
  used = uses.size() + strangers.size();

  std::vector<std::string> out;
  for (std::size_t i = 0; i < policy.exceptions.size(); ++i) {
    const Exception& exception = policy.exceptions[i];
    const auto use = uses.find(i);
    out.push_back(shown(exception.ticket) + ": " + shown(policy.name_of(exception.from)) + " to " +
                  to_string(exception.to) + " " + to_string(exception.services) + ", approved by " +
                  shown(exception.approved_by) + ", until " + to_string(exception.expires) + place(exception.origin) +
                  ": " + use_text(use == uses.end() ? nullptr : &use->second));
  }
  for (const auto& [ticket, use] : strangers)
    out.push_back((ticket.empty() ? "of several tickets, or of none: " : shown(ticket) + ": not of this policy: ") +
                  use_text(&use));
  return out;
}

std::string exception_fault(const Policy& policy, const FindingRecord& finding) {
  // Findings of several tickets that were added up name none.
  if (finding.cls != "excepted" || finding.detail.empty()) return {};
  const std::int64_t seen = std::max(finding.first_seen, finding.last_seen);
  const std::string day = time_text(seen).substr(0, 10);
  bool named = false;
  for (const Exception& exception : policy.exceptions) {
    if (printable(exception.ticket) != finding.detail) continue;
    named = true;
    if (seen == 0 || day <= to_string(exception.expires)) return {};
  }
  return named ? "after the last day of that exception" : "the policy has no such exception";
}

std::vector<std::string> inside_lines(const Policy& policy) {
  std::vector<std::string> out;
  for (const InsideRange& range : policy.inside_ranges) {
    std::string line = to_string(range.prefix) + ": " + shown(range.what);
    if (!range.why.empty()) line += ", " + shown(range.why, 300);
    if (!is_private(range.prefix)) line += ", PUBLIC";
    if (!range.approved_by.empty()) line += ", approved by " + shown(range.approved_by);
    out.push_back(line + place(range.origin));
  }
  return out;
}

std::vector<std::string> policy_assumptions(const Policy& policy) {
  std::vector<std::string> out, tunnels, programs;
  for (const Tunnel& tunnel : policy.cluster.tunnels)
    tunnels.push_back(shown(tunnel.kind) + " " + to_string(tunnel.carrier));
  for (const std::string& program : policy.cluster.programs) programs.push_back(shown(program));
  if (!tunnels.empty())
    out.push_back("what tunnels between nodes carry where it cannot be looked into stays inside: " +
                  listed(tunnels, tunnels.size()));
  if (!programs.empty())
    out.push_back("the tc and XDP programs that the policy names lead no packet around the firewall: " +
                  listed(programs, programs.size()));
  return out;
}

}  // namespace airtight::audit
