#include "tests/auditor/evidence/format_example.h"

#include "auditor/evidence/checkpoint.h"
#include "auditor/evidence/enrolment.h"
#include "auditor/evidence/record.h"
#include "auditor/evidence/tail.h"
#include "auditor/evidence/tiles.h"
#include "compiler/policy/compiled_policy.h"  // digest_of()
#include "tests/auditor/evidence/memory_disk.h"

namespace airtight::audit {
namespace {

Secret fixed_seed(std::uint8_t byte) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(byte);
  return Secret(bytes);
}

std::string block(const std::string& name, const std::string& text) {
  return "`" + name + "`\n\n```\n" + text + (text.back() == '\n' ? "" : "\n") + "```\n\n";
}

// Thirty-two bytes a line.
std::string hex_lines(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 32) out += to_hex(bytes.substr(i, 32)) + "\n";
  return out;
}

}  // namespace

std::string format_example() {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const EpochPlan plan{"n1", 1'767'225'600 * kSecond, 3600, 2};
  // The key state is written by hand: a real one begins with random bytes.
  MemoryDisk disk;
  disk.put("state/key-state",
           "airtight-key-state/1\nnode n1\nfirst 2026-01-01T00:00:00Z\nlength 3600\nepochs 2\nepoch 0\nseed " +
               to_base64(fixed_seed(1).bytes()) + "\n");
  KeyList keys{plan, {}};
  EpochKeys epoch;
  std::string head_note;
  if (epoch.open(disk, "state/key-state")) return "";
  keys.keys.push_back(epoch.public_key());

  StartRecord start;
  start.node = "n1";
  start.agent = "0.1";
  start.kernel = "6.1.0";
  start.boot_id = "b1";
  start.policy_digest = digest_of("policy");
  start.interval = 10;
  start.canary_interval = 60;
  start.capturing_since = plan.first;
  HeartbeatRecord beat;
  beat.boot_id = "b1";
  beat.from = plan.first;
  beat.policy_digest = start.policy_digest;
  beat.enforcement_digest = digest_of("rules");
  beat.counters = {{"eth0.seen", 17}};
  const RecordBody bodies[] = {start, beat, StopRecord{"signal", false}};
  std::string bundle, hashes, records, tail;
  MerkleTree tree;
  SegmentSummary summary;
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto after = static_cast<std::int64_t>(i * 10) * kSecond;
    const std::string json = to_json({i, plan.first + after, 60 * kSecond + after, bodies[i]});
    const Hash leaf = leaf_hash(json);
    records += json + "\n";
    append_entry(bundle, json);
    hashes += bytes_of(leaf);
    tail += tail_frame(json, leaf);
    tree.add(leaf);
    summary.add(bodies[i]);
  }
  EpochKeys second;
  MemoryDisk copy(disk);
  if (second.open(copy, "state/key-state") || second.advance(copy, 1)) return "";
  keys.keys.push_back(second.public_key());
  const std::string origin = keys.origin();
  const Checkpoint head{origin,
                        3,
                        tree.root(),
                        "n1",
                        summary.boot_id(),
                        0,
                        0,
                        plan.first + 20 * kSecond,
                        0,
                        summary.policy_digest(),
                        summary.counters_digest(),
                        summary.canaries_digest(),
                        std::nullopt};
  const NoteSigner trust{"example.org/trust", fixed_seed(2)};
  const Enrolment enrolment{
      plan, keys.root(), digest_of("inventory"), {start.policy_digest}, plan.first - 3600 * kSecond};
  const std::string second_record = records.substr(records.find('\n') + 1);
  const std::size_t length = second_record.find('\n');
  return block("keys", key_list_text(keys)) + block("enrolment/000", sign_enrolment(enrolment, trust)) +
         block("the trust root's public key", to_text(trust.verifier())) +
         block("the three records, a line each", records) +
         block("tile/entries/000.p/3: the first 34 bytes, and the two that stand before the record of " +
                   std::to_string(length) + " bytes",
               hex_lines(bundle.substr(0, 34)) + "…\n" + hex_lines(bundle.substr(2 + records.find('\n'), 2))) +
         block("tile/0/000.p/3", hex_lines(hashes)) + block("checkpoint", epoch.sign(checkpoint_text(head), origin)) +
         block("the public key of epoch 0, as other note tools read it", to_text(NoteKey{origin, keys.keys[0]})) +
         block("tail/0: the six bytes before the first record", hex_lines(tail.substr(0, 6)));
}

}  // namespace airtight::audit
