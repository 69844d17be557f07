// report: the verdict for a period, from policy, evidence, inventory and trust root. Nothing is fetched, no socket is
// opened.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "auditor/command/command.h"
#include "auditor/report/inventory.h"
#include "auditor/report/report.h"
#include "auditor/report/rfc3339.h"
#include "auditor/wording.h"
#include "cli/terminal.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kMaxKeyFile = 4096;
constexpr std::size_t kMaxInventory = 64u << 20;

constexpr const char* kReportNotes =
    "proven means: every node of the inventory was watched for the whole period, every uplink added up, every canary\n"
    "fared as it must, enforcement was sealed, the keys and the policy were enrolled by the trust root, and nothing\n"
    "left. Whatever falls short is named, with node and time. Without inventory, trust root and period the best "
    "verdict\n"
    "is inconclusive; --as-logged judges the nodes and the span that the logs themselves claim, and says so.\n"
    "Exit codes: 0 proven; 1 violated; 2 bad usage, policy or inventory; 3 inconclusive; 4 I/O failure.";

struct ReportLine {
  std::string policy;
  std::vector<std::string> evidence;
  std::string inventory, trust, from, to;
  std::vector<std::string> anchors;
  bool as_logged = false;
  std::string format = "text";
  std::string output;
};

bool load_trust(const std::string& path, ReportOptions& options, int& code) {
  auto text = load_text(path, kMaxKeyFile, code);
  if (!text) return false;
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  options.trust = parse_note_key(*text);
  if (options.trust) return true;
  const bool secret = text->compare(0, 12, "PRIVATE+KEY+") == 0;
  wipe(*text);
  code = failed(kBadInput, path + " is no public key of a trust root",
                secret ? "it is the private one: give the file that ends in .pub, and keep this one off the nodes"
                       : "keygen --trust writes one line: NAME+ID+KEY");
  return false;
}

bool load_inventory(const std::string& path, ReportOptions& options, int& code) {
  const auto text = load_text(path, kMaxInventory, code);
  if (!text) return false;
  std::string why;
  options.inventory = parse_inventory(*text, why);
  if (options.inventory) return true;
  code = failed(kBadInput, path + " is no inventory: " + shown(why, 1000),
                R"([{"node":"n1","joined":"2026-11-01T00:00:00Z","left":null,"uplinks":["eth0"]}])");
  return false;
}

bool read_period(const ReportLine& line, ReportOptions& options, int& code) {
  Period period;
  for (const auto& [flag, text, time] :
       {std::tuple{"--from", &line.from, &period.from}, {"--to", &line.to, &period.to}}) {
    const auto read = parse_rfc3339(*text);
    if (!read) {
      code = failed(kBadInput, std::string(flag) + ": '" + shown(*text) + "' is no time",
                    "times are RFC 3339: 2026-11-01T00:00:00Z");
      return false;
    }
    *time = *read;
  }
  if (period.from >= period.to) {
    code = failed(kBadInput, "--to is not after --from");
    return false;
  }
  options.period = period;
  return true;
}

// Whole or not at all, as far as others read it.
int write_file(const std::string& path, std::string_view bytes) {
  const std::string part = path + ".part";
  const auto gone = [&](const std::string& what) {
    const int code = failed(kEnvironment, what + " cannot be written: " + std::strerror(errno));
    (void)::unlink(part.c_str());
    return code;
  };
  const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (file < 0) return gone(part);
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t wrote = ::write(file, bytes.data() + at, bytes.size() - at);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      const int error = errno;
      ::close(file);
      errno = error;
      return gone(part);
    }
    at += static_cast<std::size_t>(wrote);
  }
  if (::close(file) != 0) return gone(part);
  return ::rename(part.c_str(), path.c_str()) == 0 ? kDone : gone(path);
}

int write_reports(const std::string& directory, const ReportResult& result) {
  for (std::size_t at = 0; at != std::string::npos;) {
    at = directory.find('/', at + 1);
    const std::string part = directory.substr(0, at);
    if (!part.empty() && ::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST)
      return failed(kEnvironment, part + " cannot be made: " + std::strerror(errno));
  }
  int code = write_file(directory + "/report.txt", render_report_text(result, false));
  if (code == kDone) code = write_file(directory + "/report.json", render_report_json(result));
  if (code == kDone) code = write_file(directory + "/report.html", render_report_html(result));
  return code;
}

int report_command(const ReportLine& line) {
  int code = kDone;
  if (line.as_logged && (!line.inventory.empty() || !line.from.empty() || !line.to.empty()))
    return failed(kBadInput, "--as-logged takes nodes and span from the logs",
                  "leave out --inventory, --from and --to, or --as-logged");
  if (line.from.empty() != line.to.empty()) return failed(kBadInput, "a period needs both --from and --to");
  const std::optional<Policy> policy = load_policy(line.policy, code);
  if (!policy) return code;

  ReportOptions options;
  options.evidence = line.evidence;
  options.as_logged = line.as_logged;
  if (!line.trust.empty() && !load_trust(line.trust, options, code)) return code;
  if (!line.inventory.empty() && !load_inventory(line.inventory, options, code)) return code;
  if (!line.from.empty() && !read_period(line, options, code)) return code;
  for (const std::string& path : line.anchors) {
    auto anchor = load_text(path, kMaxNote, code);
    if (!anchor) return code;
    options.anchors.push_back(std::move(*anchor));
  }
  const auto disk = real_disk();
  for (const std::string& directory : line.evidence)
    if (!is_log(*disk, directory, code)) return code;

  const ReportResult result = make_report(*disk, *policy, options);
  if (!line.output.empty() && (code = write_reports(line.output, result)) != kDone) return code;
  code = printed(line.format == "json" ? render_report_json(result)
                                       : render_report_text(result, colour_wanted(STDOUT_FILENO)));
  if (code != kDone) return code;
  return result.verdict == PeriodVerdict::Proven     ? kDone
         : result.verdict == PeriodVerdict::Violated ? kViolated
                                                     : kInconclusive;
}

}  // namespace

void add_report(CLI::App& app, Chosen& chosen) {
  auto line = std::make_shared<ReportLine>();
  CLI::App* report_line = app.add_subcommand("report", "The verdict for a period, from the evidence of nodes");
  report_line->add_option("--policy", line->policy, "The policy.json that was in force")->required()->type_name("FILE");
  report_line
      ->add_option("--evidence", line->evidence, "The log of a node: the state directory of run; may be repeated")
      ->required()
      ->type_name("DIR")
      ->allow_extra_args(false);
  report_line->add_option("--inventory", line->inventory, "Which nodes there are, since when, with which uplinks")
      ->type_name("FILE");
  report_line->add_option("--trust", line->trust, "The public key of the trust root that enrolled the nodes")
      ->type_name("FILE");
  report_line->add_option("--from", line->from, "Begin of the period, RFC 3339")->type_name("TIME");
  report_line->add_option("--to", line->to, "End of the period, not part of it")->type_name("TIME");
  report_line->add_flag("--as-logged", line->as_logged, "Judge the nodes and the span that the logs claim");
  report_line->add_option("--anchor", line->anchors, "A checkpoint that was taken off a node earlier; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  report_line->add_option("--format", line->format, "How the result is printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  report_line->add_option("-o", line->output, "Write report.txt, report.json and report.html there as well")
      ->type_name("DIR");
  report_line->footer(kReportNotes);
  report_line->callback([line, &chosen] { chosen = [line] { return report_command(*line); }; });
}

}  // namespace airtight::audit
