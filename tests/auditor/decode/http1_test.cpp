#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "auditor/decode/http.h"
#include "tests/auditor/allocation_counter.h"
#include "tests/auditor/decode/wire.h"

namespace airtight::audit {
namespace {

using namespace std::string_literals;

std::string to_text(ReadStatus status) {
  static constexpr const char* kNames[] = {"Found", "NeedMore", "NotThis", "Malformed"};
  return kNames[static_cast<int>(status)];
}

// All that was read, in words.
std::string read(const std::string& stream) {
  HttpRequest request;
  std::string text = to_text(read_http_request(text_octets(stream), request));
  if (request.has_authority) text += " authority " + std::string(request.authority.text());
  if (request.has_host) text += " host " + std::string(request.host.text());
  if (request.conflicting) text += " conflicting";
  if (request.connect) text += " connect";
  if (request.upgrade_h2c) text += " h2c";
  if (request.websocket) text += " websocket";
  if (request.chunked) text += " chunked";
  if (request.body > 0) text += " body " + std::to_string(request.body);
  if (request.head > 0) text += " head " + std::to_string(request.head);
  return text;
}

struct Row {
  std::string stream;
  std::string expected;
};

// Each row as it is, and cut at every place: nothing but NeedMore may come before the answer, and more bytes do not
// change it.
void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.stream);
    CHECK(read(row.stream) == row.expected);
    bool decided = false;
    for (std::size_t size = 0; size < row.stream.size(); ++size) {
      INFO(size);
      const std::string part = read(row.stream.substr(0, size));
      decided = decided || part.substr(0, 8) != "NeedMore";
      if (decided) REQUIRE(part == row.expected);
    }
    if (row.expected.substr(0, 8) != "NeedMore")
      CHECK(read(row.stream + "GET / HTTP/1.1\r\nHost: behind\r\n\r\n") == row.expected);
  }
}

TEST_CASE("http1: request targets") {
  check({
      {"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n", "Found host www.example.com head 41"},
      {"GET /a?b=http://c/ HTTP/1.0\r\n\r\n", "Found head 31"},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "Found host a head 31"},
      {"GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n",
       "Found authority a.example host a.example head 52"},
      {"GET HTTPS://A.example:8443 HTTP/1.1\r\n\r\n", "Found authority A.example:8443 head 39"},
      {"GET ws://a.example?x HTTP/1.1\r\n\r\n", "Found authority a.example head 33"},
      {"GET ftp://a.example/f HTTP/1.1\r\n\r\n", "Found authority a.example head 34"},
      {"GET http://user@evil@host:80/ HTTP/1.1\r\n\r\n", "Found authority host:80 head 42"},
      {"GET http://inside.example#@outside/ HTTP/1.1\r\n\r\n", "Found authority inside.example head 48"},
      {"GET http://[2001:db8::1]:80/ HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n",
       "Found authority [2001:db8::1]:80 host [2001:db8::1] head 62"},
      {"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n",
       "Found authority a.example:443 host a.example connect head 51"},
      {"CONNECT [::1]:443 HTTP/1.1\r\n\r\n", "Found authority [::1]:443 connect head 30"},
      {"connect a:443 HTTP/1.1\r\n\r\n", "Found authority a:443 connect head 26"},
      {"CONNECT / HTTP/1.1\r\n\r\n", "Malformed connect"},
      {"GET http:///x HTTP/1.1\r\n\r\n", "Malformed"},
      {"GET http://user@/x HTTP/1.1\r\n\r\n", "Malformed"},
      {"GET http://outside\\@inside/ HTTP/1.1\r\n\r\n", "Malformed"},
      {"GET a.example HTTP/1.1\r\n\r\n", "Malformed"},
      {"GET HTTP/1.1\r\n\r\n", "Malformed"},
      {"GET http://b\xc3\xbc.example/ HTTP/1.1\r\n\r\n", "Found authority b\\195\\188.example head 36"},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "Found host a head 30"},
  });
}

TEST_CASE("http1: methods, versions and line ends") {
  check({
      {"get / HTTP/1.1\r\n\r\n", "Found head 18"},
      {"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n", "Found host 239.255.255.250:1900 head 51"},
      {"x!#$%&'*+-.^_`|~9 / HTTP/1.1\r\n\r\n", "Found head 32"},
      {"GET / HTTP/1.1\nHost: a\n\n", "Found host a head 24"},
      {"GET / HTTP/1.1\r\nHost: a\n\r\n", "Found host a head 26"},
      {"\r\n\n\r\nGET / HTTP/1.1\r\n\r\n", "Found head 23"},
      {"GET  /  HTTP/1.1 \r\n\r\n", "Found head 21"},
      {"GET\t/\tHTTP/1.1\r\n\r\n", "Found head 18"},
      {"GET / HTTP/1.7\r\n\r\n", "Found head 18"},
      {"GET /\r\n\r\n", "NotThis"},
      {"GET / HTTP/2.0\r\n\r\n", "NotThis"},
      {"GET / http/1.1\r\n\r\n", "NotThis"},
      {"GET / HTTP/1.\r\n\r\n", "NotThis"},
      {"GET / HTTP/1.12\r\n\r\n", "NotThis"},
      {"GET /HTTP/1.1\r\n\r\n", "NotThis"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "NotThis"},
      {"HTTP/1.1 200 OK\r\n\r\n", "NotThis"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "NotThis"},
      {"EHLO a.example\r\n", "NotThis"},
      {"\x16\x03\x01", "NotThis"},
      {" GET / HTTP/1.1\r\n\r\n", "NotThis"},
      {"\rGET / HTTP/1.1\r\n\r\n", "NotThis"},
      {"GET /\0 HTTP/1.1\r\n\r\n"s, "Malformed"},
      {"GET /\r/ HTTP/1.1\r\n\r\n", "Malformed"},
      {"ODD \x01\x02\r\n", "NotThis"},
      {"GET / HTTP/1.1\r\nHost: a\r\n", "NeedMore"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\r", "NeedMore host a"},
      {"", "NeedMore"},
      {"\r", "NeedMore"},
      {"GET", "NeedMore"},
  });
}

TEST_CASE("http1: the Host field") {
  check({
      {"GET / HTTP/1.1\r\nhOST:a\r\n\r\n", "Found host a head 26"},
      {"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "Found head 29"},
      {"GET / HTTP/1.1\r\nHost: \r\nHost:\r\n\r\n", "Found head 33"},
      {"GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n", "Found host a conflicting head 34"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n", "Found host a conflicting head 34"},
      {"GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", "Found authority a head 33"},
      {"GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n", "Found host a head 31"},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "Found host a head 28"},
      {"GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", "Found host a head 29"},
      {"GET / HTTP/1.1\r\nHost:\r\n\t\r\n a.exa\n mple\r\n\r\n", "Found host a.exa\\032mple head 42"},
      {"GET / HTTP/1.1\r\nX: y\r\n Host: fold\r\nHost: a\r\n\r\n", "Found host a head 46"},
      {"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", "Found host a head 30"},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "Found head 25"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: A\r\n\r\n", "Found host a head 36"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "Found host a conflicting head 36"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n", "Found host a conflicting head 34"},
      {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "Found authority b host a conflicting head 35"},
      {"GET http://a:80/ HTTP/1.1\r\nHost: A\r\n\r\n", "Found authority a:80 host A head 38"},
      {"CONNECT b:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "Found authority b:443 host a:443 conflicting connect head 39"},
      {"GET / HTTP/1.1\r\nHost: a\x01\xff b\r\n\r\n", "Found host a\\001\\255\\032b head 31"},
      {"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"s, "Malformed"},
      {"GET / HTTP/1.1\r\nHost: a\rHost: b\r\n\r\n", "Malformed"},
      {"GET / HTTP/1.1\r\nX: \0\r\nHost: a\r\n\r\n"s, "Malformed"},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "Malformed"},
      {"GET / HTTP/1.1\r\nno colon\r\n\r\n", "Malformed"},
      {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "Malformed host a"},
      {"GET / HTTP/1.1\r\nX Y: b\r\n\r\n", "Malformed"},
      {"GET / HTTP/1.1\r\nXHost: b\r\nHosts: c\r\n\r\n", "Found head 38"},
  });
}

TEST_CASE("http1: what the body is, and what comes after") {
  check({
      {"POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n", "Found body 12 head 39"},
      {"POST / HTTP/1.1\r\nContent-Length: 12, 12\r\ncontent-length: 012\r\n\r\n", "Found body 12 head 64"},
      {"POST / HTTP/1.1\r\nContent-Length: 999999999999999999\r\n\r\n", "Found body 999999999999999999 head 55"},
      {"POST / HTTP/1.1\r\nContent-Length: 9999999999999999999\r\n\r\n", "Malformed"},
      {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "Malformed body 1"},
      {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "Malformed"},
      {"POST / HTTP/1.1\r\nContent-Length: 0x10\r\n\r\n", "Malformed"},
      {"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", "Malformed"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "Found chunked head 47"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: , CHUNKED\r\n\r\n", "Found chunked head 74"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n", "Found body 1 head 67"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "Malformed chunked"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "Malformed chunked"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", "Malformed"},
      {"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "Malformed chunked body 5"},
      {"GET / HTTP/1.1\r\nUpgrade: HTTP/3.0, h2c\r\n\r\n", "Found h2c head 42"},
      {"GET / HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\n", "Found websocket head 38"},
      {"GET / HTTP/1.1\r\nUpgrade: h2cx\r\n\r\n", "Found head 33"},
  });
}

TEST_CASE("http1: a head of 32,768 bytes is read, a longer one is not") {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ", end = "\r\n\r\n";
  const std::string fill(kMaxHttpHead - start.size() - end.size(), 'x');
  CHECK(read(start + fill + end) == "Found host a head 32768");
  CHECK(read(start + fill) == "NeedMore host a");
  CHECK(read(start + fill + "x" + end) == "Malformed host a");
  CHECK(read(start + fill + "xxxx") == "Malformed host a");
  CHECK(read("GET /" + std::string(kMaxHttpHead - 6, 'x')) == "NeedMore");
  CHECK(read("GET /" + std::string(kMaxHttpHead, 'x')) == "Malformed");
  CHECK(read("ODD /" + std::string(kMaxHttpHead, 'x')) == "NotThis");
  CHECK(read(std::string(kMaxHttpHead, 'x')) == "NotThis");
  CHECK(read(std::string(kMaxHttpHead, '\n')) == "NotThis");
}

TEST_CASE("http1: a host longer than its buffer says that it was cut") {
  HttpRequest request;
  const std::string stream = "GET / HTTP/1.1\r\nHost: " + std::string(2000, 'a') + "\r\n\r\n";
  CHECK(read_http_request(text_octets(stream), request) == ReadStatus::Found);
  CHECK(request.host.text() == std::string(NameText::kCapacity, 'a'));
  CHECK(request.host.cut());
}

TEST_CASE("http1: status lines") {
  const struct {
    const char* stream;
    unsigned expected;
  } rows[] = {
      {"HTTP/1.1 200 OK\r\n", 200},
      {"HTTP/1.0 101\n", 101},
      {"HTTP/1.1 407 \r\n\r\n", 407},
      {"HTTP/1.1 200\r\n", 200},
      {"HTTP/1.1 200 OK", 0},
      {"HTTP/1.1 20 OK\r\n", 0},
      {"HTTP/1.1 2000 OK\r\n", 0},
      {"HTTP/2.0 200 OK\r\n", 0},
      {"HTTP/1.1\r\n", 0},
      {"GET / HTTP/1.1\r\n", 0},
      {"", 0},
  };
  for (const auto& row : rows) {
    INFO(row.stream);
    CHECK(read_http_status(text_octets(row.stream)) == row.expected);
  }
}

TEST_CASE("http1: reading allocates nothing") {
  const Octets stream =
      text_octets("GET http://a/ HTTP/1.1\r\nHost: b\r\nHost: c\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n");
  const Octets answer = text_octets("HTTP/1.1 200 OK\r\n");
  HttpRequest request;
  const auto before = allocations();
  const ReadStatus status = read_http_request(stream, request);
  const unsigned code = read_http_status(answer);
  const auto after = allocations();
  CHECK(status == ReadStatus::Found);
  CHECK(code == 200);
  CHECK(after == before);
}

}  // namespace
}  // namespace airtight::audit
