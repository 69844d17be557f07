// Both readers of the dns layer and the judge behind them: a configuration and zone files, NUL between them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "compiler/verify/judge.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace airtight;
  using namespace airtight::verify;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Sources sources;
  Diagnostics diagnostics;
  DnsArtifacts artifacts;
  for (int file = 0; file < 6 && !rest.empty(); ++file) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::uint32_t source = sources.add(std::string(1, static_cast<char>('a' + file)), std::string(text));
    recognise_dns(text);
    const std::size_t errors = diagnostics.errors();
    const bool read = file == 0 ? read_named_conf(source, sources, diagnostics, artifacts)
                                : read_zone_file(source, sources, diagnostics, artifacts);
    require(read == (diagnostics.errors() == errors));
    read_zone_as("corp.example", source, sources);
  }
  for (const ZoneFile& zone : artifacts.zones) {
    for (const RpzTrigger& trigger : zone.triggers) require(!trigger.address || trigger.understood);
  }
  Question question;
  question.inside = IpSet::of(Prefix::containing(Ip::v4(0x0a000000), 8));
  const LayerJudgement judgement = judge_dns(artifacts, question, sources);
  require(judgement.report.verdict != Verdict::Proven || !artifacts.resolvers.empty() || artifacts.zones.empty());
  render_text(diagnostics, sources, false);
  return 0;
}
