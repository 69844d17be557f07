// Response policy zones and the sealed root, as files that every resolver with RPZ can load.
//
//   rpz/sealed-root.zone   "."               an authoritative root without an address: no upstream for an outside name
//   rpz/names.zone         airtight-names    exactly Policy::inside_names pass; every other name does not exist
//   rpz/names-bind.zone    airtight-names    the same set for BIND
//   rpz/answers.zone       airtight-answers  no answer carries an address outside the inside and the exceptions
//   rpz/answers-bind.zone  airtight-answers  the same for BIND, which keeps IPv4 in one tree with ::ffff:0:0/96
//
// RPZ's `*` does not match the name above it, and BIND looks triggers up as DNS does: below a name that stands only
// between two triggers no wildcard matches (RFC 4592 §2.2.2; measured). So names.zone has both triggers, NAME and
// *.NAME, for every name that stands in it and for every name above one; then all servers read the same set from it.
// `rpz-passthru` ends policy for the rest of an answer: behind a name that passed, BIND looked neither at the names nor
// at the addresses that an alias led to, whatever the order of the zones (measured). So names-bind.zone lets nothing
// pass: it has no trigger that would find an inside name.
// A serial says only that a zone changed: it has no order, so secondaries must be told to load, not left to compare.
#pragma once

#include <string_view>

#include "compiler/emit/target.h"

namespace airtight {

inline constexpr std::string_view kNamesZone = "airtight-names";
inline constexpr std::string_view kAnswersZone = "airtight-answers";

extern const Target kRpzTarget;

}  // namespace airtight
