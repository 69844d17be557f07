// The stream of read_rulesets(): a frame a dump, and before them one without a tool whose text is their number, so that
// a stream that ends early at the end of a frame is not taken for whole.
#include <charconv>
#include <limits>

#include "auditor/opener/message.h"
#include "auditor/opener/opener.h"

namespace airtight::audit {

std::string encode_dump(const RulesetDump& dump) {
  std::string bytes(1, dump.failed ? '\1' : '\0');
  for (const std::string* part : {&dump.tool, &dump.text, &dump.error}) {
    put_u32(bytes, static_cast<std::uint32_t>(part->size()));
    bytes += *part;
  }
  return bytes;
}

bool decode_dumps(std::string_view bytes, std::vector<RulesetDump>& dumps, std::string& why) {
  dumps.clear();
  why.clear();
  const auto refuse = [&](std::string reason) {
    dumps.clear();
    why = std::move(reason);
    return false;
  };
  if (bytes.empty()) return refuse("the opener gave no ruleset at all");
  std::size_t announced = std::numeric_limits<std::size_t>::max();
  for (std::size_t number = 0; !bytes.empty(); ++number) {
    const char failed = bytes[0];
    if (failed != '\0' && failed != '\1') return refuse("a ruleset of the opener begins with neither 0 nor 1");
    RulesetDump dump;
    dump.failed = failed == '\1';
    bytes.remove_prefix(1);
    for (std::string* part : {&dump.tool, &dump.text, &dump.error}) {
      if (bytes.size() < 4 || bytes.size() - 4 < get_u32(bytes))
        return refuse("the rulesets of the opener end within one of them");
      const std::size_t size = get_u32(bytes);
      part->assign(bytes.substr(4, size));
      bytes.remove_prefix(4 + size);
    }
    if (!dump.tool.empty()) {
      dumps.push_back(std::move(dump));
      continue;
    }
    std::size_t count = 0;
    const char* end = dump.text.data() + dump.text.size();
    const auto [last, error] = std::from_chars(dump.text.data(), end, count);
    if (number != 0 || error != std::errc() || last != end || dump.failed || !dump.error.empty())
      return refuse("a ruleset of the opener does not say which tool gave it");
    announced = count;
  }
  if (announced != std::numeric_limits<std::size_t>::max() && announced != dumps.size())
    return refuse("the opener announced " + std::to_string(announced) + " rulesets and gave " +
                  std::to_string(dumps.size()));
  if (dumps.empty()) return refuse("the opener gave no ruleset at all");
  return true;
}

}  // namespace airtight::audit
