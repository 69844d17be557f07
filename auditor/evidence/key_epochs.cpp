#include "auditor/evidence/key_epochs.h"

#include <algorithm>
#include <cassert>

#include "auditor/evidence/merkle.h"
#include "auditor/evidence/text_fields.h"

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kLastTime = INT64_MAX / kSecond / 2;  // seconds: about the year 2116
constexpr std::string_view kStateFormat = "airtight-key-state/1";
constexpr std::string_view kListFormat = "airtight-epoch-keys/1 ed25519";
constexpr std::size_t kMaxState = 4096;

Secret next_seed(const Secret& seed) { return hkdf(seed, "airtight-evidence/1 epoch seed"); }
Secret signing_key(const Secret& seed) { return hkdf(seed, "airtight-evidence/1 epoch key"); }

std::string plan_text(const EpochPlan& plan) {
  return "node " + plan.node + "\nfirst " + time_text(plan.first) + "\nlength " + std::to_string(plan.length) +
         "\nepochs " + std::to_string(plan.count) + "\n";
}

EpochPlan read_plan(LineReader& in) {
  EpochPlan plan;
  plan.node = in.field("node");
  plan.first = in.time("first");
  plan.length = in.number("length");
  plan.count = in.number("epochs");
  in.demand(plan.valid(), "no possible epochs");
  return plan;
}

struct State {
  EpochPlan plan;
  std::uint64_t epoch = 0;
  Secret seed;
};

std::optional<State> parse_state(std::string_view text) {
  LineReader in(text);
  in.demand(in.line() == kStateFormat, "another format");
  State state;
  state.plan = read_plan(in);
  state.epoch = in.number("epoch");
  auto seed = from_base64(in.field("seed"));
  if (in.failed() || !in.at_end() || !seed || seed->size() != 32 || state.epoch >= state.plan.count)
    return std::nullopt;
  std::array<std::uint8_t, 32> bytes{};
  std::transform(seed->begin(), seed->end(), bytes.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  wipe(*seed);
  state.seed = Secret(bytes);
  bytes.fill(0);
  return state;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string coming(const std::string& path) { return path + ".next"; }

std::optional<State> read_state(Disk& disk, const std::string& path) {
  std::string text;
  if (disk.read(path, kMaxState, text)) return std::nullopt;
  auto state = parse_state(text);
  wipe(text);
  return state;
}

// The new state lies safely beside the old one: overwrites the old one where it lies, then takes its name.
std::error_code take_over(Disk& disk, const std::string& path) {
  std::uint64_t size = 0;
  if (!disk.size(path, size)) {
    const std::string zeros(std::min<std::uint64_t>(size, kMaxState), '\0');
    if (const auto error = disk.overwrite(path, zeros)) return error;
    if (const auto error = disk.sync(path)) return error;
  }
  if (const auto error = disk.rename(coming(path), path)) return error;
  return disk.sync_directory(directory_of(path));
}

}  // namespace

std::optional<std::uint64_t> EpochPlan::epoch_at(std::int64_t time) const {
  if (time < first) return std::nullopt;
  const std::uint64_t epoch = static_cast<std::uint64_t>(time - first) / (length * kSecond);
  return epoch < count ? std::optional(epoch) : std::nullopt;
}

std::int64_t EpochPlan::begin(std::uint64_t epoch) const {
  return first + static_cast<std::int64_t>(epoch * length) * kSecond;
}

bool EpochPlan::valid() const {
  constexpr std::uint64_t kLongest = 366 * 86'400;
  return is_token(node) && first >= 0 && first % kSecond == 0 && first / kSecond < kLastTime && length > 0 &&
         length <= kLongest && count > 0 && count <= kMaxEpochs &&
         length * count < static_cast<std::uint64_t>(kLastTime);
}

Hash KeyList::root() const {
  MerkleTree tree;
  for (const PublicKey& key : keys) tree.add(leaf_hash(bytes_of(key)));
  return tree.root();
}

std::string KeyList::origin() const {
  return "airtight.dev/log/" + plan.node + "/" + to_hex(bytes_of(root())).substr(0, 16);
}

std::string key_list_text(const KeyList& list) {
  std::string text = std::string(kListFormat) + "\n" + plan_text(list.plan) + "\n";
  for (const PublicKey& key : list.keys) text += to_base64(bytes_of(key)) + "\n";
  return text;
}

std::optional<KeyList> parse_key_list(std::string_view text, std::string& why) {
  LineReader in(text);
  in.demand(in.line() == kListFormat, "expected '" + std::string(kListFormat) + "'");
  KeyList list;
  list.plan = read_plan(in);
  in.demand(in.line().empty(), "expected an empty line");
  while (!in.failed() && list.keys.size() < list.plan.count) {
    const auto key = hash_from_base64(in.line());
    in.demand(key.has_value(), "expected a public key in base64");
    list.keys.push_back(key.value_or(PublicKey{}));
  }
  in.demand(in.at_end(), "more keys than epochs");
  if (in.failed()) {
    why = in.why();
    return std::nullopt;
  }
  return list;
}

std::error_code EpochKeys::make(Disk& disk, const std::string& state, const EpochPlan& plan, KeyList& list) {
  assert(plan.valid());
  std::uint64_t size = 0;
  for (const std::string& path : {state, coming(state)})
    if (!disk.size(path, size)) return EvidenceError::Exists;
  EpochKeys made;
  made.path_ = state;
  made.plan_ = plan;
  made.seed_ = Secret::random();
  if (const auto error = made.store(disk, 0, made.seed_)) return error;
  if (const auto error = take_over(disk, state)) return error;
  list = {plan, {}};
  list.keys.reserve(plan.count);
  for (std::uint64_t epoch = 0; epoch < plan.count; ++epoch) {
    list.keys.push_back(made.public_key());
    made.seed_ = next_seed(made.seed_);
  }
  return {};
}

std::error_code EpochKeys::open(Disk& disk, const std::string& path) {
  auto state = read_state(disk, path);
  auto next = read_state(disk, coming(path));
  std::uint64_t size = 0;
  if (next && (!state || (next->plan == state->plan && next->epoch > state->epoch))) {
    if (const auto error = disk.sync_directory(directory_of(path))) return error;
    if (const auto error = take_over(disk, path)) return error;
    state = std::move(next);
  } else if (state && !disk.size(coming(path), size)) {
    // A torn one. Where there is no other state it stays: it may be one that could not be read this time.
    if (const auto error = disk.remove(coming(path))) return error;
  }
  if (!state) return EvidenceError::KeyUnusable;
  path_ = path;
  plan_ = std::move(state->plan);
  epoch_ = state->epoch;
  seed_ = std::move(state->seed);
  return {};
}

PublicKey EpochKeys::public_key() const { return ed25519_public(signing_key(seed_)); }

std::string EpochKeys::sign(std::string_view text, std::string_view name) const {
  return sign_note(text, name, signing_key(seed_));
}

std::error_code EpochKeys::store(Disk& disk, std::uint64_t epoch, const Secret& seed) const {
  std::string encoded = to_base64(seed.bytes());
  std::string text = std::string(kStateFormat) + "\n" + plan_text(plan_) + "epoch " + std::to_string(epoch) + "\nseed ";
  text.reserve(text.size() + encoded.size() + 1);  // or growing would leave a copy of the seed behind
  text += encoded;
  text += '\n';
  wipe(encoded);
  auto error = disk.write(coming(path_), text, Access::Private);
  wipe(text);
  if (!error) error = disk.sync(coming(path_));
  if (!error) error = disk.sync_directory(directory_of(path_));
  return error;
}

std::error_code EpochKeys::advance(Disk& disk, std::uint64_t epoch) {
  if (epoch <= epoch_) return {};
  if (epoch >= plan_.count) return EvidenceError::NoKey;
  Secret seed = next_seed(seed_);
  for (std::uint64_t at = epoch_ + 1; at < epoch; ++at) seed = next_seed(seed);
  if (const auto error = store(disk, epoch, seed)) return error;
  // From here on the disk may know the new epoch only.
  epoch_ = epoch;
  seed_ = std::move(seed);
  return take_over(disk, path_);
}

}  // namespace airtight::audit
