#include "auditor/evidence/checkpoint.h"

#include "auditor/evidence/text_fields.h"
#include "auditor/evidence/tiles.h"
#include "compiler/policy/compiled_policy.h"  // is_digest()

namespace airtight::audit {

std::string checkpoint_text(const Checkpoint& c) {
  std::string text = c.origin + "\n" + std::to_string(c.size) + "\n" + to_base64(bytes_of(c.root)) + "\n";
  const auto line = [&](std::string_view name, std::string_view value) {
    text += std::string(name) + " " + std::string(value) + "\n";
  };
  line("format", kLogFormat);
  line("node", c.node);
  line("boot", c.boot_id);
  line("epoch", std::to_string(c.epoch));
  line("seal", std::to_string(c.seal));
  line("time", time_text(c.time));
  line("kept", std::to_string(c.kept));
  line("policy", c.policy_digest);
  line("counters", c.counters_digest);
  line("canaries", c.canaries_digest);
  line("previous", c.previous ? to_base64(bytes_of(*c.previous)) : "none");
  return text;
}

std::optional<Checkpoint> parse_checkpoint(std::string_view text, std::string& why) {
  LineReader in(text);
  Checkpoint c;
  c.origin = in.line();
  in.demand(!c.origin.empty(), "expected an origin");
  const auto size = parse_number(in.line());
  in.demand(size.has_value(), "expected a tree size");
  c.size = size.value_or(0);
  const auto root = hash_from_base64(in.line());
  in.demand(root.has_value(), "expected a root hash in base64");
  c.root = root.value_or(Hash{});
  in.demand(in.field("format") == kLogFormat, "expected 'format " + std::string(kLogFormat) + "'");
  const auto token = [&](std::string_view name) {
    const std::string_view value = in.field(name);
    in.demand(is_token(value), "expected '" + std::string(name) + "' and visible characters");
    return std::string(value);
  };
  const auto digest = [&](std::string_view name) {
    const std::string_view value = in.field(name);
    in.demand(is_digest(value), "expected '" + std::string(name) + "' and a SHA-256 digest");
    return std::string(value);
  };
  c.node = token("node");
  c.boot_id = token("boot");
  c.epoch = in.number("epoch");
  c.seal = in.number("seal");
  c.time = in.time("time");
  c.kept = in.number("kept");
  in.demand(c.kept <= c.size, "'kept' is beyond the tree size");
  c.policy_digest = digest("policy");
  c.counters_digest = digest("counters");
  c.canaries_digest = digest("canaries");
  if (const std::string_view previous = in.field("previous"); previous != "none") {
    c.previous = hash_from_base64(previous);
    in.demand(c.previous.has_value(), "expected 'previous' and a hash in base64, or 'none'");
  }
  in.demand(c.previous.has_value() == (c.seal > 0), "'previous' is 'none' for seal 0 and for no other");
  in.demand(in.at_end(), "nothing may follow 'previous'");
  if (in.failed()) {
    why = in.why();
    return std::nullopt;
  }
  return c;
}

std::string seal_path(std::uint64_t number) { return "seal/" + index_path(number); }

}  // namespace airtight::audit
