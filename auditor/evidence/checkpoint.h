// A checkpoint: the head of the log at one size, and what else its signature binds. The text of a C2SP tlog-checkpoint;
// the lines after the third are extension lines in a fixed order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auditor/evidence/crypto.h"

namespace airtight::audit {

inline constexpr std::string_view kLogFormat = "airtight-evidence/1 sha256 ed25519";

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Hash root{};
  std::string node;
  std::string boot_id;
  std::uint64_t epoch = 0;  // whose key signs
  std::uint64_t seal = 0;   // the number under which it is, or will be, kept: counted without a hole
  std::int64_t time = 0;    // of signing, by the node's clock
  std::uint64_t kept = 0;   // records before this one may have been deleted by retention
  std::string policy_digest;
  std::string counters_digest;   // of the last value of each counter that the records since the previous seal name
  std::string canaries_digest;   // of the canary rounds that they name
  std::optional<Hash> previous;  // SHA-256 of the file of the seal before; empty for seal 0
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

std::string checkpoint_text(const Checkpoint& checkpoint);
// Of what checkpoint_text() writes; else `why` says which line is wrong.
std::optional<Checkpoint> parse_checkpoint(std::string_view text, std::string& why);

// Where the checkpoint with that number is kept: "seal/000", "seal/x001/000".
std::string seal_path(std::uint64_t number);

}  // namespace airtight::audit
