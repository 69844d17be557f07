// The proof in a child process: lowest priority (nice 19, SCHED_IDLE where it can be had), no capability, a bound on
// time and memory; a bug or a flood of rules ends as "unreadable", never as "sealed". The child is this program again
// with kProverCommand, the request on its standard input and the Proof on its standard output.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "auditor/enforcement/proof.h"

namespace airtight::audit {

inline constexpr const char* kProverCommand = "prove-enforcement";  // hidden: takes nothing from the command line

// The child's whole life: reads the request (policy.json, uplinks, dumps, date) from `in`, writes to `out`. Returns the
// exit code.
int prover_main(int in, int out);

class Prover {
 public:
  // Starts the child and returns. `policy_json` is serialise(policy). `seconds`: after them it is killed.
  static std::error_code start(const std::string& policy_json, const std::vector<std::string>& uplinks,
                               std::vector<RulesetDump> dumps, Date at, unsigned seconds,
                               std::unique_ptr<Prover>& prover);
  ~Prover();       // kills the child, and reaps it
  int fd() const;  // readable when there is something to take
  // Feeds and drains without waiting; the proof once the child has ended or its time is over. "unreadable" with the
  // reason for every end but a good one.
  std::optional<Proof> poll();

 private:
  struct State;
  explicit Prover(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace airtight::audit
