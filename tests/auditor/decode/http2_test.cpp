#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "auditor/decode/http.h"
#include "tests/auditor/decode/wire.h"

namespace airtight::audit {
namespace {

const Octets kPreface = text_octets("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
enum Type : std::uint8_t { Data, Headers, Priority, Reset, Settings, PushPromise, Ping, GoAway, Window, Continuation };
constexpr std::uint8_t kEndHeaders = 4, kPadded = 8, kPriority = 0x20;

Octets frame(Type type, std::uint8_t flags, std::uint8_t stream, const Octets& payload) {
  const auto size = payload.size();
  return Octets{static_cast<std::uint8_t>(size >> 16),
                static_cast<std::uint8_t>(size >> 8),
                static_cast<std::uint8_t>(size),
                type,
                flags,
                0,
                0,
                0,
                stream} +
         payload;
}

// Header blocks of RFC 7541 §C.3: the second and third use what the first put into the dynamic table.
const Octets kFirst = wire("82 86 84 41 0f 'www.example.com'");
const Octets kSecond = wire("82 86 84 be 58 08 'no-cache'");
const Octets kThird = wire("82 87 85 bf 40 0a 'custom-key' 0c 'custom-value'");

// Feeds the stream in pieces of this many bytes, a reader's way: what is not consumed stays for the next call.
std::string feed(Http2Reader& reader, const Octets& stream, std::size_t piece) {
  std::string text;
  std::size_t begin = 0, end = 0;
  while (end < stream.size()) {
    end = std::min(stream.size(), end + piece);
    for (;;) {
      std::size_t consumed = 0;
      NameText authority;
      const ReadStatus status = reader.read(Bytes(stream).subspan(begin, end - begin), consumed, authority);
      REQUIRE(consumed <= end - begin);
      begin += consumed;
      if (status == ReadStatus::Found) text += "<" + std::string(authority.text()) + ">";
      if (status == ReadStatus::NotThis) return text + " NotThis";
      if (status == ReadStatus::Malformed) {
        CHECK(reader.read({}, consumed, authority) == ReadStatus::Malformed);
        return text + " Malformed";
      }
      if (status == ReadStatus::NeedMore && consumed == 0) break;
    }
  }
  return text + (begin == end ? "" : " NeedMore");
}

std::string read(const Octets& stream) {
  Http2Reader reader;
  const std::string whole = feed(reader, stream, stream.size() + 1);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 10U, 64U}) {
    INFO(piece);
    reader.reset();
    CHECK(feed(reader, stream, piece) == whole);
  }
  return whole;
}

TEST_CASE("http2: preface") {
  CHECK(read(kPreface) == "");
  CHECK(read(text_octets("PRI * HTTP/2.0\r\n\r\nSM\r\n")) == " NeedMore");
  CHECK(read(text_octets("PRI * HTTP/2.0\r\n\r\nSN")) == " NotThis");
  CHECK(read(text_octets("GET / HTTP/1.1\r\n")) == " NotThis");
  CHECK(looks_like_http2(text_octets("PRI ")));
  CHECK(looks_like_http2(kPreface + wire("00")));
  CHECK_FALSE(looks_like_http2(text_octets("PRI")));
  CHECK_FALSE(looks_like_http2(text_octets("PRI * HTTP/1.1\r\n")));
  CHECK_FALSE(looks_like_http2({}));
}

TEST_CASE("http2: requests that share a dynamic table") {
  const Octets stream = kPreface + frame(Settings, 0, 0, wire("0001 00010000 0004 00100000")) +
                        frame(Window, 0, 0, wire("000f0001")) + frame(Headers, kEndHeaders | 1, 1, kFirst) +
                        frame(Data, 1, 1, Octets(300, 0)) + frame(Headers, kEndHeaders | 1, 3, kSecond) +
                        frame(Ping, 0, 0, Octets(8, 0)) + frame(Headers, kEndHeaders | 1, 5, kThird) +
                        frame(GoAway, 0, 0, Octets(8, 0));
  CHECK(read(stream) == "<www.example.com><www.example.com><www.example.com>");
}

TEST_CASE("http2: header blocks") {
  const auto block = [](const std::string& fields) { return kPreface + frame(Headers, kEndHeaders, 1, wire(fields)); };
  const struct {
    const char* about;
    Octets stream;
    std::string expected;
  } rows[] = {
      {"Huffman code, RFC 7541 §C.4.1", block("82 86 84 41 8c f1e3c2e5f23a6ba0ab90f4ff"), "<www.example.com>"},
      {"host alone", block("82 66 06 'a.test'"), "<a.test>"},
      {"both, and the same but for the port", block("41 09 'a.test:80' 66 06 'A.test'"), "<a.test:80>"},
      {"both, and not the same", block("41 06 'a.test' 66 06 'b.test'"), " Malformed"},
      {"two authorities", block("41 06 'a.test' 41 06 'a.test'"), " Malformed"},
      {"neither: trailers", block("00 01 'x' 01 'y'"), "<>"},
      {"an empty block", kPreface + frame(Headers, kEndHeaders, 1, {}), "<>"},
      {"user information is dropped", block("41 08 'u@a.test'"), "<a.test>"},
      {"bytes that are not for printing", block("41 04 'a' 00 0a ff"), "<a\\000\\010\\255>"},
      {"an index that is not there", block("be"), " Malformed"},
      {"index 0", block("80"), " Malformed"},
      {"a string longer than the block", block("41 7f 'a'"), " Malformed"},
      {"a table of 65,536, as a server may have allowed", block("3f e1ff03 41 01 'a'"), "<a>"},
      {"a table of 65,537", block("3f e2ff03 41 01 'a'"), " Malformed"},
  };
  for (const auto& row : rows) {
    INFO(row.about);
    CHECK(read(row.stream) == row.expected);
  }
}

TEST_CASE("http2: frames around a header block") {
  const Octets a(kFirst.begin(), kFirst.begin() + 6), b(kFirst.begin() + 6, kFirst.end());
  const struct {
    const char* about;
    Octets frames;
    std::string expected;
  } rows[] = {
      {"CONTINUATION", frame(Headers, 0, 1, a) + frame(Continuation, 0, 1, {}) + frame(Continuation, kEndHeaders, 1, b),
       "<www.example.com>"},
      {"padding", frame(Headers, kEndHeaders | kPadded, 1, wire("03") + kFirst + wire("000000")), "<www.example.com>"},
      {"priority", frame(Headers, kEndHeaders | kPriority, 1, wire("80000000 10") + kFirst), "<www.example.com>"},
      {"padding, priority and CONTINUATION",
       frame(Headers, kPadded | kPriority, 1, wire("02 00000000 ff") + a + wire("0000")) +
           frame(Continuation, kEndHeaders, 1, b),
       "<www.example.com>"},
      {"flags of padding and priority mean nothing in CONTINUATION",
       frame(Headers, 0, 1, a) + frame(Continuation, kEndHeaders | kPadded | kPriority, 1, b), "<www.example.com>"},
      {"PUSH_PROMISE", frame(PushPromise, kEndHeaders | kPadded, 1, wire("01 00000002") + kFirst + wire("00")),
       "<www.example.com>"},
      {"nothing but padding", frame(Headers, kEndHeaders | kPadded, 1, wire("02 0000")), "<>"},
      {"frames of a type that nobody knows",
       frame(static_cast<Type>(0xfa), 0xff, 9, Octets(40, 0)) + frame(Headers, kEndHeaders, 1, kFirst),
       "<www.example.com>"},
      {"more padding than frame", frame(Headers, kEndHeaders | kPadded, 1, wire("03 0000")), " Malformed"},
      {"no room for the padding's length", frame(Headers, kEndHeaders | kPadded, 1, {}), " Malformed"},
      {"no room for the priority", frame(Headers, kEndHeaders | kPriority, 1, wire("00000000")), " Malformed"},
      {"HEADERS of the connection", frame(Headers, kEndHeaders, 0, kFirst), " Malformed"},
      {"CONTINUATION of nothing", frame(Continuation, kEndHeaders, 1, kFirst), " Malformed"},
      {"CONTINUATION of another stream", frame(Headers, 0, 1, a) + frame(Continuation, kEndHeaders, 3, b),
       " Malformed"},
      {"a frame between",
       frame(Headers, 0, 1, a) + frame(Ping, 0, 0, Octets(8, 0)) + frame(Continuation, kEndHeaders, 1, b),
       " Malformed"},
      {"a request within a request", frame(Headers, 0, 1, a) + frame(Headers, kEndHeaders, 3, kFirst), " Malformed"},
      {"a block that never ends", frame(Headers, 0, 1, a), ""},
      {"names before an error stay",
       frame(Headers, kEndHeaders, 1, kFirst) + frame(Headers, kEndHeaders, 3, wire("ff ff ff ff ff ff")),
       "<www.example.com> Malformed"},
  };
  for (const auto& row : rows) {
    INFO(row.about);
    CHECK(read(kPreface + row.frames) == row.expected);
  }
}

TEST_CASE("http2: a header block of 65,536 bytes, in any number of frames, is read") {
  const auto stream = [](std::size_t last) {  // ":method: GET" over and over
    return kPreface + frame(Headers, 0, 1, wire("41 01 'a'") + Octets(32'765, 0x82)) +
           frame(Continuation, kEndHeaders, 1, Octets(last, 0x82));
  };
  CHECK(read(stream(32'768)) == "<a>");
  CHECK(read(stream(32'769)) == " Malformed");
}

TEST_CASE("http2: a frame of 16 MiB is skipped as it comes") {
  Http2Reader reader;
  CHECK(feed(reader, kPreface + wire("ffffff 00 00 00000001"), 1000) == "");
  const Octets piece(65'536, 0);
  std::size_t left = 0xffffff;
  while (left > 0) {
    const std::size_t size = std::min(left, piece.size());
    std::size_t consumed = 0;
    NameText authority;
    REQUIRE(reader.read(Bytes(piece).first(size), consumed, authority) == ReadStatus::NeedMore);
    REQUIRE(consumed == size);
    left -= consumed;
  }
  CHECK(feed(reader, frame(Headers, kEndHeaders, 1, kFirst), 1000) == "<www.example.com>");
}

TEST_CASE("http2: a table filled with small entries stays within its memory, or is given up") {
  // 2,000 entries of 33 octets by RFC 7541 §4.1 fill a table of 65,536; again and again.
  Octets block = wire("3f e1ff03");
  for (int i = 0; i < 6'000; ++i) block = std::move(block) + wire("40 01 'x' 00");
  block = std::move(block) + wire("41 01 'a'");
  const std::string outcome = read(kPreface + frame(Headers, kEndHeaders, 1, block));
  CHECK(outcome == "<a>");
}

TEST_CASE("http2: reset begins anew") {
  Http2Reader reader;
  CHECK(feed(reader, text_octets("GET "), 4) == " NotThis");
  CHECK(feed(reader, kPreface + frame(Headers, kEndHeaders, 1, wire("80")), 100) == " Malformed");
  reader.reset();
  CHECK(feed(reader, kPreface + frame(Headers, kEndHeaders, 1, kFirst), 100) == "<www.example.com>");
  reader.reset();
  CHECK(feed(reader, kPreface + frame(Headers, kEndHeaders, 1, kSecond), 100) == " Malformed");  // its table is gone
}

TEST_CASE("http2: damaged streams end the same however they are cut") {
  const Octets good = kPreface + frame(Settings, 0, 0, wire("0001 00001000")) +
                      frame(Headers, kPadded | kPriority, 1, wire("02 00000000 ff") + kFirst + wire("0000")) +
                      frame(Continuation, kEndHeaders, 1, wire("58 08 'no-cache'")) +
                      frame(Headers, kEndHeaders, 3, kThird);
  std::mt19937 random(3);
  for (int i = 0; i < 500; ++i) {
    Octets damaged = good;
    for (int k = 0; k < 2; ++k) damaged[24 + random() % (damaged.size() - 24)] = static_cast<std::uint8_t>(random());
    read(damaged);
  }
}

}  // namespace
}  // namespace airtight::audit
