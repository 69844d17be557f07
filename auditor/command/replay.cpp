#include <unistd.h>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "auditor/command/command.h"
#include "auditor/replay/replay.h"
#include "cli/terminal.h"

namespace airtight::audit {

namespace {

constexpr const char* kReplayNotes =
    "Which interfaces lead out: those whose name matches the policy's uplinks. Others are pod side if an uplink is in "
    "the\n"
    "same file, or named with --pod-side; else they, and files without names, are taken for uplinks.\n"
    "Several files are read as one, in order of time. gzip and zstd are taken off. The verdict is about the packets in "
    "the\n"
    "files: clean is not proven, since a file cannot show what was not captured.";

struct ReplayLine {
  std::string policy;
  ReplayOptions replay;
  bool strict = false;
  std::string format = "text";
};

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

int replay_command(const ReplayLine& options) {
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

}  // namespace

void add_replay(CLI::App& app, Chosen& chosen) {
  auto line = std::make_shared<ReplayLine>();
  CLI::App* replay_line = app.add_subcommand("replay", "Audit capture files: did a packet leave the boundary?");
  replay_line->add_option("FILE", line->replay.files, "Captures: pcap or pcapng, gzip or zstd too; - is standard input")
      ->required()
      ->type_name("");
  replay_line->add_option("--policy", line->policy, "The policy.json that airtight compile wrote")
      ->required()
      ->type_name("FILE");
  replay_line
      ->add_option("--pod-side", line->replay.pod_side,
                   "An interface of the captures that leads to a pod; may be repeated")
      ->type_name("IF")
      ->allow_extra_args(false);
  replay_line->add_flag("--strict", line->strict,
                        "Exit 1 for any finding, those that leave the verdict alone included");
  replay_line->add_option("--threads", line->replay.threads, "Threads that judge; the result is the same (default: 1)")
      ->check(CLI::Range(1, 64))
      ->type_name("N");
  replay_line
      ->add_option("--write-findings", line->replay.write_findings,
                   "Write the packets of findings, each with its rule as comment, to a pcapng file")
      ->type_name("FILE");
  replay_line->add_option("--format", line->format, "How the result is printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  replay_line->footer(kReplayNotes);
  replay_line->callback([line, &chosen] { chosen = [line] { return replay_command(*line); }; });
}

}  // namespace airtight::audit
