// The active denial test from the command line: enforcement is read and proven in this process, and only then is
// anything sent.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "auditor/canary/round.h"
#include "auditor/command/command.h"
#include "auditor/enforcement/proof.h"
#include "auditor/interfaces/links.h"
#include "auditor/opener/opener.h"
#include "auditor/probe/probe.h"
#include "cli/terminal.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kMaxDumps = std::size_t{256} << 20;
constexpr std::chrono::seconds kMostReading{40};  // the opener itself gives up after thirty

constexpr const char* kNotes =
    "Asks what must be refused, and believes a refusal only where it can be told from a dead network: a name must be\n"
    "answered NXDOMAIN (or with an inside address) by the cluster's resolver, and a packet to an outside address must\n"
    "make the firewall's own drop counter rise. By default only random names below documentation domains, these "
    "domains\n"
    "themselves, and documentation addresses are tried. With --real the names and addresses of the denied catalogues "
    "are\n"
    "too: if a layer fails, that question itself leaks.\n"
    "Nothing is sent before the live firewall was read and found sealed. Proxy variables, search lists and resolv.conf "
    "are\n"
    "ignored. It needs root, or CAP_NET_ADMIN and CAP_NET_RAW.\n\n"
    "Exit codes: 0 denied, all of it; 1 something succeeded; 2 bad usage or policy; 3 inconclusive, with the reasons;\n"
    "4 environment or I/O failure.";

struct Options {
  std::string policy;
  bool real = false;
  std::string format = "text";
  std::vector<std::string> resolvers;
};

Date today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return {utc.tm_year + 1900, static_cast<unsigned>(utc.tm_mon) + 1, static_cast<unsigned>(utc.tm_mday)};
}

// Everything that comes out of the descriptor until it ends; `why` where it did not.
std::optional<std::string> read_all(const Fd& stream, std::string& why) {
  const auto end = std::chrono::steady_clock::now() + kMostReading;
  std::string text;
  std::vector<char> part(1U << 16);
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd one{stream.get(), POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&one, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      why = ready == 0 ? "it took too long" : std::generic_category().message(errno);
      return std::nullopt;
    }
    const ssize_t got = ::read(stream.get(), part.data(), part.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) {
      why = std::generic_category().message(errno);
      return std::nullopt;
    }
    if (got == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxDumps) {
      why = "they are longer than " + std::to_string(kMaxDumps >> 20) + " MiB";
      return std::nullopt;
    }
  }
}

// Why nothing may be sent; empty where the live rules are sealed.
std::string unsafe(const Policy& policy, const std::vector<std::string>& uplinks, Opener& opener) {
  const auto unread = [](const std::string& why) { return "the live rules cannot be read: " + why; };
  std::uint32_t before = 0, after = 0;
  if (const auto error = opener.ruleset_generation(before)) return unread(error.message());
  Fd stream;
  if (const auto error = opener.read_rulesets(stream)) return unread(error.message());
  std::string why;
  const std::optional<std::string> bytes = read_all(stream, why);
  std::vector<RulesetDump> dumps;
  if (!bytes || !decode_dumps(*bytes, dumps, why)) return unread(why);
  const Proof proof = prove_enforcement(policy, uplinks, dumps, today());
  if (const auto error = opener.ruleset_generation(after)) return unread(error.message());
  if (before != after) return unread("they changed meanwhile");
  if (proof.outcome == "sealed") return {};
  return "enforcement is " + proof.outcome + (proof.opened.empty() ? "" : ": " + proof.opened.front());
}

// What the firewall dropped so far, all of its counters together.
std::optional<std::uint64_t> drops_of(Opener& opener) {
  const auto read = [&](std::string_view family, std::string_view table, std::string& json) {
    const std::error_code error = opener.counters(family, table, json);
    if (error == std::errc::no_such_file_or_directory) json.clear();
    return !error || error == std::errc::no_such_file_or_directory;
  };
  std::string stack, egress;
  if (!read("inet", "airtight", stack) || !read("netdev", "airtight_egress", egress)) return std::nullopt;
  const DropCounters counters = parse_drop_counters(stack, egress);
  if (!counters.readable || !counters.has_stack) return std::nullopt;
  std::uint64_t sum = counters.stack;
  for (const auto& [name, packets] : counters.egress) sum += packets;
  return sum;
}

int probe_command(const Options& options) {
  int code = kDone;
  const std::optional<Policy> policy = load_policy(options.policy, code);
  if (!policy) return code;
  ProbeGround ground;
  for (const std::string& text : options.resolvers) {
    const std::optional<Ip> address = Ip::parse(text);
    if (!address) return failed(kBadInput, "--resolver '" + text + "' is no address: " + why_not_ip(text));
    if (!policy->inside.contains(*address)) {
      return failed(kBadInput, "--resolver " + text + " is outside",
                    "to ask an outside resolver is what the policy forbids; name one that is inside");
    }
    ground.resolvers.push_back(*address);
  }
  if (ground.resolvers.empty() && policy->cluster.dns) {
    const ClusterDns& dns = *policy->cluster.dns;
    ground.resolvers = dns.service;
    ground.resolvers.insert(ground.resolvers.end(), dns.node_local.begin(), dns.node_local.end());
  }

  std::unique_ptr<Opener> opener;
  std::vector<std::string> uplinks;
  try {
    opener = start_opener({});
    const LinkWatcher watcher;
    const InterfaceRoles roles(*policy, {}, {});
    for (const auto& [index, link] : watcher.links()) {
      if (roles.of(link, watcher.links()).role == InterfaceRole::Uplink) uplinks.push_back(link.name);
    }
  } catch (const std::system_error& error) {
    return failed(kEnvironment, error.what(), "it reads the live firewall: run it as root on the node");
  }
  ground.drops = [&] { return drops_of(*opener); };
  ground.unsafe = unsafe(*policy, uplinks, *opener);
  const ProbeReport report = run_probes(*policy, plan_probes(*policy, options.real), ground);
  code = printed(options.format == "json" ? render_probe_json(report)
                                          : render_probe_text(report, colour_wanted(STDOUT_FILENO)));
  if (code != kDone) return code;
  if (report.verdict == "succeeded") return kViolated;
  return report.verdict == "denied" ? kDone : kInconclusive;
}

}  // namespace

void add_probe(CLI::App& app, Chosen& chosen) {
  CLI::App* line = app.add_subcommand("probe", "Try what must be refused: is it, and by our own rules?");
  auto options = std::make_shared<Options>();
  line->add_option("--policy", options->policy, "The policy.json that airtight compile wrote")
      ->required()
      ->type_name("FILE");
  line->add_flag("--real", options->real,
                 "Ask for the names and addresses of the denied catalogues too; they leak if a layer fails");
  line->add_option("--resolver", options->resolvers,
                   "An inside resolver to ask instead of the policy's cluster DNS; may be repeated")
      ->type_name("ADDR")
      ->allow_extra_args(false);
  line->add_option("--format", options->format, "How the result is printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  line->footer(kNotes);
  line->callback([options, &chosen] { chosen = [options] { return probe_command(*options); }; });
}

}  // namespace airtight::audit
