// Any bytes as the story of a node, which the real writer writes: the report ends, and what it says fits together.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "auditor/evidence/writer.h"
#include "auditor/report/report.h"
#include "compiler/policy/compiled_policy.h"
#include "tests/auditor/evidence/memory_disk.h"

namespace {

using namespace airtight;
using namespace airtight::audit;

constexpr std::int64_t kSecond = 1'000'000'000;

class StoryBytes {
 public:
  StoryBytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool done() const { return at_ >= size_; }
  std::uint8_t byte() { return done() ? 0 : data_[at_++]; }
  std::string text() {
    static const char* const kTexts[] = {"",        "eth0", "eth1", "uplink", "sealed", "open",
                                         "changed", "b1",   "b2",   "n1",     "r1"};
    return kTexts[byte() % 11];
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

struct Base {
  Base() {
    const EpochPlan plan{"n1", clock.times.realtime, 3600, 2};
    KeyList keys;
    if (EpochKeys::make(disk, "key-state", plan, keys) || LogWriter::create(disk, "log", keys)) std::abort();
    disk.put("log/enrolment/000", sign_enrolment({plan, keys.root(), inventory.digest, {digest}, 0}, trust));
  }
  Policy policy;
  std::string digest = policy_digest(policy);
  Inventory inventory{{{"n1", 0, std::nullopt, {"eth0"}}}, digest_of("inventory")};
  NoteSigner trust{"example.org/trust", Secret::random()};
  TestClock clock;
  MemoryDisk disk;
};

// Times about now, and the ends of what can be written.
std::int64_t time_of(StoryBytes& bytes, std::int64_t now) {
  const std::uint8_t kind = bytes.byte();
  if (kind == 255) return 0;
  if (kind == 254) return INT64_MIN / 2;
  if (kind == 253) return INT64_MAX / 2;
  return now + (kind - 126) * kSecond / 2;
}

RecordBody body_of(StoryBytes& bytes, const Base& base, std::int64_t now, std::int64_t& beat) {
  switch (bytes.byte() % 10) {
    case 0: {
      StartRecord start;
      start.node = bytes.byte() % 8 == 0 ? bytes.text() : "n1";
      start.boot_id = bytes.byte() % 4 == 0 ? "b2" : "b1";
      start.policy_digest = base.digest;
      start.interval = bytes.byte() % 16;
      start.canary_interval = bytes.byte() == 255 ? UINT64_MAX : bytes.byte();
      if (bytes.byte() % 4 == 0) start.capturing_since = time_of(bytes, now);
      start.uplinks_down = bytes.byte() % 2 == 0;
      start.interfaces = {{"eth0", "uplink", "", bytes.byte() % 4 != 0}};
      beat = now;
      return start;
    }
    case 1:
    case 2: {
      HeartbeatRecord record;
      record.from = bytes.byte() % 8 == 0 ? time_of(bytes, now) : beat;
      beat = now;
      if (bytes.byte() % 8 == 0) record.policy_digest = digest_of("other");
      if (bytes.byte() % 8 == 0) record.enforcement_digest = digest_of("rules");
      record.counters["eth0.seen"] = bytes.byte();
      record.counters["eth0.dropped"] = bytes.byte() % 8 == 0 ? bytes.byte() : 0;
      record.uplinks = {{"eth0", bytes.byte(), 0, bytes.byte() + 255u, 0, bytes.byte() % 8 != 0}};
      return record;
    }
    case 3: {
      FindingRecord finding;
      finding.effect = bytes.byte() % 4 == 0 ? "violated" : bytes.byte() % 2 == 0 ? "listed" : bytes.text();
      finding.cls = bytes.byte() % 2 == 0 ? "excepted" : "escape";
      finding.first_seen = time_of(bytes, now);
      finding.last_seen = time_of(bytes, now);
      finding.packets = bytes.byte() == 255 ? UINT64_MAX : bytes.byte();
      return finding;
    }
    case 4: {
      CanaryIntentRecord intent{bytes.text(), digest_of(std::string(32, 'a')), {}};
      for (const char* family : {"ipv4", "ipv6"}) {
        for (const char* kind : {"sensor", "raw", "raw-bypass"}) intent.canaries.push_back({kind, family, "eth0"});
        intent.canaries.push_back({"stack", family, ""});
      }
      return intent;
    }
    case 5: {
      CanaryFateRecord fate{bytes.text(), to_hex(std::string(32, 'a')), true, {}};
      for (int i = 0; i < 8; ++i) fate.outcomes.push_back({i % 4 == 0 ? "seen" : "blocked", "egress", ""});
      if (const std::uint8_t bad = bytes.byte(); bad < 8)
        fate.outcomes[bad].fate = bytes.byte() % 2 == 0 ? "missed" : "escaped";
      return fate;
    }
    case 6:
      return GapRecord{static_cast<GapReason>(bytes.byte() % (static_cast<unsigned>(GapReason::Other) + 1)),
                       time_of(bytes, now),
                       time_of(bytes, now),
                       bytes.text(),
                       bytes.byte(),
                       bytes.text()};
    case 7:
      return EnforcementRecord{digest_of("rules"), bytes.byte() % 2 == 0 ? "sealed" : bytes.text(), {}};
    case 8:
      return PolicyRecord{base.digest, bytes.byte() % 2 == 0 ? base.digest : digest_of("other"), ""};
    default:
      return bytes.byte() % 2 == 0
                 ? RecordBody(StopRecord{"", bytes.byte() % 2 == 0})
                 : RecordBody(ProbeRecord{"dns", "", false, bytes.byte() % 4 == 0 ? "succeeded" : "denied", false, ""});
  }
}

void check(const ReportResult& result) {
  const bool proven = result.verdict == PeriodVerdict::Proven;
  if (proven != result.reasons.empty() || result.heading.empty()) std::abort();
  for (const NodeReport& node : result.nodes) {
    if (proven && node.covered != node.asked) std::abort();
    if (node.covered_time > node.asked_time || node.covered_time < 0) std::abort();
    bool open = node.gaps_left_out > 0;
    for (const ReportGap& gap : node.gaps) {
      if (gap.time.from >= gap.time.to) std::abort();
      open = open || !gap.bridged;
    }
    if (node.expected && open != (node.covered != node.asked)) std::abort();
  }
  for (const ReportFinding& each : result.findings)
    if (each.finding.effect == "violated" && result.verdict != PeriodVerdict::Violated) std::abort();
  if (render_report_text(result, false).empty() || render_report_json(result).empty() ||
      render_report_html(result).empty())
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Base base;
  MemoryDisk disk(base.disk);
  TestClock clock = base.clock;
  StoryBytes bytes(data, size);
  const std::int64_t begin = clock.times.realtime;
  const bool close = bytes.byte() % 4 != 0;
  {
    LogWriter writer(disk, clock, "log", "key-state");
    if (writer.open()) std::abort();
    std::int64_t beat = begin;
    for (int i = 0; i < 200 && !bytes.done(); ++i) {
      const std::uint8_t step = bytes.byte();
      if (step == 255)
        clock.step(static_cast<double>(bytes.byte()) * 10 - 1280);
      else
        clock.go(step % 24 / 2.0);
      if (writer.append(body_of(bytes, base, clock.times.realtime, beat))) break;
    }
    if (close) (void)writer.close();
  }
  ReportOptions options;
  options.evidence = {"log"};
  options.as_logged = true;
  check(make_report(disk, base.policy, options));
  options.as_logged = false;
  options.inventory = base.inventory;
  options.trust = base.trust.verifier();
  options.period = Period{begin + 20 * kSecond, begin + 60 * kSecond};
  check(make_report(disk, base.policy, options));
  return 0;
}
