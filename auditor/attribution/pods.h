// Which pod an interface belongs to, and belonged to (DESIGN §6, "Attribution"): a time-versioned table. "unknown" is
// an honest answer; nothing is guessed. The Kubernetes API watch comes later behind the same interface.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "compiler/net/ip.h"

namespace airtight::audit {

struct PodEntry {
  std::string interface;  // on the host's side: "cali12ab"; may be empty where only addresses are known
  std::string ns;
  std::string name;
  std::vector<Ip> addresses;
  std::int64_t from = INT64_MIN;  // nanoseconds; [from, to)
  std::int64_t to = INT64_MAX;
  friend bool operator==(const PodEntry&, const PodEntry&) = default;
};

class PodTable {
 public:
  virtual ~PodTable() = default;
  // "namespace/name"; "unknown" where no entry of that time is there, or entries of more than one pod. By interface
  // first; entries without an interface, and calls without one (an uplink leads to no pod), go by address.
  virtual std::string pod_of(std::string_view interface, std::optional<Ip> address, std::int64_t time) const = 0;
};

// A file of JSON lines: {"interface":"cali12ab","namespace":"app","name":"web-0","addresses":["10.42.0.2"],
// "from":"2026-11-25T13:00:00Z","to":null}; `interface` or `addresses` at least, the times may be missing. An entry
// that vanishes from the file ends when that is seen; one that comes without `from` begins then, so that what was
// before stays what it was. Unknown members, a broken line, two lines that overlap: an error with the line, and the
// table stays. Not thread-safe.
class PodFile final : public PodTable {
 public:
  explicit PodFile(std::string path);
  // Reads the file if it changed (size, inode, time of change) or was never read; `now` is CLOCK_REALTIME. Messages of
  // what is wrong, one a line: "pods.jsonl:3: …". A file that is gone keeps the table and is an error once.
  std::vector<std::string> refresh(std::int64_t now);
  std::string pod_of(std::string_view interface, std::optional<Ip> address, std::int64_t time) const override;
  std::size_t size() const;  // entries, past ones too; those that ended over an hour ago are forgotten

 private:
  struct Known {
    PodEntry entry;         // as it counts
    PodEntry line;          // as the file had it
    bool in_file = false;   // in the last one that could be read
    bool vanished = false;  // in the one before that, but not in it
  };
  void take(const std::vector<PodEntry>& lines, std::int64_t now);
  void forget(std::int64_t now);

  std::string path_;
  std::vector<Known> entries_;
  std::string seen_;     // identity of the file that was read last; empty where it may have changed unseen since
  std::string digest_;   // of its text
  std::string missing_;  // why it could not be read, as it was said
};

inline constexpr std::size_t kMaxPodFile = 16u << 20;  // bytes
inline constexpr std::size_t kMaxPods = 16'384;        // lines

// Of the text of such a file, in its order; for tests and the fuzzer. Empty, with errors, unless all of it is good.
std::vector<PodEntry> parse_pods(std::string_view text, std::string_view path, std::vector<std::string>& errors);

}  // namespace airtight::audit
