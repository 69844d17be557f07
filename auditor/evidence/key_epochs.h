// One Ed25519 key an epoch, from a one-way ratchet: seed[n+1] = HKDF(seed[n], "… seed"), key[n] = HKDF(seed[n], "…
// key"). A node keeps the seed of the current epoch only; whoever takes it can sign for this epoch and later ones,
// never for earlier ones. The public halves of all epochs are made at the start and are the leaves of a Merkle tree
// whose root an enrolment signs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "auditor/evidence/crypto.h"
#include "auditor/evidence/disk.h"
#include "auditor/evidence/note.h"

namespace airtight::audit {

// Which keys a node has, and when each counts.
struct EpochPlan {
  std::string node;
  std::int64_t first = 0;    // when epoch 0 begins; nanoseconds, whole seconds
  std::uint64_t length = 0;  // of an epoch, in seconds
  std::uint64_t count = 0;

  // Empty before the first epoch and after the last.
  std::optional<std::uint64_t> epoch_at(std::int64_t time) const;
  std::int64_t begin(std::uint64_t epoch) const;  // begin(e + 1) is the end of e
  // A node name, whole seconds, at most kMaxEpochs, and no time that nanoseconds cannot say.
  bool valid() const;
  friend bool operator==(const EpochPlan&, const EpochPlan&) = default;
};

inline constexpr std::uint64_t kMaxEpochs = 1 << 20;

// The file "keys" of a log.
struct KeyList {
  EpochPlan plan;
  std::vector<PublicKey> keys;  // by epoch

  Hash root() const;
  // "airtight.dev/log/NODE/0123456789abcdef": the log's name, with the start of root() in it, so that two key lists are
  // never one log. Hashes every key: ask once.
  std::string origin() const;
  friend bool operator==(const KeyList&, const KeyList&) = default;
};

std::string key_list_text(const KeyList& list);
std::optional<KeyList> parse_key_list(std::string_view text, std::string& why);

// The secret half, and the file that it lives in (mode 0600; never in the log's directory, which goes to others).
class EpochKeys {
 public:
  // `keygen`: makes the first seed and all public keys. EvidenceError::Exists if `state` is there. Precondition:
  // plan.valid().
  static std::error_code make(Disk& disk, const std::string& state, const EpochPlan& plan, KeyList& list);
  // Finishes an advance that a power cut left half done. EvidenceError::KeyUnusable if there is no seed to be read.
  std::error_code open(Disk& disk, const std::string& state);

  const EpochPlan& plan() const { return plan_; }
  std::uint64_t epoch() const { return epoch_; }
  PublicKey public_key() const;
  std::string sign(std::string_view text, std::string_view name) const;
  // Goes on to a later epoch: the new seed is on disk before the old one is overwritten there, and both before this
  // returns. EvidenceError::NoKey beyond the last. On another error the epoch is still the old one, or the new one
  // where the old seed may be left on the disk; open() mends both.
  std::error_code advance(Disk& disk, std::uint64_t epoch);

 private:
  std::error_code store(Disk& disk, std::uint64_t epoch, const Secret& seed) const;

  std::string path_;
  EpochPlan plan_;
  std::uint64_t epoch_ = 0;
  Secret seed_;
};

}  // namespace airtight::audit
