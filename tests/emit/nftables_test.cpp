#include "compiler/emit/nftables.h"

#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "compiler/emit/nftables_parts.h"
#include "compiler/emit/packet_filter.h"
#include "tests/emit/random_policy.h"
#include "tests/emit/sample_policy.h"

using namespace airtight;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string content(const Policy& policy, std::string_view path) {
  for (const Artifact& artifact : kNftablesTarget.emit(policy))
    if (artifact.path == path) return artifact.content;
  return "no artifact " + std::string(path);
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Exit status and output of a shell command.
std::pair<int, std::string> run(const std::string& command) {
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), got);
  return {pclose(pipe), output};
}

struct TemporaryDirectory {
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "airtight-nft-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Why nft cannot be asked here; empty if it can.
std::string no_nft() {
  if (geteuid() != 0) return "needs root for a network namespace";
  if (run("command -v nft").first != 0) return "needs nft";
  if (run("unshare -n true").first != 0) return "needs a network namespace";
  return "";
}

std::string first_message(const Policy& policy) {
  Diagnostics diagnostics;
  kNftablesTarget.check(policy, diagnostics);
  const std::vector<Diagnostic> all = diagnostics.sorted();
  return all.empty() ? "" : std::string(info(all[0].code).id) + " " + all[0].subject + ": " + all[0].message;
}

}  // namespace

TEST_CASE("nftables: what is written", "[nftables]") {
  std::string paths;
  for (const Artifact& artifact : kNftablesTarget.emit(tiny_policy())) {
    paths += artifact.path + (artifact.executable ? "* " : " ");
    CHECK(artifact.target == TargetId::Nftables);
    CHECK(artifact.layer == Layer::Firewall);
  }
  CHECK(
      paths ==
      "nftables/airtight-egress.nft nftables/airtight.nft nftables/apply.sh* nftables/remove.nft nftables/remove.sh* ");
}

TEST_CASE("nftables: the tiny policy, word for word", "[nftables]") {
  // AIRTIGHT_REGENERATE=1 writes what is emitted in place of comparing.
  const std::filesystem::path golden = std::filesystem::path(AIRTIGHT_SOURCE_DIR) / "tests/emit";
  for (const Artifact& artifact : kNftablesTarget.emit(tiny_policy())) {
    const std::filesystem::path path = golden / artifact.path;
    if (std::getenv("AIRTIGHT_REGENERATE") != nullptr) {
      std::filesystem::create_directories(path.parent_path());
      write(path, artifact.content);
    }
    INFO(artifact.path);
    CHECK(read(path) == artifact.content);
  }
}

TEST_CASE("nftables: the same policy gives the same bytes", "[nftables]") {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const std::vector<Artifact> once = kNftablesTarget.emit(random_policy(seed));
    const std::vector<Artifact> twice = kNftablesTarget.emit(random_policy(seed));
    REQUIRE(once.size() == twice.size());
    for (std::size_t i = 0; i < once.size(); ++i) REQUIRE(once[i].content == twice[i].content);
  }
}

TEST_CASE("nftables: text of every policy keeps the rules of the house", "[nftables]") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const Policy policy = random_policy(seed);
    for (const Artifact& artifact : kNftablesTarget.emit(policy)) {
      INFO("seed " << seed << " " << artifact.path);
      REQUIRE(artifact.content.find("flush ruleset") == std::string::npos);
      REQUIRE(artifact.content.ends_with('\n'));
      unsigned here_documents = 0;
      for (const std::string& line : lines_of(artifact.content)) {
        INFO(line);
        if (line == "AIRTIGHT_TEXT") ++here_documents;
        if (line.find("<<'AIRTIGHT_TEXT'") != std::string::npos) here_documents += 1000;
        REQUIRE(std::none_of(line.begin(), line.end(),
                             [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
        const bool comment =
            line.find_first_not_of(' ') != std::string::npos && line[line.find_first_not_of(' ')] == '#';
        if (comment || !artifact.path.ends_with(".nft")) continue;
        REQUIRE(line.find(" oif ") == std::string::npos);
        const std::size_t at = line.find(" comment \"");
        const std::string rule = line.substr(0, at);
        if (at != std::string::npos) {
          const std::string text = line.substr(at + 10);
          REQUIRE(text.find('"') == text.size() - 1);
          REQUIRE(text.size() - 1 <= 127);
        }
        const bool v4 = rule.find(" ip ") != std::string::npos || rule.find("ipv4 ") != std::string::npos ||
                        rule.find(" icmp ") != std::string::npos;
        const bool v6 = rule.find(" ip6 ") != std::string::npos || rule.find("ipv6 ") != std::string::npos ||
                        rule.find(" icmpv6 ") != std::string::npos;
        REQUIRE_FALSE((v4 && v6));
      }
      REQUIRE(here_documents % 1000 == here_documents / 1000);
    }
  }
}

TEST_CASE("nftables: nft takes 200 random policies, and sh their scripts", "[nftables]") {
  if (const std::string reason = no_nft(); !reason.empty()) {
    WARN("SKIPPED: " << reason);
    return;
  }
  const TemporaryDirectory directory;
  std::string all;
  std::string scripts;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    const Policy policy = random_policy(seed);
    const nftables::TableText inet = nftables::inet_table(policy);
    const nftables::EgressText egress = nftables::egress_table(policy);
    // One transaction each in the emitted files; here all in one, and the counting form of every fourth.
    all += inet.enforcing;
    if (seed % 4 == 0) all += inet.counting;
    all += egress.table.enforcing;
    if (seed % 4 == 0) all += egress.table.counting;
    all += egress.literal_uplinks;
    const std::string name = "apply" + std::to_string(seed) + ".sh";
    write(directory.path / name, content(policy, "nftables/apply.sh"));
    scripts += "sh -n " + (directory.path / name).string() + " || exit 1\n";
  }
  write(directory.path / "all.nft", all);
  write(directory.path / "scripts", scripts);
  const auto [status, output] = run("unshare -n nft -c -f " + (directory.path / "all.nft").string());
  INFO(output.substr(0, 2000));
  CHECK(status == 0);
  const auto [shell_status, shell_output] = run("sh " + (directory.path / "scripts").string());
  INFO(shell_output.substr(0, 2000));
  CHECK(shell_status == 0);
}

TEST_CASE("nftables: text of the spec stays text in the scripts", "[nftables]") {
  Policy policy = sample_policy();
  policy.exceptions[0].ticket = "'$(touch owned)`touch owned`\"\nAIRTIGHT_TEXT\ntouch owned\n";
  policy.name = "x\ntouch owned";
  const std::string script = content(policy, "nftables/apply.sh");
  CHECK(script.find("\ntouch owned") == std::string::npos);
  const TemporaryDirectory directory;
  write(directory.path / "apply.sh", script);
  const auto [status, output] = run("cd " + directory.path.string() + " && sh apply.sh --help");
  CHECK(status == 0);
  CHECK(output.find("Uplinks of this policy: eth0\n") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(directory.path / "owned"));
}

TEST_CASE("nftables: a family alone is refused in neither file (R15)", "[nftables]") {
  Policy policy = tiny_policy();
  Endpoint six = policy.endpoints[0];
  six.name = "six";
  six.addresses = ip_set_of({"fd00:20::10"});
  policy.endpoints.push_back(six);
  policy.inside_ranges.push_back({prefix_of("fd00:20::10/128"), "endpoint six", "", "", at_line(14)});
  Flow flow = policy.flows[0];
  flow.to = peer_of(policy, "six");
  policy.flows.push_back(flow);
  derive(policy);
  unsigned v4 = 0;
  unsigned v6 = 0;
  for (const std::string& line : lines_of(content(policy, "nftables/airtight.nft"))) {
    if (line.find("dport 8000 accept") == std::string::npos) continue;
    if (line.find("meta nfproto ipv4 ip daddr @endpoint_vllm_v4 tcp dport 8000 accept") != std::string::npos) ++v4;
    if (line.find("meta nfproto ipv6 ip6 daddr @endpoint_six_v6 tcp dport 8000 accept") != std::string::npos) ++v6;
  }
  CHECK(v4 == 2);  // forward and output
  CHECK(v6 == 2);
}

TEST_CASE("nftables: uplinks by name are written out, patterns are left to the script", "[nftables]") {
  Policy policy = tiny_policy();
  policy.cluster.uplinks = {"eth0", "en*", "bond0.100"};
  const std::string file = content(policy, "nftables/airtight-egress.nft");
  CHECK(file.find("type filter hook egress device \"eth0\" priority filter; policy drop;") != std::string::npos);
  CHECK(file.find("chain uplink_bond0_100 {\n    type filter hook egress device \"bond0.100\"") != std::string::npos);
  CHECK(file.find("device \"en") == std::string::npos);
  CHECK(file.find('%') == std::string::npos);
  const std::string script = content(policy, "nftables/apply.sh");
  CHECK(script.find("    'en'*) return 0 ;;\n") != std::string::npos);
  CHECK(script.find("<<'AIRTIGHT_TEXT'\neth0\nbond0.100\nAIRTIGHT_TEXT\n") != std::string::npos);
  CHECK(script.find("device \"%DEVICE%\" priority filter; policy drop;") != std::string::npos);
}

TEST_CASE("nftables: what cannot be expressed is an error", "[nftables]") {
  Policy policy = tiny_policy();
  CHECK(first_message(policy) == "");
  policy.cluster.uplinks.clear();
  CHECK(first_message(policy) == std::string(info(Code::TargetNeeds).id) +
                                     " nftables: nftables cannot hold raw senders without the names of the uplinks");
  policy.cluster.uplinks = {"eth0.1", "eth0-1", "eth0_1"};
  CHECK(first_message(policy) == std::string(info(Code::CannotExpress).id) +
                                     " nftables: nftables cannot tell the uplinks 'eth0.1' and 'eth0_1' apart");
  policy = tiny_policy();
  policy.cluster.l2 = {{"ipv4", 0x0800}};
  CHECK(first_message(policy) == std::string(info(Code::CannotExpress).id) +
                                     " nftables: l2 cannot let 'ipv4' pass: IP leaves by its addresses only");
  policy = sample_policy();
  policy.exceptions[0].from = peer_of(policy, "vllm");
  CHECK(first_message(policy) ==
        std::string(info(Code::CannotExpress).id) +
            " nftables: a node's firewall cannot make an exception for 'vllm': its packets leave from another machine");
}

TEST_CASE("nftables: comments are cut between characters", "[nftables]") {
  std::string long_text(119, 'x');
  long_text += "\xC3\xA9\xC3\xA9";
  CHECK(nftables::rule_comment({long_text}) == " comment \"" + std::string(117, 'x') + "...\"");
  std::string accents = "y";
  for (int i = 0; i < 70; ++i) accents += "\xC3\xA9";
  std::string expected = "y";
  for (int i = 0; i < 58; ++i) expected += "\xC3\xA9";
  CHECK(nftables::rule_comment({accents}) == " comment \"" + expected + "...\"");
  CHECK(nftables::rule_comment({"say \"no\"", "twice"}) == " comment \"say 'no'; twice\"");
  CHECK(nftables::rule_comment({}) == "");
}
