#include "compiler/net/ip.h"

#include <catch2/catch.hpp>

#include "compiler/net/excerpt.h"
#include "tests/net/oracle.h"

namespace airtight {
namespace {

Ip ip(std::string_view text) {
  const auto parsed = Ip::parse(text);
  INFO(text);
  REQUIRE(parsed);
  return *parsed;
}

struct Row {
  std::string_view text;
  std::string_view expected;
};

TEST_CASE("ip: good text, and its canonical form") {
  const Row rows[] = {
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"10.20.0.10", "10.20.0.10"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"fd00:20::10", "fd00:20::10"},
      // RFC 5952 §1, §2 and §4: one address, many spellings.
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8::1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:0db8::1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8:0:0:1::1", "2001:db8::1:0:0:1"},
      {"2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"},
      {"2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"},
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // §4.2.2: one zero group is not shortened
      {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},        // §4.2.3: the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},  // §4.2.3: the first of equals
      {"0:0:1:0:0:0:0:0", "0:0:1::"},
      {"::1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
      {"ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
      // Embedded dotted quads, RFC 5952 §5 for the mapped form.
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
      {"::FFFF:c000:201", "::ffff:192.0.2.1"},
      {"0:0:0:0:0:ffff:192.0.2.1", "::ffff:192.0.2.1"},
      {"::ffff:0:0", "::ffff:0.0.0.0"},
      {"::192.0.2.1", "::c000:201"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"1:2:3:4:5:6:255.255.0.1", "1:2:3:4:5:6:ffff:1"},
      {"::2:3:4:5:6:1.2.3.4", "0:2:3:4:5:6:102:304"},
      {"::ffff:0:192.0.2.1", "::ffff:0:c000:201"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto parsed = Ip::parse(row.text);
    REQUIRE(parsed);
    CHECK(to_string(*parsed) == row.expected);
    CHECK(why_not_ip(row.text).empty());
    CHECK(Ip::parse(row.expected) == parsed);
  }
}

TEST_CASE("ip: bad text, and what is said about it") {
  using namespace std::string_view_literals;
  const Row rows[] = {
      {"", "the text is empty"},
      {" 10.0.0.1", "a space is not part of an address"},
      {"10.0.0.1 ", "a space is not part of an address"},
      {"10.0.0.1\n", "a space is not part of an address"},
      {"fd00::1\t", "a space is not part of an address"},
      {"10", "an IPv4 address is four octets, not one number"},
      {"167772161", "an IPv4 address is four octets, not one number"},
      {"10.0", "2 octets where 4 are needed"},
      {"10.0.1", "3 octets where 4 are needed"},
      {"10.0.0.1.2", "5 octets where 4 are needed"},
      {"10.0.0.", "an octet is empty"},
      {".10.0.0.1", "an octet is empty"},
      {"10..0.1", "an octet is empty"},
      {".", "an octet is empty"},
      {"10.0.0.256", "octet 256 is above 255"},
      {"10.0.0.1000", "octet 1000 is above 255"},
      {"10.0.0.99999999999999999999999999999999999999999999",
       "octet 9999999999999999999999999999999999999999... is above 255"},
      {"010.0.0.1", "leading zero in octet 010"},
      {"10.0.0.00", "leading zero in octet 00"},
      {"10.0.0.0x10", "octet 0x10 is not a decimal number"},
      {"0x0a000001", "octet 0x0a000001 is not a decimal number"},
      {"10.0.0.1a", "octet 1a is not a decimal number"},
      {"10.0.0.-1", "this is a name, not an address"},
      {"10.0.0.+1", "'+' is not part of an address"},
      {"10.0.0.a", "this is a name, not an address"},
      {"localhost", "this is a name, not an address"},
      {"vllm.corp.example", "this is a name, not an address"},
      {"corp.example.", "this is a name, not an address"},
      {"dead.beef.", "this is a name, not an address"},
      {"-.", "this is a name, not an address"},
      {"dead.beef", "this is a name, not an address"},
      {"my_host", "this is a name, not an address"},
      {"10.0.0.1:80", "a port is not part of an address"},
      {"[fd00::1]", "brackets are not part of an address"},
      {"[fd00::1]:443", "brackets are not part of an address"},
      {"http://10.0.0.1", "a scheme is not part of an address"},
      {"10.0.0.0/8", "this is a prefix, not one address"},
      {"10.0.0.1/8", "this is a prefix, not one address"},
      {"fd00::/8", "this is a prefix, not one address"},
      {"10.0.0.1/x", "\"/\" is not part of an address"},
      {"10.0.0.1-10.0.0.9", "this is a range, not one address"},
      {"fe80::1%eth0", "a zone index names an interface of one machine"},
      {"fe80::1%", "a zone index names an interface of one machine"},
      {"fe80::1%25eth0", "a zone index names an interface of one machine"},
      {"10.0.0.1%eth0", "a zone index names an interface of one machine"},
      {"fe80::1::%eth0", "'%' is not part of an address"},
      {":", "a single \":\" stands at the start"},
      {":1:2:3:4:5:6:7", "a single \":\" stands at the start"},
      {"1:2:3:4:5:6:7:", "a single \":\" stands at the end"},
      {"fd00::1:", "a single \":\" stands at the end"},
      {":::", "more than two colons stand together"},
      {"fd00:::1", "more than two colons stand together"},
      {"fd00::1::2", "\"::\" stands twice"},
      {"::1::", "\"::\" stands twice"},
      {"fd00:1", "2 groups where 8 are needed"},
      {"1:2:3:4:5:6:7", "7 groups where 8 are needed"},
      {"1:2:3:4:5:6:7:8:9", "there are more than 8 groups"},
      {"::1:2:3:4:5:6:7:8:9", "there are more than 8 groups"},
      {"1:2:3:4::5:6:7:8", "\"::\" stands for no group, since all 8 are written"},
      {"::1:2:3:4:5:6:7:8", "\"::\" stands for no group, since all 8 are written"},
      {"1:2:3:4:5:6:7:8::", "\"::\" stands for no group, since all 8 are written"},
      {"fd00::12345", "group 12345 has more than four digits"},
      {"fd00::g", "'g' is not a hexadecimal digit"},
      {"fd00::0x1", "'x' is not a hexadecimal digit"},
      {"fd00::-1", "'-' is not part of an address"},
      {"::ffff:192.0.2", "3 octets where 4 are needed"},
      {"::ffff:192.0.2.256", "octet 256 is above 255"},
      {"::ffff:192.0.2.01", "leading zero in octet 01"},
      {"::192.0.2.1:1", "the dotted quad does not stand at the end"},
      {"1:2:3:4:5:6:7:192.0.2.1", "there are more than 8 groups"},
      {"::ffff:1.2.3.4.5", "5 octets where 4 are needed"},
      {"::.", "an octet is empty"},
      {"10.0.0.\xD9\xA1", "U+0661 is not part of an address"},
      {"\xEF\xBC\x91\x30.0.0.1", "U+FF11 is not part of an address"},
      {"10.0.0.1\0"sv, "U+0000 is not part of an address"},
      {"10.0.0.\xFF", "the text is not UTF-8"},
      {"*", "'*' is not part of an address"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK_FALSE(Ip::parse(row.text));
    CHECK(why_not_ip(row.text) == row.expected);
  }
}

TEST_CASE("ip: IPv4 comes before IPv6, then by number") {
  CHECK(ip("255.255.255.255") < ip("::"));
  CHECK(ip("10.0.0.9") < ip("10.0.0.10"));
  CHECK(ip("::ffff:10.0.0.1") != ip("10.0.0.1"));
  CHECK(ip("::ffff:ffff:ffff:ffff") < ip("1::"));
}

TEST_CASE("ip: every printed address reads back") {
  oracle::Random random(3);
  const std::size_t count = oracle::cases(20'000, 1'000'000);
  for (std::size_t i = 0; i < count; ++i) {
    const auto v4 = Ip::v4(static_cast<std::uint32_t>(random.bits()));
    u128 bits = 0;
    for (int group = 0; group < 8; ++group) bits = bits << 16 | (random.coin() ? 0 : random.bits() & 0xFFFF);
    const auto v6 = Ip::v6(bits);
    if (Ip::parse(to_string(v4)) != v4 || Ip::parse(to_string(v6)) != v6) FAIL(to_string(v4) << ' ' << to_string(v6));
  }
  oracle::report("addresses printed and read back", 2 * count);
}

TEST_CASE("ip: a text is an address exactly when there is nothing to say against it") {
  constexpr std::string_view kAlphabet = "0129afx:./%[- ";
  oracle::Random random(8);
  const std::size_t count = oracle::cases(50'000, 5'000'000);
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    for (std::size_t n = random.below(20); n > 0; --n) text += kAlphabet[random.below(kAlphabet.size())];
    if (Ip::parse(text).has_value() != why_not_ip(text).empty()) FAIL("address " << text);
    if (Prefix::parse(text).has_value() != why_not_prefix(text).empty()) FAIL("prefix " << text);
    if (Prefix::parse(text) && masked_prefix(text) != Prefix::parse(text)) FAIL("masked " << text);
  }
  oracle::report("random texts read as addresses and prefixes", count);
}

TEST_CASE("ip: the IPv4 address inside an IPv6 address") {
  const struct {
    std::string_view text;
    std::string_view address;
    std::string_view mechanism;
  } rows[] = {
      {"::ffff:192.0.2.1", "192.0.2.1", "IPv4-mapped (RFC 4291)"},
      {"::ffff:0:0", "0.0.0.0", "IPv4-mapped (RFC 4291)"},
      {"::ffff:0:192.0.2.1", "192.0.2.1", "IPv4-translated"},
      {"64:ff9b::192.0.2.33", "192.0.2.33", "NAT64 (RFC 6052)"},
      {"64:ff9b:1::192.0.2.33", "192.0.2.33", "local-use NAT64 (RFC 8215)"},
      {"64:ff9b:1:ffff:ffff:ffff:192.0.2.33", "192.0.2.33", "local-use NAT64 (RFC 8215)"},
      {"2002:c000:204::1", "192.0.2.4", "6to4 (RFC 3056)"},
      {"2002:ffff:ffff:ffff::", "255.255.255.255", "6to4 (RFC 3056)"},
      {"2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45", "Teredo (RFC 4380)"},
      {"::192.0.2.1", "192.0.2.1", "IPv4-compatible (RFC 4291)"},
      {"::2", "0.0.0.2", "IPv4-compatible (RFC 4291)"},
      {"fe80::5efe:192.0.2.1", "192.0.2.1", "ISATAP (RFC 5214)"},
      {"2001:db8::200:5efe:c000:201", "192.0.2.1", "ISATAP (RFC 5214)"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto embedded = embedded_ipv4(ip(row.text));
    REQUIRE(embedded);
    CHECK(to_string(Ip::v4(embedded->address)) == row.address);
    CHECK(embedded->mechanism == row.mechanism);
  }
  for (const std::string_view text : {"::", "::1", "192.0.2.1", "::fffe:0:1", "::1:ffff:192.0.2.1", "64:ff9b::1:0:0",
                                      "64:ff9b:2::1", "2003::1", "2001:1::1", "2001:db8::1", "fe80::100:5efe:1:1"}) {
    INFO(text);
    CHECK_FALSE(embedded_ipv4(ip(text)));
  }
}

TEST_CASE("prefix: good text") {
  const struct {
    std::string_view text, printed, first, last;
  } rows[] = {
      {"10.0.0.0/8", "10.0.0.0/8", "10.0.0.0", "10.255.255.255"},
      {"0.0.0.0/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
      {"192.0.2.1/32", "192.0.2.1/32", "192.0.2.1", "192.0.2.1"},
      {"::/0", "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"fd00:42::/56", "fd00:42::/56", "fd00:42::", "fd00:42:0:ff:ffff:ffff:ffff:ffff"},
      {"FD00::1/128", "fd00::1/128", "fd00::1", "fd00::1"},
      {"::ffff:10.0.0.0/104", "::ffff:10.0.0.0/104", "::ffff:10.0.0.0", "::ffff:10.255.255.255"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto prefix = Prefix::parse(row.text);
    REQUIRE(prefix);
    CHECK(to_string(*prefix) == row.printed);
    CHECK(to_string(prefix->first()) == row.first);
    CHECK(to_string(prefix->last()) == row.last);
    CHECK(masked_prefix(row.text) == prefix);
    CHECK(why_not_prefix(row.text).empty());
  }
}

TEST_CASE("prefix: bad text, and what is said about it") {
  const Row rows[] = {
      {"", "the text is empty"},
      {"10.0.0.1", "this is one address; its prefix is 10.0.0.1/32"},
      {"fd00::1", "this is one address; its prefix is fd00::1/128"},
      {"10.0.0.0/", "the length after \"/\" is missing"},
      {"/8", "the text is empty"},
      {"10.0.0.0/33", "length 33 is above 32"},
      {"10.0.0.0/4294967304", "length 4294967304 is above 32"},
      {"fd00::/129", "length 129 is above 128"},
      {"10.0.0.0/08", "leading zero in length 08"},
      {"10.0.0.0/00", "leading zero in length 00"},
      {"10.0.0.0/-1", "length -1 is not a decimal number"},
      {"10.0.0.0/+8", "length +8 is not a decimal number"},
      {"10.0.0.0/8/8", "length 8/8 is not a decimal number"},
      {"10.0.0.0/0x8", "length 0x8 is not a decimal number"},
      {"10.0.0.0/8.", "length 8. is not a decimal number"},
      {"10.0.0.0/255.0.0.0", "a netmask is not a length; the length is 8"},
      {"10.0.0.0/255.255.255.255", "a netmask is not a length; the length is 32"},
      {"10.0.0.0/255.0.255.0", "length 255.0.255.0 is not a decimal number"},
      {"10.1.0.0/8", "host bits are set; the prefix is 10.0.0.0/8"},
      {"10.0.0.1/31", "host bits are set; the prefix is 10.0.0.0/31"},
      {"1.2.3.4/0", "host bits are set; the prefix is 0.0.0.0/0"},
      {"fd00::1/64", "host bits are set; the prefix is fd00::/64"},
      {"ffff::/0", "host bits are set; the prefix is ::/0"},
      {"::ffff:10.1.0.0/104", "host bits are set; the prefix is ::ffff:10.0.0.0/104"},
      {"10.0/8", "2 octets where 4 are needed"},
      {"10/8", "an IPv4 address is four octets, not one number"},
      {"10.0.0.256/8", "octet 256 is above 255"},
      {"fe80::1%eth0/64", "a zone index names an interface of one machine"},
      {"10.0.0.0 /8", "a space is not part of a prefix"},
      {"10.0.0.0/8 ", "a space is not part of a prefix"},
      {"https://10.0.0.0/8", "a scheme is not part of a prefix"},
      {"corp.example", "this is a name, not an address"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK_FALSE(Prefix::parse(row.text));
    CHECK(why_not_prefix(row.text) == row.expected);
  }
  CHECK(to_string(*masked_prefix("10.1.2.3/8")) == "10.0.0.0/8");
  CHECK_FALSE(masked_prefix("10.1.2.3/33"));
  CHECK_FALSE(masked_prefix("10.1.2.3"));
}

TEST_CASE("prefix: construction and containment") {
  CHECK_FALSE(Prefix::of(ip("10.0.0.1"), 8));
  CHECK_FALSE(Prefix::of(ip("10.0.0.0"), 33));
  CHECK_FALSE(Prefix::of(ip("10.0.0.0"), -1));
  CHECK(Prefix::of(ip("10.0.0.0"), 8) == Prefix::parse("10.0.0.0/8"));
  CHECK(Prefix::containing(ip("10.1.2.3"), 0) == Prefix::parse("0.0.0.0/0"));
  CHECK(Prefix::containing(ip("fd00::1"), 0) == Prefix::parse("::/0"));
  CHECK(Prefix::containing(ip("fd00::1"), 128) == Prefix::host(ip("fd00::1")));
  const Prefix ten = *Prefix::parse("10.0.0.0/8");
  CHECK(ten.contains(ip("10.255.255.255")));
  CHECK_FALSE(ten.contains(ip("11.0.0.0")));
  CHECK_FALSE(ten.contains(ip("::ffff:10.0.0.1")));
  CHECK_FALSE(ten.contains(ip("::a00:1")));
  CHECK(ten.contains(ten));
  CHECK(ten.contains(*Prefix::parse("10.1.0.0/16")));
  CHECK_FALSE(Prefix::parse("10.1.0.0/16")->contains(ten));
  CHECK_FALSE(Prefix::parse("0.0.0.0/0")->contains(*Prefix::parse("::/0")));
  CHECK(ten < *Prefix::parse("10.0.0.0/9"));
}

TEST_CASE("excerpt: bytes that could disturb a terminal are escaped") {
  CHECK(excerpt("a\x1B[2J\xC3\xBC") == "a\\x1B[2J\\xC3\\xBC");
  CHECK(excerpt(std::string(41, 'x')) == std::string(40, 'x') + "...");
  CHECK(name_of(U'x') == "'x'");
  CHECK(name_of(U'\u202E') == "U+202E");
  CHECK(name_of(char32_t{0x1F600}) == "U+1F600");
}

TEST_CASE("excerpt: UTF-8 in its shortest form only") {
  const struct {
    std::string_view text;
    char32_t value;  // 0: refused
  } rows[] = {{"a", 'a'},
              {"\xC3\xBC", 0xFC},
              {"\xE2\x82\xAC", 0x20AC},
              {"\xF0\x9F\x98\x80", 0x1F600},
              {"\xF4\x8F\xBF\xBF", 0x10FFFF},
              {"\x80", 0},
              {"\xC0\xAF", 0},
              {"\xC3", 0},
              {"\xC3\x28", 0},
              {"\xE0\x80\xAF", 0},
              {"\xED\xA0\x80", 0},
              {"\xF0\x80\x80\xAF", 0},
              {"\xF4\x90\x80\x80", 0},
              {"\xF5\x80\x80\x80", 0}};
  for (const auto& row : rows) {
    INFO(excerpt(row.text));
    const auto point = first_code_point(row.text);
    CHECK(point.has_value() == (row.value != 0));
    if (point) CHECK(point->value == row.value);
    if (point) CHECK(point->length == row.text.size());
  }
}

}  // namespace
}  // namespace airtight
