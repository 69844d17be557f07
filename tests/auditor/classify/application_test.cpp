// Streams, DNS, QUIC, DTLS and flows.
#include "auditor/classify/application.h"

#include <catch2/catch.hpp>
#include <initializer_list>
#include <string>

#include "tests/auditor/classify/application_bench.h"
#include "tests/auditor/decode/quic_sealer.h"

namespace airtight::audit {
namespace {

using namespace test;

// --- TLS

TEST_CASE("application: a ClientHello, cut at every byte") {
  const Octets hello = tls("a.example", 40);
  Run run(1024);
  for (std::size_t cut = 1; cut < hello.size(); ++cut) {
    Connection tcp(run, 443, static_cast<std::uint16_t>(1000 + cut));
    tcp.open().client(Connection::part(hello, 0, cut));
    INFO("cut at " << cut);
    CHECK(run.said() == "");
    tcp.client(Connection::part(hello, cut));
    REQUIRE(run.said() == kSaidTls);
    tcp.client(kGet).server(kGet).close();  // a segment behind it may begin with a request, on either side
    REQUIRE(run.said() == kSaidGet + "\n" + kSaidGet);
  }
  CHECK(run.end() == "");
  const std::size_t all = hello.size() - 1;
  CHECK(run.counts() ==
        "tls " + std::to_string(all) + ", http " + std::to_string(2 * all) + ", encrypted " + std::to_string(all));
}

TEST_CASE("application: a ClientHello in single bytes, and one over many records") {
  Run run;
  Connection(run, 8443, 1).open().client_in(1, tls("a.example", 600));
  CHECK(run.said() == kSaidTls);
  Connection(run, 8443, 2).open().client_in(5, in_records(hello_message(hello_body({server_name("a.example")})), 3));
  CHECK(run.said() == kSaidTls);
  CHECK(run.end() == "");
  CHECK(run.counts() == "tls 2, encrypted 2");
}

TEST_CASE("application: what else a hello says") {
  Run run;
  Connection(run, 853, 1).open().client(in_records(hello_message(hello_body({alpn({"dot"})}))));
  CHECK(run.said() == "hello TLS server name dns");
  Connection(run, 443, 2)
      .open()
      .client(in_records(hello_message(hello_body({server_name("cover.example"), extension(0xfe0d, {0})}))));
  CHECK(run.said() == "hello TLS server name\nhidden cover.example\nnamed TLS server name cover.example");
  Octets broken = tls("a.example");
  broken[5 + 4 + 34] = 99;  // a session id of 99 bytes
  Connection(run, 443, 3).open().client(broken);
  CHECK(run.said() == "unread a TLS ClientHello that contradicts itself");
  Connection(run, 443, 4).open().client(wire("17 0303 0004 00000000"));  // encrypted from its first record on
  CHECK(run.said() == "");
  Connection(run, 22, 5).open().client(text_octets("SSH-2.0-x\r\n")).client(text_octets("SSH-2.0-x\r\n"));
  CHECK(run.end() == "");
  CHECK(run.counts() == "tls 2, encrypted 4");
}

TEST_CASE("application: segments out of order, and again") {
  const Octets hello = tls("a.example", 90);
  Run run;
  Connection early(run, 443, 1);
  early.open().client_at(60, Connection::part(hello, 60)).client_at(20, Connection::part(hello, 20, 40));
  CHECK(run.said() == "");
  early.client_at(0, Connection::part(hello, 0, 20));
  CHECK(run.said() == kSaidTls);
  early.client_at(0, hello).client_at(60, Connection::part(hello, 60));  // a whole hello is read again
  CHECK(run.said() == kSaidTls);

  Connection again(run, 443, 2);
  again.open().client_at(0, Connection::part(hello, 0, 50)).client_at(0, Connection::part(hello, 0, 50));
  again.client_at(30, Connection::part(hello, 30, 40)).client_at(70, Connection::part(hello, 70));
  CHECK(run.said() == kSaidTls);

  Connection overlap(run, 443, 3);  // before anything is held, what is old is passed over
  overlap.open().client(kGet).client_at(5, Connection::part(kGet + kGet, 5));
  CHECK(run.said() == kSaidGet + "\n" + kSaidGet);
  overlap.client_at(0, kGet).client_at(kGet.size() * 2 - 1, wire("0a"));  // a whole request too
  CHECK(run.said() == kSaidGet);
  CHECK(run.end() == "");
}

TEST_CASE("application: bytes that come twice with different values") {
  const Octets hello = tls("a.example"), other = tls("b.example");
  Run run;
  Connection tcp(run);
  tcp.open().client_at(0, Connection::part(hello, 0, hello.size() - 1));
  tcp.client_at(0, Connection::part(other, 0, other.size() - 1));
  CHECK(run.said() == "conflict");
  tcp.client_at(hello.size() - 1, Connection::part(hello, hello.size() - 1));
  CHECK(run.said() == kSaidTls);
}

TEST_CASE("application: a beginning of which bytes are missing") {
  const Octets hello = tls("a.example", 200);
  const auto hole = [&](Connection tcp) { tcp.open().client_at(100, Connection::part(hello, 100)); };
  Run run;
  hole(Connection(run, 443, 1));
  CHECK(run.end() == "unread bytes of a connection are missing");

  Run ended;
  Connection closed(ended, 443, 1);
  closed.open().client_at(100, Connection::part(hello, 100)).close();
  CHECK(ended.said() == "unread bytes of a connection are missing");
  closed.client_at(0, Connection::part(hello, 0, 100));
  CHECK(ended.end() == "unread a TLS ClientHello is not whole");
  Connection(ended, 443, 2).open().client(Connection::part(hello, 0, 100)).reset();
  CHECK(ended.said() == "unread a TLS ClientHello is not whole");
  Connection(ended, 443, 3).open().client(wire("05 01 00")).reset();
  CHECK(ended.said() == "unread a SOCKS request is not whole");
  Connection(ended, 443, 4).open().client(text_octets("GET /half HTTP/1.1\r\nHost: h.exa")).reset();
  CHECK(ended.said() == "unread the beginning of a connection is not whole");
  Connection(ended, 443, 5).open().client(kGet + text_octets("GET /half HTTP/1.1\r\nHost: h.exa")).reset();
  CHECK(ended.said() == kSaidGet + "\nunread an HTTP request is not whole");
  Connection one_fin(ended, 443, 6);
  one_fin.open().client(Connection::part(hello, 0, 100)).send(0, 0, kFin | kAck, {});
  CHECK(ended.said() == "");
  CHECK(ended.end() == "unread a TLS ClientHello is not whole");
  CHECK(ended.counts() == "http 1");

  Run far;
  Connection beyond(far);
  beyond.open().client_at(70'000, wire("00"));
  CHECK(far.said() == "unread bytes of a connection are missing");
  Connection later(far, 443, 2);
  later.open().client_at(0, Connection::part(hello, 0, 9)).client_at(70'000, wire("00")).client_at(9, hello);
  CHECK(far.said() == "unread bytes of a connection are missing\n" + kSaidTls);  // it begins a segment
  CHECK(far.end() == "");
}

TEST_CASE("application: the snap length cuts a beginning") {
  const Octets hello = tls("a.example", 200);
  const std::string cut = "unread the snap length cut a connection in which names may stand";
  Run run;
  Connection(run, 443, 1).open().client(Connection::part(hello, 0, 90), true);
  CHECK(run.said() == cut);
  Connection(run, 443, 2).open().client(hello, true);  // whole before the cut
  CHECK(run.said() == kSaidTls);
  Connection(run, 443, 3).open().client(Connection::part(hello, 0, 20)).client(Connection::part(hello, 20, 9), true);
  CHECK(run.said() == cut);
  Connection(run, 443, 4).open().client_at(50, Connection::part(hello, 50, 9), true);
  CHECK(run.said() == cut);
  Connection body(run, 80, 5);  // a body that was cut, and then a request that begins a segment
  body.open().client(post("p.example", "Content-Length: 100\r\n", "abc"), true);
  body.client_at(post("p.example", "Content-Length: 100\r\n", "").size() + 100, kGet);
  CHECK(run.said() == "named HTTP host p.example\n" + kSaidGet);
  Connection behind(run, 80, 7);  // what was cut may have been a request
  behind.open().client(kGet, true).client_at(kGet.size() + 50, kGet);
  CHECK(run.said() == kSaidGet + "\n" + cut + "\n" + kSaidGet);
  Connection dns(run, 53, 6);
  dns.open().client(with_length(dns_message(1, kName)), true);
  CHECK(run.said() == "question 1 d.example type 1\n" + cut);
  Connection(run, 443, 8).open().server(Connection::part(hello, 0, 90), true);
  CHECK(run.said() == cut);
  Connection nothing(run, 443, 9);  // not a byte of the payload was kept
  nothing.open().client({}, true);
  CHECK(run.said() == "unread the snap length cut the beginning of a connection");
  nothing.client({}, true).client_at(1'000, hello);
  CHECK(run.said() == kSaidTls);
  CHECK(run.end() == "");
}

TEST_CASE("application: the snap length cuts what comes behind something unknown") {
  Run run;
  Connection(run, 80).open().client(text_octets("?unknown\r\n")).client(kGet, true);
  CHECK(run.said() + run.end() == kSaidGet + "\nunread the snap length cut a connection in which names may stand");
  Connection(run, 443)
      .open()
      .client(text_octets("?unknown\r\n"))
      .client(Connection::part(tls("a.example"), 0, 60), true);
  CHECK(run.said() == "unread the snap length cut a connection in which names may stand");
}

TEST_CASE("application: a capture that begins midway") {
  const Octets hello = tls("a.example", 200);
  Run run;
  Connection(run, 443, 1).client(wire("17 0303 0004 00000000"));
  Connection(run, 443, 2).client(Connection::part(hello, 0, 30)).reset();
  Connection(run, 443, 3).client(Connection::part(hello, 9)).server(wire("ff"));
  Connection(run, 443, 4).client(Connection::part(hello, 0, 60), true);
  CHECK(run.said() == "");
  CHECK(run.counts() == "encrypted 1, midway 4");
  Connection(run, 443, 8).client(wire("17 0303 0004 00000000")).client(hello);  // a hello may follow
  CHECK(run.said() == kSaidTls);
  Connection(run, 443, 5).server(wire("16 0303 0002 02")).client(hello);  // the server was seen first
  CHECK(run.said() == kSaidTls);
  Connection(run, 443, 7).client(hello).server(kGet);  // who is the client is a guess: both sides are read
  CHECK(run.said() == kSaidTls + "\n" + kSaidGet);
  Connection(run, 443, 6).server(kGet);  // either side may be the client
  CHECK(run.said() == kSaidGet);
  CHECK(run.end() == "");
}

TEST_CASE("application: a beginning in too many pieces") {
  Run run;
  Connection(run, 443, 1).open().client_in(1, tls("a.example", 3'900));
  CHECK(run.said() == kSaidTls);
  Connection(run, 443, 2).open().client_in(1, tls("a.example", 4'200));
  CHECK(run.said() == "unread a beginning in too many pieces");
  Octets requests;
  for (int i = 0; i < 14; ++i) append(requests, post("p.example", "X: " + std::string(6'000, 'x') + "\r\n", ""));
  Connection(run, 80, 3).open().client_in(7, requests);  // what goes on may go on for ever
  CHECK(run.counts() == "tls 1, http 14, encrypted 1");
}

TEST_CASE("application: the pool of streams is used up") {
  Run run(20'000);
  const Octets begun = Connection::part(tls("a.example"), 0, 9);
  for (unsigned i = 0; i < 16'384; ++i) Connection(run, 443, static_cast<std::uint16_t>(1000 + i)).open().client(begun);
  CHECK(run.said() == "");
  Connection more(run, 444, 1);
  more.open().client(begun);
  CHECK(run.said() == "unread there was no room to put a connection in order");
  Connection(run, 444, 2).open().client(tls("a.example"));  // which needs no place
  CHECK(run.said() == kSaidTls);
  Connection(run, 443, 1000).send(0, 0, kRst, {});
  CHECK(run.said() == "unread a TLS ClientHello is not whole");
  Connection(run, 444, 3).open().client(begun).client_at(9, Connection::part(tls("a.example"), 9));
  CHECK(run.said() == kSaidTls);
  CHECK(run.counts() == "tls 2, encrypted 2, unread 1");
}

// --- hellos that are not the first thing that is said

TEST_CASE("application: a hello behind what is not understood") {
  const Octets hello = tls("a.example", 90);
  Run run(1024);
  Connection mail(run, 25, 1);  // STARTTLS
  mail.open().server(text_octets("220 mail ESMTP\r\n")).client(text_octets("EHLO x\r\n"));
  mail.server(text_octets("250 STARTTLS\r\n")).client(text_octets("STARTTLS\r\n")).server(text_octets("220 go\r\n"));
  CHECK(run.said() == "");
  mail.client(Connection::part(hello, 0, 40)).client(Connection::part(hello, 40));
  CHECK(run.said() == kSaidTls);
  CHECK(run.counts() == "tls 1, encrypted 1, unknown 1");

  const Octets unknown = wire("ff 'unknown' 16 03 16");
  for (std::size_t cut = 11; cut <= hello.size(); ++cut) {
    INFO("cut at " << cut);
    const auto from = static_cast<std::uint16_t>(1'000 + 2 * cut);
    Connection first(run, 443, from);  // in the first segment
    first.open().client(unknown + Connection::part(hello, 0, cut)).client(Connection::part(hello, cut));
    REQUIRE(run.said() == kSaidTls);
    Connection later(run, 443, static_cast<std::uint16_t>(from + 1));  // in a later one
    later.open().client(unknown).client(unknown + Connection::part(hello, 0, cut));
    later.client(Connection::part(hello, cut));
    REQUIRE(run.said() == kSaidTls);
  }
  Connection request(run, 80, 2);
  request.open().client(unknown).client(kGet).client(kGet);
  CHECK(run.said() == kSaidGet + "\n" + kSaidGet);
  Connection begun(run, 443, 3);
  begun.open().client(unknown + Connection::part(hello, 0, 60)).close();
  CHECK(run.said() == "unread a TLS ClientHello is not whole");
  CHECK(run.end() == "");
}

TEST_CASE("application: the beginning of a hello behind what waited to be understood") {
  const Octets hello = tls("a.example");
  Run run;
  Connection tcp(run);
  tcp.open().client(wire("01 'may be DNS'")).client(wire("02 'is not'") + Connection::part(hello, 0, 40));
  tcp.client(Connection::part(hello, 40));
  CHECK(run.said() == kSaidTls);
}

TEST_CASE("application: a second hello, and records before the first") {
  const Octets hello = tls("a.example"), other = tls("b.example");
  const std::string said_other = "hello TLS server name\nnamed TLS server name b.example";
  Run run;
  Connection twice(run, 443, 1);  // as after HelloRetryRequest, behind a cipher change of its own segment
  twice.open().client(hello).client(wire("14 0303 0001 01")).client(other);
  CHECK(run.said() == kSaidTls + "\n" + said_other);
  for (std::size_t cut = 1; cut <= 13; ++cut) {
    const Octets stream = wire("15 0303 0002 0100") + wire("14 0303 0001 01") + hello;
    Connection odd(run, 443, static_cast<std::uint16_t>(100 + cut));
    odd.open().client(Connection::part(stream, 0, cut)).client(Connection::part(stream, cut));
    INFO("cut at " << cut);
    CHECK(run.said() == kSaidTls);
  }
  CHECK(run.end() == "");
}

TEST_CASE("application: both sides are read, whoever opened") {
  const Octets hello = tls("a.example", 60);
  Run run;
  for (std::size_t cut = 1; cut < hello.size(); cut += 7) {
    Connection tcp(run, 443, static_cast<std::uint16_t>(cut));
    tcp.open().server(Connection::part(hello, 0, cut)).server(Connection::part(hello, cut));
    INFO("cut at " << cut);
    CHECK(run.said() == kSaidTls);
  }
  Connection(run, 80, 1'001).open().server(kGet);
  CHECK(run.said() == kSaidGet);
  Connection(run, 443, 1'002).open().server(Connection::part(hello, 0, 40)).close();
  CHECK(run.said() == "unread a TLS ClientHello is not whole");
  Connection(run, 22, 1'003).open().server(text_octets("SSH")).close();  // what a server began names nobody
  Connection(run, 443, 1'004).open().server(wire("16 0303 0030 02 00002c 0303")).close();
  CHECK(run.said() == "");
  CHECK(run.end() == "");
}

TEST_CASE("application: bytes that come where none belong") {
  const Octets hello = tls("a.example");
  Run run;
  Connection(run, 443, 1).open().client_at(SIZE_MAX, wire("00")).client(hello);  // a keep-alive probe
  CHECK(run.said() == kSaidTls);
  Connection(run, 443, 2).open().client_at(SIZE_MAX - 1, wire("00 00")).client(hello);
  CHECK(run.said() == "conflict\n" + kSaidTls);
  Connection urgent(run, 443, 3);
  urgent.urgent = true;
  urgent.open().client(hello).client(hello);
  CHECK(run.said() == "unread urgent data in the beginning of a connection\n" + kSaidTls + "\n" + kSaidTls);
  Connection held(run, 443, 4);  // another hello over one that waits: both are read
  held.open().client_at(0, Connection::part(hello, 0, hello.size() - 1)).client_at(0, tls("b.example"));
  CHECK(run.said() == "conflict\nhello TLS server name\nnamed TLS server name b.example\n" + kSaidTls);
  CHECK(run.end() == "");
}

// --- DNS

TEST_CASE("application: DNS over TCP, many messages, cut at every byte") {
  const Octets stream = with_length(dns_message(1, kName)) + with_length(dns_message(2, "01 'e' 07 'example'")) +
                        with_length(dns_message(3, kName));
  const std::string said = "question 1 d.example type 1\nquestion 2 e.example type 1\nquestion 3 d.example type 1";
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{53, 8053}) {
    Run run(1024);
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
      Connection tcp(run, port, static_cast<std::uint16_t>(1000 + cut));
      tcp.open().client(Connection::part(stream, 0, cut)).client(Connection::part(stream, cut)).close();
      INFO("port " << port << ", cut at " << cut);
      REQUIRE(run.said() == said);
    }
    Connection(run, port, 1).open().client_in(1, stream);
    CHECK(run.said() == said);
    CHECK(run.counts() == "questions " + std::to_string(3 * stream.size()));
  }
}

TEST_CASE("application: answers of DNS over TCP are read on its port") {
  Run run;
  const Octets answer = dns_message(7, kName, "8180", 3,
                                    "c00c 0005 0001 00000001 0002 c00c"        // CNAME
                                    "c00c 0001 0001 00000001 0004 0a000001"    // inside
                                    "c00c 0001 0001 00000001 0004 cb007107");  // outside
  const std::string said = "response 7 d.example type 1: 3 records, 2 addresses, 1 targets, outside 203.0.113.7";
  Connection(run, 53, 1).open().client(with_length(dns_message(7, kName))).server(with_length(answer));
  CHECK(run.said() == "question 7 d.example type 1\n" + said);
  datagram(run, answer, 53, 2, false, true);
  CHECK(run.said() == said);
  datagram(run, Connection::part(answer, 0, answer.size() - 8), 53, 2, true, true);
  CHECK(run.said() == "response 7 d.example type 1: 2 records, 1 addresses, 1 targets, not whole");
  Octets additional = answer;  // an address that is no part of the answer
  additional[7] = 2, additional[11] = 1;
  datagram(run, additional, 53, 2, false, true);
  CHECK(run.said() == "response 7 d.example type 1: 2 records, 1 addresses, 1 targets");
  Octets tc = answer;
  tc[2] |= 2;
  datagram(run, tc, 53, 2, false, true);
  CHECK(run.said() == said + ", not whole");
  CHECK(run.counts() == "questions 1, answers 5");
}

TEST_CASE("application: what is on a DNS port and is not DNS, or not whole") {
  Run run;
  Connection(run, 53, 1).open().client(wire("0004 00000000") + with_length(dns_message(1, kName)));
  CHECK(run.said() == "unread what is on a DNS port is no DNS message");
  Connection(run, 53, 2).open().client(with_length(dns_message(1, kName)) + wire("00")).close();
  CHECK(run.said() == "question 1 d.example type 1\nunread a DNS message over TCP is not whole");
  Connection(run, 53, 6).client(with_length(dns_message(1, kName)) + wire("00")).reset();  // from midway on
  CHECK(run.said() == "question 1 d.example type 1\nunread a DNS message over TCP is not whole");
  Connection(run, 53, 3).open().client(tls("a.example"));  // TLS there is TLS
  CHECK(run.said() == kSaidTls);
  Connection(run, 53, 5).open().client(wire("17 0303 0004 00000000")).close();  // other records of TLS are not
  CHECK(run.said() == "unread a DNS message over TCP is not whole");
  CHECK(run.counts() == "questions 2, tls 1, encrypted 1");
  Connection(run, 53, 4).open().client_at(4, dns_message(1, kName)).close();
  CHECK(run.said() == "unread bytes of a connection are missing");
  datagram(run, wire("00 01 02"), 53);
  CHECK(run.said() == "unread what is on a DNS port is no DNS message");
  datagram(run, {}, 53);
  CHECK(run.said() == "");
  datagram(run, dns_message(9, kName, "8180"), 53);
  CHECK(run.said() == "unread a DNS answer that goes to a server");
  datagram(run, Connection::part(dns_message(9, kName), 0, 20), 53, 9, true);
  CHECK(run.said() == "unread a DNS question that is not whole");
  datagram(run, Connection::part(dns_message(9, kName), 0, 20), 53);
  CHECK(run.said() == "unread a DNS question that contradicts itself");
  datagram(run, dns_message(9, "c00c"), 53);  // a pointer to itself
  CHECK(run.said() == "unread a DNS question that contradicts itself");
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{5353, 5355}) {
    datagram(run, dns_message(9, kName), port);
    CHECK(run.said() == "question 9 d.example type 1");
  }
  CHECK(run.end() == "");
}

TEST_CASE("application: DNS on other ports, and NetBIOS, which is none") {
  Run run;
  datagram(run, dns_message(5, kName), 8053);
  CHECK(run.said() == "question 5 d.example type 1");
  Octets netbios = dns_message(6, "20 'FHEPFCELEHFCEPFFFACACACACACACAAA'", "0110");
  netbios[netbios.size() - 3] = 0x20;  // type NB
  datagram(run, netbios, 137, 137);
  CHECK(run.said() == "");
  netbios[netbios.size() - 3] = 0x21;
  datagram(run, netbios, 137, 137);
  CHECK(run.said() == "");
  datagram(run, dns_message(7, kName), 137, 137);  // a question of the DNS there is one
  CHECK(run.said() == "question 7 d.example type 1");

  for (int i = 0; i < 500; ++i) datagram(run, wire("ff ff"), 9'999);  // however late
  datagram(run, dns_message(8, kName), 9'999);
  CHECK(run.said() == "question 8 d.example type 1");
  datagram(run, dns_message(9, kName), 9'999, 50'000, false, true);
  CHECK(run.said() == "question 9 d.example type 1");
  CHECK(run.end() == "");
}

TEST_CASE("application: an update of DNS names hosts in its records") {
  Run run;
  Octets update = dns_message(5, kName, "2800", 0, "01 'u' c00e 0001 0001 00000001 0004 0a000001");
  update[9] = 1;  // one record in the section of updates
  datagram(run, update, 53);
  CHECK(run.said() == "question 5 d.example type 1\nquestion 5 u.example type 1");
  datagram(run, dns_message(6, ""), 53);
  CHECK(run.said() == "question 6 . type 1");
}

// --- QUIC and DTLS

const Octets kQuicHello = hello_message(hello_body({server_name("q.example"), extension(57, Octets(900, 3))}));
QuicSealer& sealer() {
  static QuicSealer made;
  return made;
}
Octets initial(std::uint64_t number, std::size_t offset, std::size_t size) {
  QuicPlan plan;
  plan.number = number;
  return sealer().initial(plan, crypto_frame(kQuicHello, offset, size));
}

TEST_CASE("application: a QUIC hello over three datagrams") {
  Run run;
  datagram(run, initial(2, 600, SIZE_MAX));
  datagram(run, initial(1, 300, 300));
  CHECK(run.said() == "");
  CHECK(run.counts() == "encrypted 1");
  datagram(run, initial(0, 0, 300));
  CHECK(run.said() == "hello QUIC server name\nnamed QUIC server name q.example");
  CHECK(run.end() == "");
  CHECK(run.counts() == "quic 1, encrypted 1");

  datagram(run, initial(0, 0, 300), 443, 2);
  CHECK(run.said() == "");
  CHECK(run.end() == "unread QUIC Initials without a whole ClientHello");
  datagram(run, initial(1, 300, SIZE_MAX), 443, 2);  // the end forgot what there was
  CHECK(run.said() == "");
}

TEST_CASE("application: QUIC that cannot be read") {
  Run run;
  datagram(run, Connection::part(initial(0, 0, SIZE_MAX), 0, 500), 443, 1, true);
  CHECK(run.said() == "unread the snap length cut a QUIC Initial");
  Octets broken = initial(0, 0, SIZE_MAX);
  broken[700] ^= 1;
  datagram(run, broken, 443, 2);
  CHECK(run.said() == "unread a QUIC Initial that its own keys do not open");
  QuicPlan plan;
  datagram(run, sealer().initial(plan, wire("08 00 00 00")), 443, 3);  // a STREAM frame
  CHECK(run.said() == "unread a QUIC Initial that contradicts itself");
  Octets draft = initial(0, 0, SIZE_MAX);
  draft[1] = 0xff, draft[2] = 0, draft[3] = 0, draft[4] = 18;
  datagram(run, draft, 443, 4);
  CHECK(run.said() == "unread a QUIC version whose Initial cannot be decrypted");
  CHECK(run.end() == "");
  CHECK(run.counts() == "encrypted 4");
}

TEST_CASE("application: more QUIC handshakes than there is room for") {
  Run run(1024);
  for (std::uint16_t i = 1001; i <= 1256; ++i) datagram(run, initial(0, 0, 300), 443, i);
  CHECK(run.said() == "");
  datagram(run, initial(0, 0, 300), 443, 1257);
  CHECK(run.said() == "unread there was no room to put a QUIC handshake together");
}

TEST_CASE("application: the snap length cuts the whole payload of a datagram") {
  Run run;
  datagram(run, {}, 9'999, 1, true);
  CHECK(run.said() == "unread the snap length cut the payload of a datagram");
  datagram(run, {}, 9'999, 1, true);  // once a flow is enough
  datagram(run, {}, 9'999, 1, true, true);
  CHECK(run.said() == "");
  datagram(run, {}, 53, 2, true);
  CHECK(run.said() == "unread the snap length cut the payload of a datagram");
  datagram(run, {}, 9'999, 3);
  CHECK(run.end() == "");
}

Octets dtls_record(const Octets& body, std::size_t size = SIZE_MAX) {
  Octets message = {1};
  size = std::min(size, body.size());
  append_number(message, body.size(), 3);
  append_number(message, 0, 5);
  append_number(message, size, 3);
  append(message, Connection::part(body, 0, size));
  return wire("16 fefd 0000 000000000000") + counted(message, 2);
}

TEST_CASE("application: DTLS") {
  const Octets body = hello_body({server_name("dtls.example")}, true);
  const std::string said = "hello DTLS server name\nnamed DTLS server name dtls.example";
  Run run;
  datagram(run, dtls_record(body), 4433);
  datagram(run, dtls_record(hello_body({server_name("dtls.example")}, true, Octets(20, 1))), 4433);
  CHECK(run.said() == said + "\n" + said);
  datagram(run, dtls_record(body, 40), 4433, 2);
  CHECK(run.said() == "unread a DTLS ClientHello in several datagrams");
  datagram(run, dtls_record(body, 40), 4433, 2, true);
  CHECK(run.said() == "unread the snap length cut a DTLS ClientHello");
  Octets broken = body;
  broken[34] = 255;  // a session id of 255 bytes
  datagram(run, dtls_record(broken), 4433, 3);
  CHECK(run.said() == "unread a DTLS ClientHello that contradicts itself");
  datagram(run, wire("17 fefd 0000 000000000000 0002 0000"), 4433, 3);
  CHECK(run.end() == "");
  CHECK(run.counts() == "tls 2, encrypted 1");
}

TEST_CASE("application: the snap length cuts a record of DTLS") {
  Run run;
  const Octets whole = dtls_record(hello_body({server_name("dtls.example")}, true));
  datagram(run, Connection::part(whole, 0, 60), 4433, 2, true);
  CHECK(run.said() == "unread the snap length cut a DTLS ClientHello");
}

// --- flows

TEST_CASE("application: flow_ended once and again, and ports used anew") {
  const Octets begun = Connection::part(tls("a.example"), 0, 30);
  Run run;
  Connection(run, 443, 1).open().client(begun).reset();
  CHECK(run.said() == "unread a TLS ClientHello is not whole");
  CHECK(run.end() == "");
  Connection(run, 443, 1).open().client(tls("a.example"));  // the same ports, a new connection
  CHECK(run.said() == kSaidTls);
  Connection(run, 443, 2).open().client(begun);
  CHECK(run.end() == "unread a TLS ClientHello is not whole");
}

TEST_CASE("application: sequence numbers wrap in the middle of a hello") {
  Run run;
  const Octets hello = tls("a.example", 100);
  for (std::uint32_t before = 0; before < 8; ++before) {
    Connection(run, 443, static_cast<std::uint16_t>(before), 0u - 20 * before).open().client_in(50, hello);
    CHECK(run.said() == kSaidTls);
  }
  Connection keep_alive(run, 443, 100);
  keep_alive.open().client_in(30, Connection::part(hello, 0, 60)).client_at(59, wire("77"));
  CHECK(run.said() == "conflict");  // bytes that are held
  Connection idle(run, 80, 101);
  idle.open().client(kGet).client_at(kGet.size() - 1, wire("00")).client(kGet);
  CHECK(run.said() == kSaidGet + "\n" + kSaidGet);
}

TEST_CASE("application: a second SYN") {
  Run run;
  // Which its receiver would not take: what comes then looks older than its first byte, and is read all the same.
  Connection(run, 443, 1).open().send(0, 100'000, kSyn, {}).client(tls("a.example")).close();
  CHECK(run.said() == "conflict\n" + kSaidTls);
  Connection(run, 443, 5).open().send(0, 100'000, kSyn, {}).client_in(100, tls("a.example", 99)).close();
  CHECK(run.said() == "conflict\nconflict");  // not read, but said
  Connection anew(run, 443, 2);               // a connection that begins anew, while something of the former waits
  anew.open().client(Connection::part(tls("b.example"), 0, 30)).send(0, 100'000, kSyn, {});
  CHECK(run.said() == "unread a TLS ClientHello is not whole");
  anew.send(0, 100'001, kAck, tls("a.example"));
  CHECK(run.said() == kSaidTls);
  Connection copy(run, 443, 3, 5'000);  // the same SYN again changes nothing
  copy.open().client(Connection::part(tls("a.example"), 0, 30)).send(0, 5'000, kSyn, {});
  copy.client_at(30, Connection::part(tls("a.example"), 30));
  CHECK(run.said() == kSaidTls);
  Connection other_end(run, 443, 4);
  other_end.open().server(Connection::part(tls("a.example"), 0, 30)).send(1, 9, kSyn | kAck, {});
  CHECK(run.said() == "conflict");
  CHECK(run.end() == "unread a TLS ClientHello is not whole");
}

}  // namespace
}  // namespace airtight::audit
