// A folder of artifacts in memory: what the compiler writes for a spec, changed by a test, read and judged.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "compiler/policy/policy.h"
#include "compiler/verify/judge.h"

namespace airtight::verify {

struct DnsCase {
  std::shared_ptr<const Policy> policy;      // nullptr: judged without one
  std::map<std::string, std::string> files;  // by path; only those of the dns layer
  bool with_policy = true;
  Date at = {2026, 11, 25};

  // Each must change something, or the test ends.
  DnsCase& replace(const std::string& path, std::string_view what, std::string_view by);
  DnsCase& drop_line(const std::string& path, std::string_view start);
  DnsCase& drop_block(const std::string& path, std::string_view start);  // from `start` to the next "\n};\n"
  DnsCase& append(const std::string& path, std::string_view text);
};

// tests/lab/dns.yaml, or another spec of the tree.
DnsCase compiled_dns(const std::string& spec = "tests/lab/dns.yaml");
// Without a policy, over 10.0.0.0/8, fd00::/8 and loopback.
DnsCase dns_files(std::map<std::string, std::string> files);

struct DnsJudged {
  bool readable = false;
  std::string diagnostics;  // as rendered, colours off
  LayerJudgement judgement;
  DnsArtifacts artifacts;
  std::shared_ptr<Sources> sources;
};
DnsJudged judged(const DnsCase&);
// "violated\nAT-V401 violated: MESSAGE (DESTINATION) at FILE: ITS LINE\n…", or the diagnostics.
std::string told(const DnsCase&);

}  // namespace airtight::verify
