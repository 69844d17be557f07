#include "auditor/decode/dns.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/auditor/allocation_counter.h"
#include "tests/auditor/decode/wire.h"

namespace airtight::audit {
namespace {

using Lines = std::vector<std::string>;

class Recorder final : public DnsSink {
 public:
  Lines lines;

  void question(const DnsHeader&, const NameText& name, std::uint16_t type, std::uint16_t rr_class) override {
    lines.push_back("question " + show(name) + " type " + std::to_string(type) + " class " + std::to_string(rr_class));
  }
  void address(const DnsHeader&, DnsSection section, const NameText& owner, std::uint16_t type, Ip ip) override {
    add(section, owner, type, " address " + to_string(ip));
  }
  void target(const DnsHeader&, DnsSection section, const NameText& owner, std::uint16_t type,
              const NameText& target) override {
    add(section, owner, type, " target " + show(target));
  }
  void record(const DnsHeader&, DnsSection section, const NameText& owner, std::uint16_t type, bool ech) override {
    add(section, owner, type, ech ? " record ech" : " record");
  }

 private:
  static std::string show(const NameText& name) {
    return (name.empty() ? "<root>" : std::string(name.text())) + (name.cut() ? "<cut>" : "");
  }
  void add(DnsSection section, const NameText& owner, std::uint16_t type, const std::string& what) {
    static constexpr const char* kSections[] = {"answer ", "authority ", "additional "};
    lines.push_back(kSections[static_cast<int>(section)] + show(owner) + " type " + std::to_string(type) + what);
  }
};

std::string to_text(DnsStatus status) {
  static constexpr const char* kNames[] = {"Ok", "Truncated", "Malformed", "NotDns"};
  return kNames[static_cast<int>(status)];
}

struct Outcome {
  std::string status;
  Lines lines;
  DnsHeader header;
};
Outcome read(const Octets& message, bool truncated = false) {
  Recorder recorder;
  Outcome outcome;
  outcome.status = to_text(read_dns(message, truncated, outcome.header, recorder));
  outcome.lines = recorder.lines;
  return outcome;
}

// Header of a query or a response with these counts.
std::string query(int questions, int additionals = 0) {
  std::string header = "1234 0100 0000 0000 0000 0000 ";
  header[13] = static_cast<char>('0' + questions);
  header[28] = static_cast<char>('0' + additionals);
  return header;
}
std::string response(int questions, int answers, int authorities = 0, int additionals = 0) {
  std::string header = "1234 8180 0000 0000 0000 0000 ";
  header[13] = static_cast<char>('0' + questions);
  header[18] = static_cast<char>('0' + answers);
  header[23] = static_cast<char>('0' + authorities);
  header[28] = static_cast<char>('0' + additionals);
  return header;
}

const std::string kName = "03 'www' 07 'example' 03 'com' 00 ";  // at offset 12: example.com is at 16, com at 24
const std::string kInternet = "0001 00000e10 ";                  // class IN, an hour

TEST_CASE("dns: header") {
  const auto outcome = read(wire("abcd 2f03 0000 0000 0000 0000"));
  CHECK(outcome.status == "Ok");
  CHECK(outcome.header.id == 0xabcd);
  CHECK_FALSE(outcome.header.response);
  CHECK(outcome.header.opcode == 5);
  CHECK(outcome.header.tc);
  CHECK(outcome.header.rcode == 3);
  CHECK(outcome.header.questions == 0);
}

struct Row {
  const char* about;
  std::string message;
  std::string status;
  Lines lines;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.about);
    const auto outcome = read(wire(row.message));
    CHECK(outcome.status == row.status);
    CHECK(outcome.lines == row.lines);
  }
}

TEST_CASE("dns: questions and records that are well-formed") {
  check({
      {"a query", query(1) + kName + "0001 0001", "Ok", {"question www.example.com type 1 class 1"}},
      {"letter case is kept", query(1) + "03 'wWw' 00 001c 0001", "Ok", {"question wWw type 28 class 1"}},
      {"the root", query(1) + "00 0002 0001", "Ok", {"question <root> type 2 class 1"}},
      {"a query with EDNS: OPT says nothing",
       query(1, 1) + kName + "0041 0001  00 0029 1000 00000000 0000",
       "Ok",
       {"question www.example.com type 65 class 1"}},
      {"a key's name in TSIG is no name that is asked for",
       query(1, 1) + "01 'a' 00 0001 0001  03 'key' 00 00fa 00ff 00000000 0002 0000",
       "Ok",
       {"question a type 1 class 1"}},
      {"a response with no question",
       response(0, 1) + kName + "0001 " + kInternet + "0004 c0000201",
       "Ok",
       {"answer www.example.com type 1 address 192.0.2.1", "answer www.example.com type 1 record"}},
      {"A and AAAA",
       response(1, 2) + kName + "0001 0001  c00c 0001 " + kInternet + "0004 c0000201  c010 001c " + kInternet +
           "0010 20010db8 00000000 00000000 00000001",
       "Ok",
       {"question www.example.com type 1 class 1", "answer www.example.com type 1 address 192.0.2.1",
        "answer www.example.com type 1 record", "answer example.com type 28 address 2001:db8::1",
        "answer example.com type 28 record"}},
      {"CNAME, DNAME, NS, PTR: a name is all",
       response(1, 4) + kName + "0001 0001  c00c 0005 " + kInternet + "0004 01 'a' c010  c010 0027 " + kInternet +
           "0003 01 'b' 00  c018 0002 " + kInternet + "0002 c010  c00c 000c " + kInternet + "0001 00",
       "Ok",
       {"question www.example.com type 1 class 1", "answer www.example.com type 5 target a.example.com",
        "answer www.example.com type 5 record", "answer example.com type 39 target b",
        "answer example.com type 39 record", "answer com type 2 target example.com", "answer com type 2 record",
        "answer www.example.com type 12 target <root>", "answer www.example.com type 12 record"}},
      {"MX and SRV: numbers stand before the name",
       response(1, 2) + kName + "000f 0001  c010 000f " + kInternet + "0008 000a 03 'mx1' c010  c00c 0021 " +
           kInternet + "0008 0001 0002 01bb c010",
       "Ok",
       {"question www.example.com type 15 class 1", "answer example.com type 15 target mx1.example.com",
        "answer example.com type 15 record", "answer www.example.com type 33 target example.com",
        "answer www.example.com type 33 record"}},
      {"every section",
       response(1, 1, 1, 1) + kName + "0010 0001  c00c 0010 " + kInternet + "0002 01 'x'  c010 0006 " + kInternet +
           "0003 000000  c018 0063 " + kInternet + "0000",
       "Ok",
       {"question www.example.com type 16 class 1", "answer www.example.com type 16 record",
        "authority example.com type 6 record", "additional com type 99 record"}},
      {"bytes behind what the counts say are nobody's",
       query(1) + "01 'a' 00 0001 0001 ffff",
       "Ok",
       {"question a type 1 class 1"}},
      {"mDNS: a unicast response is wanted, the cache is flushed",
       "0000 0400 0001 0001 0000 0000  01 'a' 00 00ff 8001  c00c 0001 8001 00000078 0004 0a000001",
       "Ok",
       {"question a type 255 class 1", "answer a type 1 address 10.0.0.1", "answer a type 1 record"}},
      {"a dynamic update: zone, prerequisites without data, new records",
       "0001 2800 0001 0001 0002 0000  03 'com' 00 0006 0001  01 'a' c00c 0001 00ff 00000000 0000  "
       "01 'b' c00c 0001 0001 0000003c 0004 c6336401  01 'c' c00c 0001 00fe 00000000 0004 c6336402",
       "Ok",
       {"question com type 6 class 1", "answer a.com type 1 record", "authority b.com type 1 address 198.51.100.1",
        "authority b.com type 1 record", "authority c.com type 1 address 198.51.100.2",
        "authority c.com type 1 record"}},
      {"a notify", "0001 2400 0001 0000 0000 0000  01 'z' 00 0006 0001", "Ok", {"question z type 6 class 1"}},
      {"an address of the Chaos network is a name and a number",
       response(0, 1) + "01 'a' 00 0001 0003 00000000 0005 01 'b' 00 0007",
       "Ok",
       {"answer a type 1 record"}},
  });
}

TEST_CASE("dns: SVCB and HTTPS") {
  check({
      {"every hint, and ECH",
       response(0, 1) + "01 'a' 00 0041 " + kInternet +
           "0043  0001 01 'b' 00  0001 0003 02 'h2'  0004 0008 c0000201 c0000202  "
           "0005 0003 fe0d00  0006 0020 20010db8000000000000000000000001 "
           "20010db8000000000000000000000002",
       "Ok",
       {"answer a type 65 target b", "answer a type 65 address 192.0.2.1", "answer a type 65 address 192.0.2.2",
        "answer a type 65 address 2001:db8::1", "answer a type 65 address 2001:db8::2", "answer a type 65 record ech"}},
      {"the root as target is the owner",
       response(0, 1) + "01 'a' 00 0040 " + kInternet + "0003 0001 00",
       "Ok",
       {"answer a type 64 record"}},
      {"an alias",
       response(0, 1) + "01 'a' 00 0041 " + kInternet + "0005 0000 01 'b' 00",
       "Ok",
       {"answer a type 65 target b", "answer a type 65 record"}},
      {"a parameter longer than the record",
       response(0, 1) + "01 'a' 00 0041 " + kInternet + "0009 0001 00 0005 0003 0000",
       "Malformed",
       {}},
      {"half a parameter", response(0, 1) + "01 'a' 00 0041 " + kInternet + "0005 0001 00 0005", "Malformed", {}},
      {"a hint of five bytes",
       response(0, 1) + "01 'a' 00 0041 " + kInternet + "000c 0001 00 0004 0005 c000020101",
       "Malformed",
       {}},
      {"an empty hint", response(0, 1) + "01 'a' 00 0041 " + kInternet + "0007 0001 00 0006 0000", "Malformed", {}},
  });
}

TEST_CASE("dns: names with bytes that are not for printing") {
  check({
      {"dot, backslash, blank, control and high bytes",
       query(1) + "07 'a.b' 5c 20 00 ff 03 'com' 00 0001 0001",
       "Ok",
       {"question a\\.b\\\\\\032\\000\\255.com type 1 class 1"}},
      {"63 octets in a label",
       query(1) + "3f 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' 00 0001 0001",
       "Ok",
       {"question " + std::string(63, 'a') + " type 1 class 1"}},
  });
}

TEST_CASE("dns: the longest name, and one octet more") {
  // Three labels of 63 octets, one of `last`, and the root: 64 * 3 + last + 1 + 1.
  const auto name = [](std::size_t last) {
    Octets octets;
    for (const std::size_t size : {std::size_t{63}, std::size_t{63}, std::size_t{63}, last}) {
      octets.push_back(static_cast<std::uint8_t>(size));
      octets.insert(octets.end(), size, 7);
    }
    return octets + wire("00 0001 0001");
  };
  std::string text;
  for (int i = 0; i < 4; ++i) {
    text += i == 0 ? "" : ".";
    for (int k = 0; k < (i < 3 ? 63 : 61); ++k) text += "\\007";
  }
  const auto longest = read(wire(query(1)) + name(61));
  CHECK(longest.status == "Ok");
  CHECK(longest.lines == Lines{"question " + text + " type 1 class 1"});
  const auto longer = read(wire(query(1)) + name(62));
  CHECK(longer.status == "Malformed");
  CHECK(longer.lines.empty());
}

TEST_CASE("dns: pointers") {
  const std::string first = "01 'a' 00 0001 0001 ";  // at 12; the next question is at 19
  const Lines delivered{"question a type 1 class 1"};
  check({
      {"backwards", query(2) + first + "c00c 0001 0001", "Ok", {delivered[0], "question a type 1 class 1"}},
      {"behind labels",
       query(2) + first + "01 'b' c00c 0001 0001",
       "Ok",
       {delivered[0], "question b.a type 1 class 1"}},
      {"into the middle of a label: what stands there is read",
       query(2) + "03 01 'x' 00 00 0001 0001  c00d 0001 0001",
       "Ok",
       {"question \\001x\\000 type 1 class 1", "question x type 1 class 1"}},
      {"a pointer to a pointer",
       query(3) + first + "c00c 0001 0001  c013 0001 0001",
       "Ok",
       {delivered[0], delivered[0], delivered[0]}},
      {"to itself", query(2) + first + "c013 0001 0001", "Malformed", delivered},
      {"to the labels before it", query(2) + first + "01 'b' c013 0001 0001", "Malformed", delivered},
      {"forward", query(2) + first + "c017 0001 0001 01 'b' 00", "Malformed", delivered},
      {"back to labels that run into it again",
       query(2) + "01 'a' c013 0001 0001 01 'b' c00c 0001 0001",
       "Malformed",
       {}},
      {"to a label that runs over the pointer",
       query(2) + "02 08 'x' 00 0001 0001 c00d 0001 0001",
       "Malformed",
       {"question \\008x type 1 class 1"}},
      {"into the header", query(2) + first + "c00b 0001 0001", "Malformed", delivered},
      {"past the end", query(2) + first + "ffff 0001 0001", "Malformed", delivered},
      {"half a pointer", query(2) + first + "c0", "Malformed", delivered},
      {"an extended label", query(2) + first + "4101 00 0001 0001", "Malformed", delivered},
      {"a label type that nobody assigned", query(2) + first + "81 'b' 00 0001 0001", "Malformed", delivered},
      {"a name that only its pointers make too long",
       query(2) +
           "3f 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
           "3f 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
           "3f 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
           "3d 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' 00 0001 0001  01 'b' c00c 0001 0001",
       "Malformed",
       {"question " + std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(63, 'a') + "." +
        std::string(61, 'a') + " type 1 class 1"}},
  });
}

TEST_CASE("dns: a chain of pointers is followed 127 times") {
  const auto chain = [](int pointers) {  // a record of unknown type whose data are pointers, each to the one before
    Octets message = wire("0000 8180 0000 0002 0000 0000 00 ff00 0001 00000000");
    message.push_back(static_cast<std::uint8_t>((2 * pointers) >> 8));
    message.push_back(static_cast<std::uint8_t>(2 * pointers));
    std::size_t previous = 12;  // the root
    for (int i = 0; i < pointers; ++i) {
      const std::size_t here = message.size();
      message.push_back(static_cast<std::uint8_t>(0xc0 | previous >> 8));
      message.push_back(static_cast<std::uint8_t>(previous));
      previous = here;
    }
    message.push_back(static_cast<std::uint8_t>(0xc0 | previous >> 8));
    message.push_back(static_cast<std::uint8_t>(previous));
    return message + wire("ff00 0001 00000000 0000");
  };
  CHECK(read(chain(126)).status == "Ok");
  CHECK(read(chain(127)).status == "Malformed");
}

TEST_CASE("dns: lengths that lie, and what came before them") {
  const std::string good = "01 'a' 00 0001 " + kInternet + "0004 0a000001  ";  // at 12, 18 octets
  const Lines delivered{"answer a type 1 address 10.0.0.1", "answer a type 1 record"};
  check({
      {"data past the end", response(0, 2) + good + "c00c 0010 " + kInternet + "0005 00", "Malformed", delivered},
      {"an IPv4 address of three bytes", response(0, 2) + good + "c00c 0001 " + kInternet + "0003 0a0000", "Malformed",
       delivered},
      {"an IPv4 address of five bytes", response(0, 2) + good + "c00c 0001 " + kInternet + "0005 0a00000100",
       "Malformed", delivered},
      {"an IPv6 address of fifteen bytes",
       response(0, 2) + good + "c00c 001c " + kInternet + "000f 20010db800000000000000000000aa", "Malformed",
       delivered},
      {"a name that ends early", response(0, 2) + good + "c00c 0005 " + kInternet + "0004 01 'b' 00 00", "Malformed",
       delivered},
      {"a name that runs out of its record",
       response(0, 3) + good + "c00c 0005 " + kInternet + "0002 01 'b' 00 " + good, "Malformed", delivered},
      {"no room for a preference", response(0, 2) + good + "c00c 000f " + kInternet + "0001 00", "Malformed",
       delivered},
      {"fewer records than counted", response(0, 2) + good, "Malformed", delivered},
      {"fewer questions than counted", query(2) + "01 'a' 00 0001 0001", "Malformed", {"question a type 1 class 1"}},
  });
}

TEST_CASE("dns: a cut message is Truncated, and gives what was before the cut") {
  const Octets whole =
      wire(response(1, 3, 1, 1) + kName + "0001 0001  c00c 0005 " + kInternet + "0004 01 'b' c010  01 'b' c010 0001 " +
           kInternet + "0004 c0000201  c00c 0041 " + kInternet + "000b 0001 00 0004 0004 c0000201  c010 0002 " +
           kInternet + "0002 c00c  00 0029 0200 00000000 0000");
  const auto full = read(whole);
  REQUIRE(full.status == "Ok");
  REQUIRE(full.lines.size() == 9);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    const Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto snapped = read(cut, true);
    CHECK(snapped.status == (size < 12 ? "NotDns" : "Truncated"));
    REQUIRE(snapped.lines.size() <= full.lines.size());
    CHECK(std::equal(snapped.lines.begin(), snapped.lines.end(), full.lines.begin()));
    const auto lying = read(cut, false);
    CHECK(lying.status == (size < 12 ? "NotDns" : "Malformed"));
    CHECK(lying.lines == snapped.lines);
    if (size < 12) continue;
    Octets flagged = cut;
    flagged[2] |= 0x02;  // TC: the server says that it cut
    CHECK(read(flagged).status == "Truncated");
  }
  Octets flagged = whole;
  flagged[2] |= 0x02;
  CHECK(read(flagged).status == "Ok");
  CHECK(read(flagged).header.tc);
}

TEST_CASE("dns: what is no DNS, by its header") {
  const struct {
    const char* about;
    const char* message;
    const char* status;
  } rows[] = {
      {"nothing", "", "NotDns"},
      {"eleven bytes", "0000 0100 0000 0000 0000 00", "NotDns"},
      {"opcode 3", "0000 1800 0000 0000 0000 0000", "NotDns"},
      {"opcode 6, stateful operations", "0000 3000 0000 0000 0000 0000", "Ok"},
      {"opcode 7", "0000 3800 0000 0000 0000 0000", "NotDns"},
      {"opcode 15", "0000 7800 0000 0000 0000 0000", "NotDns"},
      {"65 questions", "0000 0100 0041 0000 0000 0000", "NotDns"},
      {"64 questions, and none there", "0000 0100 0040 0000 0000 0000", "Malformed"},
  };
  for (const auto& row : rows) {
    INFO(row.about);
    CHECK(read(wire(row.message)).status == row.status);
  }
}

TEST_CASE("dns: 4,096 records are read") {
  Octets message = wire("0000 8180 0000 1000 0000 0000");
  for (int i = 0; i < 4096; ++i) message = std::move(message) + wire("00 0010 0001 00000000 0000");
  const auto most = read(message);
  CHECK(most.status == "Ok");
  CHECK(most.lines.size() == 4096);
  message[11] = 1;  // one additional record more
  const auto more = read(message + wire("00 0010 0001 00000000 0000"));
  CHECK(more.status == "Malformed");
  CHECK(more.lines.size() == 4096);
}

TEST_CASE("dns: what looks like DNS on any port") {
  const std::string name = "07 'example' 00 ";
  const struct {
    const char* about;
    std::string message;
    bool expected;
  } rows[] = {
      {"a query", query(1) + name + "0001 0001", true},
      {"a query with EDNS", query(1, 1) + name + "001c 0001 00 0029 1000 00000000 0000", true},
      {"a response", response(1, 1) + name + "0001 0001 c00c 0001 " + kInternet + "0004 0a000001", true},
      {"a response that says no", "1234 8183 0001 0000 0000 0000 " + name + "0001 0001", true},
      {"class CH", query(1) + name + "0010 0003", true},
      {"class ANY", query(1) + name + "00ff 00ff", true},
      {"class 2", query(1) + name + "0001 0002", false},
      {"a tunnel's NULL record", query(1) + name + "000a 0001", true},
      {"type 54, which nobody registered", query(1) + name + "0036 0001", false},
      {"type 0", query(1) + name + "0000 0001", false},
      {"no letter", query(1) + "03 '123' 00 0001 0001", false},
      {"the root", query(1) + "00 0001 0001", false},
      {"no question", query(0), false},
      {"two questions", query(2) + name + "0001 0001 " + name + "0001 0001", false},
      {"a byte behind it", query(1) + name + "0001 0001 00", false},
      {"a byte short", query(1) + name + "0001 00", false},
      {"the reserved bit", "0000 0140 0001 0000 0000 0000 " + name + "0001 0001", false},
      {"a query with a response code", "0000 0103 0001 0000 0000 0000 " + name + "0001 0001", false},
      {"a response code that nobody registered", "0000 818c 0001 0000 0000 0000 " + name + "0001 0001", false},
      {"a query that answers", "0000 0100 0001 0001 0000 0000 " + name + "0001 0001 c00c 0010 0001 00000000 0000",
       false},
      {"opcode 3", "0000 1900 0001 0000 0000 0000 " + name + "0001 0001", false},
      {"a malformed name", query(1) + "c00c 0001 0001", false},
      {"nothing", "", false},
  };
  for (const auto& row : rows) {
    INFO(row.about);
    CHECK(looks_like_dns(wire(row.message)) == row.expected);
  }
}

TEST_CASE("dns: random bytes do not look like DNS") {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    Octets bytes(12 + random() % 40);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    CHECK_FALSE(looks_like_dns(bytes));
  }
}

TEST_CASE("dns: messages in a stream") {
  const Octets stream = wire("0003 aabbcc 0000 0001 dd 00");
  for (std::size_t size = 0; size < 5; ++size) {
    const DnsFrame frame = first_dns_frame(Bytes(stream).first(size));
    CHECK(frame.consumed == 0);
    CHECK(frame.message.empty());
  }
  const DnsFrame first = first_dns_frame(stream);
  CHECK(first.consumed == 5);
  CHECK(Octets(first.message.begin(), first.message.end()) == wire("aabbcc"));
  const DnsFrame empty = first_dns_frame(Bytes(stream).subspan(5));
  CHECK(empty.consumed == 2);
  CHECK(empty.message.empty());
  CHECK(first_dns_frame(Bytes(stream).subspan(7)).consumed == 3);
  CHECK(first_dns_frame(Bytes(stream).subspan(10)).consumed == 0);
}

// Names of random labels, written with every suffix that was written before as a pointer, must come back as they were.
TEST_CASE("dns: a compressing writer and the reader agree") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    Octets message = wire("0000 0100 0000 0000 0000 0000");
    Lines expected;
    std::vector<std::pair<std::string, std::size_t>> written;  // suffix, offset
    const std::size_t questions = 1 + random() % 20;
    message[5] = static_cast<std::uint8_t>(questions);
    for (std::size_t q = 0; q < questions; ++q) {
      std::vector<std::string> labels(random() % 6);
      for (auto& label : labels) label = std::string(1 + random() % 3, static_cast<char>('a' + random() % 2));
      const auto suffix = [&](std::size_t from) {
        std::string text;
        for (std::size_t i = from; i < labels.size(); ++i) text += (text.empty() ? "" : ".") + labels[i];
        return text;
      };
      bool pointed = false;
      for (std::size_t i = 0; i < labels.size() && !pointed; ++i) {
        const auto known =
            std::find_if(written.begin(), written.end(), [&](const auto& w) { return w.first == suffix(i); });
        if (known != written.end()) {
          message.push_back(static_cast<std::uint8_t>(0xc0 | known->second >> 8));
          message.push_back(static_cast<std::uint8_t>(known->second));
          pointed = true;
        } else {
          written.emplace_back(suffix(i), message.size());
          message.push_back(static_cast<std::uint8_t>(labels[i].size()));
          message = std::move(message) + text_octets(labels[i]);
        }
      }
      if (!pointed) message.push_back(0);
      message = std::move(message) + wire("0001 0001");
      expected.push_back("question " + (labels.empty() ? "<root>" : suffix(0)) + " type 1 class 1");
    }
    const auto outcome = read(message);
    REQUIRE(outcome.status == "Ok");
    REQUIRE(outcome.lines == expected);
  }
}

class Nobody final : public DnsSink {
 public:
  int calls = 0;
  void question(const DnsHeader&, const NameText&, std::uint16_t, std::uint16_t) override { ++calls; }
  void address(const DnsHeader&, DnsSection, const NameText&, std::uint16_t, Ip) override { ++calls; }
  void target(const DnsHeader&, DnsSection, const NameText&, std::uint16_t, const NameText&) override { ++calls; }
  void record(const DnsHeader&, DnsSection, const NameText&, std::uint16_t, bool) override { ++calls; }
};

TEST_CASE("dns: reading allocates nothing") {
  const Octets message = wire(response(1, 2) + kName + "0001 0001  c00c 0005 " + kInternet +
                              "0004 01 'b' c010  c00c 0041 " + kInternet + "000b 0001 00 0004 0004 c0000201");
  Nobody sink;
  DnsHeader header;
  const auto before = allocations();
  const DnsStatus status = read_dns(message, false, header, sink);
  const bool like = looks_like_dns(message);
  const auto after = allocations();
  CHECK(status == DnsStatus::Ok);
  CHECK(like);
  CHECK(sink.calls == 5);
  CHECK(after == before);
}

}  // namespace
}  // namespace airtight::audit
