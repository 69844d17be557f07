#include <algorithm>
#include <array>
#include <set>

#include "auditor/evidence/crypto.h"
#include "auditor/probe/probe.h"

namespace airtight::audit {
namespace {

// RFC 2606 §2 and §3, RFC 6761 §6.
constexpr std::array kNameRanges{"example", "example.com", "example.net", "example.org", "test", "invalid"};
constexpr std::array kKnownNames{"example.com", "example.net", "example.org"};
constexpr std::array kAddressRanges{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"};
constexpr int kDraws = 64;  // for an address that is outside and nobody's exception
constexpr std::size_t kLabel = 20;
constexpr std::uint16_t kHttps = 443;
constexpr std::uint16_t kDns = 53;

std::string random_label() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
  const Secret random = Secret::random();
  std::string label;
  for (const char byte : random.bytes().substr(0, kLabel)) label += kLetters[static_cast<std::uint8_t>(byte) % 32];
  return label;
}

// Neither the first nor the last of the range: routers and broadcasts have those.
Ip random_address(const Prefix& range) {
  const Secret random = Secret::random();
  u128 bits = 0;
  for (const char byte : random.bytes().substr(0, 16)) bits = bits << 8 | static_cast<std::uint8_t>(byte);
  const u128 size = range.last().bits() - range.first().bits();
  const u128 at = range.first().bits() + 1 + bits % (size - 1);
  return range.family() == Family::V4 ? Ip::v4(static_cast<std::uint32_t>(at)) : Ip::v6(at);
}

class Plan {
 public:
  explicit Plan(const Policy& policy) : policy_(policy) {}

  void name(const std::string& text, const std::string& catalogue, bool real) {
    const std::optional<Domain> domain = Domain::parse(text);
    if (!domain || policy_.inside_names.contains(*domain) || !names_.insert(domain->text()).second) return;
    ProbeTarget target;
    target.name = domain->text();
    target.catalogue = catalogue;
    target.real = real;
    targets_.push_back(std::move(target));
  }

  bool may_try(Ip address) const {
    return !policy_.inside.contains(address) &&
           std::none_of(policy_.exceptions.begin(), policy_.exceptions.end(),
                        [&](const Exception& exception) { return exception.to.contains(address); });
  }

  void address(ProbeTarget::Kind kind, Ip ip, std::uint16_t port, const std::string& catalogue, bool real) {
    if (!may_try(ip) || !addresses_.insert({ip, port}).second) return;
    ProbeTarget target;
    target.kind = kind;
    target.address = ip;
    target.port = port;
    target.catalogue = catalogue;
    target.real = real;
    targets_.push_back(std::move(target));
  }

  std::vector<ProbeTarget> take() { return std::move(targets_); }

 private:
  const Policy& policy_;
  std::vector<ProbeTarget> targets_;
  std::set<std::string> names_;
  std::set<std::pair<Ip, std::uint16_t>> addresses_;
};

}  // namespace

std::vector<ProbeTarget> plan_probes(const Policy& policy, bool real) {
  Plan plan(policy);
  for (const char* range : kNameRanges) plan.name(random_label() + "." + range, "", false);
  for (const char* name : kKnownNames) plan.name(name, "", false);
  for (const char* range : kAddressRanges) {
    const Prefix prefix = *Prefix::parse(range);
    for (int draw = 0; draw < kDraws; ++draw) {
      const Ip address = random_address(prefix);
      if (!plan.may_try(address)) continue;
      plan.address(ProbeTarget::Kind::Tcp, address, kHttps, "", false);
      plan.address(ProbeTarget::Kind::Udp, address, kDns, "", false);
      break;
    }
  }
  if (!real) return plan.take();
  for (const Catalogue& catalogue : policy.catalogues) {
    if (!catalogue.denied) continue;
    for (const CatalogueEntry& entry : catalogue.entries) {
      if (entry.match == CatalogueEntry::Match::Suffix || entry.match == CatalogueEntry::Match::Exact) {
        plan.name(entry.value, catalogue.name, true);
      } else if (entry.match == CatalogueEntry::Match::Address) {
        if (const auto prefix = Prefix::parse(entry.value)) {
          plan.address(ProbeTarget::Kind::Tcp, prefix->first(), kHttps, catalogue.name, true);
        }
      }
    }
  }
  return plan.take();
}

}  // namespace airtight::audit
