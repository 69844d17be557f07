// airtight-auditor: the commands put together, and what holds for all of them.
#include <openssl/crypto.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "auditor/classify/rule_table.h"
#include "auditor/command/command.h"
#include "cli/completion.h"

namespace {

using namespace airtight;
using namespace airtight::audit;

constexpr const char* kAbout =
    "airtight-auditor watches packets and says whether anything left the boundary that policy.json draws: on a node "
    "as\n"
    "it runs, with evidence that others can check, or in capture files. It never calls proven what it could not see.";

constexpr const char* kExamples =
    "On a node:\n"
    "  airtight-auditor doctor --policy policy.json                        what this node can and cannot prove\n"
    "  airtight-auditor run --policy policy.json --state /var/lib/airtight the agent\n"
    "  airtight-auditor probe --policy policy.json                         is what must be refused refused?\n"
    "For the assessor:\n"
    "  airtight-auditor verify DIR --trust trust.pub                       is the log whole, and whose is it?\n"
    "  airtight-auditor report --policy policy.json --evidence DIR --as-logged    proven, violated or inconclusive\n"
    "With captures:\n"
    "  airtight-auditor replay --policy policy.json node.pcapng            clean, violated or inconclusive\n"
    "  airtight-auditor --explain AT-A001                                  a finding, in words\n\n"
    "Exit codes: 0 done, proven or clean; 1 violated, damaged or findings; 2 bad usage or input; 3 inconclusive;\n"
    "4 environment or I/O failure. Results go to standard output, everything else to standard error.";

std::string version_text() {
  return "airtight-auditor " AIRTIGHT_VERSION
         "\n"
         "compiler      "
#if defined(__clang__)
         "clang " __clang_version__
#else
         "gcc " __VERSION__
#endif
         "\nCLI11         " CLI11_VERSION "\nOpenSSL       " +
         std::string(OpenSSL_version(OPENSSL_VERSION_STRING)) + "\n";
}

int explain(const std::string& id) {
  const RuleInfo* rule = find_rule(id);
  if (rule == nullptr) {
    return failed(kBadInput, "'" + id + "' is no rule", "rules are AT-A001 and so on; every finding names its own");
  }
  return printed(std::string(rule->id) + ": " + std::string(rule->title) + "\n\nClass " +
                 std::string(to_string(rule->cls)) + "; " + std::string(to_string(rule->effect)) + " at an uplink, " +
                 std::string(to_string(rule->pod_side)) + " at the pod side.\n\n" + std::string(rule->meaning) +
                 "\n\n" + std::string(rule->cure) + "\n");
}

int run(int argc, char** argv) {
  std::string rule, shell;
  CLI::App app{kAbout, "airtight-auditor"};
  app.set_version_flag("--version", version_text(), "Print the version, the compiler and the libraries");
  app.footer(kExamples);
  app.require_subcommand(0, 1);
  app.failure_message([](const CLI::App* command, const CLI::Error& error) {
    const std::string name = command->get_parent() == nullptr ? "" : " " + command->get_name();
    return "airtight-auditor: error: " + std::string(error.what()) + "\n  help: airtight-auditor" + name +
           " --help shows what it takes\n";
  });
  app.add_option("--explain", rule, "Explain a rule of the findings in words")->type_name("RULE");

  Chosen chosen;
  add_run(app, chosen);
  add_report(app, chosen);
  add_evidence(app, chosen);
  add_replay(app, chosen);
  add_probe(app, chosen);
  add_doctor(app, chosen);
  add_policy(app, chosen);

  CLI::App* completion_line = app.add_subcommand("completion", "Print a completion script for a shell");
  completion_line->add_option("SHELL", shell, "Which shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");

  // CLI11 takes a misspelt command for arguments too many.
  if (argc > 1 && argv[1][0] != '-') {
    std::string list;
    bool known = false;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
      if (command->get_group().empty()) {  // hidden
        known |= command->get_name() == argv[1];
        continue;
      }
      list += (list.empty() ? "" : ", ") + command->get_name();
      known |= command->get_name() == argv[1];
    }
    if (!known) return failed(kBadInput, "'" + std::string(argv[1]) + "' is no command", "commands are " + list);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& call) {
    return printed(call.what() + std::string());
  } catch (const CLI::Success& call) {  // --help
    return app.exit(call) == 0 ? printed("") : kEnvironment;
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return kBadInput;
  }
  if (!rule.empty()) return explain(rule);
  if (chosen) return chosen();
  if (completion_line->parsed()) return printed(completion_script(app, shell));
  std::fputs(app.help().c_str(), stderr);
  return kBadInput;
}

}  // namespace

int main(int argc, char** argv) {
  // A day of rotated files may be more than the usual thousand.
  if (rlimit files{}; ::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("airtight-auditor: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "airtight-auditor: internal error: %s\n", error.what());
  }
  return kEnvironment;
}
