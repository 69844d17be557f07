// airtight-auditor: flags to calls. The only file of the auditor that prints and exits.
#include <openssl/crypto.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "auditor/classify/rule_table.h"
#include "auditor/policy_show.h"
#include "auditor/replay/replay.h"
#include "auditor/schema.h"
#include "cli/completion.h"
#include "cli/terminal.h"
#include "compiler/policy/compiled_policy.h"

namespace {

using namespace airtight;
using namespace airtight::audit;

// DESIGN §5.
enum Exit { kDone = 0, kViolated = 1, kBadInput = 2, kInconclusive = 3, kEnvironment = 4 };

constexpr std::size_t kMaxPolicy = 256u << 20;  // bytes of a policy.json

constexpr const char* kAbout =
    "airtight-auditor reads packets and says whether anything left the boundary that policy.json draws.\n"
    "It never calls a file clean that it could not read to its end.";

constexpr const char* kExamples =
    "Examples:\n"
    "  airtight compile isolation.yaml -o out                              writes out/policy.json\n"
    "  airtight-auditor replay --policy out/policy.json node.pcapng        clean, violated or inconclusive\n"
    "  tcpdump -w - -i eth0 | airtight-auditor replay --policy out/policy.json -\n"
    "  airtight-auditor policy show out/policy.json                        what it is judged by, for people\n"
    "  airtight-auditor --explain AT-A001                                  a finding, in words\n\n"
    "Exit codes: 0 clean; 1 violated (with --strict: any finding); 2 bad usage, policy or capture; 3 inconclusive;\n"
    "4 environment or I/O failure. Results go to standard output, everything else to standard error.";

constexpr const char* kReplayNotes =
    "Which interfaces lead out: those whose name matches the policy's uplinks. Others are pod side if an uplink is in "
    "the\n"
    "same file, or named with --pod-side; else they, and files without names, are taken for uplinks.\n"
    "Several files are read as one, in order of time. gzip and zstd are taken off. The verdict is about the packets in "
    "the\n"
    "files: clean is not proven, since a file cannot show what was not captured.";

int failed(int code, const std::string& what, const std::string& help = {}) {
  std::fprintf(stderr, "airtight-auditor: error: %s\n", what.c_str());
  if (!help.empty()) std::fprintf(stderr, "  help: %s\n", help.c_str());
  return code;
}

// Standard output counts: a full disk behind a redirection is an I/O failure, not success.
int printed(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return kDone;
  return failed(kEnvironment, std::string("standard output cannot be written: ") + std::strerror(errno));
}

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

struct Options {
  std::string policy;
  ReplayOptions replay;
  bool strict = false;
  std::string format = "text";
  std::string schema = "replay";
  std::string shell;
  std::string explain;
};

// The policy of --policy; empty, and `code` set, after the errors were printed.
std::optional<Policy> load_policy(const std::string& path, int& code) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  const auto unreadable = [&] {
    code = failed(kEnvironment, path + " cannot be read: " + std::strerror(errno));
    if (file != nullptr && file != stdin) std::fclose(file);
    return std::nullopt;
  };
  if (file == nullptr) return unreadable();
  std::string text;
  std::vector<char> part(1u << 16);
  for (std::size_t got = 0; (got = std::fread(part.data(), 1, part.size(), file)) != 0;) {
    text.append(part.data(), got);
    if (text.size() <= kMaxPolicy) continue;
    if (file != stdin) std::fclose(file);
    code = failed(kBadInput, path + " is longer than " + std::to_string(kMaxPolicy >> 20) + " MiB: no policy.json");
    return std::nullopt;
  }
  if (std::ferror(file) != 0) return unreadable();
  if (file != stdin) std::fclose(file);

  Sources sources;
  Diagnostics diagnostics;
  const std::uint32_t source = sources.add(path, std::move(text));
  std::optional<Policy> policy = parse_compiled_policy(source, sources, diagnostics);
  if (!policy) {
    const std::string errors = render_text(diagnostics, sources, colour_wanted(STDERR_FILENO));
    std::fwrite(errors.data(), 1, errors.size(), stderr);
    code = kBadInput;
  }
  return policy;
}

// One line on a terminal: how much is read, how fast, how long still.
class Progress {
 public:
  ~Progress() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  void operator()(std::uint64_t packets, std::uint64_t bytes, std::optional<std::uint64_t> total) {
    const auto now = Clock::now();
    if (now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    shown_ = true;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double rate = static_cast<double>(packets) / seconds;
    std::fprintf(stderr, "\r\033[K%.1f M packets, %.2f M/s", static_cast<double>(packets) / 1e6, rate / 1e6);
    if (total && *total != 0 && bytes != 0) {
      const double share = static_cast<double>(bytes) / static_cast<double>(*total);
      std::fprintf(stderr, ", %.0f %%, %.0f s left", 100 * share, share > 0 ? seconds / share - seconds : 0);
    }
    std::fflush(stderr);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
  bool shown_ = false;
};

int replay_command(const Options& options) {
  int code = kDone;
  const std::optional<Policy> policy = load_policy(options.policy, code);
  if (!policy) return code;
  ReplayOptions given = options.replay;
  given.policy = options.policy;
  given.application = "airtight-auditor " AIRTIGHT_VERSION;
  std::vector<NotACapture> refused;
  std::optional<ReplayResult> result;
  std::optional<Progress> progress(std::in_place);
  if (on_terminal(STDERR_FILENO)) given.progress = [&](auto... arguments) { (*progress)(arguments...); };
  try {
    result = replay(*policy, given, refused);
  } catch (const FilesClash& error) {
    progress.reset();
    return failed(kBadInput, error.what(), error.help());
  } catch (const std::system_error& error) {
    progress.reset();  // takes its line off the terminal
    return failed(kEnvironment, error.what());
  }
  progress.reset();
  for (const NotACapture& file : refused) {
    failed(kBadInput,
           (file.path == "-" ? "standard input" : file.path) + " is no capture that can be read: " + file.why);
  }
  if (!result) return kBadInput;
  for (const std::string& note : result->notes) std::fprintf(stderr, "airtight-auditor: note: %s\n", note.c_str());
  code = printed(options.format == "json" ? render_json(*result) : render_text(*result, colour_wanted(STDOUT_FILENO)));
  if (code != kDone) return code;
  if (result->verdict == Verdict::Violated || (options.strict && !result->findings.empty())) return kViolated;
  return result->verdict == Verdict::Inconclusive ? kInconclusive : kDone;
}

int show_policy(const Options& options) {
  int code = kDone;
  const std::optional<Policy> policy = load_policy(options.policy, code);
  return policy ? printed(render_policy(*policy)) : code;
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
  Options options;
  CLI::App app{kAbout, "airtight-auditor"};
  app.set_version_flag("--version", version_text(), "Print the version, the compiler and the libraries");
  app.footer(kExamples);
  app.require_subcommand(0, 1);
  app.failure_message([](const CLI::App* command, const CLI::Error& error) {
    const std::string name = command->get_parent() == nullptr ? "" : " " + command->get_name();
    return "airtight-auditor: error: " + std::string(error.what()) + "\n  help: airtight-auditor" + name +
           " --help shows what it takes\n";
  });
  app.add_option("--explain", options.explain, "Explain a rule of the findings in words")->type_name("RULE");

  CLI::App* replay_line = app.add_subcommand("replay", "Audit capture files: did a packet leave the boundary?");
  replay_line
      ->add_option("FILE", options.replay.files, "Captures: pcap or pcapng, gzip or zstd too; - is standard input")
      ->required()
      ->type_name("");
  replay_line->add_option("--policy", options.policy, "The policy.json that airtight compile wrote")
      ->required()
      ->type_name("FILE");
  replay_line
      ->add_option("--pod-side", options.replay.pod_side,
                   "An interface of the captures that leads to a pod; may be repeated")
      ->type_name("IF")
      ->allow_extra_args(false);
  replay_line->add_flag("--strict", options.strict,
                        "Exit 1 for any finding, those that leave the verdict alone included");
  replay_line
      ->add_option("--threads", options.replay.threads, "Threads that judge; the result is the same (default: 1)")
      ->check(CLI::Range(1, 64))
      ->type_name("N");
  replay_line
      ->add_option("--write-findings", options.replay.write_findings,
                   "Write the packets of findings, each with its rule as comment, to a pcapng file")
      ->type_name("FILE");
  replay_line->add_option("--format", options.format, "How the result is printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  replay_line->footer(kReplayNotes);

  CLI::App* policy_line = app.add_subcommand("policy", "Look at a policy.json");
  policy_line->require_subcommand(1);
  CLI::App* show_line = policy_line->add_subcommand("show", "Check its digest and print it for people");
  show_line->add_option("FILE", options.policy, "policy.json; - is standard input")->required()->type_name("");

  CLI::App* schema_line = app.add_subcommand("schema", "Print a JSON Schema of what this program reads or writes");
  schema_line->add_option("NAME", options.schema, "Which: replay by default")
      ->check(CLI::IsMember({"replay", "policy"}))
      ->type_name("NAME");

  CLI::App* completion_line = app.add_subcommand("completion", "Print a completion script for a shell");
  completion_line->add_option("SHELL", options.shell, "Which shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");

  // CLI11 takes a misspelt command for arguments too many.
  if (argc > 1 && argv[1][0] != '-') {
    std::string list;
    bool known = false;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
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
  if (!options.explain.empty()) return explain(options.explain);
  if (replay_line->parsed()) return replay_command(options);
  if (show_line->parsed()) return show_policy(options);
  if (schema_line->parsed()) return printed(schema(options.schema));
  if (completion_line->parsed()) return printed(completion_script(app, options.shell));
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
