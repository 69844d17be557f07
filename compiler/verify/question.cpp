#include "compiler/verify/question.h"

#include <array>
#include <string_view>

namespace airtight::verify {
namespace {

// What a verdict says of one inside range: where it comes from, and whether it is public.
std::string described(const Prefix& prefix, std::string_view what, bool is_public) {
  std::string text = to_string(prefix) + " (" + std::string(what) + ")";
  if (is_public) text += ", public";
  return text;
}

IpSet private_space() {
  const std::array<Prefix, 6> ranges{*Prefix::parse("10.0.0.0/8"),     *Prefix::parse("172.16.0.0/12"),
                                     *Prefix::parse("192.168.0.0/16"), *Prefix::parse("fc00::/7"),
                                     *Prefix::parse("127.0.0.0/8"),    *Prefix::parse("::1/128")};
  return IpSet::from(ranges);
}

bool is_public(const Prefix& prefix) {
  static const IpSet kPrivate =
      private_space() | IpSet::of(*Prefix::parse("169.254.0.0/16")) | IpSet::of(*Prefix::parse("fe80::/10"));
  return !IpSet::of(prefix).subset_of(kPrivate);
}

IpSet loopback() { return IpSet::of(*Prefix::parse("127.0.0.0/8")) | IpSet::of(*Prefix::parse("::1/128")); }

}  // namespace

Question question(const Policy& policy, Date at) {
  Question question;
  question.policy = &policy;
  question.inside = policy.inside;
  for (const InsideRange& range : policy.inside_ranges)
    question.inside_text.push_back(described(range.prefix, range.what, is_public(range.prefix)));
  question.at = at;
  question.every_pod = true;
  question.catalogues = policy.catalogues;
  return question;
}

Question question(const std::vector<Prefix>& inside, const std::vector<Catalogue>& catalogues, Date at) {
  Question question;
  question.at = at;
  question.catalogues = catalogues;
  if (!inside.empty()) {
    question.inside = IpSet::from(inside) | loopback();
    for (const Prefix& prefix : inside)
      question.inside_text.push_back(described(prefix, "--inside", is_public(prefix)));
  } else {
    question.inside = private_space();
    for (const std::string_view text : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"})
      question.inside_text.push_back(described(*Prefix::parse(text), "default", false));
    for (const Catalogue& catalogue : catalogues)
      if (catalogue.name == "cloud-metadata") {
        question.inside -= catalogue.addresses();
        question.inside_text.push_back("less the addresses of the catalogue cloud-metadata");
      }
  }
  question.inside_text.push_back("127.0.0.0/8 and ::1 (loopback)");
  return question;
}

}  // namespace airtight::verify
