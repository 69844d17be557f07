#include "tests/auditor/enforcement/live_kernel.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <cstring>

#include "compiler/builtin.h"
#include "compiler/emit/target.h"
#include "compiler/policy/compiled_policy.h"
#include "compiler/spec/resolve.h"

namespace airtight::audit {
namespace {

constexpr std::string_view kSpec = R"(apiVersion: airtight.dev/v1
kind: IsolationSpec
metadata: {name: node, owner: platform-security}
boundary:
  mode: airgapped
  cluster:
    pods: [10.42.0.0/16, "fd00:42::/56"]
    services: [10.43.0.0/16, "fd00:43::/112"]
    nodes: [10.10.0.0/24, "fd00:10::/64"]
    dns: {namespace: kube-system, labels: {k8s-app: kube-dns}, service: [10.43.0.10, "fd00:43::a"]}
    uplinks: [up0, up0.7]
  deny: [hosted-llm, cloud-metadata]
workloads:
  agent: {namespace: agents, labels: {app: agent}}
endpoints:
  vllm: {role: llm, runtime: vllm, addresses: [10.20.0.10, "fd00:20::10"], ports: [8000/tcp], names: [vllm.corp.example]}
  resolvers: {role: dns, addresses: [10.20.0.53], ports: [53/udp, 53/tcp]}
flows:
  - {from: agent, to: vllm, why: local inference}
  - {from: cluster-dns, to: resolvers, why: inside zones are forwarded}
exceptions:
  - {from: agent, to: 203.0.113.7/32, ports: [443/tcp], ticket: SEC-12, approvedBy: ciso, expires: 2027-06-30}
dns: {mode: allowlist, zones: [{name: corp.example, forward: [resolvers]}]}
targets: [nftables]
)";

struct Ran {
  int status = -1;
  std::string out;
};

Ran run(const std::string& command) {
  Ran ran;
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 65536> buffer{};
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    ran.out.append(buffer.data(), got);
  ran.status = pclose(pipe);
  return ran;
}

}  // namespace

const SealedNode& sealed_node() {
  static const SealedNode kNode = [] {
    Sources sources;
    Diagnostics diagnostics;
    const std::vector<std::uint32_t> ids{sources.add("spec.yaml", std::string(kSpec))};
    std::optional<Policy> policy = read_policy(ids, builtin_rules(), kDay, sources, diagnostics);
    INFO(render_text(diagnostics, sources, false));
    REQUIRE(policy);
    SealedNode node;
    const std::vector<TargetId> wanted{policy->targets.front().id};
    for (Artifact& artifact : emit_targets(*policy, wanted)) {
      if (artifact.path == "nftables/airtight.nft") node.inet = artifact.content;
      if (artifact.path == "nftables/airtight-egress.nft") node.egress = artifact.content;
    }
    REQUIRE_FALSE(node.inet.empty());
    REQUIRE_FALSE(node.egress.empty());
    node.policy_json = serialise(*policy);
    node.policy = std::move(*policy);
    return node;
  }();
  return kNode;
}

LiveKernel::LiveKernel() {
  if (geteuid() != 0) {
    why_not_ = "needs root";
    return;
  }
  if (!has("nft")) {
    why_not_ = "needs nft";
    return;
  }
  const int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (before < 0 || unshare(CLONE_NEWNET) != 0) {
    why_not_ = std::string("no network namespace: ") + std::strerror(errno);
    if (before >= 0) close(before);
    return;
  }
  before_ = before;
  shell("ip link set lo up; ip link add up0 type veth peer name down0; ip link add up0.7 type veth peer name down1");
}

LiveKernel::~LiveKernel() {
  if (before_ < 0) return;
  (void)setns(before_, CLONE_NEWNET);
  close(before_);
}

bool LiveKernel::ready(const char* test) const {
  if (why_not_.empty()) return true;
  WARN("SKIPPED " << test << " " << why_not_);
  return false;
}

void LiveKernel::nft(const std::string& text) {
  FILE* const pipe = popen("nft -f - 2>&1", "w");
  REQUIRE(pipe != nullptr);
  REQUIRE(std::fwrite(text.data(), 1, text.size(), pipe) == text.size());
  INFO(text.substr(0, 400));
  REQUIRE(pclose(pipe) == 0);
}

std::string LiveKernel::shell(const std::string& command) {
  Ran ran = run("(" + command + ") 2>&1");
  INFO(command << ": " << ran.out);
  REQUIRE(ran.status == 0);
  return ran.out;
}

bool LiveKernel::has(const std::string& tool) { return run("command -v " + tool + " 2>/dev/null").status == 0; }

RulesetDump LiveKernel::dump(const std::string& tool) {
  Ran ran = run(tool + " 2>/dev/null");
  REQUIRE(ran.status == 0);
  return {tool, std::move(ran.out), "", false};
}

std::vector<RulesetDump> LiveKernel::dumps() {
  std::vector<RulesetDump> all{dump("nft -j list ruleset")};
  for (const char* tool :
       {"iptables-nft-save", "ip6tables-nft-save", "iptables-legacy-save", "ip6tables-legacy-save"}) {
    if (!has(tool)) continue;
    RulesetDump save = dump(tool);
    if (!save.text.empty()) all.push_back(std::move(save));
  }
  return all;
}

}  // namespace airtight::audit
