#include "compiler/net/domain.h"

#include <algorithm>
#include <bitset>
#include <catch2/catch.hpp>

#include "compiler/net/idna.h"
#include "tests/net/oracle.h"

namespace airtight {
namespace {

Domain name(std::string_view text) {
  const auto parsed = Domain::parse(text);
  INFO(text);
  REQUIRE(parsed);
  return *parsed;
}

std::string repeated(std::string_view label, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text.append(i == 0 ? "" : ".").append(label);
  return text;
}

struct Row {
  std::string text;
  std::string expected;
};

TEST_CASE("domain: good text, and its canonical form") {
  const Row rows[] = {
      {".", "."},
      {"corp.example", "corp.example"},
      {"Corp.EXAMPLE.", "corp.example"},
      {"localhost", "localhost"},
      {"_dns.resolver.arpa", "_dns.resolver.arpa"},
      {"_443._tcp.corp.example", "_443._tcp.corp.example"},
      {"a-b.c--d.example", "a-b.c--d.example"},
      {"r3---sn-abc.example", "r3---sn-abc.example"},
      {"10.in-addr.arpa", "10.in-addr.arpa"},
      {"1.2.3.4.example", "1.2.3.4.example"},
      {"7f.0x7g", "7f.0x7g"},
      {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
      {"xn--p1ai", "xn--p1ai"},
      {std::string(63, 'a'), std::string(63, 'a')},
      {repeated("a", 127), repeated("a", 127)},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto parsed = Domain::parse(row.text);
    REQUIRE(parsed);
    CHECK(to_string(*parsed) == row.expected);
    CHECK(why_not_domain(row.text).empty());
    CHECK(Domain::parse(row.expected) == parsed);
  }
}

TEST_CASE("domain: bad text, and what is said about it") {
  const Row rows[] = {
      {"", "the text is empty; the root is written \".\""},
      {"..", "a label is empty"},
      {".corp.example", "a label is empty"},
      {"corp..example", "a label is empty"},
      {"corp.example..", "a label is empty"},
      {"corp .example", "a space is not part of a name"},
      {"corp.example\n", "a space is not part of a name"},
      {"https://corp.example", "a scheme is not part of a name"},
      {"https://corp.example/x", "a scheme is not part of a name"},
      {"corp.example/x", "a path is not part of a name"},
      {"corp.example:443", "a port is not part of a name"},
      {"10.0.0.1:443", "a port is not part of a name"},
      {"corp.example:x", "':' is not part of a name"},
      {"me@corp.example", "a user is not part of a name"},
      {"*.corp.example", "a wildcard is not a name"},
      {"*", "a wildcard is not a name"},
      {"10.0.0.1", "this is an address, not a name"},
      {"fd00::1", "this is an address, not a name"},
      {"fe80::1%eth0", "this is an address, not a name"},
      {"[fd00::1]", "brackets are not part of a name"},
      {"10.0.0.0/8", "this is a prefix, not a name"},
      {"fd00::/8", "this is a prefix, not a name"},
      {"10.0.0.1.", "the last label, 1, is a number"},
      {"10.0.1", "the last label, 1, is a number"},
      {"010.0.0.1", "the last label, 1, is a number"},
      {"a.0x7f", "the last label, 0x7f, is a number"},
      {"a.0X7F", "the last label, 0x7f, is a number"},
      {"42", "the last label, 42, is a number"},
      {"-corp.example", "label -corp starts with a hyphen"},
      {"corp-.example", "label corp- ends with a hyphen"},
      {"corp.-", "label - starts with a hyphen"},
      {"corp!.example", "'!' is not part of a name"},
      {"corp\\.example", "'\\' is not part of a name"},
      {std::string("corp\0.example", 13), "U+0000 is not part of a name"},
      {std::string(64, 'a') + ".example",
       "label aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa... is 64 octets long; 63 are allowed"},
      {repeated("a", 127) + "b", "the name is 254 octets long; 253 are allowed"},
      {repeated("a", 127) + "bc", "the name is 255 octets long; 253 are allowed"},
      {repeated("a", 128), "the name is 255 octets long; 253 are allowed"},
      {"xn--.example", "label xn-- ends with a hyphen"},
      {"xn--0.example", "label xn--0 starts with \"xn--\" but is not valid Punycode"},
      {"xn--corp-.example", "label xn--corp- ends with a hyphen"},
      {"xn--99999999999.example", "label xn--99999999999 starts with \"xn--\" but is not valid Punycode"},
      {"xn--b_cher.example", "label xn--b_cher starts with \"xn--\" but is not valid Punycode"},
      // U-labels: what to write, where that is certain.
      {"b\xC3\xBC"
       "cher.example",
       "a name is written in ASCII; write it as xn--bcher-kva.example"},
      {"B\xC3\x9C"
       "CHER.Example.",
       "a name is written in ASCII; write it as xn--bcher-kva.example"},
      {"www.fa\xC3\x9F.example", "a name is written in ASCII; write it as www.xn--fa-hia.example"},
      {"\xD0\xBF\xD1\x80\xD0\xB8\xD0\xBC\xD0\xB5\xD1\x80.\xD1\x80\xD1\x84",
       "a name is written in ASCII; write it as xn--e1afmkfd.xn--p1ai"},
      {"\xD0\x9F\xD0\xA0\xD0\x98\xD0\x9C\xD0\x95\xD0\xA0.\xD0\xA0\xD0\xA4",
       "a name is written in ASCII; write it as xn--e1afmkfd.xn--p1ai"},
      {"\xE4\xBE\x8B\xE5\xAD\x90.example", "a name is written in ASCII; write it as xn--fsqu00a.example"},
      {"\xC4\xB0stanbul.example", "a name is written in ASCII; write its A-labels (Punycode)"},
      {"b\xC3\xBC"
       "cher..example",
       "a label is empty"},
      {"b\xC3\xBC"
       "cher.42",
       "the last label, 42, is a number"},
      {"p\xD0\xB0ypal.example", "one label mixes Latin and Cyrillic letters, which look alike (U+0430)"},
      {"\xCE\xBFpenai.example", "one label mixes Greek and Latin letters, which look alike ('p')"},
      {"corp\xE3\x80\x82"
       "example",
       "U+3002 looks like a dot; write \".\""},
      {"\xEF\xBD\x83orp.example", "U+FF43 looks like 'c'; write that"},
      {"co\xE2\x80\x8Brp.example", "U+200B is invisible"},
      {"co\xE2\x81\xA0rp.example", "U+2060 is invisible"},
      {"bu\xCC\x88"
       "cher.example",
       "U+0308 is a combining mark; write the composed letter"},
      {"\xF0\x9F\x98\x80.example", "U+1F600 is neither a letter nor a digit"},
      {"corp\xE2\x80\x93x.example", "U+2013 is neither a letter nor a digit"},
      {"corp\xFF.example", "the text is not UTF-8"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(Domain::parse(row.text).has_value() == row.expected.empty());
    CHECK(why_not_domain(row.text) == row.expected);
  }
}

TEST_CASE("domain: a text is a name exactly when there is nothing to say against it") {
  constexpr std::string_view kAlphabet = "aBx-.._n09:/*@ \xC3\xBC\xD0\xB0";
  oracle::Random random(12);
  const std::size_t count = oracle::cases(50'000, 3'000'000);
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = random.below(4) == 0 ? "xn--" : "";
    for (std::size_t n = random.below(14); n > 0; --n) text += kAlphabet[random.below(kAlphabet.size())];
    if (Domain::parse(text).has_value() != why_not_domain(text).empty()) FAIL(text << ": " << why_not_domain(text));
  }
  oracle::report("random texts read as names", count);
}

TEST_CASE("idna: Punycode both ways") {
  const struct {
    std::u32string_view label;
    std::string_view text;
  } rows[] = {
      {U"b\u00FCcher", "bcher-kva"},
      {U"\u00FC", "tda"},
      {U"\u4F8B\u5B50", "fsqu00a"},
      // RFC 3492 §7.1 (B), (L) and (R).
      {U"\u4ED6\u4EEC\u4E3A\u4EC0\u4E48\u4E0D\u8BF4\u4E2D\u6587", "ihqwcrb4cv8a8dqg056pqjye"},
      {U"3\u5E74B\u7D44\u91D1\u516B\u5148\u751F", "3B-ww4c5e180e575a65lsy2b"},
      {U"\u305D\u306E\u30B9\u30D4\u30FC\u30C9\u3067", "d9juau41awczczp"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    CHECK(punycode_encode(row.label) == std::string(row.text));
    CHECK(punycode_decode(row.text) == std::u32string(row.label));
  }
  CHECK_FALSE(punycode_encode(std::u32string(64, U'\u00FC')));
  CHECK_FALSE(punycode_decode(std::string(64, 'a')));
  CHECK_FALSE(punycode_decode("99999999"));
  CHECK_FALSE(is_a_label("xn--bcher-kva-"));
  CHECK_FALSE(is_a_label("xn--corp-"));
}

TEST_CASE("idna: random labels survive Punycode") {
  oracle::Random random(13);
  const std::size_t count = oracle::cases(20'000, 1'000'000);
  for (std::size_t i = 0; i < count; ++i) {
    std::u32string label;
    for (std::size_t n = 1 + random.below(12); n > 0; --n) {
      const auto point = static_cast<char32_t>(random.coin() ? 'a' + random.below(26) : 0x80 + random.below(0x10FF80));
      label += point >= 0xD800 && point <= 0xDFFF ? U'\u00FC' : point;
    }
    const auto text = punycode_encode(label);
    if (!text) FAIL("no encoding");
    if (text->size() <= 63 && punycode_decode(*text) != label) FAIL(*text);
  }
  oracle::report("labels through Punycode and back", count);
}

TEST_CASE("domain: the order of RFC 4034 §6.1") {
  // The RFC's list without the two names whose labels are not letters, digits, hyphens and underscores.
  const std::vector<std::string_view> ordered{".",           "example",        "a.example", "yljkjljk.a.example",
                                              "z.a.example", "zabc.a.example", "z.example", "example-a",
                                              "a.example-a"};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      INFO(ordered[i] << " and " << ordered[j]);
      CHECK((name(ordered[i]) <=> name(ordered[j])) == (i <=> j));
    }
  }
}

TEST_CASE("domain: labels, parents and enclosing names") {
  const Domain host = name("vllm.corp.example");
  CHECK(host.labels() == std::vector<std::string_view>{"vllm", "corp", "example"});
  CHECK(Domain::root().labels().empty());
  CHECK(host.parent() == name("corp.example"));
  CHECK(name("example").parent() == Domain::root());
  CHECK_FALSE(Domain::root().parent());
  CHECK(host.is_within(host));
  CHECK(host.is_within(name("example")));
  CHECK(host.is_within(Domain::root()));
  CHECK(Domain::root().is_within(Domain::root()));
  CHECK_FALSE(Domain::root().is_within(host));
  CHECK_FALSE(name("evilcorp.example").is_within(name("corp.example")));
  CHECK_FALSE(name("corp.example").is_within(host));
}

TEST_CASE("domain: reverse names") {
  CHECK(to_string(reverse_name(*Ip::parse("192.0.2.10"))) == "10.2.0.192.in-addr.arpa");
  CHECK(to_string(reverse_name(*Ip::parse("2001:db8::567:89ab"))) ==
        "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
  CHECK(Domain::parse(reverse_name(*Ip::parse("255.255.255.255")).text()) == reverse_name(Ip::v4(0xFFFFFFFF)));
  CHECK(Domain::parse(reverse_name(Ip::v6(0)).text()) == reverse_name(Ip::v6(0)));
}

// All names of at most `depth` labels over the letters, in canonical order.
std::vector<Domain> universe(std::string_view letters, int depth) {
  std::vector<Domain> names{Domain::root()};
  std::size_t begin = 0;
  for (int level = 0; level < depth; ++level) {
    const std::size_t end = names.size();
    for (std::size_t i = begin; i < end; ++i) {
      for (const char letter : letters) {
        std::string text(1, letter);
        if (!names[i].is_root()) text.append(1, '.').append(names[i].text());
        names.push_back(name(text));
      }
    }
    begin = end;
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Sets are made from names of at most three labels over {a, b}. The probes add a label z that no set names, so that
// they also see what is said about names below; then equal probes mean equal sets.
using Probes = std::bitset<121>;
const std::vector<Domain>& probes() {
  static const std::vector<Domain> names = universe("abz", 4);
  return names;
}
Probes probes_of(const DomainSet& set) {
  Probes result;
  for (std::size_t i = 0; i < probes().size(); ++i) result[i] = set.contains(probes()[i]);
  return result;
}
Probes exactly(const Domain& which) {
  Probes result;
  for (std::size_t i = 0; i < probes().size(); ++i) result[i] = probes()[i] == which;
  return result;
}
Probes below(const Domain& which) {
  Probes result;
  for (std::size_t i = 0; i < probes().size(); ++i) result[i] = probes()[i].is_within(which);
  return result;
}

bool is_canonical(const DomainSet& set) {
  const auto nodes = set.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (i > 0 && !(nodes[i - 1].name < nodes[i].name)) return false;
    bool above = false;
    for (std::size_t j = 0; j < i; ++j) {
      if (nodes[i].name.is_within(nodes[j].name)) above = nodes[j].below;  // the last one is the nearest
    }
    if (nodes[i].self == above && nodes[i].below == above) return false;
  }
  return true;
}

std::string wrong_operation(const DomainSet& a, const DomainSet& b, const Probes& x, const Probes& y) {
  if (probes_of(a | b) != (x | y) || !is_canonical(a | b)) return "|";
  if (probes_of(a & b) != (x & y) || !is_canonical(a & b)) return "&";
  if (probes_of(a - b) != (x & ~y) || !is_canonical(a - b)) return "-";
  if (probes_of(~a) != ~x || !is_canonical(~a) || ~~a != a) return "~";
  if (a.subset_of(b) != (x & ~y).none()) return "subset_of";
  if (a.intersects(b) != (x & y).any()) return "intersects";
  if ((a == b) != (x == y)) return "==";
  if (a.empty() != x.none() || a.is_all() != x.all()) return "empty or is_all";
  DomainSet c = a;
  DomainSet d = a;
  DomainSet e = a;
  if ((c |= b) != (a | b) || (d &= b) != (a & b) || (e -= b) != a - b) return "assignment";
  return "";
}

// Two bits a name: whether it is in the set, and whether names below are until a longer name says otherwise.
std::pair<DomainSet, Probes> from_bits(const std::vector<Domain>& names, std::uint64_t bits) {
  DomainSet set;
  Probes model;
  for (std::size_t i = 0; i < names.size(); ++i) {  // enclosing names first
    set -= DomainSet::below(names[i]);
    model &= ~below(names[i]);
    if ((bits >> (2 * i) & 1) != 0) {
      set |= DomainSet::exactly(names[i]);
      model |= exactly(names[i]);
    }
    if ((bits >> (2 * i + 1) & 1) != 0) {
      set |= DomainSet::strictly_below(names[i]);
      model |= below(names[i]) & ~exactly(names[i]);
    }
  }
  return {set, model};
}

TEST_CASE("domain_set: every pair of sets over names of at most one label agrees with probes") {
  const std::vector<Domain> names = universe("ab", 1);
  std::vector<std::pair<DomainSet, Probes>> sets;
  for (std::uint64_t bits = 0; bits < 64; ++bits) {
    sets.push_back(from_bits(names, bits));
    REQUIRE(probes_of(sets.back().first) == sets.back().second);
  }
  for (const auto& [a, x] : sets) {
    for (const auto& [b, y] : sets) {
      const std::string wrong = wrong_operation(a, b, x, y);
      if (!wrong.empty()) FAIL(wrong);
    }
  }
  oracle::report("pairs of name sets, exhaustive", sets.size() * sets.size());
}

TEST_CASE("domain_set: random sets over names of at most three labels agree with probes") {
  const std::vector<Domain> names = universe("ab", 3);
  REQUIRE(names.size() == 15);
  oracle::Random random(21);
  // Made by a random sequence of operations, so that nodes become redundant and appear again.
  const auto random_set = [&] {
    DomainSet set;
    Probes model;
    for (std::size_t n = random.below(10); n > 0; --n) {
      const Domain& which = names[random.below(names.size())];
      const std::size_t kind = random.below(3);
      const DomainSet one = kind == 0   ? DomainSet::exactly(which)
                            : kind == 1 ? DomainSet::below(which)
                                        : DomainSet::strictly_below(which);
      const Probes one_model = kind == 0 ? exactly(which) : kind == 1 ? below(which) : below(which) & ~exactly(which);
      switch (random.below(4)) {
        case 0:
          set &= ~one, model &= ~one_model;
          break;
        case 1:
          set = ~set | one, model = ~model | one_model;
          break;
        default:
          set |= one, model |= one_model;
          break;
      }
    }
    if (random.below(3) == 0) return from_bits(names, random.bits());
    return std::pair(set, model);
  };
  const std::size_t pairs = oracle::cases(500, 50'000);
  for (std::size_t i = 0; i < pairs; ++i) {
    const auto [a, x] = random_set();
    const auto [b, y] = random.below(8) == 0 ? std::pair(a, x) : random_set();
    if (probes_of(a) != x || !is_canonical(a)) FAIL("pair " << i);
    const std::string wrong = wrong_operation(a, b, x, y);
    if (!wrong.empty()) FAIL(wrong << " of pair " << i);
  }
  oracle::report("pairs of random name sets", pairs);
}

TEST_CASE("domain_set: suffixes and names in any order, with repetitions") {
  const std::vector<Domain> names{name("b.example"), name("a.b.example"), name("a.example"), name("b.example"),
                                  name("xb.example")};
  const DomainSet zones = DomainSet::from_suffixes(names);
  CHECK(zones.nodes().size() == 3);
  CHECK(zones == (DomainSet::below(name("a.example")) | DomainSet::below(name("b.example")) |
                  DomainSet::below(name("xb.example"))));
  const DomainSet hosts = DomainSet::from_names(names);
  CHECK(hosts.nodes().size() == 4);
  CHECK(hosts.contains(name("a.b.example")));
  CHECK_FALSE(hosts.contains(name("c.b.example")));
  CHECK(hosts.subset_of(zones));
  CHECK(DomainSet::from_suffixes({}).empty());
  const std::vector<Domain> everything{name("example"), Domain::root()};
  CHECK(DomainSet::from_suffixes(everything).is_all());
}

TEST_CASE("domain_set: a hole in a zone") {
  const DomainSet inside = DomainSet::below(name("corp.example")) - DomainSet::below(name("telemetry.corp.example"));
  CHECK(inside.contains(name("corp.example")));
  CHECK(inside.contains(name("vllm.corp.example")));
  CHECK_FALSE(inside.contains(name("telemetry.corp.example")));
  CHECK_FALSE(inside.contains(name("x.telemetry.corp.example")));
  CHECK(inside.contains(name("xtelemetry.corp.example")));
  CHECK_FALSE(inside.contains(Domain::root()));
  const std::vector<DomainSet::Node> expected{{name("corp.example"), true, true},
                                              {name("telemetry.corp.example"), false, false}};
  CHECK(std::equal(inside.nodes().begin(), inside.nodes().end(), expected.begin(), expected.end()));
}

TEST_CASE("domain_set: 100,000 names") {
  std::vector<Domain> names;
  for (int i = 0; i < 100'000; ++i) {
    std::string text = "h";
    text.append(std::to_string(i)).append(".z").append(std::to_string(i % 100)).append(".example");
    names.push_back(name(text));
  }
  const DomainSet set = DomainSet::from_suffixes(names);
  CHECK(set.nodes().size() == 100'000);
  CHECK((set | ~set).is_all());
  CHECK((set & ~set).empty());
  CHECK(set.contains(name("x.h4242.z42.example")));
  CHECK_FALSE(set.contains(name("h4242.z43.example")));
}

}  // namespace
}  // namespace airtight
