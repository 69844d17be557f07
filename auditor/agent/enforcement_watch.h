// Keeps the live rules proved: reads them at the start, whenever nftables tells of a change, and now and then in any
// case; has every new digest proved by a child; says what to record. Never waits: the loop calls poll() while busy().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auditor/enforcement/proof.h"
#include "auditor/enforcement/prover.h"
#include "auditor/enforcement/ruleset_events.h"
#include "auditor/evidence/record.h"
#include "auditor/opener/opener.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

class EnforcementWatch {
 public:
  // `seconds`: bound of one proof. Throws std::system_error where events cannot be had.
  EnforcementWatch(Opener& opener, unsigned seconds);
  // Another policy, or other uplinks, or the first: everything is proved anew.
  void use(const Policy& policy, std::vector<std::string> uplinks);
  void use_uplinks(std::vector<std::string> uplinks);

  int events_fd() const { return events_.get(); }
  // What nftables told; a change that makes the time until the next reading unsure is a record.
  std::vector<EnforcementRecord> take_events();
  // Once an interval: reads again, where that is cheap; else if nftables changed, if the day did (exceptions expire),
  // or if it was long ago.
  // Where an exception ended with the day before, what was proved is no answer any more: a record.
  std::vector<EnforcementRecord> interval(Date today);
  bool busy() const { return stream_ || prover_ || wanted_; }
  std::vector<EnforcementRecord> poll();

  bool known() const { return known_; }  // once a first reading was proved
  bool sealed() const { return known_ && last_.outcome == "sealed" && !unsure_; }
  const EnforcementRecord& last() const { return last_; }
  const Proof& proof() const { return proof_; }

 private:
  void begin();
  void finish(std::vector<EnforcementRecord>& records);
  void conclude(Proof proof, std::vector<EnforcementRecord>& records);

  Opener& opener_;
  const unsigned seconds_;
  std::string policy_json_;
  std::vector<std::string> uplinks_;
  std::vector<Date> expiries_;  // of the policy's exceptions
  Date today_;
  Fd events_;
  Fd stream_;         // of a reading under way
  std::string read_;  // what came of it
  std::unique_ptr<Prover> prover_;
  std::string reading_digest_;
  std::string proved_digest_;  // that proof_ is about; empty: nothing is proved
  Proof proof_;
  EnforcementRecord last_;
  std::uint32_t generation_ = 0;
  std::chrono::steady_clock::time_point read_at_{};
  std::chrono::steady_clock::duration took_{};
  bool wanted_ = false;  // a reading, as soon as the one under way is done
  bool known_ = false;
  bool unsure_ = false;  // a change was told of, and no reading was begun after it yet
};

}  // namespace airtight::audit
