// Audits capture files: reads them in order of time, judges every packet, adds up what was found.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "auditor/replay/result.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

struct ReplayOptions {
  std::vector<std::string> files;     // "-" is standard input
  std::string policy;                 // where the policy was read, never to be replaced; "-" likewise; empty: nowhere
  std::vector<std::string> pod_side;  // names of interfaces that are pod side
  unsigned threads = 1;               // of judgement; the result does not depend on it
  std::string write_findings;         // a pcapng file for the packets that were marked; empty: none
  std::string application;            // the program, for that file's header
  std::size_t flows = 2'000'000;      // places in the flow table
  // Called now and then while reading; the total is empty where a file has no size.
  std::function<void(std::uint64_t packets, std::uint64_t bytes_read, std::optional<std::uint64_t> bytes_total)>
      progress;
};

// A file that is no capture.
struct NotACapture {
  std::string path;
  std::string why;
};

// Files that are given twice, or would be replaced by the findings: what() says which, help() the way out.
class FilesClash : public std::invalid_argument {
 public:
  FilesClash(const std::string& what, std::string help) : std::invalid_argument(what), help_(std::move(help)) {}
  const std::string& help() const { return help_; }

 private:
  std::string help_;
};

// Throws FilesClash before any file is opened, std::system_error when one cannot be read, or the findings cannot be
// written. `refused` holds every file that is no capture; then nothing was audited and the result is empty. The policy
// must outlive the call, not the result.
//
// What an interface is taken for is settled at its first packet, by the interfaces of its file that were described up
// to there: files are read once, and may be a pipe. One that was taken for an uplink stays one, which is the more
// severe, and the result says where an uplink of the same file came to light afterwards.
std::optional<ReplayResult> replay(const Policy& policy, const ReplayOptions& options,
                                   std::vector<NotACapture>& refused);

}  // namespace airtight::audit
