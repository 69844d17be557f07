#include "tests/verify/dns/dns_case.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "compiler/builtin.h"
#include "compiler/emit/target.h"
#include "compiler/spec/resolve.h"

namespace airtight::verify {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(std::string(AIRTIGHT_SOURCE_DIR) + "/" + path, std::ios::binary);
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

DnsCase compiled_dns(const std::string& spec) {
  static const Rules rules = builtin_rules();
  static std::map<std::string, DnsCase> made;
  const auto known = made.find(spec);
  if (known != made.end()) return known->second;
  DnsCase result;
  Sources sources;
  Diagnostics diagnostics;
  const std::vector<std::uint32_t> files{sources.add(spec, read_file(spec))};
  std::optional<Policy> policy = read_policy(files, rules, result.at, sources, diagnostics);
  INFO(render_text(diagnostics, sources, false));
  REQUIRE(policy);
  const std::vector<TargetId> targets{TargetId::Rpz, TargetId::Bind};
  for (Artifact& artifact : emit_targets(*policy, targets))
    result.files.emplace(artifact.path, std::move(artifact.content));
  result.policy = std::make_shared<const Policy>(std::move(*policy));
  made.emplace(spec, result);
  return result;
}

DnsCase dns_files(std::map<std::string, std::string> files) {
  DnsCase result;
  result.files = std::move(files);
  result.with_policy = false;
  return result;
}

DnsCase& DnsCase::replace(const std::string& path, std::string_view what, std::string_view by) {
  std::string& text = files.at(path);
  const std::size_t where = text.find(what);
  INFO(path << " holds no " << what);
  REQUIRE(where != std::string::npos);
  text.replace(where, what.size(), by);
  return *this;
}

DnsCase& DnsCase::drop_line(const std::string& path, std::string_view start) {
  std::string& text = files.at(path);
  const std::size_t where = text.find("\n" + std::string(start));
  INFO(path << " has no line " << start);
  REQUIRE(where != std::string::npos);
  text.erase(where, text.find('\n', where + 1) - where);
  return *this;
}

DnsCase& DnsCase::drop_block(const std::string& path, std::string_view start) {
  std::string& text = files.at(path);
  const std::size_t where = text.find("\n" + std::string(start));
  INFO(path << " has no block " << start);
  REQUIRE(where != std::string::npos);
  text.erase(where, text.find("\n};\n", where) + 3 - where);
  return *this;
}

DnsCase& DnsCase::append(const std::string& path, std::string_view text) {
  files.at(path) += text;
  return *this;
}

DnsJudged judged(const DnsCase& dns) {
  DnsJudged result;
  result.sources = std::make_shared<Sources>();
  Sources& sources = *result.sources;
  Diagnostics diagnostics;
  result.readable = true;
  for (const auto& [path, text] : dns.files) {
    const std::uint32_t source = sources.add(path, text);
    const DnsText kind = recognise_dns(text);
    if (kind == DnsText::ZoneFile) {
      result.readable = read_zone_file(source, sources, diagnostics, result.artifacts) && result.readable;
    } else if (kind == DnsText::NamedConf) {
      result.readable = read_named_conf(source, sources, diagnostics, result.artifacts) && result.readable;
    }
  }
  result.diagnostics = render_text(diagnostics, sources, false);
  CHECK(result.readable == !diagnostics.has_errors());
  Question question;
  question.at = dns.at;
  if (dns.with_policy) {
    question.policy = dns.policy.get();
    question.inside = dns.policy->inside;
  } else {
    for (const char* inside : {"10.0.0.0/8", "fd00::/8", "127.0.0.0/8", "::1/128"}) {
      question.inside |= IpSet::of(*Prefix::parse(inside));
    }
  }
  result.judgement = judge_dns(result.artifacts, question, sources);
  return result;
}

std::string told(const DnsCase& dns) {
  const DnsJudged result = judged(dns);
  if (!result.readable) return result.diagnostics;
  std::string text(to_string(result.judgement.report.verdict));
  text += '\n';
  for (const Finding& finding : result.judgement.report.findings) {
    text += std::string(info(finding.rule).id) + " " + std::string(to_string(finding.effect)) + ": " + finding.message;
    if (!finding.destination.empty()) text += " (" + finding.destination + ")";
    for (const Because& because : finding.because) {
      if (!because.where.known()) continue;
      std::string_view line = result.sources->line(because.where.source, because.where.begin);
      line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
      text += " at " + result.sources->name(because.where.source) + ": " + std::string(line);
      break;
    }
    text += '\n';
  }
  return text;
}

}  // namespace airtight::verify
