// HTTP, and what comes before or inside of it.
#include <catch2/catch.hpp>
#include <string>

#include "tests/auditor/classify/application_bench.h"

namespace airtight::audit {
namespace {

using namespace test;

TEST_CASE("application: requests of HTTP/1, pipelined, cut at every byte") {
  const Octets stream = kGet + post("p.example", "Content-Length: 5\r\n", "GET /") +
                        text_octets("GET http://u.example/ HTTP/1.1\r\nHost: v.example:81\r\n\r\n") + kGet;
  const std::string said = kSaidGet + "\nnamed HTTP host p.example\nnamed HTTP host u.example\nnamed HTTP host " +
                           "v.example:81\n" + kSaidGet;
  Run run(1024);
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    Connection tcp(run, 80, static_cast<std::uint16_t>(1000 + cut));
    tcp.open().client(Connection::part(stream, 0, cut)).client(Connection::part(stream, cut)).close();
    INFO("cut at " << cut);
    REQUIRE(run.said() == said);
  }
  Connection(run, 80, 9000).open().client_in(1, stream);
  CHECK(run.said() == said);
  Connection(run, 80, 9001).open().client_in(7, stream).server(text_octets("HTTP/1.1 200 OK\r\n\r\n"));
  CHECK(run.said() == said);
  CHECK(run.end() == "");
}

TEST_CASE("application: bodies of HTTP/1 are passed over") {
  Run run;
  Connection tcp(run, 80);
  const Octets head = post("p.example", "Content-Length: 100000\r\n", "");
  tcp.open().client(head).client_in(1'000, Octets(99'990, 'G')).client(Octets(10, 'G') + kGet);
  CHECK(run.said() == "named HTTP host p.example\n" + kSaidGet);

  Connection lost(run, 80, 2);  // a hole within a body is none
  lost.open().client(head).client_at(head.size() + 100'000, kGet);
  CHECK(run.said() == "named HTTP host p.example\n" + kSaidGet);

  Connection early(run, 80, 5);  // some of the body comes before the end of the head
  early.open().client_at(0, Connection::part(head, 0, 20)).client_at(head.size() + 10, Octets(30, 'G'));
  early.client_at(20, Connection::part(head, 20)).client_at(head.size() + 100'000, kGet);
  CHECK(run.said() == "named HTTP host p.example\n" + kSaidGet);

  Connection loose(run, 80, 3);
  loose.open().client(post("p.example", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
  loose.client(text_octets("0\r\n\r\n")).client(kGet);
  CHECK(run.said() == "named HTTP host p.example\n" + kSaidGet);
  loose.client(post("p.example", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
  loose.client_at(5'000, kGet);  // behind a hole: how the body goes on is not known
  CHECK(run.said() == "named HTTP host p.example");

  Connection huge(run, 80, 4);
  huge.open().client(post("p.example", "Content-Length: 1073741824\r\n", "")).client(kGet);
  CHECK(run.said() == "named HTTP host p.example\nunread an HTTP body that is too long to follow\n" + kSaidGet);
  CHECK(run.end() == "unread bytes of a connection are missing");
  CHECK(run.counts() == "http 11");
}

TEST_CASE("application: a chunked body is followed chunk by chunk, cut at every byte") {
  const Octets stream = post("inside.example", "Transfer-Encoding: chunked\r\n",
                             "5\r\nGET /\r\n01A;why=not\r\n" + std::string(26, 'x') + "\r\n0\r\nTrailer: t\r\n\r\n") +
                        kGet;
  const std::string said = "named HTTP host inside.example\n" + kSaidGet;
  Run run(1024);
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    Connection tcp(run, 80, static_cast<std::uint16_t>(1000 + cut));
    tcp.open().client(Connection::part(stream, 0, cut)).client(Connection::part(stream, cut)).close();
    INFO("cut at " << cut);
    REQUIRE(run.said() == said);
  }
  Connection(run, 80, 1).open().client_in(1, stream);
  CHECK(run.said() == said);
  Connection large(run, 80, 2);  // the bytes of a chunk need not be there
  const Octets head = post("inside.example", "Transfer-Encoding: chunked\r\n", "fffff\r\n");
  large.open().client(head).client_at(head.size() + 0xfffff, text_octets("\r\n0\r\n\r\n") + kGet);
  CHECK(run.said() == said);
  CHECK(run.end() == "");
}

TEST_CASE("application: chunked bodies that contradict themselves") {
  const std::string said = "named HTTP host p.example\nunread a chunked HTTP body that contradicts itself";
  const std::string bodies[] = {
      "x\r\n", "\r\n", "-1\r\n", "40000001\r\n", "1;" + std::string(4'094, 'x'), "0\r\n" + std::string(70'000, 't')};
  Run run;
  std::uint16_t from = 0;
  for (const std::string& body : bodies) {
    INFO(body.substr(0, 20));
    Connection tcp(run, 80, ++from);
    tcp.open().client_in(30'000, post("p.example", "Transfer-Encoding: chunked\r\n", body));
    CHECK(run.said() == said);
    tcp.client(kGet);  // it may begin a segment still
    CHECK(run.said() == kSaidGet);
  }
  Connection(run, 80, ++from).open().client(post("p.example", "Transfer-Encoding: chunked\r\n", "0\r\nT: t")).close();
  CHECK(run.said() == "named HTTP host p.example\nunread an HTTP request is not whole");
  CHECK(run.end() == "");
}

TEST_CASE("application: requests that contradict themselves") {
  Run run;
  Connection(run, 80, 1).open().client(text_octets("GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n"));
  CHECK(run.said() == "unread an HTTP request that names two hosts\nnamed HTTP host a.example");
  Connection(run, 80, 2).open().client(post("p.example", "Content-Length: 1\r\nContent-Length: 2\r\n", "abc"));
  CHECK(run.said() == "unread an HTTP request that contradicts itself");
  CHECK(run.end() == "");
}

TEST_CASE("application: a request behind a chunked body in one segment") {
  Run run;
  Connection(run, 80, 1)
      .open()
      .client(post("inside.example", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n") + kGet)
      .close();
  CHECK(run.said() == "named HTTP host inside.example\n" + kSaidGet);
  CHECK(run.end() == "");
}

TEST_CASE("application: a request in two segments behind a chunked body") {
  Run run;
  Connection tcp(run, 80, 1);
  tcp.open().client(post("inside.example", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"));
  tcp.client(Connection::part(kGet, 0, 20)).client(Connection::part(kGet, 20)).close();
  CHECK(run.said() == "named HTTP host inside.example\n" + kSaidGet);
  CHECK(run.end() == "");
}

TEST_CASE("application: a second request that contradicts itself") {
  Run run;
  Connection(run, 80, 1)
      .open()
      .client(kGet + post("p.example", "Content-Length: 1\r\nContent-Length: 2\r\n", "abc"))
      .close();
  CHECK(run.said() == kSaidGet + "\nunread an HTTP request that contradicts itself");
}

TEST_CASE("application: a hole between two requests") {
  Run run;
  Connection(run, 80, 1).open().client(kGet).client_at(kGet.size() + 1, kGet).close();
  CHECK(run.said() == kSaidGet + "\nunread bytes of a connection are missing");
}

TEST_CASE("application: proxies and upgrades: what follows is looked at anew") {
  Run run;
  const Octets connect = text_octets("CONNECT x.example:443 HTTP/1.1\r\nHost: x.example:443\r\n\r\n");
  const std::string said = "named HTTP CONNECT x.example:443\nnamed HTTP host x.example:443\n" + kSaidTls;
  Connection(run, 3128, 1)
      .open()
      .client(connect)
      .server(text_octets("HTTP/1.1 200 OK\r\n\r\n"))
      .client(tls("a.example"));
  CHECK(run.said() == said);
  Connection(run, 3128, 2).open().client(connect + tls("a.example"));
  CHECK(run.said() == said);
  Connection(run, 3128, 3).open().client_in(3, connect + tls("a.example"));
  CHECK(run.said() == said);
  CHECK(run.counts() == "tls 3, http 3, encrypted 3");

  Connection(run, 1080, 4)
      .open()
      .client(wire("05 01 00"))
      .server(wire("05 00"))
      .client(wire("05 01 00 03 09 's.example' 01bb") + tls("a.example"));
  CHECK(run.said() == "named SOCKS request s.example\n" + kSaidTls);
  Connection(run, 1080, 5).open().client_in(1, wire("04 01 01bb 00000001 00 's.example' 00") + tls("a.example"));
  CHECK(run.said() == "named SOCKS request s.example\n" + kSaidTls);
  Connection(run, 1080, 6).open().client(wire("04 01 01bb cb007107 00") + kGet);
  CHECK(run.said() == "named SOCKS request 203.0.113.7\n" + kSaidGet);
  Connection(run, 1080, 7).open().client(wire("05 01 01") + kGet);  // GSSAPI
  CHECK(run.said() == "unread a SOCKS request that cannot be followed");
  CHECK(run.end() == "");
  CHECK(run.counts() == "tls 5, http 4, socks 3, encrypted 5");

  Run upgraded;
  Connection(upgraded, 80, 1)
      .open()
      .client(text_octets("GET /chat HTTP/1.1\r\nHost: w.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"))
      .client(tls("a.example"));
  CHECK(upgraded.said() == "named HTTP host w.example\n" + kSaidTls);
}

TEST_CASE("application: preambles before what is looked for, cut at every byte") {
  Octets proxy2 = wire("0d0a0d0a000d0a515549540a 21 11 000c 0a000001 0a000002 1234 01bb");
  const Octets preambles[] = {wire("00000008 04d2162f"), wire("00000008 04d21630"),
                              text_octets("PROXY TCP4 10.0.0.1 10.0.0.2 4660 443\r\n"), proxy2,
                              wire("00000008 04d21630 00000008 04d2162f")};
  Run run(4096);
  std::uint16_t from = 1000;
  for (const Octets& preamble : preambles) {
    const Octets stream = preamble + tls("a.example");
    for (std::size_t cut = 1; cut <= preamble.size() + 1; ++cut) {
      INFO("preamble of " << preamble.size() << " bytes cut at " << cut);
      Connection(run, 5432, ++from)
          .open()
          .client(Connection::part(stream, 0, cut))
          .client(Connection::part(stream, cut));
      REQUIRE(run.said() == kSaidTls);
    }
    Connection(run, 5432, ++from).open().client(stream);
    CHECK(run.said() == kSaidTls);
  }
  Connection(run, 80, ++from).open().client(text_octets("PROXY " + std::string(102, 'x'))).client(kGet);
  CHECK(run.said() == "unread an HTTP request that contradicts itself");  // no line ends within 108 bytes
  proxy2[15] = 0x0d;                                                      // one byte more than there is
  Connection(run, 80, ++from).open().client(proxy2).client(wire("00") + kGet);
  CHECK(run.said() == kSaidGet);
}

const Octets kPreface = text_octets("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + wire("000000 04 00 00000000");
Octets http2_get(std::uint8_t stream) {  // HEADERS with the whole block: GET, http, /, :authority
  return wire("000014 01 05 000000") + Octets{stream} + wire("82 86 84 01 0f 'two.example.org'");
}
const std::string kSaidTwo = "named HTTP/2 authority two.example.org";

TEST_CASE("application: HTTP/2 by prior knowledge") {
  const Octets stream = kPreface + http2_get(1) + http2_get(3);
  Run run(1024);
  for (std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{30}, stream.size()}) {
    INFO(piece);
    Connection(run, 80, static_cast<std::uint16_t>(piece)).open().client_in(piece, stream);
    CHECK(run.said() == kSaidTwo + "\n" + kSaidTwo);
  }
  CHECK(run.counts() == "http 8");
  Connection bad(run, 80, 900);
  bad.open().client(kPreface + wire("000001 01 04 00000001 ff"));
  CHECK(run.said() == "unread HTTP/2 that contradicts itself");
  bad.client(http2_get(3));
  CHECK(run.end() == "");
}

TEST_CASE("application: readers of HTTP/2 are few") {
  Run run(1024);
  for (std::uint16_t i = 1001; i <= 1256; ++i) Connection(run, 80, i).open().client(kPreface + http2_get(1));
  run.said();
  Connection(run, 80, 100).open().client(kPreface + http2_get(1));
  CHECK(run.said() == "unread there was no room to read HTTP/2");
  CHECK(run.counts() == "http 256, unread 1");
  run.end();
  Connection(run, 80, 101).open().client(kPreface + http2_get(1));  // the others have ended
  CHECK(run.said() == kSaidTwo);
}

TEST_CASE("application: connections that are closed hold no reader of HTTP/2") {
  Run run(1024);
  for (std::uint16_t i = 1001; i <= 1600; ++i) {
    Connection tcp(run, 80, i);
    tcp.open().client(kPreface + http2_get(1));
    if (i % 2 == 0) {
      tcp.close();
    } else {
      tcp.reset();
    }
    REQUIRE(run.said() == kSaidTwo);
  }
  CHECK(run.end() == "");
  CHECK(run.counts() == "http 600");
}

TEST_CASE("application: HTTP/2 of the side that did not open, or of both") {
  Run run;
  Connection(run, 80, 1).open().server(kPreface + http2_get(1));
  CHECK(run.said() == kSaidTwo);
  Connection(run, 80, 2).open().client(kPreface + http2_get(1)).server(kPreface + http2_get(1));
  CHECK(run.said() == kSaidTwo + "\nunread HTTP/2 that both sides open");
  Connection(run, 80, 3).open().client(kPreface + http2_get(1)).reset().client(http2_get(3));  // which it need not heed
  CHECK(run.said() == kSaidTwo + "\nunread HTTP/2 that contradicts itself");
  CHECK(run.end() == "");
}

TEST_CASE("application: a hole in HTTP/2") {
  Run run;
  Connection tcp(run, 80);
  tcp.open().client(kPreface).client_at(kPreface.size() + http2_get(1).size(), http2_get(3)).close();
  CHECK(run.said() == "unread bytes of a connection are missing");
}
TEST_CASE("application: the snap length cuts HTTP/2") {
  Run run;
  Connection(run, 80).open().client(kPreface, true).close();
  CHECK(run.said() == "unread the snap length cut a connection in which names may stand");
  CHECK(run.end() == "");
}

}  // namespace
}  // namespace airtight::audit
