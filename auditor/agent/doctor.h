// What this node can and cannot prove, before anybody relies on it, and what to do about each. Looks only; sends
// nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auditor/opener/opener.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

enum class Ability : std::uint8_t {
  Can,      // as it must be
  Limited,  // proven stays possible; the report states a limit
  Cannot,   // no period of this node can be proven like this
};
std::string_view to_string(Ability);  // "can" "limited" "cannot"

struct Diagnosis {
  Ability ability = Ability::Cannot;
  std::string topic;    // "kernel" "capabilities" "egress hook eth0" …
  std::string finding;  // a clause
  std::string cure;     // empty where nothing is to be done
  friend bool operator==(const Diagnosis&, const Diagnosis&) = default;
};

struct Patient {
  const Policy* policy = nullptr;  // nullptr: uplinks are not known, and much is not looked at
  Opener* opener = nullptr;        // nullptr: no privilege, `opener_error` says why
  std::string opener_error;
  std::vector<std::string> uplinks;  // as --uplink
  std::vector<std::string> pod_side;
  std::string state;  // directory of the log; empty: not looked at
};

std::vector<Diagnosis> examine(const Patient& patient);
std::string render_diagnoses(const std::vector<Diagnosis>& diagnoses, bool colour);
std::string render_diagnoses_json(const std::vector<Diagnosis>& diagnoses);

}  // namespace airtight::audit
