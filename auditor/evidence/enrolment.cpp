#include "auditor/evidence/enrolment.h"

#include "auditor/evidence/text_fields.h"
#include "compiler/policy/compiled_policy.h"  // is_digest()

namespace airtight::audit {
namespace {

constexpr std::string_view kFormat = "airtight-enrolment/1 ed25519";

std::optional<Enrolment> parse(std::string_view text, std::string& why) {
  LineReader in(text);
  in.demand(in.line() == kFormat, "expected '" + std::string(kFormat) + "'");
  Enrolment enrolment;
  enrolment.plan.node = in.field("node");
  enrolment.plan.first = in.time("first");
  enrolment.plan.length = in.number("length");
  enrolment.plan.count = in.number("epochs");
  in.demand(enrolment.plan.valid(), "no possible epochs");
  const auto root = hash_from_base64(in.field("keys"));
  in.demand(root.has_value(), "expected 'keys' and a hash in base64");
  enrolment.key_root = root.value_or(Hash{});
  enrolment.inventory_digest = in.field("inventory");
  in.demand(is_digest(enrolment.inventory_digest), "expected 'inventory' and a SHA-256 digest");
  do {
    enrolment.policy_digests.emplace_back(in.field("policy"));
    in.demand(is_digest(enrolment.policy_digests.back()), "expected 'policy' and a SHA-256 digest");
  } while (!in.failed() && in.next_name() == "policy");
  enrolment.signed_at = in.time("signed");
  in.demand(in.at_end(), "nothing may follow 'signed'");
  if (in.failed()) {
    why = in.why();
    return std::nullopt;
  }
  return enrolment;
}

}  // namespace

std::string sign_enrolment(const Enrolment& enrolment, const NoteSigner& trust) {
  const EpochPlan& plan = enrolment.plan;
  std::string text = std::string(kFormat) + "\nnode " + plan.node + "\nfirst " + time_text(plan.first) + "\nlength " +
                     std::to_string(plan.length) + "\nepochs " + std::to_string(plan.count) + "\nkeys " +
                     to_base64(bytes_of(enrolment.key_root)) + "\ninventory " + enrolment.inventory_digest + "\n";
  for (const std::string& digest : enrolment.policy_digests) text += "policy " + digest + "\n";
  text += "signed " + time_text(enrolment.signed_at) + "\n";
  return sign_note(text, trust.name, trust.seed);
}

std::optional<Enrolment> read_enrolment(std::string_view bytes, const NoteKey& trust, std::string& why) {
  const auto note = parse_note(bytes);
  if (!note) {
    why = "it is no signed note";
    return std::nullopt;
  }
  switch (check_note(*note, trust)) {
    case NoteCheck::Good:
      return parse(note->text, why);
    case NoteCheck::Unsigned:
      why = "the trust root " + trust.name + " did not sign it";
      break;
    case NoteCheck::Forged:
      why = "the signature in the name of " + trust.name + " is false";
      break;
  }
  return std::nullopt;
}

std::optional<Enrolment> read_enrolment_unchecked(std::string_view bytes, std::string& why) {
  const auto note = parse_note(bytes);
  if (!note) {
    why = "it is no signed note";
    return std::nullopt;
  }
  return parse(note->text, why);
}

}  // namespace airtight::audit
