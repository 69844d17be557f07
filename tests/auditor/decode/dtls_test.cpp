#include <catch2/catch.hpp>
#include <string>

#include "auditor/decode/tls.h"
#include "tests/auditor/decode/hello_builder.h"

namespace airtight::audit {
namespace {

struct Fragment {
  std::size_t offset = 0;
  std::size_t size = SIZE_MAX;  // to the end
};

// Handshake header (RFC 6347 §4.2.2) and the bytes of one fragment.
Octets dtls_message(const Octets& body, Fragment fragment = {}, std::uint16_t sequence = 0, std::uint8_t type = 1) {
  const std::size_t size = std::min(fragment.size, body.size() - fragment.offset);
  Octets out = {type};
  append_number(out, body.size(), 3);
  append_number(out, sequence, 2);
  append_number(out, fragment.offset, 3);
  append_number(out, size, 3);
  const auto begin = body.begin() + static_cast<std::ptrdiff_t>(fragment.offset);
  append(out, Octets(begin, begin + static_cast<std::ptrdiff_t>(size)));
  return out;
}
Octets dtls_record(const Octets& content, std::uint8_t type = 22, std::uint16_t epoch = 0) {
  Octets out = {type, 0xfe, 0xff};
  append_number(out, epoch, 2);
  append_number(out, 0, 6);
  append(out, counted(content, 2));
  return out;
}

std::string read(const Octets& datagram) {
  constexpr std::string_view kNames[] = {"Found", "NeedMore", "NotHello", "Malformed"};
  const Octets copy = datagram;
  ClientHello hello;
  const HelloStatus status = read_dtls_client_hello(copy, hello);
  std::string out(kNames[static_cast<std::size_t>(status)]);
  if (hello.has_server_name) out += ' ' + std::string(hello.server_name.text());
  if (hello.ech) out += " ech";
  return out;
}
Octets joined(std::initializer_list<Octets> parts) {
  Octets out;
  for (const Octets& part : parts) append(out, part);
  return out;
}

const Octets kNamed = hello_body({server_name("d.example")}, true);
const Octets kOther = hello_body({server_name("e.example")}, true);

TEST_CASE("dtls: a hello in one record, with and without a cookie") {
  CHECK(read(dtls_record(dtls_message(kNamed))) == "Found d.example");
  CHECK(read(dtls_record(dtls_message(hello_body({server_name("c.example")}, true, Octets(255, 9)), {}, 1))) ==
        "Found c.example");
  CHECK(read(dtls_record(dtls_message(hello_beginning(true)))) == "Found");
  CHECK(read(dtls_record(dtls_message(hello_body({extension(0xfe0d, {0})}, true)))) == "Found ech");
  for (const std::uint8_t minor : Octets{0xff, 0xfd, 0xfc}) {  // DTLS 1.0, 1.2, 1.3
    Octets body = kNamed;
    body[1] = minor;
    Octets datagram = dtls_record(dtls_message(body));
    datagram[2] = minor;
    CHECK(read(datagram) == "Found d.example");
  }
}

TEST_CASE("dtls: what is no hello") {
  CHECK(read({}) == "NotHello");
  CHECK(read(from_hex("16 fefd 0000")) == "NotHello");
  CHECK(read(from_hex("16 0303 0000 000000000000 0001 01")) == "NotHello");  // a version of TLS
  CHECK(read(dtls_record(dtls_message(kNamed), 23)) == "NotHello");          // application data
  CHECK(read(dtls_record(dtls_message(kNamed), 22, 1)) == "NotHello");       // encrypted
  CHECK(read(dtls_record(dtls_message(kNamed, {}, 0, 2))) == "NotHello");    // ServerHello
  CHECK(read(dtls_record({})) == "NotHello");                                // a record of no bytes
}

TEST_CASE("dtls: hellos that contradict themselves") {
  Octets datagram = dtls_record(dtls_message(kNamed));
  const auto change = [&](std::size_t at, std::uint8_t value) {
    Octets changed = datagram;
    changed[at] = value;
    return read(changed);
  };
  CHECK(change(12, datagram[12] + 1) == "Malformed");  // the record leaves the datagram
  CHECK(change(12, datagram[12] - 1) == "Malformed");  // the message leaves the record
  CHECK(change(14, 1) == "Malformed");                 // the message is over kMaxHello
  CHECK(change(16, datagram[16] - 1) == "Malformed");  // the fragment is longer than its message
  CHECK(change(18, 2) == "Malformed");                 // the third message of the client
  CHECK(change(21, 1) == "Malformed");                 // the fragment ends behind its message
  CHECK(change(25, 3) == "Malformed");                 // a version of TLS in the body
  CHECK(change(60, 255) == "Malformed");               // the cookie leaves the message
  CHECK(read(dtls_record(Octets{1, 0, 0})) == "Malformed");
  CHECK(read(dtls_record(dtls_message(hello_body({server_name("a"), server_name("a")}, true)))) == "Malformed");
}

TEST_CASE("dtls: several records and messages in a datagram") {
  const Octets hello = dtls_message(kNamed);
  const Octets alert = dtls_record({1, 0}, 21);
  CHECK(read(joined({alert, dtls_record(hello)})) == "Found d.example");
  CHECK(read(joined({dtls_record(hello), alert})) == "Found d.example");
  CHECK(read(joined({dtls_record(hello), from_hex("2f 00 1122")})) == "Found d.example");  // encrypted, DTLS 1.3
  CHECK(read(joined({dtls_record(hello, 22, 1), dtls_record(hello)})) == "Found d.example");
  CHECK(read(dtls_record(joined({dtls_message({}, {}, 0, 0), hello}))) == "Found d.example");
  const Octets change = dtls_record({1}, 20), other_message = dtls_record(dtls_message(Octets(40, 7), {}, 0, 2));
  CHECK(read(joined({alert, change, other_message, dtls_record(hello)})) == "Found d.example");
  CHECK(read(joined({from_hex("15 fefd 0000 000000000000 0002 01 5a"), dtls_record(hello)})) == "Found d.example");
  CHECK(read(joined({dtls_record({}), dtls_record(hello)})) == "Found d.example");
  CHECK(read(joined({alert, dtls_record(joined({dtls_message({}, {}, 0, 0), hello}))})) == "Found d.example");
  // A message that leaves its own record does not hide the next one.
  CHECK(read(joined({dtls_record(from_hex("02 0000ff 0000 000000 0000ff 00")), dtls_record(hello)})) ==
        "Found d.example");
  // The same hello twice is one; two names are a trick.
  CHECK(read(joined({dtls_record(hello), dtls_record(hello)})) == "Found d.example");
  CHECK(read(joined({dtls_record(hello), dtls_record(dtls_message(kOther))})) == "Malformed");
  CHECK(read(dtls_record(joined({hello, dtls_message(kOther)}))) == "Malformed");
}

TEST_CASE("dtls: fragments are read as far as they go") {
  const Octets body = hello_body({server_name("d.example"), extension(21, Octets(50))}, true);
  const std::size_t named = hello_beginning(true).size() + 2 + server_name("d.example").size();
  for (std::size_t size = 0; size < body.size(); ++size) {
    INFO("first fragment has " << size << " bytes of " << body.size());
    CHECK(read(dtls_record(dtls_message(body, {0, size}))) == (size < named ? "NeedMore" : "Found d.example"));
    if (size != 0) CHECK(read(dtls_record(dtls_message(body, {size}))) == "NeedMore");
  }
  CHECK(read(joined({dtls_record(dtls_message(body, {0, named})), dtls_record(dtls_message(body, {named}))})) ==
        "Found d.example");
  CHECK(read(joined({dtls_record(dtls_message(body, {10})), dtls_record(dtls_message(body))})) == "Found d.example");
  const Octets doubled = hello_body({server_name("a"), server_name("a"), extension(21, Octets(9))}, true);
  CHECK(read(dtls_record(dtls_message(doubled, {0, doubled.size() - 1}))) == "Malformed");
}

}  // namespace
}  // namespace airtight::audit
