// What a trust root, kept off the nodes, says of a node before its log begins: its keys, its policies, its inventory. A
// signed note; a bundle never vouches for its own keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/evidence/key_epochs.h"
#include "auditor/evidence/note.h"

namespace airtight::audit {

struct Enrolment {
  EpochPlan plan;
  Hash key_root{};
  std::string inventory_digest;
  std::vector<std::string> policy_digests;  // at least one; the policies that may be in force from `signed_at` on
  std::int64_t signed_at = 0;               // by the trust root's own clock
  friend bool operator==(const Enrolment&, const Enrolment&) = default;
};

// Precondition: at least one policy, and digests as digest_of() writes them.
std::string sign_enrolment(const Enrolment& enrolment, const NoteSigner& trust);
// Empty, with the reason, unless it is a whole enrolment signed by that key.
std::optional<Enrolment> read_enrolment(std::string_view note, const NoteKey& trust, std::string& why);
// The same without asking who signed: for a log taken at its own word.
std::optional<Enrolment> read_enrolment_unchecked(std::string_view note, std::string& why);

}  // namespace airtight::audit
