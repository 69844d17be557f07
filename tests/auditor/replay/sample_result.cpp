#include "tests/auditor/replay/sample_result.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Ip ip(std::string_view text) { return Ip::parse(text).value(); }

Finding found(Rule rule, std::string_view source, std::string_view destination, std::string protocol,
              std::int32_t port) {
  Finding finding;
  finding.rule = rule;
  finding.cls = info(rule).cls;
  finding.effect = info(rule).effect;
  finding.has_addresses = !source.empty();
  if (finding.has_addresses) finding.source = ip(source), finding.destination = ip(destination);
  finding.protocol = std::move(protocol);
  finding.port = port;
  finding.interface = "eth0";
  finding.packets = 1;
  finding.bytes = 74;
  finding.first_seen = finding.last_seen = kOneOClock;
  finding.examples = {{kOneOClock, 0, 17}};
  return finding;
}

}  // namespace

ReplayResult clean_result() {
  ReplayResult result;
  result.policy_digest = "sha256:" + std::string(64, 'a');
  result.policy_name = "minimal";
  result.files = {{"day.pcap",
                   std::string(64, '0'),
                   "pcap, microseconds",
                   2,
                   148,
                   {{"", Role::Uplink, "no name: taken for an uplink", LinkType::Ethernet, 2}},
                   {}}};
  result.packets = 2;
  result.bytes = 148;
  result.first = kOneOClock;
  result.last = kOneOClock + kSecond / 2;
  result.ipv4 = 2;
  result.flows = 1;
  result.classes[static_cast<std::size_t>(Class::InsideDeclared)] = {2, 148, 1};
  result.assumptions = {"frames without a direction were sent"};
  result.limits = {"covert channels through inside relays"};
  return result;
}

ReplayResult rich_result() {
  ReplayResult result = clean_result();
  result.verdict = Verdict::Violated;
  result.reasons = {"3 packets left to 2 outside destinations", "packet 9 of leak.pcapng could not be decoded"};
  result.policy_name = "xpander-airgapped";
  result.files = {
      {"captures/leak.pcapng",
       std::string(64, '1'),
       "pcapng, 2 sections, gzip",
       1'234'567,
       987'654'321,
       {{"eth0", Role::Uplink, "matches uplinks", LinkType::Ethernet, 1'234'000},
        {"cali0123", Role::PodSide, "--pod-side", LinkType::LinuxSll2, 567}},
       {{CaptureProblem::Kind::CutShort, "the file ends 12 bytes into packet 1234568, at offset 4711", 4711, 1'234'567},
        {CaptureProblem::Kind::Dropped, "eth0 dropped 7 packets", 4000, 1'234'567}}},
      {"old.pcap",
       std::string(64, '2'),
       "pcap, nanoseconds, big-endian",
       1,
       60,
       {{"", Role::Uplink, "no name: taken for an uplink", static_cast<LinkType>(147), 1}},
       {}}};
  result.packets = 1'234'568;
  result.bytes = 987'654'381;
  result.undecoded = 2;
  result.last = kOneOClock + 3'600 * kSecond;
  result.ipv4 = 1'200'000, result.ipv6 = 34'000, result.arp = 500, result.other = 68;
  result.flows = 4'321, result.flows_evicted = 3, result.untracked = 9;
  result.classes[static_cast<std::size_t>(Class::Escape)] = {3, 1'500, 2};
  result.classes[static_cast<std::size_t>(Class::Undecodable)] = {2, 120, 0};
  result.exceptions_used = 1;
  result.findings_left_out = 12;

  Finding leak = found(Rule::PacketLeft, "10.10.0.7", "203.0.113.7", "tcp", 443);
  leak.name = "api.openai.example";
  leak.catalogue = "hosted LLM: OpenAI";
  leak.packets = 2, leak.bytes = 1'400;
  leak.last_seen = kOneOClock + 5 * kSecond;
  leak.examples.push_back({kOneOClock + 5 * kSecond, 0, 18});
  leak.pod_side = {{ip("10.42.0.9"), "cali0123", 2, false}, {ip("10.42.0.10"), "", 1, true}};
  Finding same = leak;
  same.source = ip("10.10.0.8");
  same.interface.clear();
  same.packets = 4, same.bytes = 100;
  same.first_seen = kOneOClock - kSecond;
  same.examples = {
      {kNoTime, 1, 1}, {kOneOClock - kSecond, 0, 12}, {kOneOClock, 0, 13}, {kOneOClock, 0, 14}, {kOneOClock, 0, 15}};
  same.pod_side.clear();
  Finding six = found(Rule::PacketLeft, "fd00:10::7", "2001:db8::1", "icmpv6", -1);
  six.guessed_direction = true;
  Finding lldp = found(Rule::UndeclaredEtherType, "", "", "ethertype 0x88cc", -1);
  lldp.first_seen = lldp.last_seen = kNoTime;
  Finding asked = found(Rule::NameAskedOutside, "10.10.0.7", "10.20.9.9", "udp", 53);
  asked.name = "x.telemetry.example";
  Finding cut = found(Rule::Truncated, "", "", "", -1);
  cut.detail = "the snap length cut the IPv4 header";
  cut.interface.clear();
  cut.packets = 2, cut.bytes = 120;
  Finding excepted = found(Rule::ExceptionBy, "10.10.0.7", "198.51.100.4", "udp", 123);
  excepted.detail = "SEC-12, until 2027-06-30";
  Finding tried = found(Rule::AttemptUnresolved, "10.42.0.9", "203.0.113.9", "tcp", 80);
  tried.role = Role::PodSide, tried.effect = Effect::Inconclusive, tried.interface = "cali0123";
  result.findings = {leak, same, six, lldp, asked, tried, cut, excepted};

  result.names = {
      {"api.openai.example", {2, false}}, {"vllm.corp.example", {40, true}}, {"x.telemetry.example", {2, false}}};
  result.names_left_out = 5;
  result.visibility = {11, 10, 5, 1, 3, 0, 6, 7, 1, 3, 2, 4, 1};
  return result;
}

ReplayResult hostile_result() {
  ReplayResult result = rich_result();
  const std::string bad(kHostile);
  result.reasons.push_back(bad);
  result.assumptions.push_back(bad);
  result.limits.push_back(bad);
  result.policy_name = bad;
  for (ReplayedFile& file : result.files) {
    file.path = bad;
    file.format = bad;
    for (ReplayedInterface& interface : file.interfaces) interface.name = interface.why = bad;
    for (CaptureProblem& problem : file.problems) problem.what = bad;
  }
  for (Finding& finding : result.findings) {
    finding.protocol = finding.name = finding.catalogue = finding.interface = finding.detail = bad;
    for (PodSideSight& sight : finding.pod_side) sight.interface = bad;
  }
  result.names[bad] = {99, false};
  return result;
}

std::string expected(const std::string& name, const std::string& output) {
  const std::string path = std::string(AIRTIGHT_SOURCE_DIR) + "/tests/auditor/replay/expected/" + name;
  if (std::getenv("AIRTIGHT_UPDATE_EXPECTED") != nullptr) std::ofstream(path, std::ios::binary) << output;
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void keep_sample(const std::string& name, const std::string& output) {
  const char* directory = std::getenv("AIRTIGHT_SAMPLES");
  if (directory != nullptr) std::ofstream(std::string(directory) + "/" + name, std::ios::binary) << output;
}

}  // namespace airtight::audit
