#include "auditor/replay/replay.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "tests/auditor/replay/random_traffic.h"

namespace airtight::audit {
namespace {

using namespace test;

ReplayResult run(const std::vector<std::string>& files, ReplayOptions options = {}) {
  options.files = files;
  options.flows = 8192;
  std::vector<NotACapture> refused;
  auto result = replay(shared_policy(), options, refused);
  REQUIRE(refused.empty());
  REQUIRE(result);
  return *std::move(result);
}

// The verdict and what was found, without examples and without where it was found.
std::string essence(const ReplayResult& result) {
  std::string text = std::string(to_string(result.verdict)) + " " + std::to_string(result.packets) + " packets " +
                     std::to_string(result.bytes) + " bytes " + std::to_string(result.flows) + " flows\n";
  std::vector<std::string> lines;
  for (const Finding& f : result.findings) {
    lines.push_back(std::string(info(f.rule).id) + " " + std::string(to_string(f.cls)) + " " +
                    std::string(to_string(f.effect)) + " " + std::string(to_string(f.role)) + " " +
                    to_string(f.source) + " " + to_string(f.destination) + " " + f.protocol + " " +
                    std::to_string(f.port) + " " + f.name + " " + f.catalogue + " " + f.detail + " " +
                    std::to_string(f.first_seen) + " " + std::to_string(f.last_seen) + " " + std::to_string(f.packets) +
                    " " + std::to_string(f.bytes) + (f.guessed_direction ? " guessed\n" : "\n"));
  }
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) text += line;
  for (const std::string& reason : result.reasons) text += reason + "\n";
  for (const ClassCount& cls : result.classes)
    text += std::to_string(cls.packets) + " " + std::to_string(cls.bytes) + " " + std::to_string(cls.flows) + ", ";
  for (const auto& [name, seen] : result.names) text += name + " " + std::to_string(seen.times) + " ";
  return text;
}

TEST_CASE("replay: permuted, split, converted and on several threads it is the same") {
  std::mt19937_64 engine(17);
  for (int round = 0; round < 40; ++round) {
    const Traffic traffic = random_traffic(engine, 5 + static_cast<unsigned>(engine() % 60));
    const TempFile original(pcap_of(traffic.frames));
    const std::string expected = essence(run({original.path()}));
    INFO("round " << round);

    const TempFile permuted(pcap_of(interleaved(traffic.flows, engine)));
    CHECK(essence(run({permuted.path()})) == expected);

    const auto cut = traffic.frames.begin() + static_cast<std::ptrdiff_t>(engine() % (traffic.frames.size() + 1));
    const TempFile first(pcap_of({traffic.frames.begin(), cut})), second(pcap_of({cut, traffic.frames.end()}));
    CHECK(essence(run({first.path(), second.path()})) == expected);
    CHECK(essence(run({second.path(), first.path()})) == expected);

    std::vector<SentFrame> dealt[3];  // packets here and there, each file in order of time
    for (const SentFrame& frame : traffic.frames) dealt[engine() % 3].push_back(frame);
    const TempFile a(pcap_of(dealt[0])), b(pcap_of(dealt[1])), c(pcap_of(dealt[2]));
    CHECK(essence(run({b.path(), a.path(), c.path()})) == expected);

    const TempFile converted(pcapng_of(traffic.frames, {""}, [](const SentFrame&) { return 0u; }));
    CHECK(essence(run({converted.path()})) == expected);

    ReplayOptions threads;
    threads.threads = 3;
    CHECK(essence(run({original.path()}, threads)) == expected);
  }
}

std::vector<SentFrame> frames_of(const std::vector<std::string>& all) {
  std::vector<SentFrame> frames;
  std::int64_t time = kNow;
  for (const std::string& bytes : all) frames.push_back({bytes, time += 1'000'000, Direction::Unknown, 0});
  return frames;
}
// One packet on each interface; "name: role, why" of each, in the order of packets.
std::string roles(const std::vector<std::string>& names, std::vector<std::string> pod_side = {}) {
  std::vector<SentFrame> frames =
      frames_of(std::vector<std::string>(names.size(), syn("10.42.1.5", "10.20.0.10", 8000)));
  std::uint32_t next = 0;
  const TempFile file(pcapng_of(frames, names, [&](const SentFrame&) { return next++; }));
  ReplayOptions options;
  options.pod_side = std::move(pod_side);
  const ReplayResult result = run({file.path()}, options);
  std::string text;
  for (const ReplayedInterface& interface : result.files.at(0).interfaces)
    text += interface.name + ": " + std::string(to_string(interface.role)) + ", " + interface.why + "; ";
  return text;
}

TEST_CASE("replay: what interfaces are taken for") {
  CHECK(roles({""}) == ": uplink, no name in the file: taken for an uplink; ");
  CHECK(roles({"eth0"}) == "eth0: uplink, matches uplinks; ");
  CHECK(roles({"eth1"}) == "eth1: uplink, no uplink in the same file: taken for one; ");
  CHECK(roles({"eth01"}) == "eth01: uplink, no uplink in the same file: taken for one; ");
  CHECK(roles({"cali1", "eth0", "any"}) ==
        "cali1: pod side, beside an uplink in the same file; eth0: uplink, matches uplinks; any: pod side, beside an "
        "uplink in the same file; ");
  CHECK(roles({"cali1", "veth2"}, {"cali*"}) ==
        "cali1: pod side, --pod-side; veth2: uplink, no uplink in the same file: taken for one; ");
  CHECK(roles({"eth0", "veth2"}, {"eth0"}) ==
        "eth0: uplink, matches uplinks; veth2: pod side, beside an uplink in the same file; ");
  CHECK(roles({"", "eth0"}, {"*"}) ==
        ": uplink, no name in the file: taken for an uplink; eth0: uplink, matches uplinks; ");
  CHECK(roles({"cal"}, {"cali*"}) == "cal: uplink, no uplink in the same file: taken for one; ");
  CHECK(roles({"cali"}, {"cali*"}) == "cali: pod side, --pod-side; ");
}

TEST_CASE("replay: an uplink that is described behind the first packet changes no role, and that is said") {
  const std::vector<SentFrame> frames = frames_of({syn("10.42.1.5", "198.51.100.9", 443)});
  const Writer write(false);
  const std::string described = pcapng_of(frames, {"cali1"}, [](const SentFrame&) { return 0u; });
  const TempFile late(described + write.interface(1, 0, write.option(2, "eth0") + write.end()));
  const TempFile none(described);
  const std::string said =
      "1 interface was judged as an uplink, for want of one in the same file: one was described there only later";
  const auto says = [&](const ReplayResult& result) {
    return std::count(result.assumptions.begin(), result.assumptions.end(), said);
  };
  const ReplayResult result = run({late.path()});
  CHECK(essence(result) == essence(run({none.path()})));
  CHECK(result.verdict == Verdict::Violated);
  CHECK(says(result) == 1);
  CHECK(says(run({none.path()})) == 0);
  const TempFile early(pcapng_of(frames, {"cali1", "eth0"}, [](const SentFrame&) { return 0u; }));
  CHECK(says(run({early.path()})) == 0);
}

TEST_CASE("replay: the uplinks of many interfaces are looked for once") {
  std::vector<std::string> names;
  for (unsigned i = 0; i < 60'000; ++i) names.push_back("veth" + std::to_string(i));
  names.push_back("eth0");
  const std::string text = roles(names);
  CHECK(text.find("veth59999: pod side, beside an uplink in the same file; eth0: uplink, matches uplinks; ") !=
        std::string::npos);
}

TEST_CASE("replay: a pattern of --pod-side that matches nothing is noted") {
  const auto notes = [](const std::vector<std::string>& names, const std::vector<std::string>& pod_side) {
    const TempFile file(
        pcapng_of(frames_of({syn("10.42.1.5", "10.20.0.10", 8000)}), names, [](const SentFrame&) { return 0u; }));
    ReplayOptions options;
    options.pod_side = pod_side;
    return run({file.path()}, options).notes;
  };
  using Notes = std::vector<std::string>;
  CHECK(notes({"eth0", "cali1"}, {}) == Notes{});
  CHECK(notes({"eth0", "cali1"}, {"cali*", "cali1"}) == Notes{});  // also one that no packet came from
  CHECK(notes({"eth0", "cali1"}, {"eth*"}) ==
        Notes{"--pod-side does not count for eth0: the policy names it an uplink"});
  CHECK(notes({"eth0", "cali1"}, {"cali1", "nope"}) ==
        Notes{"--pod-side nope names no interface of these files; they have: cali1, eth0"});
  CHECK(notes({""}, {"nope"}) == Notes{"--pod-side nope names no interface of these files; they give none a name"});
  std::vector<std::string> many;
  for (char c = 'a'; c <= 'o'; ++c) many.emplace_back(1, c);
  CHECK(notes(many, {"nope"}) == Notes{"--pod-side nope names no interface of these files; they have: a, b, c, d, e, "
                                       "f, g, h, i, j, k, l and 3 more"});
}

TEST_CASE("replay: files that clash are refused before one is opened") {
  const TempFile file(pcap_of(frames_of({syn("10.42.1.5", "10.20.0.10", 8000)})));
  const TempFile link("");
  std::filesystem::remove(link.path());
  std::filesystem::create_hard_link(file.path(), link.path());
  const auto refused = [](ReplayOptions options) -> std::string {
    options.flows = 16;
    std::vector<NotACapture> none;
    try {
      replay(shared_policy(), options, none);
    } catch (const FilesClash& clash) {
      return clash.what();
    }
    return "";
  };
  ReplayOptions options;
  options.files = {file.path(), "/none/of/this", file.path()};
  CHECK(refused(options) == file.path() + " is given twice");
  options.files = {file.path(), link.path()};
  CHECK(refused(options) == link.path() + " is given twice: it is the same file as " + file.path());
  options.files = {file.path()};
  CHECK(refused(options).empty());
  options.write_findings = link.path();
  CHECK(refused(options) ==
        "--write-findings " + link.path() + " would replace the capture " + file.path() + ", which is the evidence");
  const TempFile policy("{}");
  options.policy = options.write_findings = policy.path();
  CHECK(refused(options) == "--write-findings " + policy.path() + " would replace the policy " + policy.path());
  options.policy = "-";
  options.files = {"-"};
  options.write_findings.clear();
  CHECK(refused(options) == "standard input is given twice: as the policy and as a capture");
}

TEST_CASE("replay: a verdict and its reasons") {
  const TempFile clean(pcap_of(frames_of({syn("10.42.1.5", "10.20.0.10", 8000)})));
  CHECK(run({clean.path()}).verdict == Verdict::Clean);
  CHECK(run({clean.path()}).reasons.empty());

  const std::string escape = syn("10.42.1.5", "198.51.100.9", 443);
  const TempFile violated(pcap_of(frames_of({escape, escape, eth(0x88e1, "abcd"), eth(0x0800, hex("43"))})));
  const ReplayResult result = run({violated.path(), clean.path()});
  CHECK(result.verdict == Verdict::Violated);
  CHECK(result.reasons == std::vector<std::string>{"AT-A001 packet that left to the outside: 2 packets, 1 finding",
                                                   "AT-A010 frame of an undeclared EtherType: 1 packet, 1 finding",
                                                   "AT-A051 packet that contradicts itself: 1 packet, 1 finding"});
  CHECK(result.packets == 5);
  CHECK(result.undecoded == 1);
  CHECK(result.first == kNow + 1'000'000);
  CHECK(result.last == kNow + 4'000'000);
  REQUIRE(result.files.size() == 2);
  CHECK(result.files[0].path == violated.path());
  CHECK(result.files[0].packets == 4);
  CHECK(result.files[0].bytes == 54 + 54 + 18 + 15);
  CHECK(result.files[1].packets == 1);
  CHECK(result.policy_digest == policy_digest(shared_policy()));

  const TempFile nothing(pcap_of({}));
  CHECK(run({nothing.path()}).verdict == Verdict::Inconclusive);
  CHECK(run({nothing.path()}).reasons ==
        std::vector<std::string>{"there is no packet in the input: nothing was looked at"});
  CHECK(run({nothing.path(), clean.path()}).verdict == Verdict::Clean);

  const std::string whole = pcap_of(frames_of({syn("10.42.1.5", "10.20.0.10", 8000)}));
  const TempFile shorter(std::string_view(whole).substr(0, whole.size() - 3));
  CHECK(run({shorter.path()}).verdict == Verdict::Inconclusive);

  std::vector<std::string> many;
  for (unsigned i = 0; i < 9; ++i) many.push_back(syn("10.42.1.5", "10.20.0.10", 8000, 1000 + i));
  const TempFile flows(pcap_of(frames_of(many)));
  ReplayOptions few;
  few.files = {flows.path()};
  few.flows = 5;
  std::vector<NotACapture> refused;
  const auto full = replay(shared_policy(), few, refused);
  REQUIRE(full);
  CHECK(full->verdict == Verdict::Inconclusive);
  CHECK(full->untracked == 4);
  CHECK(full->reasons == std::vector<std::string>{"the flow table was full: 4 packets could not be put into a flow"});

  const TempFile excepted(pcap_of(frames_of({syn("10.42.1.5", "203.0.113.7", 443)})));
  CHECK(run({excepted.path()}).verdict == Verdict::Clean);
  CHECK(run({excepted.path()}).exceptions_used == 1);
  const auto assumed = run({excepted.path()}).assumptions;
  CHECK(std::count(assumed.begin(), assumed.end(), "the pods that used an exception are the ones that it names") == 1);
}

TEST_CASE("replay: a pod side and an uplink of one file are joined") {
  std::vector<SentFrame> frames = frames_of({v4(6, "10.42.1.5", "198.51.100.9", flagged(kSyn, 40'000, 443, {}, 77)),
                                             v4(6, "10.10.0.3", "198.51.100.9", flagged(kSyn, 61'000, 443, {}, 77))});
  const auto on = [&](const SentFrame& frame) { return frame.time == frames[0].time ? 0u : 1u; };
  const TempFile file(pcapng_of(frames, {"cali1", "eth0"}, on));
  const ReplayResult result = run({file.path()});
  REQUIRE(result.findings.size() == 1);
  CHECK(result.findings[0].source == ip_of("10.10.0.3"));
  REQUIRE(result.findings[0].pod_side.size() == 1);
  CHECK(result.findings[0].pod_side[0].source == ip_of("10.42.1.5"));
  CHECK_FALSE(result.findings[0].pod_side[0].guessed);
  CHECK(result.verdict == Verdict::Violated);
}

TEST_CASE("replay: files that are no captures are all named, and nothing is audited") {
  const TempFile capture(pcap_of(frames_of({syn("10.42.1.5", "10.20.0.10", 8000)})));
  const TempFile text("this is a letter\n"), empty;
  ReplayOptions options;
  options.files = {text.path(), capture.path(), empty.path()};
  std::vector<NotACapture> refused;
  CHECK_FALSE(replay(shared_policy(), options, refused));
  REQUIRE(refused.size() == 2);
  CHECK(refused[0].path == text.path());
  CHECK_FALSE(refused[0].why.empty());
  CHECK(refused[1].path == empty.path());
  options.files = {"/nowhere/at/all.pcap"};
  refused.clear();
  CHECK_THROWS_AS(replay(shared_policy(), options, refused), std::system_error);
  CHECK_THROWS_WITH(replay(shared_policy(), options, refused), Catch::Contains("/nowhere/at/all.pcap"));
}

TEST_CASE("replay: what was found is written, and only that") {
  const std::string escape = syn("10.42.1.5", "198.51.100.9", 443);
  std::vector<SentFrame> frames = frames_of(
      {syn("10.42.1.5", "10.20.0.10", 8000), escape, syn("10.42.1.5", "10.20.0.10", 8000), eth(0x88e1, "abcd")});
  const TempFile capture(pcapng_of(frames, {"eth0"}, [](const SentFrame&) { return 0u; }));
  for (const unsigned threads : {1u, 2u}) {
    const TempFile out;
    ReplayOptions options;
    options.threads = threads;
    options.write_findings = out.path();
    run({capture.path()}, options);
    const Reading written = read_path(out.path());
    REQUIRE(written.packets.size() == 2);
    CHECK(written.packets[0].bytes == escape);
    CHECK(written.packets[0].time == frames[1].time);
    CHECK(written.packets[1].bytes == frames[3].bytes);
    CHECK(written.file->interfaces().at(0).name == "eth0");
    std::ifstream raw(out.path(), std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(raw)), {});
    CHECK(content.find("AT-A001 packet that left to the outside") != std::string::npos);
    CHECK(content.find("AT-A010 frame of an undeclared EtherType") != std::string::npos);
  }
  ReplayOptions options;
  options.files = {capture.path()};
  options.write_findings = "/nowhere/at/all/out.pcapng";
  std::vector<NotACapture> refused;
  CHECK_THROWS_AS(replay(shared_policy(), options, refused), std::system_error);
}

TEST_CASE("replay: progress is told") {
  const std::string clean = syn("10.42.1.5", "10.20.0.10", 8000);
  const TempFile capture(pcap_of(frames_of(std::vector<std::string>(140'000, clean))));
  ReplayOptions options;
  std::vector<std::uint64_t> packets;
  options.progress = [&](std::uint64_t read, std::uint64_t bytes, std::optional<std::uint64_t> total) {
    packets.push_back(read);
    CHECK(total == std::filesystem::file_size(capture.path()));
    CHECK(bytes <= total);
    CHECK(bytes >= read * clean.size());
  };
  run({capture.path()}, options);
  CHECK(packets == std::vector<std::uint64_t>{65'536, 131'072});
}

}  // namespace
}  // namespace airtight::audit
