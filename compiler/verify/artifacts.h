// Everything that the user names, recognised by content and read into the models of the layers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/source.h"
#include "compiler/verify/dns/zones.h"
#include "compiler/verify/firewall/ruleset.h"
#include "compiler/verify/kubernetes/objects.h"

namespace airtight::verify {

struct Artifacts {
  Cluster cluster;
  Ruleset firewall;
  DnsArtifacts dns;
  std::uint32_t first_source = 0;      // 0: there was none
  std::size_t recognised = 0;          // sources in which something was recognised
  std::vector<std::uint32_t> ignored;  // sources that are none of these (README, scripts): named, never judged
};

// One source a file. `default_namespace` as in ClusterReader. Errors: text that is of a kind we know and cannot be
// read.
Artifacts read_artifacts(std::span<const std::uint32_t> sources, const Sources&, std::string default_namespace,
                         bool default_noted, Diagnostics&);

}  // namespace airtight::verify
