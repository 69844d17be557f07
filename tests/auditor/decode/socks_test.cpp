#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "auditor/decode/http.h"
#include "compiler/net/ip.h"
#include "tests/auditor/allocation_counter.h"
#include "tests/auditor/decode/wire.h"

namespace airtight::audit {
namespace {

std::string read(const Octets& stream) {
  SocksRequest request;
  const ReadStatus status = read_socks_request(stream, request);
  switch (status) {
    case ReadStatus::NeedMore:
      return "NeedMore";
    case ReadStatus::NotThis:
      return "NotThis";
    case ReadStatus::Malformed:
      return "Malformed";
    case ReadStatus::Found:
      break;
  }
  return "socks" + std::to_string(request.version) + " " + std::string(request.name.text()) + " port " +
         std::to_string(request.port) + " consumed " + std::to_string(request.consumed);
}

struct Row {
  const char* about;
  std::string stream;
  std::string expected;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.about);
    const Octets stream = wire(row.stream);
    CHECK(read(stream) == row.expected);
    bool decided = false;
    for (std::size_t size = 0; size < stream.size(); ++size) {
      const std::string part = read(Octets(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size)));
      decided = decided || part != "NeedMore";
      if (decided) REQUIRE(part == row.expected);
    }
    if (row.expected != "NeedMore") CHECK(read(stream + wire("160301 00 05 01")) == row.expected);
  }
}

TEST_CASE("socks: version 4") {
  check({
      {"an address", "04 01 0050 c0000201 'me' 00", "socks4 192.0.2.1 port 80 consumed 11"},
      {"no user", "04 01 01bb c0000201 00", "socks4 192.0.2.1 port 443 consumed 9"},
      {"4a: a name", "04 01 0050 00000001 'me' 00 'www.example.com' 00", "socks4 www.example.com port 80 consumed 27"},
      {"4a: bytes that are not for printing", "04 01 0050 000000ff 00 'a' 0aff 00",
       "socks4 a\\010\\255 port 80 consumed 13"},
      {"4a: an empty name", "04 01 0050 00000001 00 00", "Malformed"},
      {"0.0.0.0 is an address", "04 02 0050 00000000 00", "socks4 0.0.0.0 port 80 consumed 9"},
      {"Tor's RESOLVE", "04 f0 0000 00000001 00 'a' 00", "socks4 a port 0 consumed 11"},
      {"version 4 has no UDP", "04 03 0050 c0000201 00", "NotThis"},
      {"a user without end", "04 01 0050 c0000201 'me'", "NeedMore"},
      {"another protocol", "03 00", "NotThis"},
  });
  const Octets user(255, 'u');
  CHECK(read(wire("04 01 0050 c0000201") + user + wire("00")) == "socks4 192.0.2.1 port 80 consumed 264");
  CHECK(read(wire("04 01 0050 c0000201") + user + wire("'u'")) == "Malformed");
  CHECK(read(wire("04 01 0050 c0000201") + user) == "NeedMore");
}

TEST_CASE("socks: version 5") {
  check({
      {"a name", "05 01 00  05 01 00 03 0f 'www.example.com' 01bb", "socks5 www.example.com port 443 consumed 25"},
      {"an IPv4 address", "05 01 00  05 01 00 01 c0000201 0050", "socks5 192.0.2.1 port 80 consumed 13"},
      {"an IPv6 address", "05 01 00  05 01 00 04 20010db8000000000000000000000001 0050",
       "socks5 2001:db8::1 port 80 consumed 25"},
      {"BIND", "05 01 00  05 02 00 01 c0000201 0050", "socks5 192.0.2.1 port 80 consumed 13"},
      {"UDP ASSOCIATE", "05 01 00  05 03 00 01 00000000 0000", "socks5 0.0.0.0 port 0 consumed 13"},
      {"a user name and a password", "05 02 0002  01 04 'user' 02 'pw'  05 01 00 03 01 'a' 0050",
       "socks5 a port 80 consumed 21"},
      {"offered, and not asked for", "05 02 0002  05 01 00 03 01 'a' 0050", "socks5 a port 80 consumed 12"},
      {"empty ones", "05 01 02  01 00 00  05 01 00 03 01 'a' 0050", "socks5 a port 80 consumed 14"},
      {"GSSAPI offered, and not asked for", "05 02 0001  05 01 00 03 01 'a' 0050", "socks5 a port 80 consumed 12"},
      {"GSSAPI", "05 01 01  01 01 0004 aabbccdd", "Malformed"},
      {"GSSAPI where a password could be", "05 02 0102  01 01 0003 aabbcc dd", "Malformed"},
      {"a private method", "05 01 80  aa", "Malformed"},
      {"authentication that was not offered", "05 01 00  01 00 00", "NotThis"},
      {"something else behind the greeting", "05 01 00  47", "NotThis"},
      {"no methods", "05 00 0b 03", "NotThis"},
      {"version 4 behind authentication", "05 01 02  01 00 00  04", "Malformed"},
      {"a command that nobody registered", "05 01 00  05 09", "Malformed"},
      {"an address form that nobody registered", "05 01 00  05 01 00 02", "Malformed"},
      {"an empty name", "05 01 00  05 01 00 03 00", "Malformed"},
      {"not whole", "05 01 00  05 01 00 03 0f 'www.example.com' 01", "NeedMore"},
      {"nothing", "", "NeedMore"},
  });
}

TEST_CASE("socks: addresses are written as everywhere else") {
  std::mt19937 random(5);
  const std::string special[] = {"00000000000000000000000000000000", "00000000000000000000000000000001",
                                 "0000000000000000000000000000ffff", "0000000000000000000000000001ffff",
                                 "00000000000000000000000001020304", "00000000000000000000ffff01020304",
                                 "00000000000000000000ffff00000000", "0064ff9b000000000000000001020304",
                                 "0000000000000000ffff000001020304", "00000000000000000001000001020304"};
  std::vector<Octets> addresses;
  for (const auto& text : special) addresses.push_back(wire(text));
  for (int i = 0; i < 3'000; ++i) {
    Octets address(16);
    for (std::size_t group = 0; group < 16; group += 2) {
      if (random() % 2 == 0) continue;
      address[group] = random() % 2 == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(random());
      address[group + 1] = static_cast<std::uint8_t>(random());
    }
    addresses.push_back(address);
  }
  for (const Octets& address : addresses) {
    u128 bits = 0;
    for (const std::uint8_t byte : address) bits = bits << 8 | byte;
    CHECK(read(wire("05 01 00 05 01 00 04") + address + wire("0050")) ==
          "socks5 " + to_string(Ip::v6(bits)) + " port 80 consumed 25");
  }
}

TEST_CASE("socks: reading allocates nothing") {
  const Octets streams[] = {wire("05 01 02 01 00 00 05 01 00 04 20010db8000000000000000000000001 0050"),
                            wire("05 01 02 01 00 00 05 01 00 04 00000000000000000000000001020304 0050"),
                            wire("04 01 0050 00000001 'me' 00 'www.example.com' 00")};
  for (const Octets& stream : streams) {
    SocksRequest request;
    const auto before = allocations();
    const ReadStatus status = read_socks_request(stream, request);
    const auto after = allocations();
    CHECK(status == ReadStatus::Found);
    CHECK(after == before);
  }
}

}  // namespace
}  // namespace airtight::audit
