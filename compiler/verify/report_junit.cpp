#include <map>
#include <unordered_map>
#include <utility>

#include "compiler/net/excerpt.h"
#include "compiler/policy/diagnostic.h"
#include "compiler/verify/report.h"
#include "compiler/verify/report_wording.h"

namespace airtight::verify {
namespace {

// Characters that XML 1.0 §2.2 forbids are spelt out: controls by printable(), the two non-characters here.
std::string escaped(std::string_view text) {
  std::string out;
  std::string line;
  const auto flush = [&] {
    const std::string safe = printable(line);
    for (std::size_t at = 0; at < safe.size();) {
      const std::optional<CodePoint> point = first_code_point(std::string_view(safe).substr(at));
      const std::size_t length = point ? point->length : 1;
      switch (point ? point->value : U'?') {
        case U'<':
          out += "&lt;";
          break;
        case U'>':
          out += "&gt;";
          break;
        case U'&':
          out += "&amp;";
          break;
        case U'"':
          out += "&quot;";
          break;
        case char32_t{0xFFFE}:
          out += "U+FFFE";
          break;
        case char32_t{0xFFFF}:
          out += "U+FFFF";
          break;
        default:
          out += safe.substr(at, length);
      }
      at += length;
    }
    line.clear();
  };
  for (const char c : text) {  // our own line ends stay
    if (c != '\n') {
      line += c;
      continue;
    }
    flush();
    out += '\n';
  }
  flush();
  return out;
}

struct Case {
  std::string name;
  std::vector<const Finding*> findings;
  std::optional<Verdict> bare;  // without a finding: what is not proven all the same
  std::string reason;           // of `bare`
  std::string skipped;          // why nothing was asked
  std::string output;
};

struct Suite {
  std::string name;
  std::vector<Case> cases;
  std::size_t failures = 0, errors = 0, skipped = 0;
};

// The cases of one list of findings: subject × property, and subject × rule for findings of no property.
class CaseList {
 public:
  Case& at(const std::string& subject, std::string_view aspect) {
    Case& found = cases_[{subject, std::string(aspect)}];
    found.name = subject.empty() ? std::string(aspect) : subject + ": " + std::string(aspect);
    return found;
  }
  std::vector<Case> take() && {
    std::vector<Case> out;
    for (auto& [unused, each] : cases_) out.push_back(std::move(each));
    return out;
  }

 private:
  std::map<std::pair<std::string, std::string>, Case> cases_;
};

bool fails_its_case(const Finding& finding) { return finding.effect == Verdict::Violated || fails_by_itself(finding); }

std::string_view aspect_of(const Finding& finding) {
  return finding.property ? to_string(*finding.property) : info(finding.rule).id;
}

// A finding that names no workload is one of every workload of its layer, or of the layer itself.
void add_findings(CaseList& cases, const std::vector<Finding>& findings, const std::vector<std::string>& everybody) {
  const std::vector<std::string> nobody{""};
  for (const Finding& finding : findings) {
    const bool of_all = finding.workloads.empty() && finding.property && !everybody.empty();
    const std::vector<std::string>& subjects = of_all                      ? everybody
                                               : finding.workloads.empty() ? nobody
                                                                           : finding.workloads;
    for (const std::string& subject : subjects) cases.at(subject, aspect_of(finding)).findings.push_back(&finding);
  }
}

Suite suite_of(const LayerReport& layer) {
  CaseList cases;
  const std::vector<std::string> subjects = layer.workloads.empty() ? std::vector<std::string>{""} : layer.workloads;
  bool asked = false;
  const auto add = [&](Property property, std::optional<Verdict> verdict) {
    if (!verdict) return;
    asked = true;
    bool found = false;
    for (const Finding& finding : layer.findings) found |= finding.property == property;
    for (const std::string& subject : subjects) {
      Case& each = cases.at(subject, to_string(property));
      if (found || *verdict == Verdict::Proven) continue;
      each.bare = *verdict;
      each.reason = "the layer is " + std::string(to_string(*verdict));
    }
  };
  add(Property::Sealed, layer.sealed);
  add(Property::Complete, layer.complete);
  add(Property::Exact, layer.exact);
  add_findings(cases, layer.findings, layer.workloads);
  if (!asked && layer.findings.empty()) {
    Case& each = cases.at("", "layer");
    if (layer.verdict == Verdict::Proven) {
      each.skipped = "nothing was asked of this layer";
    } else {
      each.bare = layer.verdict;
      each.reason = "the layer is " + std::string(to_string(layer.verdict));
    }
  }
  return {std::string(to_string(layer.layer)), std::move(cases).take()};
}

std::string list_text(std::string_view title, const std::vector<std::string>& entries) {
  std::string out;
  for (const std::string& entry : entries) out += "  " + printable(entry) + "\n";
  return out.empty() ? out : std::string(title) + ":\n" + out;
}

// The verdict itself, first, so that no file is without a case.
Suite verdict_suite(const Report& report) {
  Case verdict;
  verdict.name = "verdict";
  if (report.verdict != Verdict::Proven) {
    verdict.bare = report.verdict;
    verdict.reason = heading(report);
  }
  verdict.output = list_text("exceptions", report.exceptions) + list_text("inside", report.inside) +
                   list_text("assumptions", report.assumptions);
  for (const NotUnderstood& thing : report.unsupported)
    verdict.output += "not understood: " + printable(thing.subject) + ": " + printable(thing.message) + "\n";
  return {"verdict", {std::move(verdict)}};
}

class JunitReport {
 public:
  explicit JunitReport(const Sources& sources) : sources_(sources) {}

  std::string write(std::vector<Suite> suites) && {
    std::string body;
    std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;
    for (Suite& suite : suites) {
      std::string cases;
      for (const Case& each : suite.cases) cases += case_text(suite, each);
      body += "  <testsuite" + attribute("name", suite.name) + counts(suite.cases.size(), suite) + ">\n" + cases +
              "  </testsuite>\n";
      tests += suite.cases.size(), failures += suite.failures, errors += suite.errors, skipped += suite.skipped;
    }
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" + attribute("name", "airtight verify") +
           counts(tests, {{}, {}, failures, errors, skipped}) + ">\n" + body + "</testsuites>\n";
  }

 private:
  static std::string attribute(std::string_view name, std::string_view value) {
    return " " + std::string(name) + "=\"" + escaped(value) + "\"";
  }
  static std::string counts(std::size_t tests, const Suite& suite) {
    return attribute("tests", std::to_string(tests)) + attribute("failures", std::to_string(suite.failures)) +
           attribute("errors", std::to_string(suite.errors)) + attribute("skipped", std::to_string(suite.skipped));
  }

  // One outcome a case, the worst: Jenkins reads no more.
  std::string case_text(Suite& suite, const Case& each) {
    bool fails = each.bare == Verdict::Violated;
    bool open = each.bare == Verdict::Inconclusive;
    for (const Finding* finding : each.findings) {
      fails |= fails_its_case(*finding);
      open |= finding->effect == Verdict::Inconclusive;
    }
    std::string body, output = escaped(each.output);
    for (const Finding* finding : each.findings) (fails || open ? body : output) += details(*finding);

    std::string inner;
    if (fails || open) {
      ++(fails ? suite.failures : suite.errors);
      inner = problem(fails, each, body);
    } else if (!each.skipped.empty()) {
      ++suite.skipped;
      inner = "      <skipped" + attribute("message", each.skipped) + "/>\n";
    }
    if (!output.empty()) inner += "      <system-out>" + output + "</system-out>\n";
    const std::string start =
        "    <testcase" + attribute("classname", "airtight." + suite.name) + attribute("name", printable(each.name));
    return inner.empty() ? start + "/>\n" : start + ">\n" + inner + "    </testcase>\n";
  }

  // Its type and message are those of the first finding that decides.
  static std::string problem(bool fails, const Case& each, const std::string& body) {
    std::string type(each.bare ? to_string(*each.bare) : ""), summary = each.reason;
    for (const Finding* finding : each.findings) {
      if (!type.empty() || fails != fails_its_case(*finding)) continue;
      type = outcome(*finding);
      summary = std::string(info(finding->rule).id) + ": " + printable(finding->message);
    }
    const std::string tag = fails ? "failure" : "error";
    const std::string start = "      <" + tag + attribute("type", type) + attribute("message", summary);
    return body.empty() ? start + "/>\n" : start + ">" + body + "</" + tag + ">\n";
  }

  // Escaped; made once a finding, however many workloads share it.
  const std::string& details(const Finding& finding) {
    std::string& known = details_[&finding];
    if (known.empty()) known = escaped(details_of(finding));
    return known;
  }

  std::string details_of(const Finding& finding) const {
    std::string text = std::string(outcome(finding)) + "[" + std::string(info(finding.rule).id) +
                       "]: " + printable(finding.message) + "\n";
    const auto field = [&](std::string_view name, const std::string& value) {
      if (!value.empty()) text += "  " + std::string(name) + ": " + value + "\n";
    };
    field("toward", printable(finding.destination));
    field("packet", packet_text(finding));
    field("extent", printable(finding.extent));
    for (const Because& because : finding.because) {
      field("because", (because.where.known() ? place_text(sources_, because.where) + ": " : "") +
                           printable(because.object) + (because.object.empty() || because.absent.empty() ? "" : ": ") +
                           printable(because.absent));
      if (because.where.known()) text += line_with_caret(sources_, because.where, false);
    }
    field("help", printable(finding.remedy));
    return text;
  }

  const Sources& sources_;
  std::unordered_map<const Finding*, std::string> details_;
};

}  // namespace

std::string render_report_junit(const Report& report, const Sources& sources) {
  std::vector<Suite> suites{verdict_suite(report)};
  for (const LayerReport& layer : report.layers) suites.push_back(suite_of(layer));
  if (!report.findings.empty()) {
    CaseList cases;
    add_findings(cases, report.findings, {});
    suites.push_back({"whole", std::move(cases).take()});
  }
  return JunitReport(sources).write(std::move(suites));
}

}  // namespace airtight::verify
