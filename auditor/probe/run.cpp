#include <algorithm>
#include <set>

#include "auditor/probe/address.h"
#include "auditor/probe/probe.h"
#include "auditor/probe/resolver.h"

namespace airtight::audit {
namespace {

class Run {
 public:
  Run(const Policy& policy, const ProbeGround& ground) : policy_(policy), ground_(ground) {}

  ProbeReport over(const std::vector<ProbeTarget>& targets) {
    for (const ProbeTarget& target : targets) {
      ProbeRecord record;
      record.kind = target.kind == ProbeTarget::Kind::Name ? "dns" : "address";
      record.target = target.kind == ProbeTarget::Kind::Name ? target.name : place(target);
      record.real = target.real;
      record.outcome = "unsent";
      if (!ground_.unsafe.empty()) {
        record.detail = "nothing was sent";
        reason("nothing was sent: " + ground_.unsafe);
      } else if (stopped_ || (ground_.stop && ground_.stop())) {
        stopped_ = true;
        record.detail = "stopped before it";
        reason("stopped before all were asked");
      } else if (target.kind == ProbeTarget::Kind::Name) {
        try_name(target, record);
      } else {
        try_target(target, record);
      }
      if (!target.catalogue.empty()) record.detail += " (catalogue " + target.catalogue + ")";
      report_.probes.push_back(std::move(record));
    }
    if (targets.empty()) reason("nothing was planned");
    conclude();
    return std::move(report_);
  }

 private:
  static std::string place(const ProbeTarget& target) {
    const std::string address = to_string(target.address);
    return (target.address.is_v4() ? address : "[" + address + "]") + ":" + std::to_string(target.port) +
           (target.kind == ProbeTarget::Kind::Tcp ? "/tcp" : "/udp");
  }

  void reason(const std::string& text) {
    if (known_.insert(text).second) report_.reasons.push_back(text);
  }

  void try_name(const ProbeTarget& target, ProbeRecord& record) {
    bool asked = false, known = false, inside = false, unsure = ground_.resolvers.empty();
    const auto note = [&record](const std::string& text) {
      record.detail += (record.detail.empty() ? "" : "; ") + text;
    };
    if (ground_.resolvers.empty()) {
      note("no resolver to ask");
      reason("no resolver to ask: the policy names no cluster DNS, and nobody named one");
    }
    for (const Ip resolver : ground_.resolvers) {
      const std::string who = to_string(resolver);
      if (dead_.count(resolver) != 0) {
        unsure = true;
        note(who + " was dead before");
        continue;
      }
      asked = true;
      const std::vector<Reply> replies = ask(resolver, target.name, policy_.inside, ground_.timeout);
      bool alive = false, denied = false, spoilt = false;
      std::string denial;
      for (const Reply& reply : replies) {
        const std::string says = who + ", " + reply.question + ": " + reply.detail;
        switch (reply.kind) {
          case Reply::Kind::Denied:
            denied = true;
            break;
          case Reply::Kind::Inside:
            inside = true;
            note(says);
            break;
          case Reply::Kind::Answered:
            known = true;
            note(says);
            break;
          case Reply::Kind::NotADenial:
            spoilt = true;
            note(says);
            reason("no denial: " + who + " answered " + reply.detail);
            break;
          case Reply::Kind::Refused:
          case Reply::Kind::Silent:
            break;
        }
        alive = alive || (reply.kind != Reply::Kind::Refused && reply.kind != Reply::Kind::Silent);
      }
      if (denied) note("NXDOMAIN of " + who);
      if (!alive) {
        unsure = true;
        dead_.insert(resolver);
        note(who + ": " + replies.front().detail);
        reason("dead resolver: " + who + ": " + replies.front().detail);
        continue;
      }
      for (const Reply& reply : replies) {
        // A port that nobody listens on lets nothing through; a question that is swallowed may have gone on.
        if (reply.kind == Reply::Kind::Silent) {
          spoilt = true;
          reason("no denial: " + who + " did not answer every question");
        }
        if (reply.kind == Reply::Kind::Silent || reply.kind == Reply::Kind::Refused) {
          note(who + ", " + reply.question + ": " + reply.detail);
        }
      }
      unsure = unsure || spoilt;
    }
    record.outcome = known ? "succeeded" : unsure ? (asked ? "unanswered" : "unsent") : inside ? "inside" : "denied";
    if (known) succeeded_.push_back(record.target);
  }

  void try_target(const ProbeTarget& target, ProbeRecord& record) {
    const Attempt attempt =
        try_address(target.address, target.port, target.kind == ProbeTarget::Kind::Tcp, ground_.drops, ground_.timeout);
    record.detail = attempt.detail;
    record.counted = attempt.kind == Attempt::Kind::Denied;
    record.outcome = attempt.sent ? "unanswered" : "unsent";
    switch (attempt.kind) {
      case Attempt::Kind::Denied:
        record.outcome = "denied";
        counted_ = true;
        return;
      case Attempt::Kind::Succeeded:
        record.outcome = "succeeded";
        succeeded_.push_back(record.target);
        return;
      case Attempt::Kind::Unreachable: {
        const bool v4 = target.address.is_v4();
        unreachable_ = true;
        if (speaks(target.address.family())) {
          reason(std::string("no route for ") + (v4 ? "IPv4" : "IPv6") + " (" + attempt.detail +
                 "): the firewall had nothing to drop");
        } else {
          record.detail += std::string("; this node has no ") + (v4 ? "IPv4" : "IPv6") + " address";
        }
        return;
      }
      case Attempt::Kind::NotCounted:
        reason("not counted: " + record.target + " was tried, and no drop of ours rose");
        return;
      case Attempt::Kind::Unreadable:
        reason("the drop counters cannot be read");
        return;
      case Attempt::Kind::Unsent:
        reason("not sent: " + record.target + ": " + attempt.detail);
        return;
    }
  }

  void conclude() {
    const bool complete = report_.reasons.empty();  // whatever is less than a denial gave one
    if (!succeeded_.empty()) {
      report_.verdict = "succeeded";
      std::vector<std::string> first;
      for (const std::string& target : succeeded_) first.push_back(target + " is not denied");
      report_.reasons.insert(report_.reasons.begin(), first.begin(), first.end());
      return;
    }
    if (!counted_) {
      if (unreachable_) {
        std::string fault = interfaces_fault();
        if (!fault.empty()) report_.reasons.insert(report_.reasons.begin(), std::move(fault));
      }
      if (ground_.unsafe.empty()) reason("no probe was dropped and counted");
    }
    report_.verdict = complete && counted_ ? "denied" : "inconclusive";
  }

  const Policy& policy_;
  const ProbeGround& ground_;
  ProbeReport report_;
  std::set<std::string> known_;
  std::set<Ip> dead_;
  std::vector<std::string> succeeded_;
  bool stopped_ = false;
  bool counted_ = false;  // at least one address was denied by our own counter
  bool unreachable_ = false;
};

}  // namespace

ProbeReport run_probes(const Policy& policy, const std::vector<ProbeTarget>& targets, const ProbeGround& ground) {
  return Run(policy, ground).over(targets);
}

}  // namespace airtight::audit
