#include "auditor/evidence/key_epochs.h"

#include <catch2/catch.hpp>

#include "auditor/evidence/enrolment.h"
#include "auditor/evidence/merkle.h"
#include "compiler/policy/compiled_policy.h"  // digest_of()
#include "tests/auditor/evidence/memory_disk.h"

namespace airtight::audit {
namespace {

constexpr std::int64_t kFirst = 1'767'225'600'000'000'000;  // 2026-01-01T00:00:00Z
constexpr std::int64_t kHour = 3600 * std::int64_t{1'000'000'000};
const EpochPlan kPlan{"n1", kFirst, 3600, 24};

// The base64 of the seed in the state file.
std::string seed_in(MemoryDisk& disk, const std::string& path = "keys/state") {
  const std::string& text = disk.file(path);
  const std::size_t at = text.find("\nseed ") + 6;
  return text.substr(at, 44);
}

struct Keys {
  Keys() {
    disk.put("keys/empty", "");
    REQUIRE_FALSE(EpochKeys::make(disk, "keys/state", kPlan, list));
    REQUIRE_FALSE(keys.open(disk, "keys/state"));
  }
  MemoryDisk disk;
  KeyList list;
  EpochKeys keys;
};

TEST_CASE("key epochs: which epoch a time is in") {
  CHECK_FALSE(kPlan.epoch_at(kFirst - 1));
  CHECK(kPlan.epoch_at(kFirst) == 0);
  CHECK(kPlan.epoch_at(kFirst + kHour - 1) == 0);
  CHECK(kPlan.epoch_at(kFirst + kHour) == 1);
  CHECK(kPlan.epoch_at(kFirst + 24 * kHour - 1) == 23);
  CHECK_FALSE(kPlan.epoch_at(kFirst + 24 * kHour));
  CHECK_FALSE(kPlan.epoch_at(INT64_MIN));
  CHECK_FALSE(kPlan.epoch_at(INT64_MAX));
  CHECK(kPlan.begin(24) == kFirst + 24 * kHour);
}

TEST_CASE("key epochs: plans that are refused") {
  const auto changed = [](auto change) {
    EpochPlan plan = kPlan;
    change(plan);
    return plan.valid();
  };
  CHECK(kPlan.valid());
  CHECK_FALSE(changed([](EpochPlan& p) { p.node = "a b"; }));
  CHECK_FALSE(changed([](EpochPlan& p) { p.node = "a/b"; }));
  CHECK_FALSE(changed([](EpochPlan& p) { p.node = "a+b"; }));
  CHECK_FALSE(changed([](EpochPlan& p) { p.node = ""; }));
  CHECK_FALSE(changed([](EpochPlan& p) { p.first += 1; }));
  CHECK_FALSE(changed([](EpochPlan& p) { p.first = -kHour; }));
  CHECK_FALSE(changed([](EpochPlan& p) { p.length = 0; }));
  CHECK_FALSE(changed([](EpochPlan& p) { p.count = 0; }));
  CHECK_FALSE(changed([](EpochPlan& p) { p.count = kMaxEpochs + 1; }));
  CHECK_FALSE(changed([](EpochPlan& p) { p.length = 366 * 86'400, p.count = kMaxEpochs; }));
  CHECK_FALSE(changed([](EpochPlan& p) { p.length = UINT64_MAX; }));
}

TEST_CASE("key epochs: every epoch signs with its own key, whichever way it was reached") {
  Keys k;
  REQUIRE(k.list.keys.size() == 24);
  MerkleTree tree;
  for (const PublicKey& key : k.list.keys) tree.add(leaf_hash(bytes_of(key)));
  CHECK(k.list.root() == tree.root());
  CHECK(k.list.origin() == "airtight.dev/log/n1/" + to_hex(bytes_of(tree.root())).substr(0, 16));
  for (const std::uint64_t epoch : {0u, 1u, 2u, 7u, 23u}) {
    REQUIRE_FALSE(k.keys.advance(k.disk, epoch));
    CHECK(k.keys.epoch() == epoch);
    CHECK(k.keys.public_key() == k.list.keys[epoch]);
    const auto note = parse_note(k.keys.sign("text\n", "name"));
    REQUIRE(note);
    CHECK(check_note(*note, {"name", k.list.keys[epoch]}) == NoteCheck::Good);
    EpochKeys again;
    REQUIRE_FALSE(again.open(k.disk, "keys/state"));
    CHECK(again.epoch() == epoch);
    CHECK(again.public_key() == k.list.keys[epoch]);
  }
  CHECK(k.keys.advance(k.disk, 24) == EvidenceError::NoKey);
  CHECK_FALSE(k.keys.advance(k.disk, 3));  // never back
  CHECK(k.keys.epoch() == 23);
}

TEST_CASE("key epochs: the state is private, and an earlier seed is nowhere on the platter") {
  Keys k;
  CHECK(k.disk.access("keys/state") == Access::Private);
  std::vector<std::string> gone;
  for (std::uint64_t epoch = 1; epoch < 6; ++epoch) {
    gone.push_back(seed_in(k.disk));
    REQUIRE_FALSE(k.keys.advance(k.disk, epoch));
    CHECK(k.disk.access("keys/state") == Access::Private);
    for (const std::string& seed : gone) CHECK(k.disk.platter().find(seed) == std::string::npos);
    CHECK(k.disk.platter().find(seed_in(k.disk)) != std::string::npos);
  }
}

TEST_CASE("key epochs: the power is cut at every operation of an advance") {
  for (const Remains remains : kRemains)
    for (std::size_t at = 0; at < 8; ++at) {
      INFO("cut at operation " << at << ", remains " << static_cast<int>(remains));
      Keys k;
      const std::string first = seed_in(k.disk);
      const std::size_t from = k.disk.operations;
      k.disk.before = [&](std::size_t number, const std::string&) -> std::error_code {
        if (number == from + at) throw PowerCut{};
        return {};
      };
      try {
        (void)k.keys.advance(k.disk, 5);
      } catch (const PowerCut&) {
      }
      k.disk.before = {};
      k.disk.cut_power(remains);
      EpochKeys again;
      REQUIRE_FALSE(again.open(k.disk, "keys/state"));
      CHECK((again.epoch() == 0 || again.epoch() == 5));
      if (at >= 7) CHECK(again.epoch() == 5);
      CHECK(again.public_key() == k.list.keys[again.epoch()]);
      if (again.epoch() == 5) CHECK(k.disk.platter().find(first) == std::string::npos);
      CHECK_FALSE(k.disk.has("keys/state.next"));
    }
}

TEST_CASE("key epochs: an error at every operation of an advance is mended by the next try") {
  for (std::size_t at = 0; at < 7; ++at) {
    INFO("error at operation " << at);
    Keys k;
    const std::size_t from = k.disk.operations;
    k.disk.before = [&](std::size_t number, const std::string&) {
      return number == from + at ? std::make_error_code(std::errc::io_error) : std::error_code();
    };
    CHECK(k.keys.advance(k.disk, 5) == std::errc::io_error);
    CHECK(k.keys.public_key() == k.list.keys[k.keys.epoch()]);
    REQUIRE_FALSE(k.keys.advance(k.disk, 6));
    EpochKeys again;
    REQUIRE_FALSE(again.open(k.disk, "keys/state"));
    CHECK(again.epoch() == 6);
    CHECK(again.public_key() == k.list.keys[6]);
  }
}

TEST_CASE("key epochs: state files that are refused") {
  Keys k;
  KeyList list;
  CHECK(EpochKeys::make(k.disk, "keys/state", kPlan, list) == EvidenceError::Exists);
  const std::string good = k.disk.file("keys/state");
  for (const auto& [from, to] :
       std::initializer_list<std::pair<const char*, const char*>>{{"airtight-key-state/1", "airtight-key-state/2"},
                                                                  {"epoch 0", "epoch 24"},
                                                                  {"seed ", "seed A"},
                                                                  {"node n1", "node "},
                                                                  {"length 3600", "length 0"}}) {
    std::string wrong = good;
    wrong.replace(wrong.find(from), std::string_view(from).size(), to);
    k.disk.file("keys/state") = wrong;
    CHECK(EpochKeys().open(k.disk, "keys/state") == EvidenceError::KeyUnusable);
  }
  k.disk.file("keys/state") = good + "x";
  CHECK(EpochKeys().open(k.disk, "keys/state") == EvidenceError::KeyUnusable);
  k.disk.erase("keys/state");
  CHECK(EpochKeys().open(k.disk, "keys/state") == EvidenceError::KeyUnusable);
}

TEST_CASE("key epochs: the list of keys as text") {
  Keys k;
  std::string why;
  const std::string text = key_list_text(k.list);
  CHECK(parse_key_list(text, why) == k.list);
  CHECK_FALSE(parse_key_list(text + "x\n", why));
  CHECK(why == "line 30: more keys than epochs");
  CHECK_FALSE(parse_key_list(text.substr(0, text.size() - 45), why));
  CHECK(why == "line 30: the text ends too early");
  std::string wrong = text;
  wrong[wrong.size() - 3] = '!';
  CHECK_FALSE(parse_key_list(wrong, why));
  CHECK(why == "line 30: expected a public key in base64");
}

TEST_CASE("enrolment: signed, read back, and what is refused") {
  Keys k;
  const NoteSigner trust{"example.org/trust", Secret::random()};
  const Enrolment enrolment{kPlan, k.list.root(), digest_of("inventory"), {digest_of("a"), digest_of("b")}, kFirst - 1};
  const std::string note = sign_enrolment(enrolment, trust);
  std::string why;
  CHECK(read_enrolment(note, trust.verifier(), why) == enrolment);
  CHECK(read_enrolment_unchecked(note, why) == enrolment);

  const NoteSigner other{"example.org/trust", Secret::random()};
  CHECK_FALSE(read_enrolment(note, other.verifier(), why));
  CHECK(why == "the trust root example.org/trust did not sign it");
  std::string edited = note;
  edited.replace(edited.find("node n1"), 7, "node n2");
  CHECK_FALSE(read_enrolment(edited, trust.verifier(), why));
  CHECK(why == "the signature in the name of example.org/trust is false");
  CHECK_FALSE(read_enrolment("x", trust.verifier(), why));
  CHECK(why == "it is no signed note");
  CHECK_FALSE(read_enrolment(sign_note("airtight-enrolment/2\n", trust.name, trust.seed), trust.verifier(), why));
  CHECK(why == "line 1: expected 'airtight-enrolment/1 ed25519'");
}

// 0.24 s were measured when this was designed; the bound is for a machine that does other things.
TEST_CASE("key epochs: hourly keys for a year") {
  MemoryDisk disk;
  disk.put("keys/empty", "");
  KeyList list;
  REQUIRE_FALSE(EpochKeys::make(disk, "keys/state", {"n1", kFirst, 3600, 8760}, list));
  CHECK(list.keys.size() == 8760);
  CHECK(key_list_text(list).size() < 400'000);
}

}  // namespace
}  // namespace airtight::audit
