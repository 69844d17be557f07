#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "auditor/agent/doctor.h"
#include "auditor/command/command.h"
#include "cli/terminal.h"

namespace airtight::audit {

namespace {

constexpr const char* kNotes =
    "Looks at the kernel, capabilities, capture, clock, uplinks, ways around the firewall and the live rules, and says "
    "of\n"
    "each what it means for a report, and what to do. Sends nothing and changes nothing.\n"
    "Exit codes: 0 this node can be proven; 3 it cannot as it is; 2 bad usage or policy; 4 environment or I/O failure.";

struct DoctorLine {
  std::string policy, format = "text";
  Patient patient;
};

int doctor_command(const DoctorLine& line) {
  int code = kDone;
  std::optional<Policy> policy;
  if (!line.policy.empty() && !(policy = load_policy(line.policy, code))) return code;
  Patient patient = line.patient;
  std::unique_ptr<Opener> opener;
  try {
    opener = start_opener({});
    patient.opener = opener.get();
  } catch (const std::system_error& error) {
    patient.opener_error = error.what();
  }
  if (policy) patient.policy = &*policy;
  const std::vector<Diagnosis> diagnoses = examine(patient);
  code = printed(line.format == "json" ? render_diagnoses_json(diagnoses)
                                       : render_diagnoses(diagnoses, colour_wanted(STDOUT_FILENO)));
  if (code != kDone) return code;
  const bool cannot = std::any_of(diagnoses.begin(), diagnoses.end(),
                                  [](const Diagnosis& row) { return row.ability == Ability::Cannot; });
  return cannot ? kInconclusive : kDone;
}

}  // namespace

void add_doctor(CLI::App& app, Chosen& chosen) {
  auto line = std::make_shared<DoctorLine>();
  CLI::App* command = app.add_subcommand("doctor", "What this node can and cannot prove, and what to do about it");
  command->add_option("--policy", line->policy, "The policy.json that the agent will run with")->type_name("FILE");
  command->add_option("--uplink", line->patient.uplinks, "As for run; may be repeated")
      ->type_name("IF")
      ->allow_extra_args(false);
  command->add_option("--pod-side", line->patient.pod_side, "As for run; may be repeated")
      ->type_name("IF")
      ->allow_extra_args(false);
  command->add_option("--state", line->patient.state, "The agent's state directory")->type_name("DIR");
  command->add_option("--format", line->format, "How the result is printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  command->footer(kNotes);
  command->callback([line, &chosen] { chosen = [line] { return doctor_command(*line); }; });
}

}  // namespace airtight::audit
