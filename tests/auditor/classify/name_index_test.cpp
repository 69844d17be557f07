#include "auditor/classify/name_index.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "auditor/classify/boundary.h"
#include "auditor/classify/domain_form.h"
#include "tests/emit/sample_policy.h"
#include "tests/policy/random_policy.h"

namespace airtight::audit {
namespace {

TEST_CASE("is_domain() reads what Domain::parse() reads") {
  const std::vector<std::string> texts{"",
                                       ".",
                                       "..",
                                       "a",
                                       "a.",
                                       "a..",
                                       ".a",
                                       "A.B",
                                       "a_b.c",
                                       "-a.b",
                                       "a-.b",
                                       "a.1",
                                       "1.a",
                                       "a.0x1f",
                                       "a.0X1F",
                                       "a.0x",
                                       "0x7f.1",
                                       "a b",
                                       "a\\.b",
                                       "xn--",
                                       "xn--a",
                                       "xn---a",
                                       "xn--bcher-kva",
                                       "XN--BCHER-KVA",
                                       "xn--bcher-kva.example",
                                       "xn--bcher-",
                                       "xn--mnchen-3ya.de",
                                       "xn--99zzzzzzz",
                                       "xn--80ak6aa92e.com",
                                       std::string(63, 'a'),
                                       std::string(64, 'a'),
                                       "a.\xC3\xA9",
                                       std::string("a\0b", 3),
                                       "*.a",
                                       "a/b",
                                       "a:1",
                                       "[::1]",
                                       "10.0.0.1",
                                       "1"};
  for (const std::string& text : texts) {
    CAPTURE(text);
    CHECK(is_domain(text) == Domain::parse(text).has_value());
  }
  std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + ".";
  for (std::size_t last = 58; last < 64; ++last) {
    for (const auto* dot : {"", "."}) {
      const std::string text = longest + std::string(last, 'd') + dot;
      CAPTURE(text.size());
      CHECK(is_domain(text) == Domain::parse(text).has_value());
    }
  }
}

TEST_CASE("is_domain() agrees on random Punycode and random labels") {
  std::mt19937_64 engine(3492);
  std::size_t yes = 0, no = 0;
  for (int i = 0; i < 200000; ++i) {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-A_.";
    std::string text = i % 4 == 0 ? "" : i % 4 == 1 ? "x.XN--" : "xn--";
    const std::size_t letters = i % 3 == 0 ? kLetters.size() : 36;
    for (std::size_t n = 1 + engine() % 12; n > 0; --n) text += kLetters[engine() % letters];
    if (i % 5 == 0) text += ".com";
    const bool expected = Domain::parse(text).has_value();
    (expected ? yes : no) += 1;
    if (is_domain(text) != expected) {
      CAPTURE(text);
      REQUIRE(is_domain(text) == expected);
    }
  }
  CHECK(yes > 10000);
  CHECK(no > 10000);
}

std::string random_case(std::string text, std::mt19937_64& engine) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z' && engine() % 2 == 0) c = static_cast<char>(c - 'a' + 'A');
  return text;
}

TEST_CASE("inside names are those of the set, in any case, with and without a final dot") {
  std::mt19937_64 engine(1035);
  std::size_t inside = 0, outside = 0;
  for (int round = 0; round < 300; ++round) {
    const auto name = [&](std::size_t most_labels) {
      std::string text;
      for (std::size_t n = engine() % (most_labels + 1); n > 0; --n) {
        if (!text.empty()) text += '.';
        text += std::array<const char*, 5>{"a", "b", "xn--bcher-kva", "_c", "ab"}[engine() % 5];
      }
      return text;
    };
    Policy policy = tiny_policy();
    DomainSet set;
    for (std::size_t n = engine() % 12; n > 0; --n) {
      const Domain node = domain_of(std::string(name(4)) + ".");
      switch (engine() % 4) {
        case 0:
          set |= DomainSet::exactly(node);
          break;
        case 1:
          set -= DomainSet::below(node);
          break;
        case 2:
          set |= DomainSet::strictly_below(node);
          break;
        default:
          set |= DomainSet::below(node);
      }
    }
    policy.inside_names = set;
    const Boundary boundary(policy);
    CHECK(boundary.inside_name("") == set.contains(Domain::root()));
    for (int i = 0; i < 200; ++i) {
      const std::string text = name(6);
      const auto domain = Domain::parse(text + ".");
      REQUIRE(domain.has_value());
      const bool expected = set.contains(*domain);
      (expected ? inside : outside) += 1;
      CAPTURE(text, round);
      REQUIRE(boundary.inside_name(random_case(text, engine)) == expected);
      REQUIRE(boundary.inside_name(text + ".") == expected);
      REQUIRE(boundary.inside_host(random_case(text, engine) + ":8443") == expected);
      if (!text.empty()) {
        for (const std::string& broken : {text + "..", "." + text, text + "\\.a", "x y." + text, "xn--99999999." + text,
                                          text + ".1", "\xC3\xA9." + text, std::string(64, 'a') + "." + text}) {
          CAPTURE(broken);
          REQUIRE_FALSE(boundary.inside_name(broken));
        }
      }
    }
  }
  CHECK(inside > 5000);
  CHECK(outside > 5000);
}

TEST_CASE("hosts: names, literals and what is neither") {
  const Policy policy = sample_policy();
  const Boundary boundary(policy);
  struct Row {
    std::string_view host;
    bool inside;
  };
  const std::vector<Row> rows{
      {"vllm.corp.example", true},
      {"VLLM.Corp.Example.", true},
      {"vllm.corp.example:8000", true},
      {"vllm.corp.example.:8000", true},
      {"vllm.corp.example:", true},
      {"vllm.corp.example:65535", true},
      {"vllm.corp.example:65536", false},
      {"vllm.corp.example:80:80", false},
      {"vllm.corp.example:8o", false},
      {"user@vllm.corp.example", false},
      {"api.openai.com", false},
      {"openai", false},
      {"10.42.0.7", true},
      {"10.42.0.7:443", true},
      {"203.0.113.7", false},
      {"203.0.113.7:443", false},
      {"[fd00:42::1]:443", true},
      {"[FD00:42::1]", true},
      {"fd00:42::1", true},
      {"[fd00:42::1", false},
      {"[fd00:42::1]443", false},
      {"[fd00:42::1]:x", false},
      {"[10.42.0.7]", false},
      {"[fd00:42::1%eth0]", false},
      {"[2001:db8::1]:443", false},
      {"[::ffff:10.42.0.7]", false},
      {"[vllm.corp.example]", false},
      // What inet_aton would read as 127.0.0.1 or 10.42.0.7.
      {"127.0.0.1", true},
      {"127.1", false},
      {"0x7f.1", false},
      {"2130706433", false},
      {"0x7f000001", false},
      {"0177.0.0.1", false},
      {"010.042.0.7", false},
      {"10.42.0.7.", false},
      {"10.42.0x7", false},
      {"", false},
      {":443", false},
      {".", false},
      {"[", false},
      {"[]", false},
      {"::", false},
      {":", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.host);
    CHECK(boundary.inside_host(row.host) == row.inside);
  }
  CHECK_FALSE(boundary.inside_host(std::string(100000, 'a')));
  CHECK_FALSE(boundary.inside_host(std::string(100000, ':')));
  CHECK_FALSE(boundary.inside_host(std::string(100000, '.')));
  CHECK_FALSE(boundary.inside_host("vllm.corp.example:" + std::string(100000, '9')));
}

Catalogue catalogue(std::string name, bool denied, std::vector<std::pair<CatalogueEntry::Match, std::string>> entries) {
  Catalogue made;
  made.name = std::move(name);
  made.title = "title of " + made.name;
  made.denied = denied;
  for (auto& [match, value] : entries) {
    CatalogueEntry entry;
    entry.match = match;
    entry.label = made.name + " " + value;
    entry.value = std::move(value);
    made.entries.push_back(std::move(entry));
  }
  return made;
}

TEST_CASE("labels of names and addresses") {
  using Match = CatalogueEntry::Match;
  Policy policy = tiny_policy();
  policy.catalogues = {catalogue("a", false,
                                 {{Match::Suffix, "vendor.example"},
                                  {Match::Exact, "api.vendor.example"},
                                  {Match::Pattern, "^[a-z]+[.]pattern[.]example$"},
                                  {Match::Address, "192.0.2.0/24"},
                                  {Match::Address, "192.0.2.128/25"},
                                  {Match::Suffix, "deep.denied.example"}}),
                       catalogue("b", true,
                                 {{Match::Suffix, "denied.example"},
                                  {Match::Suffix, "a.denied.example"},
                                  {Match::Exact, "a.denied.example"},
                                  {Match::Pattern, "^.*[.](pattern|vendor)[.]example$"},
                                  {Match::Address, "192.0.2.0/24"},
                                  {Match::Address, "2001:db8::/32"}})};
  const Boundary boundary(policy);
  struct Row {
    std::string_view host;
    std::string_view entry;  // with the catalogue before it
  };
  const std::vector<Row> rows{
      {"vendor.example", "a vendor.example"},
      {"x.vendor.example", "a vendor.example"},  // before the pattern, although that one is denied
      {"X.VENDOR.Example.", "a vendor.example"},
      {"api.vendor.example:443", "a api.vendor.example"},
      {"x.api.vendor.example", "a vendor.example"},  // an exact entry says nothing of what is below
      {"xvendor.example", ""},
      {"x\\.vendor.example",
       "b ^.*[.](pattern|vendor)[.]example$"},  // one label "x.vendor", which only a pattern takes
      {"sp ace.vendor.example", "a vendor.example"},
      {"x.deep.denied.example", "b denied.example"},  // denied first, then the longest
      {"a.denied.example", "b a.denied.example"},
      {"x.a.denied.example", "b a.denied.example"},
      {"abc.pattern.example", "b ^.*[.](pattern|vendor)[.]example$"},
      {"ABC.Pattern.Example", "b ^.*[.](pattern|vendor)[.]example$"},
      {"192.0.2.1", "b 192.0.2.0/24"},
      {"192.0.2.129:80", "a 192.0.2.128/25"},  // the longest prefix, then denied
      {"192.0.3.1", ""},
      {"[2001:db8::1]:443", "b 2001:db8::/32"},
      {"[::ffff:192.0.2.1]", "b 192.0.2.0/24"},
      {"64:ff9b::c000:281", "a 192.0.2.128/25"},
      {"1.2.0.192.in-addr.arpa", "b 192.0.2.0/24"},
      {"1.2.0.192.IN-ADDR.ARPA.", "b 192.0.2.0/24"},
      {"01.2.0.192.in-addr.arpa", ""},
      {"256.2.0.192.in-addr.arpa", ""},
      {"2.0.192.in-addr.arpa", ""},
      {"1.1.2.0.192.in-addr.arpa", ""},
      {"a.2.0.192.in-addr.arpa", ""},
      {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6.arpa", "b 2001:db8::/32"},
      {"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", ""},
      {"in-addr.arpa", ""},
      {".in-addr.arpa", ""},
      {"", ""},
      {".", ""},
      {"\\", ""},
      {"\\.", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.host);
    const Label label = boundary.label_name(row.host);
    CHECK(label.entry == row.entry);
    CHECK(label.catalogue == row.entry.substr(0, row.entry.empty() ? 0 : 1));
    CHECK(std::string(label.title) == (row.entry.empty() ? "" : "title of " + std::string(label.catalogue)));
  }
  CHECK_FALSE(boundary.label_name(std::string(100000, 'a') + ".pattern.example"));
  for (const Ip ip : {ip_of("192.0.2.200"), ip_of("2001:db8::5")}) {
    CHECK(boundary.label_name(to_string(reverse_name(ip))).entry == boundary.label(ip).entry);
  }
}

TEST_CASE("labels of names equal a walk over the catalogues") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Policy policy = random_policy(seed);
    const Boundary boundary(policy);
    std::mt19937_64 engine(seed);
    std::vector<std::string> names{"nothing.example"};
    for (const Catalogue& c : policy.catalogues)
      for (const CatalogueEntry& e : c.entries)
        if (e.match == CatalogueEntry::Match::Exact || e.match == CatalogueEntry::Match::Suffix)
          names.push_back(e.value);
    for (int i = 0; i < 100; ++i) {
      std::string text = names[engine() % names.size()];
      if (engine() % 2 == 0) text = "sub." + text;
      if (engine() % 4 == 0 && text.find('.') != std::string::npos) text = text.substr(text.find('.') + 1);
      const Domain name = domain_of(text);
      std::tuple<bool, std::size_t, bool> best;
      std::string_view entry;
      std::string_view in;
      for (const Catalogue& c : policy.catalogues) {
        for (const CatalogueEntry& e : c.entries) {
          const bool exact = e.match == CatalogueEntry::Match::Exact;
          if (!exact && e.match != CatalogueEntry::Match::Suffix) continue;
          const Domain value = domain_of(e.value);
          if (exact ? name != value : !name.is_within(value)) continue;
          const std::tuple rank{c.denied, e.value.size(), exact};
          if (!entry.empty() && rank <= best) continue;
          best = rank;
          entry = e.label;
          in = c.name;
        }
      }
      if (entry.empty()) continue;  // patterns have rows of their own above
      CAPTURE(text, seed);
      const Label label = boundary.label_name(random_case(text, engine));
      REQUIRE(label.entry == entry);
      REQUIRE(label.catalogue == in);
    }
  }
}

}  // namespace
}  // namespace airtight::audit
