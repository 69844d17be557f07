// policy.json, the only thing that crosses from the compiler to the auditor: written, read and asked here.
//
// The file is one JSON object: the whole Policy, "format" and "digest". The digest is SHA-256 of the RFC 8785 form of
// the object without "digest". The text is in canonical member order and holds integers only, so that white space and
// that member are all that sets it apart from the hashed form; `jq -cjS 'del(.digest)' policy.json | sha256sum` agrees
// where keys are ASCII, as those of Kubernetes are. Its shape is in policy.schema.json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/json_canonical.h"
#include "compiler/policy/policy.h"
#include "compiler/policy/source.h"

namespace airtight {

// Changes whenever a member is added, removed or given another meaning.
inline constexpr int kPolicyFormat = 1;

// The bytes of policy.json: a function of the Policy alone, without time or version of the program; the last is a
// newline. Precondition: texts are UTF-8 without control characters, as resolve() and parse_compiled_policy() leave
// them.
std::string serialise(const Policy&);

// The digest that serialise() writes into the file.
std::string policy_digest(const Policy&);

// Reads what serialise() wrote, in any white space and member order; parse(serialise(p)) == p. Empty if anything is
// wrong: PolicySyntax (no JSON; a member that is unknown, missing or of the wrong type; a value that is not in the form
// that serialise() gives it; a name that leads nowhere; `inside` that is not the union of its ranges), PolicyVersion
// (another format), PolicyDigest (edited: both digests are shown, and nothing else is looked at). Every message names
// the JSON pointer. Of errors beyond the fiftieth only their existence is reported.
std::optional<Policy> parse_compiled_policy(std::uint32_t source, const Sources&, Diagnostics&);

// What one packet that opens a connection is by the policy alone, that is by addresses: a pod range stands for each of
// its pods, so a declared flow between pods may turn out to be another pod's. Message shapes (NDP, DHCP …) are not
// looked at.
enum class Decision : std::uint8_t {
  InsideCluster,     // both ends in the cluster's ranges, and no flow fits
  InsideDeclared,    // a flow fits, or a node speaks a declared multicast protocol to its group
  InsideUndeclared,  // both ends inside, one of them not in the cluster, and no flow fits
  Excepted,          // from inside to an outside address, by an exception in force
  Outside,           // either end is outside
};
std::string_view to_string(Decision);  // "inside-cluster" "inside-declared" "inside-undeclared" "excepted" "outside"

struct Judgement {
  Decision decision = Decision::Outside;
  std::optional<std::size_t> flow;       // of InsideDeclared: the first that fits; empty for multicast
  std::optional<std::size_t> exception;  // of Excepted; of Outside: the one that fits but for its date
  // The catalogue entry that names the outside end (the destination, if both or none are): the longest prefix, denied
  // catalogues first. An address that carries an IPv4 address is asked for that one too. Views into the Policy.
  std::string_view catalogue;
  std::string_view label;
  friend bool operator==(const Judgement&, const Judgement&) = default;
};

// `selector` as in ServiceSet. `on` is the day, UTC, of the packet; without it no exception is in force. Linear in
// flows and catalogue entries, and it allocates: the plain answer that a faster one is tested against.
Judgement decide(const Policy&, Ip source, Ip destination, Protocol, std::uint16_t selector, std::optional<Date> on);

}  // namespace airtight
