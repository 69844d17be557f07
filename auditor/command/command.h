// The command lines of the auditor's commands, one file each: flags to calls. Only these files and main.cpp print.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/policy/compiled_policy.h"

namespace CLI {
class App;
}

namespace airtight::audit {

class Disk;

// DESIGN §5.
enum Exit { kDone = 0, kViolated = 1, kBadInput = 2, kInconclusive = 3, kEnvironment = 4 };

// What the command line asked for; set by the callback of the command that was given, run after parsing.
using Chosen = std::function<int()>;

void add_replay(CLI::App& app, Chosen& chosen);
void add_policy(CLI::App& app, Chosen& chosen);  // policy show, schema
void add_run(CLI::App& app, Chosen& chosen);     // run, and the hidden prove-enforcement
void add_report(CLI::App& app, Chosen& chosen);
void add_evidence(CLI::App& app, Chosen& chosen);  // verify, keygen, enrol
void add_probe(CLI::App& app, Chosen& chosen);
void add_doctor(CLI::App& app, Chosen& chosen);

// "airtight-auditor: error: WHAT", a line "  help: HELP", on standard error; gives back `code`.
int failed(int code, const std::string& what, const std::string& help = {});
// Writes to standard output; a full disk behind it is kEnvironment.
int printed(std::string_view text);
// The policy of --policy ("-": standard input); empty, and `code` set, after the errors were printed.
std::optional<Policy> load_policy(const std::string& path, int& code);
// The bytes of a file of at most `most` bytes ("-": standard input); empty, and `code` set, after the error was
// printed.
std::optional<std::string> load_text(const std::string& path, std::size_t most, int& code);

// Whether there is anything of a log in the directory; `code` is set after the error was printed.
bool is_log(Disk& disk, const std::string& directory, int& code);

}  // namespace airtight::audit
