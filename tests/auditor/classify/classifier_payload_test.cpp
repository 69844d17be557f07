// What a classifier finds inside: fragments put together, and names wherever they are said.
#include <catch2/catch.hpp>
#include <string>

#include "tests/auditor/classify/classifier_bench.h"

namespace airtight::audit {
namespace {

using namespace test;

TEST_CASE("classifier: names show in a flow that is known to be clean") {
  Bench bench;
  CHECK(bench.see(syn("10.42.1.5", "10.20.0.10", 8000)) == "inside-declared");
  CHECK(bench.see(v4(6, "10.20.0.10", "10.42.1.5", flagged(kSyn | kAck, 8000, 40'000))) == "inside-declared");
  CHECK(bench.see(ack("10.42.1.5", "10.20.0.10", 40'000, 8000)) == "inside-declared");
  CHECK(bench.see(ack("10.42.1.5", "10.20.0.10", 40'000, 8000, client_hello("api.openai.com"))) ==
        "outside-name-in-tls\nAT-A024 outside-name-in-tls violated 10.42.1.5 > 10.20.0.10 p6 port 8000 api.openai.com "
        "(TLS server name) {Hosted LLM providers: OpenAI}");
  CHECK(bench.named() == "TLS server name api.openai.com outside\n");
  CHECK(bench.see(v4(17, "10.42.1.5", "10.20.0.53", udp(1, 53, dns(kInsideName)))) == "inside-declared");
  CHECK(bench.named() == "DNS question vllm.corp.example inside\n");
  // A source route is looked at in every packet.
  CHECK(bench.see(eth(0x0800, ip4(6, "10.42.1.5", "10.20.0.10", flagged(kAck, 40'000, 8000, {}, 0x02020305),
                                  hex("83 07 04 c6336409 00")))) ==
        "escape\nAT-A005 escape violated 10.42.1.5 > 198.51.100.9 p6 port 8000 (by way of 10.20.0.10)");
}

TEST_CASE("classifier: fragments are judged by their addresses, and put together for names") {
  const std::string question = udp(40'000, 53, dns(kOutsideName));
  Bench late;
  CHECK(late.see(fragment("10.42.1.5", "10.20.0.53", 24, false, question.substr(24))) == "inside-undeclared");
  CHECK(late.see(fragment("10.42.1.5", "10.20.0.53", 0, true, question.substr(0, 24))) ==
        "outside-name\n"
        "AT-A021 outside-name listed 10.42.1.5 > 10.20.0.53 p17 port 53 api.openai.com {Hosted LLM providers: OpenAI}");
  CHECK(late.named() == "DNS question api.openai.com outside\n");
  CHECK(late.classifier.counts().fragments == 2);
  Bench inner;  // a tunnel whose packet was cut
  const std::string packet = ip4(17, "10.42.1.5", "198.51.100.9", udp(1, 2, "abcdefgh"));
  CHECK(inner.see(fragment("10.42.1.5", "10.20.0.10", 0, true, packet.substr(0, 16), 4)) ==
        "inside-undeclared\n"
        "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p4\n"
        "AT-A055 undecodable listed 10.42.1.5 > 10.20.0.10 p4");
  CHECK(inner.see(fragment("10.42.1.5", "10.20.0.10", 16, false, packet.substr(16), 4)) ==
        "tunnel\n"
        "AT-A030 tunnel violated 10.42.1.5 > 198.51.100.9 p17 port 2 (ip-in-ip, level 2)");
}

TEST_CASE("classifier: fragments and the ports of an exception") {
  const std::string segment = flagged(kAck, 40'000, 443, "0123456789abcdef");
  Bench first;
  CHECK(first.see(fragment("10.42.1.5", "203.0.113.7", 0, true, segment.substr(0, 24), 6)) ==
        "excepted\n"
        "AT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12) guessed");
  Bench later;
  CHECK(later.see(fragment("10.42.1.5", "203.0.113.7", 24, false, segment.substr(24), 6)) ==
        "excepted\n"
        "AT-A007 excepted inconclusive 10.42.1.5 > 203.0.113.7 p6 (SEC-12, but a later fragment shows no port)");
  Bench any_port;
  CHECK(any_port.see(fragment("10.42.1.5", "203.0.113.20", 24, false, segment.substr(24), 6)) ==
        "excepted\nAT-A007 excepted inconclusive 10.42.1.5 > 203.0.113.20 p6 (SEC-15, but a later fragment shows no "
        "port)");
  CHECK(any_port.see(fragment("203.0.113.20", "10.42.1.5", 24, false, segment.substr(24), 6)) ==
        "outside-inbound\nAT-A013 outside-inbound listed 203.0.113.20 > 10.42.1.5 p6");
  Bench escape;
  CHECK(escape.see(fragment("10.42.1.5", "198.51.100.9", 24, false, segment.substr(24), 6)) ==
        "escape\n"
        "AT-A001 escape violated 10.42.1.5 > 198.51.100.9 p6");
  Bench overlap;
  CHECK(overlap.see(fragment("10.42.1.5", "10.20.0.10", 0, true, segment.substr(0, 24), 6)) ==
        "inside-undeclared\n"
        "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p6 port 443 guessed");
  CHECK(overlap.see(fragment("10.42.1.5", "10.20.0.10", 16, false, segment.substr(16), 6)) ==
        "undecodable\n"
        "AT-A054 undecodable inconclusive 10.42.1.5 > 10.20.0.10 p6\n"
        "AT-A027 undecodable inconclusive 10.42.1.5 > 10.20.0.10 p6 (fragments of a datagram that was never whole)");
  Bench oversize;
  CHECK(oversize.see(fragment("10.42.1.5", "10.20.0.10", 65'528, false, std::string(16, 'x'))) ==
        "undecodable\n"
        "AT-A056 undecodable inconclusive 10.42.1.5 > 10.20.0.10 p17\n"
        "AT-A027 undecodable inconclusive 10.42.1.5 > 10.20.0.10 p17 (fragments of a datagram that was never whole)");
  Bench tiny;
  CHECK(tiny.see(fragment("10.42.1.5", "10.20.0.10", 0, true, segment.substr(0, 8), 6)) ==
        "inside-undeclared\n"
        "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p6 port 443 guessed\n"
        "AT-A055 undecodable listed 10.42.1.5 > 10.20.0.10 p6 port 443 guessed");
  Bench cut;
  cut.missing = 8;
  std::string bytes = fragment("10.42.1.5", "10.20.0.10", 0, true, udp(4, 8000, std::string(16, 'x')));
  bytes.resize(bytes.size() - 8);
  CHECK(cut.see(bytes) ==
        "undecodable\n"
        "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p17 port 8000\n"
        "AT-A050 undecodable inconclusive 10.42.1.5 > 10.20.0.10 p17 port 8000 (a fragment that the snap length cut)");
  CHECK(first.classifier.counts().fragments == 1);
  CHECK(first.classifier.counts().fragments_given_up == 1);
  CHECK(later.classifier.counts().fragments_given_up == 1);
}

TEST_CASE("classifier: later fragments of what an exception lets out") {
  const std::string segment = flagged(kAck, 40'000, 443, "0123456789abcdef");
  Bench bench;
  bench.see(fragment("10.42.1.5", "203.0.113.7", 0, true, segment.substr(0, 24), 6));
  CHECK(bench.see(fragment("10.42.1.5", "203.0.113.7", 24, true, segment.substr(24, 8), 6)) ==
        "excepted\nAT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12)");
  // Another datagram's are not known by them.
  CHECK(bench.see(fragment("10.42.1.6", "203.0.113.7", 24, true, segment.substr(24, 8), 6)) ==
        "excepted\n"
        "AT-A007 excepted inconclusive 10.42.1.6 > 203.0.113.7 p6 (SEC-12, but a later fragment shows no port)");
}

TEST_CASE("classifier: fragments that are never whole count where names would") {
  const auto at_end = [](std::string_view destination, Role role) {
    Bench bench;
    if (role == Role::PodSide) bench.point = bench.pod;
    bench.see(fragment("10.42.1.5", destination, 24, true, "01234567", 6));
    bench.marks.text.clear();
    bench.classifier.finish();
    return bench.marks.text;
  };
  CHECK(at_end("10.20.0.10", Role::Uplink) ==
        "AT-A027 undecodable inconclusive 10.42.1.5 > 10.20.0.10 p6 (fragments of a datagram that was never whole)");
  CHECK(at_end("10.42.2.5", Role::Uplink) == "");
  CHECK(at_end("198.51.100.9", Role::Uplink) == "");
  CHECK(at_end("10.20.0.10", Role::PodSide) == "");
}

TEST_CASE("classifier: what is unread or contradicts itself counts toward the inside alone") {
  const auto seen = [](std::string_view destination) {
    Bench bench;
    bench.see(syn("10.42.1.5", destination, 443));
    const std::string first = client_hello("a.example"), second = client_hello("b.example");
    bench.see(ack("10.42.1.5", destination, 40'000, 443, first.substr(0, first.size() - 1)));
    const std::string text = bench.see(ack("10.42.1.5", destination, 40'000, 443, second.substr(0, second.size() - 1)));
    bench.marks.text.clear();
    bench.classifier.finish();
    return text + "; " + bench.marks.text;
  };
  CHECK(seen("198.51.100.9") == "escape\nAT-A001 escape violated 10.42.1.5 > 198.51.100.9 p6 port 443; ");
  CHECK(seen("203.0.113.7") == "excepted\nAT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12); ");
  CHECK(seen("10.20.0.10") ==
        "undecodable\nAT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p6 port 443\n"
        "AT-A057 undecodable inconclusive 10.42.1.5 > 10.20.0.10 p6 port 443; "
        "AT-A027 undecodable inconclusive 10.42.1.5 > 10.20.0.10 p6 port 443 (a TLS ClientHello is not whole)");
}

TEST_CASE("classifier: names that are said where nothing was looked for once") {
  const std::string said = "AT-A024 outside-name-in-tls violated 10.42.1.5 > 10.20.0.10 p6 port 8000 api.openai.com ";
  const std::string label = " {Hosted LLM providers: OpenAI}";
  const auto client = [](std::uint32_t at, const std::string& payload) {
    return ack("10.42.1.5", "10.20.0.10", 40'000, 8000, payload, 0x01020305 + at);
  };
  Bench chunked;
  const std::string post = "POST / HTTP/1.1\r\nHost: vllm.corp.example\r\nTransfer-Encoding: chunked\r\n\r\n";
  chunked.see(syn("10.42.1.5", "10.20.0.10", 8000));
  CHECK(chunked.see(client(0, post + "3\r\nabc\r\n")) == "inside-declared");
  CHECK(chunked.see(client(static_cast<std::uint32_t>(post.size()) + 8, "0\r\n\r\n" + http_get("api.openai.com"))) ==
        "outside-name-in-tls\n" + said + "(HTTP host)" + label);

  Bench upgraded;
  upgraded.see(syn("10.42.1.5", "10.20.0.10", 8000));
  CHECK(upgraded.see(client(0, "STARTTLS\r\n")) == "inside-declared");
  CHECK(upgraded.see(client(10, client_hello("api.openai.com"))) ==
        "outside-name-in-tls\n" + said + "(TLS server name)" + label);

  Bench behind;
  behind.see(syn("10.42.1.5", "10.20.0.10", 8000));
  CHECK(behind.see(client(0, "\xff\xfe\xfd" + client_hello("api.openai.com"))) ==
        "outside-name-in-tls\n" + said + "(TLS server name)" + label);

  Bench forged;  // whose SYN came first says nothing of who names whom
  forged.see(syn("10.20.0.10", "10.42.1.5", 40'000, 8000));
  CHECK(forged.see(client(0, client_hello("api.openai.com"))) ==
        "outside-name-in-tls\nAT-A012 inside-undeclared listed 10.20.0.10 > 10.42.1.5 p6 port 40000\n" + said +
            "(TLS server name)" + label);
}

TEST_CASE("classifier: a later fragment does not depend on the packet before it") {
  const std::string later = fragment("10.42.1.5", "10.20.0.10", 24, true, "01234567", 6);
  Bench alone, behind;
  behind.see(syn("10.42.1.5", "10.20.0.10", 8000));
  CHECK(behind.see(later) == alone.see(later));
}

}  // namespace
}  // namespace airtight::audit
