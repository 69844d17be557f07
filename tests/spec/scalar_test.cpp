#include "compiler/spec/scalar.h"

#include <catch2/catch.hpp>

#include <functional>

#include "tests/spec/spec_text.h"

using namespace airtight;

namespace {

// What a reader makes of the YAML value `text`: its own words, or "AT-… message".
std::string read(const std::string& text, const std::function<std::string(ScalarReader&, const Node&)>& reader) {
  Reading reading;
  const std::optional<Node> root = reading.yaml("v: " + text + "\n");
  if (!root) return reading.errors();
  ScalarReader scalars(reading.diagnostics);
  const std::string value = reader(scalars, root->members[0].value);
  if (reading.diagnostics.empty()) return value;
  std::string out;
  for (const Diagnostic& error : reading.diagnostics.sorted()) {
    out += std::string(info(error.code).id) + " " + error.message;
    if (!error.expected.empty()) out += " [" + error.expected + "]";
    if (!error.hint.empty()) out += " {" + error.hint + "}";
  }
  return out;
}

template <class T>
std::string shown(const std::optional<T>& value) {
  if (!value) return "nothing";
  if constexpr (std::is_same_v<T, bool>)
    return *value ? "true" : "false";
  else if constexpr (std::is_same_v<T, std::string>)
    return *value;
  else
    return to_string(*value);
}

using Rows = std::vector<std::pair<const char*, const char*>>;

template <class F>
void check(const Rows& rows, F reader) {
  for (const auto& [text, want] : rows) {
    INFO(text);
    CHECK(read(text, [&](ScalarReader& scalars, const Node& node) { return shown(reader(scalars, node)); }) == want);
  }
}

constexpr const char* kPortHelp = " [PORT/tcp, FIRST-LAST/udp, PORT/sctp or icmp]";

}  // namespace

TEST_CASE("plain scalars that YAML readers take differently") {
  const std::pair<const char*, const char*> rows[] = {
      {"yes", "a boolean for some YAML readers"},
      {"No", "a boolean for some YAML readers"},
      {"ON", "a boolean for some YAML readers"},
      {"off", "a boolean for some YAML readers"},
      {"y", "a boolean for some YAML readers"},
      {"true", "a boolean for some YAML readers"},
      {"null", "null for YAML"},
      {"~", "null for YAML"},
      {"", "null for YAML"},
      {"0x10", "a hexadecimal, octal or binary number for some YAML readers"},
      {"0o17", "a hexadecimal, octal or binary number for some YAML readers"},
      {"0b101", "a hexadecimal, octal or binary number for some YAML readers"},
      {"-0x1F", "a hexadecimal, octal or binary number for some YAML readers"},
      {"010", "an octal number for some YAML readers"},
      {"42", "a number for YAML"},
      {"-42", "a number for YAML"},
      {"1_000", "a number for YAML"},
      {"1.5", "a number for YAML"},
      {"1e3", "a number for YAML"},
      {"1.5e-3", "a number for YAML"},
      {".5", "a number for YAML"},
      {".inf", "a number for YAML"},
      {"-.INF", "a number for YAML"},
      {".NaN", "a number for YAML"},
      {"1:30", "a sexagesimal number for some YAML readers"},
      {"190:20:30.15", "a sexagesimal number for some YAML readers"},
      {"2026-11-25", "a date for some YAML readers"},
      {"none", ""},
      {"web", ""},
      {"10.0.0.1", ""},
      {"1.2.3", ""},
      {"v1", ""},
      {"0xyz", ""},
      {"8080/tcp", ""},
      {"e3", ""},
      {"-", ""},
      {".", ""},
      {"yes-sir", ""},
      {"2026-13-01", ""},
  };
  for (const auto& [text, why] : rows) {
    INFO(text);
    CHECK(ambiguity(text) == why);
  }
}

TEST_CASE("text") {
  check({{"platform-security", "platform-security"},
         {"\"yes\"", "yes"},
         {"'0x10'", "0x10"},
         {"people's browsers", "people's browsers"},
         {"yes", "AT-S214 w: 'yes' is a boolean for some YAML readers {write \"yes\" if text is meant}"},
         {"\"\"", "AT-S108 w: is empty"},
         {"\"  \"", "AT-S108 w: is empty"},
         {"null", "AT-S107 w: is still to be filled in {give the value here, or in a second file next to this one}"},
         {"[a]", "AT-S103 w: is a list [a single value]"},
         {"{a: b}", "AT-S103 w: is a map [a single value]"}},
        [](ScalarReader& s, const Node& n) { return s.text(n, "w"); });
}

TEST_CASE("booleans") {
  check({{"true", "true"},
         {"false", "false"},
         {"yes", "AT-S211 w: 'yes' is no boolean [true or false] {write true}"},
         {"\"true\"", "AT-S211 w: 'true' is no boolean [true or false] {write true}"},
         {"True", "AT-S211 w: 'True' is no boolean [true or false] {write true}"},
         {"off", "AT-S211 w: 'off' is no boolean [true or false] {write false}"},
         {"0", "AT-S211 w: '0' is no boolean [true or false] {write false}"},
         {"maybe", "AT-S211 w: 'maybe' is no boolean [true or false]"}},
        [](ScalarReader& s, const Node& n) { return s.boolean(n, "w"); });
}

TEST_CASE("names") {
  const std::string expected = " [lower-case letters, digits and '-', at most 63, with a letter or digit at both ends]";
  const std::string longest(63, 'a');
  check({{"ai-gateway", "ai-gateway"}, {"\"8080\"", "8080"}, {longest.c_str(), longest.c_str()}},
        [](ScalarReader& s, const Node& n) { return s.name(n, "w"); });
  const std::pair<const char*, std::string> refused[] = {
      {"-web", "AT-S206 w: '-web' is no name" + expected + " {for instance 'web'}"},
      {"web-", "AT-S206 w: 'web-' is no name" + expected + " {for instance 'web'}"},
      {"Web_1", "AT-S206 w: 'Web_1' is no name" + expected + " {for instance 'web-1'}"},
      {"a.b", "AT-S206 w: 'a.b' is no name" + expected + " {for instance 'a-b'}"},
      {"\"\"", "AT-S206 w: '' is no name" + expected},
      {"8080", "AT-S214 w: '8080' is a number for YAML {write \"8080\" if text is meant}"},
      {"wеb", "AT-S213 w: U+0435 CYRILLIC SMALL LETTER IE looks like 'e' [ASCII characters]"},
      {"ｗeb", "AT-S213 w: U+FF57 is the full-width form of 'w' [ASCII characters]"},
      {"wéb", "AT-S213 w: U+00E9 is not an ASCII character [ASCII characters]"},
  };
  for (const auto& [text, want] : refused)
    CHECK(read(text, [](ScalarReader& s, const Node& n) { return shown(s.name(n, "w")); }) == want);
}

TEST_CASE("label values") {
  check({{"web", "web"},
         {"\"1.29\"", "1.29"},
         {"\"\"", ""},
         {"Web_1.x", "Web_1.x"},
         {"1.29", "AT-S214 w: '1.29' is a number for YAML, and Kubernetes wants text {write \"1.29\"}"},
         {"a b",
          "AT-S208 w: 'a b' is no label value [at most 63 letters, digits, '-', '_' and '.', with a letter or digit at "
          "both ends]"},
         {"_a",
          "AT-S208 w: '_a' is no label value [at most 63 letters, digits, '-', '_' and '.', with a letter or digit at "
          "both ends]"}},
        [](ScalarReader& s, const Node& n) { return s.label_value(n, "w"); });
}

TEST_CASE("addresses and prefixes are canonical") {
  check({{"10.0.0.1", "10.0.0.1"},
         {"\"fd00::1\"", "fd00::1"},
         {"10.0.0.01", "AT-S201 w: '10.0.0.01' is no IP address: leading zero in octet 01 [an IPv4 or IPv6 address]"},
         {"\"FD00::1\"", "AT-S204 w: 'FD00::1' is not in canonical form [fd00::1]"},
         {"\"fd00:0::1\"", "AT-S204 w: 'fd00:0::1' is not in canonical form [fd00::1]"},
         {"\"::ffff:a00:1\"", "AT-S204 w: '::ffff:a00:1' is not in canonical form [::ffff:10.0.0.1]"}},
        [](ScalarReader& s, const Node& n) { return s.address(n, "w"); });
  check({{"10.0.0.0/8", "10.0.0.0/8"},
         {"0.0.0.0/0", "0.0.0.0/0"},
         {"\"fd00::/8\"", "fd00::/8"},
         {"10.0.0.1/8", "AT-S203 w: '10.0.0.1/8' has host bits set [10.0.0.0/8]"},
         {"\"fd00::1/8\"", "AT-S203 w: 'fd00::1/8' has host bits set [fd00::/8]"},
         {"\"FD00::/8\"", "AT-S204 w: 'FD00::/8' is not in canonical form [fd00::/8]"},
         {"10.0.0.1",
          "AT-S202 w: '10.0.0.1' is no prefix: this is one address; its prefix is 10.0.0.1/32 [ADDRESS/LENGTH] {a "
          "single address is written 10.0.0.1/32}"},
         {"10.0.0.0/33", "AT-S202 w: '10.0.0.0/33' is no prefix: length 33 is above 32 [ADDRESS/LENGTH]"}},
        [](ScalarReader& s, const Node& n) { return s.prefix(n, "w"); });
  check({{"10.0.0.1", "10.0.0.1/32"},
         {"\"fd00::1\"", "fd00::1/128"},
         {"10.0.0.0/8", "10.0.0.0/8"},
         {"10.0.0.1/8", "AT-S203 w: '10.0.0.1/8' has host bits set [10.0.0.0/8]"}},
        [](ScalarReader& s, const Node& n) { return s.address_or_prefix(n, "w"); });
  const char* const shape = " [as 10.10.0.1:6443 or [fd00:10::1]:6443]";
  check({{"10.10.0.1:6443", "10.10.0.1:6443"},
         {"\"[fd00::1]:6443\"", "[fd00::1]:6443"},
         {"\"fd00::1:6443\"", (std::string("AT-S201 w: 'fd00::1:6443' is no ADDRESS:PORT") + shape +
                               " {an IPv6 address stands in brackets: [fd00::1]:6443}")
                                  .c_str()},
         {"\"[10.0.0.1]:1\"", (std::string("AT-S201 w: '[10.0.0.1]:1' is no ADDRESS:PORT") + shape).c_str()},
         {"10.0.0.1:0", (std::string("AT-S201 w: '10.0.0.1:0' is no ADDRESS:PORT") + shape).c_str()},
         {"10.0.0.1:06443", (std::string("AT-S201 w: '10.0.0.1:06443' is no ADDRESS:PORT") + shape +
                             " {ports are decimal numbers from 1 to 65535}")
                                .c_str()},
         {"\"[fd00:0::1]:1\"", "AT-S204 w: '[fd00:0::1]:1' is not in canonical form [[fd00::1]:1]"}},
        [](ScalarReader& s, const Node& n) { return s.address_port(n, "w"); });
}

TEST_CASE("ports") {
  const auto reader = [](ScalarReader& s, const Node& n) { return s.port(n, "w"); };
  check({{"80/tcp", "80/tcp"},
         {"1-65535/udp", "1-65535/udp"},
         {"7/sctp", "7/sctp"},
         {"icmp", "icmp, icmpv6"},
         {"65535/tcp", "65535/tcp"}},
        reader);
  const std::pair<const char*, std::string> refused[] = {
      {"80", std::string("AT-S205 w: '80' is no port: the protocol is missing") + kPortHelp + " {for instance 80/tcp}"},
      {"0/tcp", std::string("AT-S205 w: '0/tcp' is no port: port 0 cannot be named") + kPortHelp},
      {"65536/tcp",
       std::string("AT-S205 w: '65536/tcp' is no port: ports are decimal numbers from 1 to 65535") + kPortHelp},
      {"080/tcp",
       std::string("AT-S205 w: '080/tcp' is no port: ports are decimal numbers from 1 to 65535") + kPortHelp},
      {"+80/tcp",
       std::string("AT-S205 w: '+80/tcp' is no port: ports are decimal numbers from 1 to 65535") + kPortHelp},
      {"80/TCP", std::string("AT-S205 w: '80/TCP' is no port: protocol 'TCP' is not tcp, udp or sctp") + kPortHelp +
                     " {write 80/tcp}"},
      {"90-80/tcp",
       std::string("AT-S205 w: '90-80/tcp' is no port: the range runs backwards") + kPortHelp + " {80-90/tcp}"},
      {"80-80/tcp", std::string("AT-S205 w: '80-80/tcp' is no port: a range of one port") + kPortHelp + " {80/tcp}"},
      {"80-/tcp",
       std::string("AT-S205 w: '80-/tcp' is no port: ports are decimal numbers from 1 to 65535") + kPortHelp},
      {"icmp/8", std::string("AT-S205 w: 'icmp/8' is no port: protocol '8' is not tcp, udp or sctp") + kPortHelp},
      {"８0/tcp", "AT-S213 w: U+FF18 is the full-width form of '8' [ASCII characters]"},
  };
  for (const auto& [text, want] : refused) {
    INFO(text);
    CHECK(read(text, [&](ScalarReader& s, const Node& n) { return shown(reader(s, n)); }) == want);
  }
}

TEST_CASE("domains, dates, versions") {
  check({{"corp.example", "corp.example"},
         {"_x.corp.example", "_x.corp.example"},
         {"xn--bcher-kva.example", "xn--bcher-kva.example"},
         {".", "."},
         {"Corp.example", "AT-S204 w: 'Corp.example' is not in canonical form [corp.example]"},
         {"corp.example.", "AT-S204 w: 'corp.example.' is not in canonical form [corp.example]"},
         {"bücher.example",
          "AT-S207 w: 'bücher.example' is no domain name: a name is written in ASCII; write it as "
          "xn--bcher-kva.example [a name as corp.example]"}},
        [](ScalarReader& s, const Node& n) { return s.domain(n, "w"); });
  check({{"2026-11-25", "2026-11-25"},
         {"\"2028-02-29\"", "2028-02-29"},
         {"2027-02-29", "AT-S209 w: '2027-02-29' is no date [YYYY-MM-DD, a day that exists]"},
         {"2026-1-1", "AT-S209 w: '2026-1-1' is no date [YYYY-MM-DD, a day that exists]"},
         {"tomorrow", "AT-S209 w: 'tomorrow' is no date [YYYY-MM-DD, a day that exists]"}},
        [](ScalarReader& s, const Node& n) { return s.date(n, "w"); });
  check({{"\"1.29\"", "1.29"},
         {"\"1.0\"", "1.0"},
         {"1.30", "AT-S210 w: a version without quotes is a number: YAML reads 1.30 as 1.3 {write \"1.30\"}"},
         {"\"v1.29\"", "AT-S210 w: 'v1.29' is no Kubernetes version [MAJOR.MINOR in quotes, as \"1.29\"]"},
         {"\"1\"", "AT-S210 w: '1' is no Kubernetes version [MAJOR.MINOR in quotes, as \"1.29\"]"},
         {"\"1.029\"", "AT-S210 w: '1.029' is no Kubernetes version [MAJOR.MINOR in quotes, as \"1.29\"]"},
         {"\"0.9\"", "AT-S210 w: '0.9' is no Kubernetes version [MAJOR.MINOR in quotes, as \"1.29\"]"}},
        [](ScalarReader& s, const Node& n) { return s.version(n, "w"); });
}

TEST_CASE("device name patterns") {
  const std::string expected =
      " [a name of at most 15 letters, digits, '-', '_', '.', '@' and '+', with at most one '*', at its end]";
  const auto reader = [](ScalarReader& s, const Node& n) { return s.device(n, "w"); };
  check({{"eth0", "eth0"}, {"\"en*\"", "en*"}, {"bond0.100", "bond0.100"}, {"abcdefghijklmno", "abcdefghijklmno"}},
        reader);
  for (const char* text : {"\"e*0\"", "\"**\"", "abcdefghijklmnop", "\"eth 0\"", "a/b", "\"a:1\"", ".."}) {
    INFO(text);
    std::string bare = text;
    if (bare.front() == '"') bare = bare.substr(1, bare.size() - 2);
    CHECK(read(text, [&](ScalarReader& s, const Node& n) { return shown(reader(s, n)); }) ==
          "AT-S212 w: '" + bare + "' is no device name pattern" + expected);
  }
}

TEST_CASE("words name the nearest") {
  constexpr std::string_view words[] = {"NodePort", "LoadBalancer"};
  check({{"NodePort", "NodePort"},
         {"nodeport", "AT-S106 w: 'nodeport' is not on its list [NodePort, LoadBalancer] {did you mean 'NodePort'?}"},
         {"LoadBalancr",
          "AT-S106 w: 'LoadBalancr' is not on its list [NodePort, LoadBalancer] {did you mean 'LoadBalancer'?}"},
         {"Ingress", "AT-S106 w: 'Ingress' is not on its list [NodePort, LoadBalancer]"}},
        [&](ScalarReader& s, const Node& n) { return s.word(n, "w", words); });
}
