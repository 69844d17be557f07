// A log that somebody, or something, damaged: each story names what was done, and what the reader says.
#include "auditor/evidence/reader.h"

#include "auditor/evidence/tail.h"
#include "auditor/evidence/tiles.h"
#include "tests/auditor/evidence/log_story.h"

namespace airtight::audit {
namespace {

// Two epochs: records 0 to 199 under seal 0, 200 (the segment record) to 299 under seal 1. A full bundle and one of 44.
struct ClosedLog : Story {
  ClosedLog() {
    add(start_record());
    heartbeats(199);
    clock.go(3600);
    heartbeats(99);
    close();
  }
};

const std::string kFirst = "log/tile/entries/000";
const std::string kSecond = "log/tile/entries/001.p/44";

std::vector<std::string> entries_of(const std::string& bundle) {
  std::string_view rest;
  std::vector<std::string> entries;
  for (const std::string_view entry : parse_bundle(bundle, rest)) entries.emplace_back(entry);
  REQUIRE(rest.empty());
  return entries;
}

std::string bundle_of(const std::vector<std::string>& entries) {
  std::string bundle;
  for (const std::string& entry : entries) append_entry(bundle, entry);
  return bundle;
}

std::string hashes_of(const std::vector<std::string>& entries) {
  std::string tile;
  for (const std::string& entry : entries) tile += bytes_of(leaf_hash(entry));
  return tile;
}

// What a forger does who has the seed of an epoch.
std::string resigned(const std::string& note, const std::string& from, const std::string& to, const EpochKeys& keys,
                     const std::string& name) {
  std::string text = parse_note(note)->text;
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return keys.sign(text.replace(at, from.size(), to), name);
}

TEST_CASE("evidence reader: a log that was closed") {
  ClosedLog story;
  CHECK(story.damages() == "");
  const LogReading reading = story.read();
  CHECK(reading.enrolled);
  CHECK(reading.origin == story.keys.origin());
  CHECK(reading.size == 300);
  CHECK(reading.records == 300);
  CHECK(reading.unsealed == 0);
  CHECK(reading.outside_epoch == 0);
  REQUIRE(reading.seals.size() == 2);
  CHECK(reading.seals[0].checkpoint.epoch == 0);
  CHECK(reading.seals[0].checkpoint.size == 200);
  CHECK(reading.seals[0].good);
  CHECK(reading.seals[1].checkpoint.epoch == 1);
  CHECK(reading.seals[1].file == "seal/001");
  CHECK(reading.seals[1].good);
  CHECK(story.standings == std::vector<Standing>(300, Standing::Sealed));
  REQUIRE(reading.enrolments.size() == 1);
  CHECK(reading.enrolments[0].policy_digests == std::vector<std::string>{kPolicy});
  const auto* segment = std::get_if<SegmentRecord>(&story.records[200].body);
  REQUIRE(segment);
  CHECK(*segment == SegmentRecord{0, 0, 200, digest_of(story.disk.file("log/seal/000"))});
}

struct Deed {
  std::string name;
  std::function<void(Story&)> damage;
  std::string expected;         // every damage, a line each
  std::uint64_t records = 300;  // still handed out
};

TEST_CASE("evidence reader: damage has a name") {
  const auto entries = [](const std::string& path, std::function<void(std::vector<std::string>&)> change) {
    return [path, change](Story& story) {
      auto all = entries_of(story.disk.file(path));
      change(all);
      story.disk.file(path) = bundle_of(all);
    };
  };
  const auto text = [](const std::string& path, const std::string& from, const std::string& to) {
    return [=](Story& story) {
      std::string& bytes = story.disk.file(path);
      const std::size_t at = bytes.find(from);
      REQUIRE(at != std::string::npos);
      bytes.replace(at, from.size(), to);
    };
  };
  const auto erase = [](const std::string& path) {
    return [path](Story& story) {
      REQUIRE(story.disk.has(path));
      story.disk.erase(path);
    };
  };
  using List = std::vector<std::string>&;
  const Deed deeds[] = {
      {"one byte of a record edited", text(kFirst, "\"eth0.seen\":17}", "\"eth0.seen\":18}"),
       "edited: tile/entries/000: record 17 is not what was sealed\n", 299},
      {"two records edited", entries(kSecond, [](List all) { all[3] += " ", all[9] += " "; }),
       "edited: tile/entries/001.p/44: record 259 and 1 more are not what was sealed\n", 298},
      {"records swapped", entries(kFirst, [](List all) { std::swap(all[7], all[8]); }),
       "reordered: tile/entries/000: the records from record 7 on are in another order\n", 298},
      {"a record put in", entries(kFirst, [](List all) { all.insert(all.begin() + 250, all[1]); }),
       "inserted: tile/entries/000: a record stands before record 250\n", 294},
      {"a record put in, the last pushed out",
       entries(kFirst,
               [](List all) {
                 all.insert(all.begin() + 250, all[1]);
                 all.pop_back();
               }),
       "inserted: tile/entries/000: a record stands before record 250\n", 294},
      {"a record put at the end", entries(kSecond, [](List all) { all.push_back(all[1]); }),
       "inserted: tile/entries/001.p/44: something follows records 256 to 299\n", 300},
      {"a record taken out", entries(kFirst, [](List all) { all.erase(all.begin() + 250); }),
       "deleted: tile/entries/000: record 250 is not there\n", 294},
      {"the last records taken out", entries(kSecond, [](List all) { all.resize(40); }),
       "truncated: tile/entries/001.p/44: it ends before record 296, and 44 records were sealed\n", 296},
      {"a bundle cut in the middle of a record",
       [](Story& story) { story.disk.file(kSecond).resize(story.disk.file(kSecond).size() - 5); },
       "truncated: tile/entries/001.p/44: it ends before record 299, and 44 records were sealed\n", 299},
      {"a bundle deleted", erase(kFirst), "missing entries: tile/entries/000: it is not there\n", 44},
      {"a tile of hashes deleted", erase("log/tile/0/000"),
       "missing tile: tile/0/000: it cannot be read: No such file or directory\n"},
      {"an upper tile deleted", erase("log/tile/1/000.p/1"),
       "missing tile: tile/1/000.p/1: it cannot be read: No such file or directory\n"},
      {"a hash edited", [](Story& story) { story.disk.file("log/tile/0/000")[40] ^= 1; },
       "altered tile: tile/0/000: its hashes are not those of the records\n"},
      {"a hash of the last tile edited", [](Story& story) { story.disk.file("log/tile/0/001.p/44")[40] ^= 1; },
       "altered tile: tile/0/001.p/44: its hashes are not those of the records\n"},
      {"an upper hash edited", [](Story& story) { story.disk.file("log/tile/1/000.p/1")[4] ^= 1; },
       "altered tile: tile/1/000.p/1: its hashes are not those of the tiles below\n"},
      {"a tile cut", [](Story& story) { story.disk.file("log/tile/0/000").resize(100); },
       "altered tile: tile/0/000: it has 100 bytes in place of 8192\n"},
      {"records and hashes rewritten to fit each other",
       [](Story& story) {
         auto all = entries_of(story.disk.file(kFirst));
         all[17].replace(all[17].find("\"eth0.seen\":17}"), 15, "\"eth0.seen\":18}");
         story.disk.file(kFirst) = bundle_of(all);
         story.disk.file("log/tile/0/000") = hashes_of(all);
         std::vector<Hash> leaves;
         for (const std::string& entry : all) leaves.push_back(leaf_hash(entry));
         story.disk.file("log/tile/1/000.p/1") = bytes_of(tree_root(leaves));
       },
       "rewritten: records 0 to 199: they are not those that seal/000 seals\n"},
      {"both files of a bundle deleted",
       [](Story& story) { story.disk.erase("log/tile/0/001.p/44"), story.disk.erase(kSecond); },
       "missing tile: tile/0/001.p/44: it cannot be read: No such file or directory\n", 256},
      {"the checkpoint deleted", erase("log/checkpoint"), "missing checkpoint: checkpoint: it is not there\n"},
      {"the checkpoint is no note", [](Story& story) { story.disk.file("log/checkpoint") = "nothing"; },
       "malformed checkpoint: checkpoint: it is no signed note\n"},
      {"the checkpoint's size edited", text("log/checkpoint", "\n300\n", "\n299\n"),
       "forged checkpoint: checkpoint: the signature is not one of the key of epoch 1\n"},
      {"an older checkpoint put back",
       [](Story& story) { story.disk.file("log/checkpoint") = story.disk.file("log/seal/000"); },
       "rolled back: checkpoint: it is number 0, and seal 1 is newer\n"},
      {"a seal deleted", erase("log/seal/000"), "missing seal: seal/000: it is not there\n"},
      {"a seal's time edited", text("log/seal/000", "time 2026-01-01T01:33:20Z", "time 2026-01-01T00:33:20Z"),
       "forged checkpoint: seal/000: the signature is not one of the key of epoch 0\n"
       "broken chain: seal/001: it follows another seal than the one before it\n",
       300},
      {"the keys deleted", erase("log/keys"), "missing keys: keys: it cannot be read\n", 300},
      {"a key put in the place of another",
       [](Story& story) {
         const std::string key = to_base64(bytes_of(ed25519_public(Secret::random())));
         std::string& list = story.disk.file("log/keys");
         list.replace(list.size() - 45, 44, key);
       },
       "not enrolled: enrolment/000: it names other keys than the log has\n"
       "not enrolled: keys: the trust root example.org/trust enrolled no such keys\n",
       300},
      {"the enrolment deleted", erase("log/enrolment/000"),
       "not enrolled: keys: the trust root example.org/trust enrolled no such keys\n", 300},
      {"the enrolment edited", text("log/enrolment/000", "signed 2025", "signed 2024"),
       "forged enrolment: enrolment/000: the signature in the name of example.org/trust is false\n"
       "not enrolled: keys: the trust root example.org/trust enrolled no such keys\n",
       300},
      {"bytes after the last record", [](Story& story) { story.disk.file("log/tail/1") += "half a rec"; },
       "torn tail: tail/1: 10 bytes after record 300 are none\n"},
      {"the tail cut", [](Story& story) { story.disk.file("log/tail/1").resize(1000); },
       "torn tail: tail/1: 128 bytes after record 258 are none\n"
       "truncated: tail/1: it ends before record 258, and 300 records were sealed\n"},
      {"the tail exchanged",
       [](Story& story) {
         std::string tail;
         auto all = entries_of(story.disk.file(kSecond));
         std::swap(all[0], all[1]);
         for (const std::string& entry : all) tail += tail_frame(entry, leaf_hash(entry));
         story.disk.file("log/tail/1") = tail;
       },
       "edited: tail/1: record 256 is not what was sealed\n"},
  };
  for (const Deed& deed : deeds) {
    INFO(deed.name);
    ClosedLog story;
    deed.damage(story);
    CHECK(story.damages() == deed.expected);
    CHECK(story.records.size() == deed.records);
  }
}

TEST_CASE("evidence reader: what a thief of the epoch's seed signs") {
  ClosedLog story;
  EpochKeys stolen;
  REQUIRE_FALSE(stolen.open(story.disk, "key-state"));
  REQUIRE(stolen.epoch() == 1);
  const std::string origin = story.keys.origin();
  std::string& head = story.disk.file("log/checkpoint");

  SECTION("an earlier epoch's seal with the later key") {
    head = resigned(head, "epoch 1\n", "epoch 0\n", stolen, origin);
    CHECK(story.damages() == "wrong epoch: checkpoint: it says epoch 0 and is signed by the key of epoch 1\n");
  }
  SECTION("with a key of his own") {
    EpochKeys other;
    KeyList list;
    REQUIRE_FALSE(EpochKeys::make(story.disk, "other", story.keys.plan, list));
    REQUIRE_FALSE(other.open(story.disk, "other"));
    head = resigned(head, "epoch 1\n", "epoch 1\n", other, origin);
    CHECK(story.damages() == "unknown key: checkpoint: no key of this log signed it\n");
    head = resigned(head, origin, list.origin(), other, list.origin());
    CHECK(story.damages() == "unknown key: checkpoint: it is of another log: '" + list.origin() + "'\n");
  }
  SECTION("another head under the same number") {
    head = resigned(head, "\ncounters sha256:", "\ncounters sha256:", stolen, origin);
    CHECK(story.damages() == "");  // Ed25519 is deterministic: the same text is the same note
    head = resigned(head, "time 2026-01-01T01:49:", "time 2026-01-01T01:51:", stolen, origin);
    CHECK(story.damages() == "forked checkpoint: checkpoint: it is number 1, and seal 1 is another\n");
  }
  SECTION("other counters than the records say") {
    std::string& seal = story.disk.file("log/seal/001");
    const std::size_t at = seal.find("counters sha256:") + 16;
    seal = resigned(seal, seal.substr(at, 64), std::string(64, '0'), stolen, origin);
    head = seal;
    CHECK(story.damages() ==
          "unbound checkpoint: seal/001: it binds other counters, canaries, boot or policy than its records say\n");
  }
  SECTION("a seal that follows another") {
    std::string& seal = story.disk.file("log/seal/001");
    const std::string real = to_base64(bytes_of(sha256({story.disk.file("log/seal/000")})));
    seal = resigned(seal, real, to_base64(bytes_of(sha256({"x"}))), stolen, origin);
    head = seal;
    CHECK(story.damages() == "broken chain: seal/001: it follows another seal than the one before it\n");
  }
}

TEST_CASE("evidence reader: records of an earlier time under a later key") {
  Story story;
  story.add(start_record());
  story.clock.go(3600);
  story.heartbeats(3);
  // The writer tells of a step, so a forger must do without: he writes the records himself.
  EpochKeys stolen;
  REQUIRE_FALSE(stolen.open(story.disk, "key-state"));
  story.kill();
  std::string forged;
  std::vector<Tile> ignored;
  MerkleTree tree;
  std::vector<std::string> entries;
  std::size_t torn = 0;
  const std::string tail = story.disk.file("log/tail/0");
  for (const TailFrame& frame : parse_tail(tail, torn)) entries.emplace_back(frame.record);
  REQUIRE(entries.size() == 5);
  const auto when = story.clock.times.realtime - 3600 * std::int64_t{1'000'000'000};
  entries.push_back(to_json({5, when, story.clock.times.boottime, heartbeat(9)}));
  for (const std::string& entry : entries) {
    tree.add(leaf_hash(entry));
    append_entry(forged, entry);
  }
  SegmentSummary summary;
  summary.add(start_record());
  summary.begin_segment();
  summary.add(heartbeat(9));
  Checkpoint head{story.keys.origin(),
                  6,
                  tree.root(),
                  "n1",
                  kBoot,
                  1,
                  1,
                  story.clock.times.realtime,
                  0,
                  kPolicy,
                  summary.counters_digest(),
                  summary.canaries_digest(),
                  sha256({story.disk.file("log/seal/000")})};
  story.disk.put("log/tile/entries/000.p/6", forged);
  story.disk.put("log/tile/0/000.p/6", hashes_of(entries));
  story.disk.put("log/checkpoint", stolen.sign(checkpoint_text(head), head.origin));
  story.disk.erase("log/tail/0");
  CHECK(story.damages() ==
        "back-dated: tile/entries/000.p/6: record 5 says 2026-01-01T00:00:40Z, and the key of epoch 1 sealed it\n");
  CHECK(story.standings.back() == Standing::OutsideEpoch);
}

TEST_CASE("evidence reader: a checkpoint that left the node bounds what can be taken back") {
  Story story;
  story.add(start_record());
  story.heartbeats(10);
  story.checkpoint();
  const MemoryDisk then(story.disk);
  story.heartbeats(10);
  story.checkpoint();
  const std::string anchor = story.writer->last_checkpoint();
  CHECK(story.damages({anchor}) == "");

  SECTION("the whole log put back to an earlier day") {
    MemoryDisk old(then);
    old.locked = false;
    const LogReading reading = read_log(old, "log", {story.trust.verifier(), {anchor}});
    REQUIRE(reading.damages.size() == 1);
    CHECK(to_string(reading.damages[0]) == "rolled back: anchor 1: it has 21 records, the log 11");
  }
  SECTION("put back, and gone on differently") {
    MemoryDisk old(then);
    old.locked = false;
    LogWriter writer(old, story.clock, "log", "key-state");
    REQUIRE_FALSE(writer.open());
    for (std::uint64_t i = 0; i < 30; ++i) REQUIRE_FALSE(writer.append(heartbeat(1000 + i)));
    REQUIRE_FALSE(writer.close());
    CHECK(read_log(old, "log", {story.trust.verifier(), {}}).damages.empty());  // from within it looks well
    const LogReading reading = read_log(old, "log", {story.trust.verifier(), {anchor}});
    REQUIRE(reading.damages.size() == 1);
    CHECK(to_string(reading.damages[0]) == "forked checkpoint: anchor 1: with 21 records the log has another root");
  }
  SECTION("an anchor that is none") {
    CHECK(story.damages({"x"}) == "malformed checkpoint: anchor 1: it is no signed note\n");
  }
}

TEST_CASE("evidence reader: at the log's own word") {
  ClosedLog story;
  story.disk.erase("log/enrolment/000");
  const LogReading reading = read_log(story.disk, "log", {});
  CHECK(reading.damages.empty());
  CHECK_FALSE(reading.enrolled);
  CHECK(reading.unsealed == 0);
  CHECK(reading.records == 300);
}

TEST_CASE("evidence reader: an empty directory, and one with nothing but rubbish") {
  MemoryDisk disk;
  const LogReading none = read_log(disk, "log", {});
  REQUIRE(none.damages.size() == 1);
  CHECK(to_string(none.damages[0]) == "missing keys: keys: it cannot be read");
  for (const char* path : {"log/keys", "log/checkpoint", "log/seal/000", "log/tail/0", "log/tile/0/000",
                           "log/tile/entries/000", "log/enrolment/000"})
    disk.put(path, "rubbish\n");
  std::string text;
  for (const Damage& damage : read_log(disk, "log", {}).damages) text += to_string(damage) + "\n";
  CHECK(text ==
        "missing keys: keys: line 1: expected 'airtight-epoch-keys/1 ed25519'\n"
        "forged enrolment: enrolment/000: it is no signed note\n"
        "malformed checkpoint: seal/000: it is no signed note\n"
        "malformed checkpoint: checkpoint: it is no signed note\n"
        "torn tail: tail/0: 8 bytes after record 0 are none\n");
}

}  // namespace
}  // namespace airtight::audit
