#include "compiler/verify_commands.h"

#include <algorithm>
#include <utility>

#include "compiler/input.h"
#include "compiler/policy/compiled_policy.h"
#include "compiler/spec/resolve.h"
#include "compiler/verify/connections.h"
#include "compiler/verify/judge.h"
#include "compiler/verify/obligation.h"
#include "compiler/verify/report.h"

namespace airtight {
namespace {

constexpr std::size_t kMaxPolicyBytes = 64U << 20;

bool is_label(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return text.size() <= 63 && alphanumeric(text.front()) && alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return alphanumeric(c) || c == '-'; });
}

// The policy of --spec or --policy, if one was given.
bool read_given_policy(const VerifyOptions& options, const Rules& rules, Sources& sources, Diagnostics& diagnostics,
                       std::optional<Policy>& policy) {
  if (!options.specs.empty() && !options.policy.empty()) {
    diagnostics.error(Code::Usage, std::string("--policy"), "is given beside --spec").help("give one of them");
    return false;
  }
  if ((!options.specs.empty() || !options.policy.empty()) && !options.inside.empty()) {
    diagnostics.error(Code::Usage, std::string("--inside"),
                      "is given beside --spec or --policy, which say what is inside");
    return false;
  }
  if (!options.specs.empty()) {
    const std::vector<std::uint32_t> files = read_specs(options.specs, sources, diagnostics);
    if (diagnostics.has_errors()) return false;
    policy = read_policy(files, rules, options.at, sources, diagnostics);
    return policy.has_value();
  }
  if (!options.policy.empty()) {
    std::optional<std::string> text = read_bytes(options.policy, kMaxPolicyBytes, "a policy.json", diagnostics);
    if (!text) return false;
    policy = parse_compiled_policy(sources.add(options.policy, *std::move(text)), sources, diagnostics);
    return policy.has_value();
  }
  return true;
}

std::optional<std::vector<Prefix>> inside_prefixes(const VerifyOptions& options, Diagnostics& diagnostics) {
  std::vector<Prefix> prefixes;
  for (const std::string& text : options.inside) {
    const std::optional<Prefix> prefix = Prefix::parse(text);
    if (prefix) {
      prefixes.push_back(*prefix);
      continue;
    }
    Diagnostic& error =
        diagnostics
            .error(Code::BadPrefix, std::string("--inside"), quoted(text) + " is no prefix: " + why_not_prefix(text))
            .expect("ADDRESS/LENGTH, as 10.0.0.0/8 or fd00::/8");
    if (const std::optional<Prefix> masked = masked_prefix(text))
      error.help("did you mean " + to_string(*masked) + "?");
  }
  return diagnostics.has_errors() ? std::nullopt : std::optional(prefixes);
}

std::optional<verify::Question> question_of(const VerifyOptions& options, const std::optional<Policy>& policy,
                                            const Rules& rules, Diagnostics& diagnostics) {
  if (policy) return verify::question(*policy, options.at);
  const std::optional<std::vector<Prefix>> inside = inside_prefixes(options, diagnostics);
  if (!inside) return std::nullopt;
  verify::Question question = verify::question(*inside, rules.catalogues, options.at);
  question.every_pod = options.every_pod;
  return question;
}

std::optional<verify::Artifacts> artifacts_of(const VerifyOptions& options, const std::vector<std::string>& paths,
                                              Sources& sources, std::vector<std::string>& notes,
                                              Diagnostics& diagnostics) {
  if (!options.ns.empty() && !is_label(options.ns))
    diagnostics.error(Code::BadName, std::string("--namespace"), quoted(options.ns) + " is no namespace name")
        .expect("lower-case letters, digits and hyphens, at most 63 (RFC 1123 label)");
  const std::vector<std::uint32_t> files = read_artifact_files(paths, sources, notes, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  verify::Artifacts artifacts = verify::read_artifacts(files, sources, options.ns.empty() ? "default" : options.ns,
                                                       options.ns.empty(), diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  return artifacts;
}

}  // namespace

std::optional<Answer> verify_command(const VerifyOptions& options, const Rules& rules, Sources& sources,
                                     Diagnostics& diagnostics) {
  Answer answer;
  std::optional<Policy> policy;
  if (!read_given_policy(options, rules, sources, diagnostics, policy)) return std::nullopt;
  const std::optional<verify::Question> question = question_of(options, policy, rules, diagnostics);
  if (!question) return std::nullopt;
  std::optional<verify::Artifacts> artifacts = artifacts_of(options, options.paths, sources, answer.notes, diagnostics);
  if (!artifacts) return std::nullopt;
  verify::Report report = verify::judge(*artifacts, *question, sources);
  report.first_source = artifacts->first_source;
  if (!options.obligation.empty() &&
      !write_text_file(options.obligation, verify::obligation(*artifacts, *question, sources), diagnostics))
    return std::nullopt;
  answer.code = report.exit_code();
  if (options.format == "json") answer.text = verify::render_report_json(report, sources);
  if (options.format == "sarif") answer.text = verify::render_report_sarif(report, sources, AIRTIGHT_VERSION);
  if (options.format == "junit") answer.text = verify::render_report_junit(report, sources);
  if (options.format == "text") answer.text = verify::render_report_text(report, sources, options.colour);
  return answer;
}

std::optional<Answer> connections_command(const VerifyOptions& options, Sources& sources, Diagnostics& diagnostics) {
  Answer answer;
  const std::optional<verify::Artifacts> artifacts =
      artifacts_of(options, options.paths, sources, answer.notes, diagnostics);
  if (!artifacts) return std::nullopt;
  using Format = verify::ConnectionFormat;
  static const std::pair<std::string_view, Format> kFormats[] = {{"text", Format::Text},
                                                                 {"json", Format::Json},
                                                                 {"csv", Format::Csv},
                                                                 {"dot", Format::Dot},
                                                                 {"html", Format::Html}};
  for (const auto& [name, format] : kFormats)
    if (options.format == name) answer.text = verify::render_connections(verify::connections(*artifacts), format);
  for (const verify::Remark& remark : artifacts->cluster.not_understood)
    answer.notes.push_back(remark.object + " " + remark.message);
  const bool no_pods = artifacts->cluster.workloads.empty();
  if (artifacts->recognised == 0)
    answer.notes.push_back("nothing in the input was recognised");
  else if (no_pods)
    answer.notes.push_back("the input has no workload, so there is nobody to connect");
  if (no_pods || !artifacts->cluster.not_understood.empty()) answer.code = 3;
  return answer;
}

std::optional<Answer> explain_command(const VerifyOptions& options, const Rules& rules, Sources& sources,
                                      Diagnostics& diagnostics) {
  Answer answer;
  std::string why_not;
  const std::optional<verify::ExplanationQuery> query = verify::parse_query(options.from, options.to, why_not);
  if (!query) {
    diagnostics.error(Code::Usage, std::string("--to"), why_not).expect("D, D:PORT or D:PORT/PROTOCOL");
    return std::nullopt;
  }
  if (options.paths.empty() && options.specs.empty() && options.policy.empty()) {
    diagnostics.error(Code::Usage, std::string("explain"), "needs a spec or artifacts").expect("--spec SPEC, or PATH…");
    return std::nullopt;
  }
  std::optional<Policy> policy;
  if (!read_given_policy(options, rules, sources, diagnostics, policy)) return std::nullopt;
  const std::optional<verify::Question> question = question_of(options, policy, rules, diagnostics);
  if (!question) return std::nullopt;
  std::optional<verify::Artifacts> artifacts = artifacts_of(options, options.paths, sources, answer.notes, diagnostics);
  if (!artifacts) return std::nullopt;
  const std::optional<verify::Explanation> explanation =
      verify::explain(*artifacts, *question, *query, sources, why_not);
  if (!explanation) {
    diagnostics.error(Code::UnknownName, std::string("explain"), why_not);
    return std::nullopt;
  }
  answer.text = verify::render_explanation(*explanation, sources, options.format == "json", options.colour);
  return answer;
}

std::optional<Answer> diff_command(const VerifyOptions& options, const Rules& rules, Sources& sources,
                                   Diagnostics& diagnostics) {
  Answer answer;
  std::optional<Policy> policy;
  if (!read_given_policy(options, rules, sources, diagnostics, policy)) return std::nullopt;
  const std::optional<verify::Question> question = question_of(options, policy, rules, diagnostics);
  if (!question) return std::nullopt;
  const std::optional<verify::Artifacts> before =
      artifacts_of(options, {options.before}, sources, answer.notes, diagnostics);
  const std::optional<verify::Artifacts> after =
      artifacts_of(options, {options.after}, sources, answer.notes, diagnostics);
  if (!before || !after) return std::nullopt;
  const verify::Difference difference = verify::difference(*before, *after, *question, sources);
  using Format = verify::DiffFormat;
  answer.text = verify::render_difference(difference, options.format == "json"       ? Format::Json
                                                      : options.format == "markdown" ? Format::Markdown
                                                                                     : Format::Text);
  answer.code = difference.way_out_gained() ? 1 : difference.notes.empty() ? 0 : 3;
  return answer;
}

}  // namespace airtight
