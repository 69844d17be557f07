#include "auditor/decode/tls.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/auditor/allocation_counter.h"
#include "tests/auditor/decode/hello_builder.h"

namespace airtight::audit {

std::ostream& operator<<(std::ostream& out, HelloStatus status) {
  constexpr std::string_view kNames[] = {"Found", "NeedMore", "NotHello", "Malformed"};
  return out << kNames[static_cast<std::size_t>(status)];
}

namespace {

// What OpenSSL 3.0 sends, in one record.
constexpr std::string_view kOpenssl =
    "1603010200010001fc0303df006d5a19ec17f56a091a46914e6115eb018763242218a8f68a142c1abf0b052027cc099e"
    "6fbfee102ef01d3550a7877a0313565313a260359b6ed884ac3cccec0010130213031301c02cc030c02bc02f00ff0100"
    "01a30000001500130000106d61696c2e6578616d706c652e636f6d000b000403000102000a00160014001d0017001e00"
    "190018010001010102010301040023000000100009000702683203646f740016000000170000000d002a002804030503"
    "0603080708080809080a080b080408050806040105010601030303010302040205020602002b00050403040303002d00"
    "020101003300260024001d00200d85f2d3802bfa95d6631b19e9c4daa186537dd8393e19a75ebd3b4d06e01b03001500"
    "e4";  // padding, 228 zeros

Octets openssl_stream() {
  Octets stream = from_hex(kOpenssl);
  stream.resize(stream.size() + 228);
  return stream;
}

// Status and what was found, as one line. The stream is copied, so that the sanitizer sees a read past its end.
std::string shown(HelloStatus status, const ClientHello& hello) {
  std::ostringstream out;
  out << status;
  if (hello.has_server_name) out << " name=" << hello.server_name.text();
  if (hello.server_name.cut()) out << " cut";
  if (hello.ech) out << " ech";
  for (std::size_t i = 0; i < std::min<std::size_t>(hello.alpn_count, hello.alpn.size()); ++i)
    out << (i == 0 ? " alpn=" : ",") << hello.alpn[i];
  if (hello.alpn_count > hello.alpn.size()) out << " of " << unsigned{hello.alpn_count};
  if (hello.alpn_dns) out << " dns";
  return out.str();
}
std::string read_stream(const Octets& stream) {
  const Octets copy = stream;
  Octets scratch(kMaxHello);
  ClientHello hello;
  const HelloStatus status = read_tls_client_hello(copy, scratch, hello);
  return shown(status, hello);
}
std::string read_message(const Octets& message) {
  const Octets copy = message;
  ClientHello hello;
  const HelloStatus status = read_client_hello_message(copy, hello);
  return shown(status, hello);
}
std::string read_extensions(std::initializer_list<Octets> extensions) {
  return read_message(hello_message(hello_body(extensions)));
}

const std::string kOpensslShown = "Found name=mail.example.com alpn=h2,dot dns";

TEST_CASE("tls: a real hello, whole and at every length before that") {
  const Octets stream = openssl_stream();
  REQUIRE(stream.size() == 517);
  CHECK(read_stream(stream) == kOpensslShown);
  for (std::size_t size = 0; size < stream.size(); ++size) {
    INFO("first " << size << " bytes");
    CHECK(read_stream(Octets(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size))) == "NeedMore");
  }
}

TEST_CASE("tls: a real hello cut into records anywhere") {
  const Octets whole = openssl_stream();
  const Octets message(whole.begin() + 5, whole.end());
  for (std::size_t size = 1; size <= message.size(); ++size) {
    INFO("records of " << size << " bytes");
    CHECK(read_stream(in_records(message, size)) == kOpensslShown);
  }
  for (std::size_t cut = 1; cut < message.size(); ++cut) {  // two records, the border at every byte
    const auto border = message.begin() + static_cast<std::ptrdiff_t>(cut);
    Octets stream = in_records(Octets(message.begin(), border));
    append(stream, in_records(Octets(border, message.end())));
    INFO("border at " << cut);
    CHECK(read_stream(stream) == kOpensslShown);
  }
  const Octets single = in_records(message, 1);
  for (std::size_t size = 0; size < single.size(); size += 7) {
    INFO("first " << size << " bytes of records of one byte");
    CHECK(read_stream(Octets(single.begin(), single.begin() + static_cast<std::ptrdiff_t>(size))) == "NeedMore");
  }
}

TEST_CASE("tls: views point into the stream, or into the scratch if records cut the hello") {
  const Octets stream = openssl_stream();
  const Octets cut = in_records(Octets(stream.begin() + 5, stream.end()), 50);
  Octets scratch(kMaxHello);
  const auto within = [](std::string_view view, const Octets& buffer) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(view.data());
    return data >= buffer.data() && data + view.size() <= buffer.data() + buffer.size();
  };
  ClientHello hello;
  REQUIRE(read_tls_client_hello(stream, scratch, hello) == HelloStatus::Found);
  CHECK(within(hello.alpn[1], stream));
  REQUIRE(read_tls_client_hello(cut, scratch, hello) == HelloStatus::Found);
  CHECK(within(hello.alpn[1], scratch));
  CHECK(read_tls_client_hello(cut, std::span(scratch).first(100), hello) == HelloStatus::Malformed);
}

TEST_CASE("tls: how a stream begins") {
  struct Row {
    std::string_view hex, expected, why;
  };
  const Row rows[] = {
      {"", "NeedMore", "nothing yet"},
      {"16", "NeedMore", "handshake"},
      {"47", "NotHello", "GET"},
      {"14 0301 0001 01", "NotHello", "ChangeCipherSpec"},
      {"15 0301 0002 0100", "NotHello", "alert"},
      {"16 0200", "NotHello", "record of version 2.0"},
      {"16 0305", "NotHello", "record of version 3.5"},
      {"16 0304 0010", "NeedMore", "record of version 3.4"},
      {"16 0300 0004 02", "NotHello", "ServerHello"},
      {"16 0300 0004 00000000", "NotHello", "HelloRequest"},
      {"16 0301 0000", "Malformed", "a record of no bytes"},
      {"16 0301 4000", "NeedMore", "a record of 16,384 bytes"},
      {"16 0301 4001", "Malformed", "a record of 16,385 bytes"},
      {"16 0301 0001 01 16 0301 0000", "Malformed", "the second record has no bytes"},
      {"16 0301 0001 01 15 0301", "Malformed", "an alert within the hello"},
      {"16 0301 0001 01 16 0400", "Malformed", "another version within the hello"},
      {"16 0301 0001 01 16 0303 0003 000000", "Malformed", "a message of no bytes"},
      {"16 0301 0004 01 010000", "Malformed", "a message of 65,540 bytes with its header"},
      {"16 0301 0004 01 00fffc", "NeedMore", "a message of 65,536 bytes with its header"},
      // SSLv2 (RFC 5246 §E.2): length, type, version, lengths of specs, session and challenge.
      {"80", "NeedMore", "SSLv2 perhaps"},
      {"80 1c 02", "NotHello", "SSLv2, no hello"},
      {"80 1c 01 0002", "NotHello", "SSLv2, version 2"},
      {"80 1c 01 0301 0003 0000 0010", "NeedMore", "SSLv2 that announces 3.1"},
      {"80 1c 01 0301 0003 0000 0010 00002f 00112233445566778899aabbccddeeff", "Found", "and whole"},
      {"80 1d 01 0301 0003 0000 0010", "Malformed", "lengths do not add up"},
      {"80 1b 01 0301 0002 0000 0010", "Malformed", "cipher specs have three bytes"},
  };
  for (const Row& row : rows) {
    INFO(row.why << ": " << row.hex);
    CHECK(read_stream(from_hex(row.hex)) == row.expected);
  }
}

TEST_CASE("tls: what follows the hello in its stream does not matter") {
  Octets message = hello_message(hello_body({server_name("a.example")}));
  Octets stream = in_records(message);
  append(stream, from_hex("14 0303 0001 01"));
  CHECK(read_stream(stream) == "Found name=a.example");
  append(message, from_hex("0b 000000"));  // another message in the same record
  CHECK(read_stream(in_records(message)) == "Found name=a.example");
}

TEST_CASE("tls: a hello without extensions, of SSL 3.0 or TLS 1.0") {
  CHECK(read_message(hello_message(hello_beginning())) == "Found");
  Octets old = hello_beginning();
  old[1] = 0;
  CHECK(read_message(hello_message(old)) == "Found");
  CHECK(read_extensions({}) == "Found");
}

TEST_CASE("tls: bodies that contradict themselves") {
  const auto change = [](std::size_t at, std::uint8_t value) {
    Octets body = hello_body({server_name("a.example")});
    body[at] = value;
    return read_message(hello_message(body));
  };
  CHECK(change(1, 9) == "Found name=a.example");  // a version that nobody knows yet
  CHECK(change(0, 2) == "Malformed");             // version 2.3
  CHECK(change(34, 33) == "Malformed");           // session id over 32 bytes
  CHECK(change(36, 1) == "Malformed");            // half a cipher suite
  CHECK(change(36, 0) == "Malformed");            // no cipher suite
  CHECK(change(35, 1) == "Malformed");            // more cipher suites than bytes
  CHECK(change(39, 0) == "Malformed");            // no compression method
  CHECK(change(39, 99) == "Malformed");
  CHECK(change(42, 17) == "Malformed");  // extensions end before the message does
  CHECK(change(42, 19) == "Malformed");  // and after it
  CHECK(change(46, 15) == "Malformed");  // an extension ends past the others
  const auto with = [](std::string_view session_suites_compressions) {
    Octets odd = {3, 3};
    odd.resize(34);
    append(odd, from_hex(session_suites_compressions));
    return read_message(hello_message(odd));
  };
  const std::string session(64, 'a');
  CHECK(with("20" + session + "0002 1301 0100") == "Found");
  CHECK(with("21 aa" + session + "0002 1301 0100") == "Malformed");  // session id of 33 bytes, all there
  CHECK(with("00 0004 13011302 0100") == "Found");
  CHECK(with("00 0003 130113 0100") == "Malformed");  // one and a half cipher suites, all there
  const Octets body = hello_body({server_name("a.example")});
  for (std::size_t size = 0; size < body.size(); ++size) {
    if (size == hello_beginning().size()) continue;  // no extensions
    INFO("body of " << size << " bytes");
    CHECK(read_message(hello_message(Octets(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size)))) ==
          "Malformed");
  }
}

TEST_CASE("tls: extensions twice are refused") {
  CHECK(read_extensions({server_name("a.example"), server_name("b.example")}) == "Malformed");
  CHECK(read_extensions({extension(0x0a0a, {}), extension(0x1a1a, {0})}) == "Found");  // greasing
  CHECK(read_extensions({extension(0x0a0a, {}), extension(0x0a0a, {0})}) == "Malformed");
  CHECK(read_extensions({extension(0xffff, {}), extension(0, from_hex("0004 00 0001 61")), extension(0xffff, {})}) ==
        "Malformed");
}

TEST_CASE("tls: server_name") {
  struct Row {
    std::string_view hex, expected, why;
  };
  const Row rows[] = {
      {"0004 00 0001 61", "Found name=a", ""},
      {"0003 00 0000", "Found name=", "empty"},
      {"0008 00 0001 61 00 0001 62", "Found name=a", "two names: the first"},
      {"0008 01 0001 61 00 0001 62", "Found name=b", "the first is no host_name"},
      {"0004 01 0001 61", "Found name=", "none is a host_name"},
      {"0005 00 0002 612e", "Found name=a", "a final dot"},
      {"000a 00 0007 4100205c7fff2e", R"(Found name=A\000\032\\\127\255)", "bytes that no name has"},
      {"", "Malformed", "empty extension"},
      {"0000", "Malformed", "empty list"},
      {"0005 00 0001 61", "Malformed", "list longer than the extension"},
      {"0003 00 0001 61", "Malformed", "list shorter than the extension"},
      {"0004 00 0002 61", "Malformed", "name longer than the list"},
      {"0005 00 0001 61 00", "Malformed", "half a second name"},
  };
  for (const Row& row : rows) {
    INFO(row.why << ": " << row.hex);
    CHECK(read_extensions({extension(0, from_hex(row.hex))}) == row.expected);
  }
  const std::string name(1025, 'a');
  CHECK(read_extensions({server_name(name)}) == "Found name=" + name.substr(0, 1024) + " cut");
}

TEST_CASE("tls: ALPN") {
  CHECK(read_extensions({alpn({"h2"})}) == "Found alpn=h2");
  CHECK(read_extensions({alpn({"dot"})}) == "Found alpn=dot dns");
  CHECK(read_extensions({alpn({"h3", "doq"})}) == "Found alpn=h3,doq dns");
  CHECK(read_extensions({alpn({"doq-i03"})}) == "Found alpn=doq-i03 dns");
  CHECK(read_extensions({alpn({"do", "dots", "DOT", "doqs"})}) == "Found alpn=do,dots,DOT,doqs");
  CHECK(read_extensions({alpn({"1", "2", "3", "4", "5", "6", "7", "8", "9", "dot"})}) ==
        "Found alpn=1,2,3,4,5,6,7,8 of 10 dns");
  Octets many;
  for (int i = 0; i < 300; ++i) append(many, {1, 'x'});
  CHECK(read_extensions({extension(16, counted(many, 2))}) == "Found alpn=x,x,x,x,x,x,x,x of 255");
  CHECK(read_extensions({extension(16, {})}) == "Malformed");
  CHECK(read_extensions({extension(16, from_hex("0000"))}) == "Malformed");
  CHECK(read_extensions({extension(16, from_hex("0003 00 01 61"))}) == "Malformed");  // an empty protocol, then one
  CHECK(read_extensions({extension(16, from_hex("0002 00 61"))}) == "Malformed");     // a protocol without a name
  CHECK(read_extensions({extension(16, from_hex("0002 02 61"))}) == "Malformed");
  CHECK(read_extensions({extension(16, from_hex("0003 01 61"))}) == "Malformed");
}

TEST_CASE("tls: ECH and ESNI say that the name is a cover") {
  CHECK(read_extensions({server_name("cover.example"), extension(0xfe0d, {0, 0})}) == "Found name=cover.example ech");
  CHECK(read_extensions({extension(0xfe0d, {1})}) == "Found ech");  // as in the inner hello
  CHECK(read_extensions({extension(0xffce, {})}) == "Found ech");
  CHECK(read_extensions({extension(0xfe08, {})}) == "Found ech");
  CHECK(read_extensions({extension(0xfe0e, {}), extension(0xffcd, {})}) == "Found");
}

TEST_CASE("tls: hellos of many kilobytes") {
  // Two key shares after the quantum computer, then as much as there may be.
  const Octets shares = extension(51, Octets(2400, 7));
  CHECK(read_stream(in_records(hello_message(hello_body({shares, server_name("q.example")})), 1300)) ==
        "Found name=q.example");
  const std::size_t rest = hello_message(hello_body({server_name("q.example"), extension(21, {})})).size();
  const auto sized = [&](std::size_t size) {
    return in_records(hello_message(hello_body({server_name("q.example"), extension(21, Octets(size - rest))})));
  };
  CHECK(read_stream(sized(kMaxHello - 1)) == "Found name=q.example");
  CHECK(read_stream(sized(kMaxHello)) == "Found name=q.example");
}

TEST_CASE("tls: what looks like a record") {
  struct Row {
    std::string_view hex;
    bool expected;
  };
  const Row rows[] = {
      {"17 0303 0100", true},  {"14 0300 0001", true},
      {"18 0304 4800", true},  {"13 0303 0100", false},
      {"19 0303 0100", false}, {"17 0305 0100", false},
      {"17 0203 0100", false}, {"17 0303 4801", false},
      {"17 0303 01", false},   {"", false},
  };
  for (const Row& row : rows) {
    INFO(row.hex);
    CHECK(looks_like_tls_record(from_hex(row.hex)) == row.expected);
  }
}

TEST_CASE("tls: reading allocates nothing") {
  const Octets whole = openssl_stream();
  const Octets cut = in_records(Octets(whole.begin() + 5, whole.end()), 1);
  Octets scratch(kMaxHello);
  ClientHello hello;
  const auto before = allocations();
  const HelloStatus one = read_tls_client_hello(whole, scratch, hello);
  const HelloStatus other = read_tls_client_hello(cut, scratch, hello);
  CHECK(allocations() - before == 0);
  CHECK(one == HelloStatus::Found);
  CHECK(other == HelloStatus::Found);
}

}  // namespace
}  // namespace airtight::audit
