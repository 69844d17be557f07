#include <unistd.h>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "auditor/agent/agent.h"
#include "auditor/agent/config.h"
#include "auditor/command/command.h"
#include "auditor/enforcement/prover.h"

namespace airtight::audit {

namespace {

constexpr std::size_t kMaxConfig = 1u << 20;

constexpr const char* kNotes =
    "Needs CAP_NET_RAW and CAP_NET_ADMIN (root), for a small process that opens interfaces and reads rulesets; what\n"
    "judges packets gives up every capability. Uplinks are those that the policy names, and --uplink; pod sides "
    "likewise.\n"
    "The state directory is the evidence log, and goes to the assessor; its key is beside it (DIR.key) and stays.\n"
    "Standard error has one JSON object a line: escapes within a second of their first packet, gaps, enforcement.\n\n"
    "  airtight-auditor run --policy p.json --state DIR --uplink eth0 --pod-side cali1 --interval 1 --duration 9\n"
    "  airtight-auditor report --policy p.json --evidence DIR --as-logged\n\n"
    "SIGTERM ends it cleanly (a last canary round, a seal); SIGHUP reads the policy again.\n"
    "Exit codes: 0 ended as asked; 2 bad usage, configuration or policy; 4 environment or I/O failure. The verdict is\n"
    "report's business.";

// Flags as they were given; those that were not leave the file's word alone.
struct RunLine {
  std::string config;
  AgentConfig flags;
  std::vector<std::function<void(AgentConfig&)>> given;
};

template <class T>
void over(CLI::Option* option, RunLine& line, T AgentConfig::*member) {
  option->each([&line, member](const std::string&) {
    line.given.push_back([&line, member](AgentConfig& config) { config.*member = line.flags.*member; });
  });
}

int run_command(const RunLine& line) {
  AgentConfig config;
  int code = kDone;
  if (!line.config.empty()) {
    const std::optional<std::string> text = load_text(line.config, kMaxConfig, code);
    if (!text) return code;
    std::vector<std::string> errors;
    if (!read_config(*text, line.config, config, errors)) {
      for (const std::string& error : errors) failed(kBadInput, error);
      return kBadInput;
    }
  }
  for (const auto& put : line.given) put(config);
  const std::vector<std::string> wrong = check_config(config);
  for (const std::string& what : wrong) failed(kBadInput, what, "airtight-auditor run --help shows what it takes");
  if (!wrong.empty()) return kBadInput;

  std::unique_ptr<Opener> opener;
  try {
    opener = start_opener({config.pod_namespace, config.user});
  } catch (const std::system_error& error) {
    return failed(kEnvironment, error.what(), "run it as root, or give the service CAP_NET_RAW and CAP_NET_ADMIN");
  }
  const Say say = [](std::string_view text) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
    std::fflush(stderr);
  };
  const std::unique_ptr<Disk> disk = real_disk();
  const std::unique_ptr<Clock> clock = real_clock();
  try {
    const AgentEnd end = run_agent(config, "airtight-auditor " AIRTIGHT_VERSION, *opener, *disk, *clock, say);
    return end.failed ? failed(kEnvironment, end.why) : kDone;
  } catch (const BadPolicy& error) {
    std::fputs(error.what(), stderr);
    return kBadInput;
  } catch (const std::system_error& error) {
    return failed(kEnvironment, error.what());
  } catch (const std::runtime_error& error) {
    return failed(kEnvironment, error.what());
  }
}

}  // namespace

void add_run(CLI::App& app, Chosen& chosen) {
  auto line = std::make_shared<RunLine>();
  CLI::App* command = app.add_subcommand("run", "The node agent: watch every interface, and keep evidence");
  command->add_option("--config", line->config, "A JSON file with these settings; flags override it")
      ->type_name("FILE");
  over(command->add_option("--policy", line->flags.policy, "The policy.json that airtight compile wrote")
           ->type_name("FILE"),
       *line, &AgentConfig::policy);
  over(command->add_option("--state", line->flags.state, "Directory of the evidence log; made if it is not there")
           ->type_name("DIR"),
       *line, &AgentConfig::state);
  over(command->add_option("--key", line->flags.key, "Where the log's secret key is (default: DIR.key)")
           ->type_name("FILE"),
       *line, &AgentConfig::key);
  over(command->add_option("--node", line->flags.node, "This node's name in the log (default: the host's name)")
           ->type_name("NAME"),
       *line, &AgentConfig::node);
  over(command
           ->add_option("--uplink", line->flags.uplinks,
                        "An interface that leads out, beside the policy's; a final * is "
                        "a pattern; may be repeated")
           ->type_name("IF")
           ->allow_extra_args(false),
       *line, &AgentConfig::uplinks);
  over(command->add_option("--pod-side", line->flags.pod_side, "An interface that leads to a pod, likewise")
           ->type_name("IF")
           ->allow_extra_args(false),
       *line, &AgentConfig::pod_side);
  over(command
           ->add_option("--pods", line->flags.pods,
                        "Which pod is behind which interface: JSON lines, read again when "
                        "the file changes")
           ->type_name("FILE"),
       *line, &AgentConfig::pods);
  over(command->add_option("--interval", line->flags.interval, "Seconds between heartbeats (default: 10)")
           ->check(CLI::Range(1, 3600))
           ->type_name("SECONDS"),
       *line, &AgentConfig::interval);
  over(
      command->add_option("--duration", line->flags.duration, "Stop cleanly after so long (default: run until SIGTERM)")
          ->check(CLI::Range(0, 31'622'400))
          ->type_name("SECONDS"),
      *line, &AgentConfig::duration);
  over(command
           ->add_option("--take-over", line->flags.take_over,
                        "Take over from an agent that still runs: watch, and wait so long for its log")
           ->check(CLI::Range(0, 3600))
           ->type_name("SECONDS"),
       *line, &AgentConfig::take_over);
  over(command
           ->add_option("--canary-interval", line->flags.canary_interval,
                        "Seconds between canary rounds, on average "
                        "(default: 60)")
           ->check(CLI::Range(1, 3600))
           ->type_name("SECONDS"),
       *line, &AgentConfig::canary_interval);
  over(command
           ->add_option("--probe-interval", line->flags.probe_interval,
                        "Seconds between active denial tests, on average; "
                        "0: none (default: 600)")
           ->check(CLI::Range(0, 86400))
           ->type_name("SECONDS"),
       *line, &AgentConfig::probe_interval);
  over(command->add_flag("--real-probes", line->flags.real_probes,
                         "Let probes ask for catalogue names and addresses too"),
       *line, &AgentConfig::real_probes);
  over(command
           ->add_option("--pod-namespace", line->flags.pod_namespace,
                        "Network namespace that pod canaries are sent from")
           ->type_name("PATH"),
       *line, &AgentConfig::pod_namespace);
  over(command
           ->add_option("--listen", line->flags.listen,
                        "Where /metrics and /healthz are, or none (default: "
                        "127.0.0.1:9464)")
           ->type_name("ADDRESS:PORT"),
       *line, &AgentConfig::listen);
  over(command->add_option("--ring", line->flags.ring, "MiB of memory for the packets of each uplink (default: 64)")
           ->check(CLI::Range(1, 1024))
           ->type_name("MIB"),
       *line, &AgentConfig::ring);
  over(command->add_flag("!--judge-all", line->flags.boundary_filter,
                         "Judge bulk traffic within the cluster in user space "
                         "too"),
       *line, &AgentConfig::boundary_filter);
  over(command->add_option("--user", line->flags.user, "Whom the process that judges becomes (default: it stays)")
           ->check([](const std::string& name) {
             return name.empty() ? std::string("a user's name is not empty") : std::string();
           })
           ->type_name("NAME"),
       *line, &AgentConfig::user);
  command->footer(kNotes);
  command->callback([line, &chosen] { chosen = [line] { return run_command(*line); }; });

  // The child of enforcement's prover; takes its work from standard input.
  CLI::App* prover = app.add_subcommand(kProverCommand, "")->group("");
  prover->callback([&chosen] { chosen = [] { return prover_main(STDIN_FILENO, STDOUT_FILENO); }; });
}

}  // namespace airtight::audit
