// The commands that make keys and sign them: keygen and enrol. A part of add_evidence().
#pragma once

#include "auditor/command/command.h"

namespace airtight::audit {

void add_keys(CLI::App& app, Chosen& chosen);

}  // namespace airtight::audit
