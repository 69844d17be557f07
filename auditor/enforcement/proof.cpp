#include "auditor/enforcement/proof.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "auditor/enforcement/live_ruleset.h"
#include "compiler/verify/judge.h"

namespace airtight::audit {
namespace {

using verify::FirewallChain;
using verify::FirewallTable;
using verify::Ruleset;
using verify::TableFamily;

constexpr std::size_t kMostClauses = 20;

// At most `most` octets, at the end of a character.
std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80) --most;
  return std::string(text.substr(0, most)) + "…";
}

// The verifier says "inet airtight forward: all of IPv4 …: accept" of a rule on a packet's way.
std::string place(const std::string& object) {
  for (const std::string_view family : {"ip ", "ip6 ", "inet ", "netdev ", "bridge ", "arp "}) {
    if (!object.starts_with(family)) continue;
    const std::size_t chain = object.find(' ', family.size());
    if (chain == std::string::npos) break;
    return "table " + object.substr(0, chain) + " chain" + object.substr(chain);
  }
  return object;
}

std::string clause(const verify::Finding& finding) {
  std::string text = shortened(printable(finding.message), 300);
  if (finding.counterexample) text += "; for example " + to_string(*finding.counterexample);
  if (!finding.because.empty()) {
    const verify::Because& because = finding.because.front();
    text += "; " + shortened(printable(because.absent.empty() ? place(because.object) : because.absent), 300);
  }
  return text;
}

bool opens(const verify::Finding& finding) {
  const bool asked = !finding.property || finding.property == verify::Property::Sealed;
  return asked && finding.effect != verify::Verdict::Proven;
}

void limit(std::vector<std::string>& clauses) {
  std::vector<std::string> once;
  for (std::string& text : clauses)
    if (std::find(once.begin(), once.end(), text) == once.end()) once.push_back(std::move(text));
  if (once.size() > kMostClauses) {
    const std::size_t more = once.size() - (kMostClauses - 1);
    once.resize(kMostClauses - 1);
    once.push_back("and " + std::to_string(more) + " more");
  }
  clauses = std::move(once);
}

// The name that the emitter gives the chain of a device.
std::string chain_name(std::string_view device) {
  std::string name = "uplink_";
  for (const char c : device) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    name += plain ? c : '_';
  }
  return name;
}

bool names(const std::vector<std::string>& devices, const std::string& device) {
  return std::any_of(devices.begin(), devices.end(), [&](const std::string& listed) {
    const bool pattern = !listed.empty() && listed.back() == '*';
    return listed == device || (pattern && device.starts_with(listed.substr(0, listed.size() - 1)));
  });
}

Proof::Chain judge_chain(const Ruleset& rules, const verify::Question& question, const std::string& uplink) {
  Proof::Chain result;
  result.uplink = uplink;
  const std::string name = chain_name(uplink);
  const FirewallTable* table = find_table(rules, TableFamily::Netdev, kEgressTable);
  if (!table) {
    result.why = "table netdev " + std::string(kEgressTable) + " is not there";
    return result;
  }
  const FirewallChain* chain = table->find(name);
  if (!chain || chain->hook != verify::Hook::Egress || chain->type != "filter") {
    result.why =
        "table netdev " + std::string(kEgressTable) + " has no base chain " + printable(name) + " at the egress hook";
    return result;
  }
  result.present = true;
  // Tools that name the device credit no other one.
  if (!chain->devices.empty() && !names(chain->devices, uplink)) {
    result.why = "chain " + printable(name) + " is bound to " + printable(chain->devices.front()) + ", not to " +
                 printable(uplink);
    return result;
  }
  Ruleset bound;
  FirewallTable& copy = bound.tables.emplace_back(*table);
  std::erase_if(copy.chains, [&](const FirewallChain& c) { return c.hook != verify::Hook::None && c.name != name; });
  for (FirewallChain& c : copy.chains)
    if (c.name == name) c.devices = {uplink};
  std::vector<verify::Finding> findings = verify::judge_firewall(bound, question).report.findings;
  std::sort(findings.begin(), findings.end(), verify::stands_before);
  for (const verify::Finding& finding : findings) {
    // The other paths are not the chain's, nor are other uplinks of the policy.
    if (finding.rule == verify::Rule::HeldByNoLayer || finding.rule == verify::Rule::EgressHoldsNoDevice) continue;
    if (!opens(finding)) continue;
    result.why = clause(finding);
    return result;
  }
  result.sealed = true;
  return result;
}

}  // namespace

Proof prove_enforcement(const Policy& policy, const std::vector<std::string>& uplinks,
                        const std::vector<RulesetDump>& dumps, Date at) {
  Proof proof;
  Sources sources;
  const LiveRuleset live = read_live_ruleset(dumps, sources);
  if (!live.unread.empty()) {
    proof.outcome = "unreadable";
    proof.opened = live.unread;
    limit(proof.opened);
    for (const std::string& uplink : uplinks)
      proof.chains.push_back({uplink, false, false, "the rulesets could not be read"});
    return proof;
  }

  Policy sealing = policy;
  sealing.flows.clear();  // only `sealed` is asked; that every flow passes is looked for at compile time
  const verify::Question question = verify::question(sealing, at);
  const Ruleset rules = relying_on_own_tables(live.rules);
  verify::LayerJudgement judged = verify::judge_firewall(rules, question);

  bool open = judged.report.verdict == verify::Verdict::Violated;
  if (!find_table(rules, TableFamily::Inet, kInetTable)) {
    open = true;
    proof.opened.push_back("table inet " + std::string(kInetTable) + " is not there, or dormant");
  }
  std::vector<std::string> unsure;
  std::sort(judged.report.findings.begin(), judged.report.findings.end(), verify::stands_before);
  for (const verify::Finding& finding : judged.report.findings)
    if (opens(finding))
      (finding.effect == verify::Verdict::Violated ? proof.opened : unsure).push_back(clause(finding));
  for (const std::string& uplink : uplinks) {
    const Proof::Chain& chain = proof.chains.emplace_back(judge_chain(rules, question, uplink));
    if (!chain.present || chain.sealed) continue;
    open = true;
    proof.opened.push_back("the chain of uplink " + printable(uplink) + " would not hold it: " + chain.why);
  }
  for (const verify::Remark& remark : rules.not_understood)
    unsure.push_back(printable(remark.object) + " " + printable(remark.message));
  std::move(unsure.begin(), unsure.end(), std::back_inserter(proof.opened));

  proof.outcome = open ? "open" : judged.report.verdict == verify::Verdict::Inconclusive ? "unreadable" : "sealed";
  limit(proof.opened);
  proof.assumptions = std::move(judged.assumptions);
  proof.assumptions.push_back("what tables of others drop is not relied on");
  std::sort(proof.assumptions.begin(), proof.assumptions.end());
  proof.assumptions.erase(std::unique(proof.assumptions.begin(), proof.assumptions.end()), proof.assumptions.end());
  return proof;
}

}  // namespace airtight::audit
