// The evidence log as the agent uses it: opened or begun, every record written through one door, errors of the disk
// said once and never lost (the writer records them as gaps).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "auditor/agent/config.h"
#include "auditor/evidence/writer.h"

namespace airtight::audit {

class LogKeeper {
 public:
  // Called with each record that was handed to the log, and with what went wrong.
  using Written = std::function<void(const RecordBody&)>;
  using Trouble = std::function<void(const std::string&)>;

  LogKeeper(const AgentConfig& config, Disk& disk, Clock& clock, Written written, Trouble trouble);

  // Whose log it is; keys are made where there are none. Locks nothing. `node`: the host's name, where the
  // configuration names none; of a log that is there, its keys say who it is. Throws std::runtime_error, with a way
  // out, where there is no log and none can be begun.
  void find(const std::string& node);
  // After find(). False where another agent writes it; throws where it cannot be gone on with.
  bool take();
  void open(const std::string& node);  // both, and throws where another agent writes it
  // The last records, back to the first that is not later than `since`; fewer where they cannot be read.
  std::vector<Record> end_of_log(std::int64_t since) const;
  std::string last_boot_id() const;              // that the log's last checkpoint names; empty if there is none
  bool made_keys() const { return made_keys_; }  // nobody enrolled them
  const std::string& node() const { return node_; }
  const std::string& origin() const { return origin_; }
  std::int64_t last_time() const { return last_time_; }  // of the last record before this run; 0: none

  // False where it is not in the log: of an urgent record, not on disk.
  bool write(const RecordBody& body);
  // Ends an interval: everything is on disk; signs, and lets old records go, now and then.
  void end_interval(bool sign);
  bool close();  // false where the end is not sealed
  std::uint64_t size() const { return writer_.size(); }
  std::uint64_t durable() const { return writer_.durable(); }
  bool failing() const { return static_cast<bool>(writer_.failing()); }

 private:
  void tell(std::error_code error, const char* doing);

  const AgentConfig& config_;
  Disk& disk_;
  Clock& clock_;
  Written written_;
  Trouble trouble_;
  const std::string key_;
  LogWriter writer_;
  std::string node_, origin_;
  std::int64_t last_time_ = 0;
  std::int64_t signed_ = 0, pruned_ = 0;  // CLOCK_BOOTTIME
  bool made_keys_ = false;
  std::error_code told_;
};

}  // namespace airtight::audit
