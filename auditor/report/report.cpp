#include "auditor/report/report.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "auditor/evidence/checkpoint.h"
#include "auditor/evidence/text_fields.h"
#include "auditor/report/coverage.h"
#include "auditor/report/finding_sums.h"
#include "auditor/report/log_facts.h"
#include "auditor/report/policy_words.h"
#include "auditor/report/report_wording.h"
#include "auditor/report/verdict.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {
namespace {

using Rank = Reasons::Rank;

constexpr std::size_t kMaxKeyList = 64 << 20;
constexpr int kTries = 3;            // of a log that is being written
constexpr std::size_t kDamages = 3;  // told one by one; the node's part has all

std::string joined_words(const FindingRecord& finding) {
  std::string out = title_of(finding) + " (" + shown(finding.rule_id, 20) + "): " + counted(finding.packets, "packet");
  if (const std::string to = destinations_text(finding, 3); !to.empty()) out += " to " + to;
  if (const std::string service = service_text(finding); !service.empty()) out += ", " + service;
  if (!finding.name.empty()) out += ", name " + shown(finding.name, 100);
  if (!finding.workload.empty() && finding.workload != "unknown") out += ", by " + shown(finding.workload, 100);
  if (finding.first_seen != 0)
    out += ", " + period_text(finding.first_seen, std::max(finding.first_seen, finding.last_seen));
  return out;
}

constexpr std::string_view kUnsealed = " (from records that nothing seals)";

class PeriodReport {
 public:
  PeriodReport(Disk& disk, const Policy& policy, const ReportOptions& options)
      : disk_(disk), policy_(policy), options_(options), digest_(policy_digest(policy)) {}

  ReportResult make() && {
    result_.as_logged = options_.as_logged;
    result_.policy_digest = digest_;
    result_.policy_name = policy_.name;
    result_.spec_digest = policy_.spec_digest;
    result_.mode_private_vpc = policy_.mode == Mode::PrivateVpc;
    if (options_.trust) result_.trust = options_.trust->name;
    if (inventory() != nullptr) result_.inventory_digest = inventory()->digest;
    if (!options_.as_logged) result_.period = options_.period;
    ask_for_what_is_missing();
    read_logs();
    group();
    compare_seeds();
    for (auto& [name, node] : nodes_) judge(name, node);
    if (!in_force_ && !others_.empty())
      reasons_.add(Rank::Missing, "the policy that was given was in force at no node in this time: " +
                                      others_.begin()->first + " was judged by " + *others_.begin()->second.begin());
    if (result_.nodes.empty()) reasons_.add(Rank::NoEvidence, "no evidence was given");
    find_proven_intervals();
    sort_findings();
    result_.exceptions = exception_lines(policy_, result_.findings, result_.exceptions_used);
    result_.inside = inside_lines(policy_);
    assume();
    limit();
    conclude();
    return std::move(result_);
  }

 private:
  struct Node {
    Spans asked;
    bool expected = false;
    std::vector<LogFacts*> logs;
  };

  const Inventory* inventory() const {
    return !options_.as_logged && options_.inventory ? &*options_.inventory : nullptr;
  }
  std::optional<Period> asked_period() const { return options_.as_logged ? std::nullopt : options_.period; }

  void ask_for_what_is_missing() {
    if (options_.as_logged) return;
    if (!options_.inventory)
      reasons_.add(Rank::Missing, "no inventory was given (--inventory): which nodes there are is not known");
    if (!options_.trust)
      reasons_.add(Rank::Missing, "no trust root was given (--trust): nobody vouches for the keys of the logs");
    if (!options_.period) reasons_.add(Rank::Missing, "no period was given (--from and --to)");
    if (options_.period && options_.period->from >= options_.period->to)
      reasons_.add(Rank::Missing, "the period ends before it begins");
  }

  struct Head {
    std::string origin, checkpoint;  // as far as they can be read
    std::uint64_t size = 0;
  };
  Head head_of(const std::string& directory) {
    Head head;
    std::string text, why;
    if (!disk_.read(directory + "/keys", kMaxKeyList, text))
      if (const auto keys = parse_key_list(text, why)) head.origin = keys->origin();
    if (!disk_.read(directory + "/checkpoint", kMaxNote, head.checkpoint))
      if (const auto note = parse_note(head.checkpoint))
        if (const auto checkpoint = parse_checkpoint(note->text, why)) head.size = checkpoint->size;
    return head;
  }

  static std::string origin_of(const std::string& checkpoint) { return checkpoint.substr(0, checkpoint.find('\n')); }

  // A log may grow while it is read; then what was read is of two times, and no damage.
  LogFacts read_settled(const std::string& directory, const ReadOptions& read) {
    for (int tried = 1;; ++tried) {
      const std::string before = head_of(directory).checkpoint;
      LogFacts facts = read_facts(disk_, directory, read, inventory(), asked_period());
      if (facts.reading.damages.empty() || tried == kTries || head_of(directory).checkpoint == before) return facts;
    }
  }

  // Copies of one log at different ages must extend each other: the head of the shorter one is an anchor of the longer.
  void read_logs() {
    std::vector<std::string> directories;
    for (const std::string& directory : options_.evidence)
      if (std::find(directories.begin(), directories.end(), directory) == directories.end())
        directories.push_back(directory);
    std::vector<Head> heads;
    if (directories.size() > 1 || !options_.anchors.empty())
      for (const std::string& directory : directories) heads.push_back(head_of(directory));
    std::set<std::size_t> anchored;
    for (std::size_t i = 0; i < directories.size(); ++i) {
      ReadOptions read{options_.trust, {}};
      bool copy = false;
      if (!heads.empty() && !heads[i].origin.empty()) {
        for (std::size_t k = 0; k < options_.anchors.size(); ++k) {
          if (origin_of(options_.anchors[k]) != heads[i].origin) continue;
          read.anchors.push_back(options_.anchors[k]);
          anchored.insert(k);
        }
        for (std::size_t k = 0; k < heads.size(); ++k) {
          if (k == i || heads[k].origin != heads[i].origin) continue;
          if (heads[k].size <= heads[i].size && !heads[k].checkpoint.empty())
            read.anchors.push_back(heads[k].checkpoint);
          copy |= heads[k].size > heads[i].size || (heads[k].size == heads[i].size && k < i);
        }
      }
      logs_.push_back(read_settled(directories[i], read));
      if (copy) copies_.insert(i);
    }
    for (std::size_t k = 0; k < options_.anchors.size(); ++k)
      if (anchored.count(k) == 0)
        reasons_.add(Rank::Damage, "anchor " + std::to_string(k + 1) + " is of none of the logs that were given");
    anchors_ = anchored.size();
  }

  void group() {
    if (inventory() != nullptr) {
      for (const InventoryNode& entry : inventory()->nodes) {
        Node& node = nodes_[entry.node];
        node.expected = true;
        if (!result_.period) continue;
        append(node.asked, {std::max(entry.joined, result_.period->from),
                            std::min(entry.left.value_or(INT64_MAX), result_.period->to)});
      }
    }
    for (LogFacts& log : logs_) {
      Node& node = nodes_[log.node];
      node.logs.push_back(&log);
      if (inventory() != nullptr && result_.period) continue;
      node.expected = node.expected || inventory() == nullptr;
      if (result_.period)
        node.asked = united({*result_.period});
      else if (log.claimed)
        node.asked.push_back(*log.claimed);
    }
    // Of the time between two logs of a node they claim that they are all there is of it.
    if (!result_.period)
      for (auto& [name, node] : nodes_)
        if (const Spans claimed = united(std::move(node.asked)); !claimed.empty())
          node.asked = {{claimed.front().from, claimed.back().to}};
    for (auto& [name, node] : nodes_) node.asked = united(std::move(node.asked));
  }

  // A round whose seed another log told shows nothing of this one.
  void compare_seeds() {
    std::unordered_map<std::uint64_t, const LogFacts*> known;
    std::set<std::pair<std::string, std::string>> told;
    for (const LogFacts& log : logs_)
      for (const std::uint64_t seed : log.seeds) {
        const LogFacts* other = known.try_emplace(seed, &log).first->second;
        if (other->reading.origin != log.reading.origin && told.emplace(other->directory, log.directory).second)
          reasons_.add(Rank::Damage, shown(log.node, 60) + ": " + shown(log.directory, 200) +
                                         ": canary rounds have the seeds of those in " + shown(other->directory, 200));
      }
  }

  // Whether this policy may have been in force, and if not, why.
  bool allowed(const LogFacts& log, const PolicyStretch& stretch, std::string& why) {
    if (!options_.trust) {
      if (stretch.digest == digest_) return true;
      why = shown(stretch.digest, 80) + " is not the policy that was given";
      return false;
    }
    for (const Enrolment* enrolment : enrolments_of(log)) {
      const auto& digests = enrolment->policy_digests;
      if (enrolment->signed_at > stretch.since ||
          std::find(digests.begin(), digests.end(), stretch.digest) == digests.end())
        continue;
      const bool judged = result_.period ? !clipped(stretch.judged, *result_.period).empty() : !stretch.judged.empty();
      if (stretch.digest == digest_)
        in_force_ |= judged;
      else if (judged)
        others_[log.node].insert(stretch.digest);
      return true;
    }
    why = (stretch.digest.empty() ? "it is not named" : shown(stretch.digest, 80)) + " took effect " +
          time_text(stretch.since) + ", and no enrolment that was signed before names it";
    return false;
  }

  // Those of the trust root that name this log's keys.
  static std::vector<const Enrolment*> enrolments_of(const LogFacts& log) {
    std::vector<const Enrolment*> out;
    for (const Enrolment& enrolment : log.reading.enrolments) {
      const std::string root = to_hex(bytes_of(enrolment.key_root)).substr(0, 16);
      const std::string& origin = log.reading.origin;
      if (log.reading.plan && enrolment.plan == *log.reading.plan && origin.size() > root.size() &&
          origin.compare(origin.size() - root.size(), root.size(), root) == 0)
        out.push_back(&enrolment);
    }
    return out;
  }

  void check_log(const std::string& name, LogFacts& log, NodeReport& report) {
    const LogReading& reading = log.reading;
    const std::string where = shown(name, 60) + ": " + shown(log.directory, 200);
    for (const Damage& damage : reading.damages) report.damages.push_back(to_string(damage));
    std::uint64_t damages = 0;
    for (const Damage& damage : reading.damages) {
      if (options_.trust && damage.kind == DamageKind::NotEnrolled) continue;  // told below
      if (++damages <= kDamages) reasons_.add(Rank::Damage, where + ": damaged: " + shown(to_string(damage), 300));
    }
    damages += reading.damages_left_out;
    if (damages > kDamages)
      reasons_.add(Rank::Damage, where + ": damaged: and " + grouped(damages - kDamages) + " times more");
    for (const Run& run : log.runs)
      if (run.start.node != log.node)
        reasons_.add(Rank::Damage, where + ": a start record names another node: " + shown(run.start.node, 60));
    if (!reading.plan) reasons_.add(Rank::Damage, where + ": no log of a node that can be read");

    const auto stranger = [](const Damage& damage) { return damage.kind == DamageKind::NotEnrolled; };
    if (options_.trust && (!reading.enrolled || std::any_of(reading.damages.begin(), reading.damages.end(), stranger)))
      reasons_.add(Rank::Enrolment,
                   where + ": the trust root " + shown(options_.trust->name) + " enrolled no such keys");
    if (options_.trust && inventory() != nullptr && reading.enrolled) check_inventory(where, log);
    for (const PolicyStretch& stretch : log.policies) {
      std::string why;
      if (allowed(log, stretch, why)) continue;
      for (const Period& time : stretch.judged) log.holes.push_back({Cause::Policy, time, "", why, 0});
    }
    for (const Run& run : log.runs)
      for (const WatchedInterface& interface : run.start.interfaces)
        if (interface.role == "pod side" && interface.why.starts_with("--pod-side"))
          by_flag_.insert(shown(name, 60) + ": " + shown(interface.name, 60));
    for (const std::string& uplink : log.idle_uplinks) idle_.push_back(shown(name, 60) + ": " + shown(uplink, 60));
    pod_unsent_ = pod_unsent_ || log.pod_unsent;
  }

  // An enrolment names the inventory, and none that was signed later and before the period's end names another one.
  void check_inventory(const std::string& where, const LogFacts& log) {
    const auto enrolments = enrolments_of(log);
    std::int64_t latest = INT64_MIN;
    for (const Enrolment* enrolment : enrolments)
      if (!result_.period || enrolment->signed_at <= result_.period->to)
        latest = std::max(latest, enrolment->signed_at);
    const bool named = std::any_of(enrolments.begin(), enrolments.end(), [&](const Enrolment* enrolment) {
      return enrolment->signed_at >= latest && enrolment->inventory_digest == inventory()->digest;
    });
    if (!named)
      reasons_.add(Rank::Enrolment,
                   where + ": its last enrolment is by another inventory than the one given, " + inventory()->digest);
  }

  void judge(const std::string& name, Node& node) {
    NodeReport report;
    report.node = name;
    report.expected = node.expected;
    report.asked = node.asked;
    report.asked_time = length(node.asked);
    report.enrolled = !node.logs.empty();
    std::vector<const LogFacts*> logs;
    for (LogFacts* log : node.logs) {
      logs.push_back(log);
      report.evidence.push_back(log->directory);
      report.origins.push_back(log->reading.origin);
      report.enrolled = report.enrolled && log->reading.enrolled;
      report.records += log->reading.records;
      check_log(name, *log, report);
      report.uplinks.insert(report.uplinks.end(), log->uplinks.begin(), log->uplinks.end());
      take_findings(name, *log);
      if (copies_.count(static_cast<std::size_t>(log - logs_.data())) != 0) continue;
      report.packets += log->packets;
      report.canary_rounds += log->rounds;
      report.canary_rounds_good += log->rounds_good;
      report.sensor_canaries += log->sensors;
      report.probes += log->probes;
      report.probes_denied += log->probes_denied;
      report.canary_interval = std::max(report.canary_interval, log->canary_interval);
      result_.canaries.insert(result_.canaries.end(), log->failed_rounds.begin(), log->failed_rounds.end());
      if (log->last_good) result_.canaries.push_back(*log->last_good);
      result_.canaries_left_out += log->failed_rounds_left_out;
    }
    std::sort(report.uplinks.begin(), report.uplinks.end());
    report.uplinks.erase(std::unique(report.uplinks.begin(), report.uplinks.end()), report.uplinks.end());

    if (!node.expected && std::any_of(logs.begin(), logs.end(), [&](const LogFacts* log) {
          return log->claimed && (!result_.period ||
                                  (log->claimed->from < result_.period->to && log->claimed->to > result_.period->from));
        }))
      reasons_.add(Rank::NoEvidence, shown(name, 60) + " has a log of that time, and the inventory does not name it");
    if (logs.empty() && !node.asked.empty()) without_evidence_.push_back(name);
    if (!logs.empty() && node.asked.empty() && node.expected && inventory() == nullptr)
      reasons_.add(Rank::NoEvidence, shown(name, 60) + ": there is no heartbeat in its log");
    Coverage coverage = cover(logs, node.asked);
    report.covered = std::move(coverage.covered);
    report.covered_time = length(report.covered);
    bool told = logs.empty();
    for (CoverageGap& gap : coverage.gaps) {
      if (!gap.gap.bridged && !logs.empty()) {
        reasons_.add(name, gap);
        told = true;
      }
      if (report.gaps.size() < kMaxListedGaps)
        report.gaps.push_back(std::move(gap.gap));
      else
        ++report.gaps_left_out;
    }
    if (!told && report.covered != report.asked)
      reasons_.add(Rank::Other, shown(name, 60) + ": not all of the time is covered");
    result_.nodes.push_back(std::move(report));
  }

  void take_findings(const std::string& name, const LogFacts& log) {
    for (const FoundRecord& found : log.findings) {
      const ReportFinding each{name, found.finding, found.sealed};
      const bool twice =
          !copies_.empty() && std::any_of(result_.findings.begin(), result_.findings.end(), [&](const auto& other) {
            return other.node == name && other.finding == each.finding;
          });
      if (twice) continue;
      const std::string text = shown(name, 60) + ": " + joined_words(each.finding) +
                               std::string(each.sealed ? std::string_view() : kUnsealed);
      const std::size_t rank = effect_rank(each.finding);
      if (rank == 0) violated_ = true;
      if (rank < 2) reasons_.add(rank == 0 ? Rank::Violation : Rank::Finding, text);
      if (const std::string fault = rank == 2 ? exception_fault(policy_, each.finding) : ""; !fault.empty())
        if (others_.count(log.node) == 0) reasons_.add(Rank::Finding, text + ": " + fault);
      result_.findings.push_back(each);
    }
    result_.findings_left_out += log.findings_left_out;
    if (log.findings_left_out > 0)
      reasons_.add(Rank::Finding, shown(name, 60) + ": " + counted(log.findings_left_out, "finding") +
                                      " beyond the bound of what is listed");
    for (const auto& [cls, packets] : log.without_finding)
      reasons_.add(Rank::Finding, shown(name, 60) + ": " + counted(packets, "packet") + " counted as " + cls +
                                      ", and no finding says which");
    for (const EscapedCanary& escape : log.escapes) {
      if (const auto period = asked_period();
          period && (escape.time.from >= period->to || escape.time.to < period->from))
        continue;
      violated_ = true;
      ++escaped_canaries_;
      reasons_.add(Rank::Violation,
                   shown(name, 60) + ": an enforcement canary left: " + shown(escape.canary.kind, 20) + " " +
                       shown(escape.canary.family, 20) +
                       (escape.canary.interface.empty() ? "" : " at " + shown(escape.canary.interface, 60)) + ", " +
                       period_text(escape.time.from, escape.time.to) +
                       std::string(escape.sealed ? std::string_view() : kUnsealed));
    }
    for (const TimedProbe& each : log.succeeded) {
      // An answer to a question may be the resolver's; an address that answered was reached.
      const bool known = each.probe.outcome == "succeeded";
      const bool reached = known && each.probe.kind != "dns";
      violated_ = violated_ || reached;
      probes_reached_ += reached ? 1 : 0;
      reasons_.add(
          reached ? Rank::Violation : Rank::Finding,
          shown(name, 60) +
              (known ? ": a probe succeeded: "
                     : ": a probe ended in a way that is not known (" + shown(each.probe.outcome, 20) + "): ") +
              shown(each.probe.kind, 20) + " " + shown(each.probe.target, 100) + ", " + time_text(each.time) +
              std::string(each.sealed ? std::string_view() : kUnsealed));
    }
  }

  // Where no node that is asked for lacks coverage.
  void find_proven_intervals() {
    Spans asked, missing;
    for (const NodeReport& node : result_.nodes) {
      asked.insert(asked.end(), node.asked.begin(), node.asked.end());
      const Spans rest = without(node.asked, node.covered);
      missing.insert(missing.end(), rest.begin(), rest.end());
    }
    asked = united(std::move(asked));
    if (options_.as_logged && !asked.empty()) result_.period = Period{asked.front().from, asked.back().to};
    result_.proven_intervals = without(asked, united(std::move(missing)));
    if (asked.empty() && !result_.nodes.empty())
      reasons_.add(Rank::NoEvidence, "there is no time in which a node was there: nothing to judge");
    if (without_evidence_.empty()) return;
    std::vector<std::string> names;
    for (const std::string& name : without_evidence_) names.push_back(shown(name, 60));
    reasons_.add(Rank::NoEvidence, "no evidence was given for " + listed(names, 5));
  }

  void sort_findings() {
    std::stable_sort(result_.findings.begin(), result_.findings.end(), [](const auto& a, const auto& b) {
      const std::size_t x = effect_rank(a.finding), y = effect_rank(b.finding);
      if (x != y) return x < y;
      return a.finding.rule_id < b.finding.rule_id;
    });
    std::stable_sort(result_.canaries.begin(), result_.canaries.end(),
                     [](const CanaryLine& a, const CanaryLine& b) { return a.time < b.time; });
  }

  void assume() {
    std::vector<std::string>& all = result_.assumptions;
    if (options_.as_logged)
      all.push_back("the nodes, their uplinks and the span are those that the logs themselves claim");
    if (options_.trust)
      all.push_back("the trust root " + shown(options_.trust->name) +
                    " vouches for keys, inventory and policies, with its own clock");
    else
      all.push_back("the keys of the logs are taken at the logs' own word");
    all.push_back("each node's clock is right: what it says of time is not compared with another clock");
    for (const auto& [node, digests] : others_) {
      std::vector<std::string> names(digests.begin(), digests.end());
      all.push_back(shown(node, 60) + ": a part was judged by another policy that the trust root enrolled before, " +
                    listed(names, 3) + ": its exceptions are not among those listed here");
    }
    if (!idle_.empty())
      all.push_back("uplinks that were down when the agent started and never counted a packet stayed down: " +
                    listed(idle_, 10));
    if (!by_flag_.empty())
      all.push_back("interfaces lead to a pod because the agent's command line said so: " +
                    listed({by_flag_.begin(), by_flag_.end()}, 10));
    for (std::string& line : policy_assumptions(policy_)) all.push_back(std::move(line));
  }

  void limit() {
    std::vector<std::string>& all = result_.limits;
    all.push_back(anchors_ > 0
                      ? "what each log says after its last anchor could have been cut off, with the checkpoints over it"
                      : "no anchor was given: the end of each log could have been cut off, or the whole log put back, "
                        "unless a copy of its head left the node");
    all.push_back(
        "an agent whose node was owned while it ran writes what the owner wants; a root attacker is not seen");
    all.push_back(
        "packets that no sensor could see: management controllers and sideband network cards, other guests of "
        "the hypervisor, removable media");
    all.push_back("covert channels through inside relays, and names hidden by ECH");
    all.push_back(
        "ways around the firewall (tc and XDP programs, AF_XDP sockets, rules of iptables-legacy) are listed once an "
        "interval: one that came and went in between is bounded by the devices' own counters alone");
    if (pod_unsent_)
      all.push_back(
          "nobody could send a pod canary in some rounds: that the forward hook holds is shown by the proof of "
          "the rules alone");
  }

  void conclude() {
    std::string why = violation_text(result_.findings);
    const auto clause = [&](const std::string& text) { why += (why.empty() ? "" : ", ") + text; };
    if (escaped_canaries_ > 0)
      clause(grouped(escaped_canaries_) + (escaped_canaries_ == 1 ? " enforcement canary" : " enforcement canaries") +
             " left");
    if (probes_reached_ > 0) clause(counted(probes_reached_, "probe") + " reached the outside");
    const bool open = reasons_.any();
    result_.reasons = std::move(reasons_).take();
    result_.verdict = violated_ ? PeriodVerdict::Violated : open ? PeriodVerdict::Inconclusive : PeriodVerdict::Proven;

    std::string& heading = result_.heading;
    heading = std::string(options_.as_logged ? "as logged: " : "") + std::string(to_string(result_.verdict));
    if (result_.verdict == PeriodVerdict::Violated) heading += ": " + why;
    if (result_.verdict == PeriodVerdict::Inconclusive) {
      heading += ": " + result_.reasons.front();
      if (result_.reasons.size() > 1) heading += ", and " + counted(result_.reasons.size() - 1, "more reason");
    }
    if (result_.verdict == PeriodVerdict::Proven && result_.exceptions_used > 0)
      heading += " with " + counted(result_.exceptions_used, "exception");
    if (result_.mode_private_vpc) heading += "; not fully air-gapped (private-vpc)";
  }

  Disk& disk_;
  const Policy& policy_;
  const ReportOptions& options_;
  const std::string digest_;
  ReportResult result_;
  Reasons reasons_;
  std::vector<LogFacts> logs_;
  std::set<std::size_t> copies_;  // of logs_: an older or equal copy of another one
  std::size_t anchors_ = 0;
  std::map<std::string, Node> nodes_;
  std::vector<std::string> without_evidence_, idle_;
  std::set<std::string> by_flag_;
  std::map<std::string, std::set<std::string>> others_;  // policies, by node
  bool violated_ = false, pod_unsent_ = false, in_force_ = false;
  std::uint64_t escaped_canaries_ = 0, probes_reached_ = 0;
};

}  // namespace

std::string_view to_string(PeriodVerdict verdict) {
  constexpr std::string_view kWords[] = {"proven", "violated", "inconclusive"};
  return kWords[static_cast<std::size_t>(verdict)];
}

ReportResult make_report(Disk& disk, const Policy& policy, const ReportOptions& options) {
  return PeriodReport(disk, policy, options).make();
}

}  // namespace airtight::audit
