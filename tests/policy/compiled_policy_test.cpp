#include "compiler/policy/compiled_policy.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/emit/sample_policy.h"
#include "tests/policy/random_policy.h"

namespace airtight {
namespace {

// "AT-P501 MESSAGE [expected: …] [help: …]", one line an error; empty if the text was accepted.
struct Reading {
  std::optional<Policy> policy;
  std::string errors;
};

Reading read(std::string text) {
  Sources sources;
  Diagnostics diagnostics;
  Reading reading;
  reading.policy = parse_compiled_policy(sources.add("policy.json", std::move(text)), sources, diagnostics);
  for (const Diagnostic& d : diagnostics.sorted()) {
    if (!reading.errors.empty()) reading.errors += "\n";
    reading.errors += std::string(info(d.code).id) + " " + d.message;
    if (!d.expected.empty()) reading.errors += " [expected: " + d.expected + "]";
    if (!d.hint.empty()) reading.errors += " [help: " + d.hint + "]";
  }
  CHECK(reading.policy.has_value() == reading.errors.empty());
  return reading;
}

// The text with the digest that belongs to its content, computed with another JSON library (all keys are ASCII).
std::string sealed(nlohmann::json document) {
  document.erase("digest");
  document["digest"] = digest_of(document.dump());
  return document.dump(2) + "\n";
}

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

std::string fixture(const std::string& name) { return AIRTIGHT_SOURCE_DIR "/tests/policy/fixtures/" + name; }

// Compares with the file, or writes it when AIRTIGHT_REGENERATE is set.
void check_fixture(const std::string& name, const std::string& text) {
  if (std::getenv("AIRTIGHT_REGENERATE") != nullptr) {
    std::ofstream(fixture(name), std::ios::binary) << text;
  }
  CAPTURE(name);
  CHECK(file_text(fixture(name)) == text);
}

// sample_policy() with something in every member that it leaves empty.
Policy full_policy() {
  Policy policy = sample_policy();
  policy.classification = "caf\xC3\xA9 \"secret\" \\ \xF0\x9F\x94\x92";
  policy.mode = Mode::PrivateVpc;
  Cluster& cluster = policy.cluster;
  cluster.dataplane = Dataplane::Ebpf;
  cluster.node_tunnels = {prefix_of("10.10.1.0/24")};
  cluster.dns->node_local = {ip_of("169.254.20.10")};
  cluster.api_server.push_back({ip_of("fd00:10::1"), 6443});
  cluster.namespace_label = "example.org/name";
  cluster.namespace_label_given = true;
  cluster.tunnels = {{"vxlan", udp(8472), at_line(40)},
                     {"esp", ServiceSet::of(Protocol::Other, PortSet::of(50)), at_line(41)}};
  cluster.l2 = {{"lldp", 0x88CC}, {"vlan", 0x8100}};
  cluster.dhcp_v4 = true;
  cluster.dhcp_v6 = true;
  cluster.programs = {"cil_to_netdev"};
  policy.multicast = {{ip_of("224.0.0.18"), "vrrp", 112, "redundancy", at_line(42)},
                      {ip_of("ff02::5"), "ospf", 89, "routing", at_line(43)}};
  policy.workloads[0].service_account = "gateway";
  policy.workloads[0].privileged = true;
  policy.workloads[0].dns = false;
  policy.workloads[0].expose = {Expose::NodePort, Expose::LoadBalancer};
  policy.workloads[0].labels["\xEF\xAC\xB3"] = "keys beyond ASCII keep the order of RFC 8785";
  policy.workloads[0].labels["\xF0\x9F\x98\x80"] = "";
  policy.workloads[0].serves["all"] = ServiceSet::all();
  policy.endpoints[2].ports |= sctp(36412) | ServiceSet::protocol(Protocol::Icmp) |
                               ServiceSet::of(Protocol::Icmpv6, PortSet::of(128 * 256)) | tcp(9000, 9100);
  policy.inside_ranges.push_back(
      {prefix_of("198.51.100.0/24"), "internal", "a site that numbers itself so", "ciso", at_line(44)});
  policy.inside_ranges.push_back({prefix_of("10.10.1.0/24"), "nodeTunnels", "", "", at_line(45)});
  policy.inside_ranges.push_back({prefix_of("169.254.20.10/32"), "dns.nodeLocal", "", "", at_line(46)});
  policy.zones.push_back({domain_of("lab.internal"), {}, at_line(47)});
  policy.denied_names = {{domain_of("secret.corp.example"), at_line(48)}};
  policy.catalogues[0].entries[0].note = "shared by most";
  policy.targets.push_back({TargetId::Dnsmasq, at_line(49)});
  derive(policy);
  return policy;
}

struct Edit {
  std::string name;   // of the file under fixtures/refused/ where the schema refuses it too; else empty
  std::string patch;  // RFC 6902, on tiny_policy()
  std::string errors;
};

const std::vector<Edit>& edits() {
  static const std::vector<Edit> kEdits{
      {"unknown-member", R"([{"op":"add","path":"/flows/0/wy","value":""}])",
       "AT-P501 unknown member at /flows/0/wy [help: did you mean 'why'?]"},
      {"unknown-top-member", R"([{"op":"add","path":"/written_at","value":"2026-11-25"}])",
       "AT-P501 unknown member at /written_at"},
      {"missing-member", R"([{"op":"remove","path":"/flows/0/why"}])", "AT-P501 missing member at /flows/0/why"},
      {"missing-inside", R"([{"op":"remove","path":"/inside"}])", "AT-P501 missing member at /inside"},
      {"two-mistakes",
       R"([{"op":"replace","path":"/name","value":7},{"op":"replace","path":"/cluster/dhcp","value":["v6","v4"]}])",
       "AT-P501 address families in another form at /cluster/dhcp [expected: 'v4', 'v6', both in this order, or none]\n"
       "AT-P501 an integer at /name [expected: a string]"},
      {"wrong-type", R"([{"op":"replace","path":"/flows","value":{}}])",
       "AT-P501 an object at /flows [expected: an array]"},
      {"null-for-object", R"([{"op":"replace","path":"/cluster/uplinks_origin","value":null}])",
       "AT-P501 null at /cluster/uplinks_origin [expected: an object]"},
      {"number-for-flag", R"([{"op":"replace","path":"/workloads/0/host","value":1}])",
       "AT-P501 an integer at /workloads/0/host [expected: true or false]"},
      {"line-out-of-range", R"([{"op":"replace","path":"/flows/0/origin/line","value":4294967296}])",
       "AT-P501 4294967296 is out of range at /flows/0/origin/line [expected: 0 to 4294967295]"},
      {"port-out-of-range", R"([{"op":"replace","path":"/flows/0/services/tcp/0/1","value":65536}])",
       "AT-P501 65536 is out of range at /flows/0/services/tcp/0/1 [expected: 0 to 65535]"},
      {"negative-port", R"([{"op":"replace","path":"/flows/0/services/tcp/0/0","value":-1}])",
       "AT-P501 -1 is out of range at /flows/0/services/tcp/0/0 [expected: 0 to 65535]"},
      {"protocol-out-of-range", R"([{"op":"add","path":"/flows/0/services/other","value":[[256,256]]}])",
       "AT-P501 256 is out of range at /flows/0/services/other/0/0 [expected: 0 to 255]\n"
       "AT-P501 256 is out of range at /flows/0/services/other/0/1 [expected: 0 to 255]"},
      {"unknown-protocol", R"([{"op":"add","path":"/flows/0/services/dccp","value":[[1,2]]}])",
       "AT-P501 unknown member at /flows/0/services/dccp [expected: one of icmp, icmpv6, other, sctp, tcp, udp]"},
      {"range-of-three", R"([{"op":"replace","path":"/flows/0/services/tcp/0","value":[1,2,3]}])",
       "AT-P501 no range at /flows/0/services/tcp/0 [expected: [first, last]]"},
      {"no-ranges", R"([{"op":"replace","path":"/flows/0/services/tcp","value":[]}])",
       "AT-P501 ranges in another form at /flows/0/services/tcp [expected: ascending ranges that do not touch, at "
       "least "
       "one]"},
      {"no-services", R"([{"op":"replace","path":"/flows/0/services","value":{}}])",
       "AT-P501 no service at /flows/0/services"},
      {"", R"([{"op":"replace","path":"/flows/0/services/tcp","value":[[2,1]]}])",
       "AT-P501 no range at /flows/0/services/tcp/0 [expected: [first, last]]"},
      {"", R"([{"op":"replace","path":"/flows/0/services/tcp","value":[[1,2],[3,4]]}])",
       "AT-P501 ranges in another form at /flows/0/services/tcp [expected: ascending ranges that do not touch, at "
       "least "
       "one]"},
      {"address-for-prefix", R"([{"op":"replace","path":"/inside/0","value":"10.10.0.0"}])",
       "AT-P501 no prefix at /inside/0: this is one address; its prefix is 10.10.0.0/32"},
      {"", R"([{"op":"replace","path":"/inside/0","value":"10.10.0.1/24"}])",
       "AT-P501 no prefix at /inside/0: host bits are set; the prefix is 10.10.0.0/24"},
      {"upper-case-address", R"([{"op":"replace","path":"/inside_ranges/0/prefix","value":"FD00::/64"}])",
       "AT-P501 prefix in another form at /inside_ranges/0/prefix [expected: 'fd00::/64']"},
      {"", R"([{"op":"replace","path":"/inside_ranges/0/prefix","value":"fd00:0::/64"}])",
       "AT-P501 prefix in another form at /inside_ranges/0/prefix [expected: 'fd00::/64']"},
      {"", R"([{"op":"add","path":"/inside/0","value":"192.0.2.0/24"}])",
       "AT-P501 addresses in another form at /inside [expected: the fewest prefixes, ascending, IPv4 first]"},
      {"", R"([{"op":"add","path":"/inside/4","value":"192.0.2.0/24"}])",
       "AT-P501 addresses that are not those of inside_ranges at /inside"},
      {"", R"([{"op":"replace","path":"/endpoints/0/addresses","value":["10.20.0.8/31","10.20.0.10/31"]}])",
       "AT-P501 addresses in another form at /endpoints/0/addresses [expected: the fewest prefixes, ascending, IPv4 "
       "first]"},
      {"upper-case-name", R"([{"op":"replace","path":"/cluster/domain","value":"Cluster.local"}])",
       "AT-P501 name in another form at /cluster/domain [expected: 'cluster.local']"},
      {"name-with-final-dot", R"([{"op":"replace","path":"/zones/0/name","value":"corp.example."}])",
       "AT-P501 name in another form at /zones/0/name [expected: 'corp.example']"},
      {"unknown-mode", R"([{"op":"replace","path":"/mode","value":"open"}])",
       "AT-P501 unknown word 'open' at /mode [expected: one of airgapped, private-vpc]"},
      {"unknown-peer-kind", R"([{"op":"replace","path":"/flows/0/from/kind","value":"pod"}])",
       "AT-P501 unknown word 'pod' at /flows/0/from/kind [expected: one of workload, endpoint, nodes, api-server, "
       "cluster-dns]"},
      {"peer-without-name", R"([{"op":"remove","path":"/flows/0/from/name"}])",
       "AT-P501 missing member at /flows/0/from/name"},
      {"name-of-a-built-in-peer", R"([{"op":"replace","path":"/flows/0/from/kind","value":"nodes"}])",
       "AT-P501 unknown member at /flows/0/from/name"},
      {"", R"([{"op":"replace","path":"/flows/0/from/name","value":"wob"}])",
       "AT-P501 a name that leads nowhere at /flows/0/from/name"},
      {"", R"([{"op":"replace","path":"/zones/0/forward","value":["vllm","nowhere"]}])",
       "AT-P501 a name that leads nowhere at /zones/0/forward/1"},
      {"", R"([{"op":"replace","path":"/flows/0/to","value":{"kind":"cluster-dns"}}])",
       "AT-P501 cluster-dns without /cluster/dns at /flows/0/to"},
      {"control-character", R"([{"op":"replace","path":"/owner","value":"a\nb"}])",
       "AT-P501 a control character at /owner"},
      {"c1-control-character", R"([{"op":"replace","path":"/owner","value":"a\u0085b"}])",
       "AT-P501 a control character at /owner"},
      {"version-of-three-parts", R"([{"op":"replace","path":"/cluster/version","value":"1.29.3"}])",
       "AT-P501 no version at /cluster/version"},
      {"", R"([{"op":"replace","path":"/cluster/version","value":"1.029"}])",
       "AT-P501 version in another form at /cluster/version [expected: '1.29']"},
      {"port-without-address", R"([{"op":"replace","path":"/cluster/api_server","value":["fd00:10::1"]}])",
       "AT-P501 no address and port at /cluster/api_server/0"},
      {"spec-digest", R"([{"op":"replace","path":"/spec_digest","value":"sha256:12"}])",
       "AT-P501 no digest at /spec_digest [expected: 'sha256:' and 64 lower case hexadecimal digits]"},
      {"", R"([{"op":"copy","from":"/workloads/0","path":"/workloads/1"}])",
       "AT-P501 out of order or twice at /workloads/1 [expected: ascending order]"},
      {"", R"([{"op":"copy","from":"/targets/2","path":"/targets/0"}])",
       "AT-P501 out of order or twice at /targets/1 [expected: ascending order]"},
      {"", R"([{"op":"add","path":"/inside_names/0","value":{"name":"example","self":false,"below":false}}])",
       "AT-P501 names in another form at /inside_names [expected: nodes in canonical order, none that repeats what its "
       "nearest ancestor says]"},
  };
  return kEdits;
}

Date date_of(std::string_view text) { return *Date::parse(text); }

}  // namespace

TEST_CASE("hand-built policies survive policy.json") {
  for (const Policy& policy : {sample_policy(), tiny_policy(), full_policy()}) {
    CAPTURE(policy.name);
    const std::string text = serialise(policy);
    const Reading reading = read(text);
    CHECK(reading.errors == "");
    REQUIRE(reading.policy);
    CHECK(*reading.policy == policy);
    CHECK(serialise(*reading.policy) == text);
    CHECK(text.back() == '\n');
  }
}

TEST_CASE("policy.json is written as before") {
  check_fixture("sample.policy.json", serialise(sample_policy()));
  check_fixture("tiny.policy.json", serialise(tiny_policy()));
  check_fixture("full.policy.json", serialise(full_policy()));
}

TEST_CASE("random policies survive policy.json") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    const Policy policy = random_policy(seed);
    const std::string text = serialise(policy);
    const Reading reading = read(text);
    REQUIRE(reading.errors == "");
    REQUIRE(reading.policy);
    REQUIRE(*reading.policy == policy);
    REQUIRE(serialise(*reading.policy) == text);
  }
}

TEST_CASE("the digest is that of the canonical form without the member, as another library writes it") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    const Policy policy = random_policy(seed);
    nlohmann::json document = nlohmann::json::parse(serialise(policy));
    CHECK(document["digest"] == policy_digest(policy));
    document.erase("digest");
    CHECK(digest_of(document.dump()) == policy_digest(policy));
  }
  Policy changed = sample_policy();
  changed.flows[0].why += ".";
  CHECK(policy_digest(changed) != policy_digest(sample_policy()));
  changed = sample_policy();
  changed.flows[0].origin.span = {1, 2, 3};
  CHECK(policy_digest(changed) == policy_digest(sample_policy()));
}

TEST_CASE("white space and the order of members are not content") {
  const Policy policy = sample_policy();
  const auto document = nlohmann::json::parse(serialise(policy));
  nlohmann::ordered_json reversed = nlohmann::ordered_json::object();
  for (auto member = document.rbegin(); member != document.rend(); ++member) reversed[member.key()] = member.value();
  for (const std::string& text : {document.dump(), document.dump(8, '\t'), reversed.dump(1)}) {
    const Reading reading = read(text);
    CHECK(reading.errors == "");
    REQUIRE(reading.policy);
    CHECK(*reading.policy == policy);
  }
}

TEST_CASE("an edited file is refused with both digests") {
  const Policy policy = tiny_policy();
  auto document = nlohmann::json::parse(serialise(policy));
  document["flows"][0]["services"]["tcp"][0][1] = 9000;
  Policy edited = policy;
  edited.flows[0].services = tcp(8000, 9000);
  CHECK(read(document.dump()).errors ==
        "AT-P502 the file was changed after it was compiled: it carries " + policy_digest(policy) +
            " at /digest, its content has " + policy_digest(edited) +
            " [help: compile the spec again, or fetch the file again from where it was compiled]");
  CHECK(read(sealed(document)).policy == edited);
}

TEST_CASE("another format, no format, no digest and no object are refused") {
  auto document = nlohmann::json::parse(serialise(tiny_policy()));
  auto changed = document;
  changed["format"] = 2;
  CHECK(read(changed.dump()).errors ==
        "AT-P503 policy.json of format 2 at /format [expected: format 1] "
        "[help: compile the spec again with this version]");
  changed["format"] = "1";
  CHECK(read(changed.dump()).errors == "AT-P501 a string at /format [expected: an integer]");
  changed.erase("format");
  CHECK(read(changed.dump()).errors == "AT-P501 missing member at /format");
  changed = document;
  changed.erase("digest");
  CHECK(read(changed.dump()).errors == "AT-P501 missing member at /digest");
  changed["digest"] = "none";
  CHECK(read(changed.dump()).errors ==
        "AT-P501 no digest at /digest [expected: 'sha256:' and 64 lower case hexadecimal digits]");
  changed["digest"] = nullptr;
  CHECK(read(changed.dump()).errors == "AT-P501 null at /digest [expected: a string]");
  CHECK(read("[]").errors == "AT-P501 an array at the top level [expected: an object]");
  CHECK(read("").errors == "AT-P501 the JSON text ends too early at the top level [expected: a JSON value]");
}

TEST_CASE("what serialise never writes is refused, naming the pointer") {
  const auto original = nlohmann::json::parse(serialise(tiny_policy()));
  for (const Edit& edit : edits()) {
    CAPTURE(edit.name, edit.patch);
    const std::string text = sealed(original.patch(nlohmann::json::parse(edit.patch)));
    CHECK(read(text).errors == edit.errors);
    if (!edit.name.empty()) check_fixture("refused/" + edit.name + ".json", text);
  }
}

TEST_CASE("catalogue entries are held to their kind") {
  const auto original = nlohmann::json::parse(serialise(sample_policy()));
  const auto errors = [&](int catalogue, int entry, const char* value) {
    auto document = original;
    document["catalogues"][static_cast<std::size_t>(catalogue)]["entries"][static_cast<std::size_t>(entry)]["value"] =
        value;
    return read(sealed(document)).errors;
  };
  CHECK(
      errors(2, 1, "(") ==
      "AT-P501 no pattern at /catalogues/2/entries/1/value [expected: an ECMAScript regular expression of at most 512 "
      "bytes]");
  CHECK(errors(1, 2, "Cloudflare-DNS.com") ==
        "AT-P501 name in another form at /catalogues/1/entries/2/value [expected: 'cloudflare-dns.com']");
  CHECK(errors(1, 0, "1.1.1.1") ==
        "AT-P501 no prefix at /catalogues/1/entries/0/value: this is one address; its prefix is 1.1.1.1/32");
}

TEST_CASE("errors are listed up to a bound") {
  auto document = nlohmann::json::parse(serialise(tiny_policy()));
  for (int i = 0; i < 5000; ++i) document["cluster"]["programs"].push_back(i);
  const std::string errors = read(sealed(document)).errors;
  CHECK(std::count(errors.begin(), errors.end(), '\n') == 49);
  CHECK(errors.substr(errors.rfind('\n') + 1) == "AT-P501 more errors than these, not listed");
}

TEST_CASE("a cut or damaged file is never read as something else") {
  const std::string text = serialise(tiny_policy());
  for (std::size_t length = 0; length + 1 < text.size(); ++length) {
    Sources sources;
    Diagnostics diagnostics;
    REQUIRE_FALSE(parse_compiled_policy(sources.add("p", text.substr(0, length)), sources, diagnostics));
    REQUIRE(diagnostics.errors() == 1);
  }
  std::mt19937_64 engine(7);
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = text;
    for (std::uint64_t n = 1 + engine() % 3; n > 0; --n) {
      damaged[engine() % damaged.size()] = static_cast<char>(static_cast<unsigned char>(engine() % 256));
    }
    Sources sources;
    Diagnostics diagnostics;
    const auto policy = parse_compiled_policy(sources.add("p", std::move(damaged)), sources, diagnostics);
    if (policy) REQUIRE(*policy == tiny_policy());
    if (!policy) REQUIRE(diagnostics.has_errors());
  }
}

TEST_CASE("whatever is accepted is written again with the digest that it carried") {
  Policy policy_before = full_policy();
  policy_before.workloads[0].labels.clear();  // the other library orders keys by bytes
  const auto original = nlohmann::json::parse(serialise(policy_before));
  const auto flat = original.flatten();
  std::vector<std::string> pointers;
  for (auto item = flat.begin(); item != flat.end(); ++item) pointers.push_back(item.key());
  std::mt19937_64 engine(11);
  int accepted = 0;
  for (int i = 0; i < 1500; ++i) {
    auto document = original;
    const auto target = nlohmann::json::json_pointer(pointers[engine() % pointers.size()]);
    if (engine() % 2 == 0) {
      // The value from somewhere else: often of the right type, seldom in the right place.
      document[target] = original[nlohmann::json::json_pointer(pointers[engine() % pointers.size()])];
    } else {
      const std::vector<nlohmann::json> values{0,    1,     65535,  -1, "", "a", "10.0.0.0/8", "example.org",
                                               true, false, nullptr};
      document[target] = values[engine() % values.size()];
    }
    const std::string text = sealed(document);
    CAPTURE(target.to_string(), text);
    Sources sources;
    Diagnostics diagnostics;
    const auto policy = parse_compiled_policy(sources.add("p", text), sources, diagnostics);
    REQUIRE(policy.has_value() != diagnostics.has_errors());
    if (!policy) continue;
    ++accepted;
    REQUIRE(policy_digest(*policy) == nlohmann::json::parse(text)["digest"]);
  }
  CHECK(accepted > 50);
}

TEST_CASE("decide says what a packet is by the policy alone") {
  Policy policy = sample_policy();
  policy.multicast = {{ip_of("224.0.0.18"), "vrrp", 112, "redundancy", at_line(42)},
                      {ip_of("ff02::12"), "vrrp", 112, "redundancy", at_line(43)}};
  struct Row {
    const char* source;
    const char* destination;
    Protocol protocol;
    std::uint16_t selector;
    const char* on;  // empty: not known
    Judgement expected;
  };
  using enum Decision;
  using enum Protocol;
  const std::string_view xpander = "xpander-cloud";
  const std::vector<Row> rows{
      {"10.42.1.2", "10.42.3.4", Tcp, 9018, "2026-11-25", {InsideDeclared, 0, {}, {}, {}}},
      {"10.42.1.2", "10.42.3.4", Tcp, 9019, "2026-11-25", {InsideCluster, {}, {}, {}, {}}},
      {"10.42.1.2", "10.10.0.9", Tcp, 10250, "2026-11-25", {InsideCluster, {}, {}, {}, {}}},
      {"10.42.1.2", "10.20.0.10", Tcp, 8000, "2026-11-25", {InsideDeclared, 1, {}, {}, {}}},
      {"fd00:42::1", "fd00:20::10", Tcp, 8000, "2026-11-25", {InsideDeclared, 1, {}, {}, {}}},
      {"10.42.1.2", "10.20.0.10", Udp, 8000, "2026-11-25", {InsideUndeclared, {}, {}, {}, {}}},
      {"10.42.1.2", "10.20.0.10", Tcp, 8001, "2026-11-25", {InsideUndeclared, {}, {}, {}, {}}},
      {"10.20.0.10", "10.42.1.2", Tcp, 8000, "2026-11-25", {InsideUndeclared, {}, {}, {}, {}}},
      {"10.30.1.1", "10.10.0.5", Tcp, 443, "2026-11-25", {InsideDeclared, 2, {}, {}, {}}},
      {"10.10.0.5", "10.42.3.4", Tcp, 9018, "2026-11-25", {InsideDeclared, 3, {}, {}, {}}},
      {"10.42.0.9", "10.20.0.53", Udp, 53, "2026-11-25", {InsideDeclared, 4, {}, {}, {}}},
      {"10.42.0.9", "10.43.0.10", Udp, 53, "2026-11-25", {InsideDeclared, 5, {}, {}, {}}},
      {"127.0.0.1", "127.0.0.1", Tcp, 80, "2026-11-25", {InsideUndeclared, {}, {}, {}, {}}},
      {"10.42.1.2", "203.0.113.7", Tcp, 443, "2026-11-25", {Excepted, {}, 0, {}, {}}},
      {"10.42.1.2", "203.0.113.7", Tcp, 443, "2027-06-30", {Excepted, {}, 0, {}, {}}},
      {"10.42.1.2", "203.0.113.7", Tcp, 443, "2027-07-01", {Outside, {}, 0, {}, {}}},
      {"10.42.1.2", "203.0.113.7", Tcp, 443, "", {Outside, {}, 0, {}, {}}},
      {"10.42.1.2", "203.0.113.7", Tcp, 444, "2026-11-25", {Outside, {}, {}, {}, {}}},
      {"10.42.1.2", "203.0.113.8", Tcp, 443, "2026-11-25", {Outside, {}, {}, {}, {}}},
      {"10.10.0.5", "203.0.113.7", Tcp, 443, "2026-11-25", {Outside, {}, {}, {}, {}}},
      {"203.0.113.7", "10.42.1.2", Tcp, 443, "2026-11-25", {Outside, {}, {}, {}, {}}},
      {"8.8.8.8", "203.0.113.7", Tcp, 443, "2026-11-25", {Outside, {}, {}, {}, {}}},
      {"10.42.1.2", "15.197.85.80", Tcp, 443, "2026-11-25", {Outside, {}, {}, xpander, "xpander Cloud"}},
      {"10.42.1.2", "64:ff9b::fc5:5550", Tcp, 443, "2026-11-25", {Outside, {}, {}, xpander, "xpander Cloud"}},
      {"1.1.1.1", "10.42.1.2", Tcp, 443, "2026-11-25", {Outside, {}, {}, "doh", "Cloudflare"}},
      {"10.10.0.5", "224.0.0.18", Other, 112, "2026-11-25", {InsideDeclared, {}, {}, {}, {}}},
      {"10.10.0.5", "224.0.0.18", Other, 89, "2026-11-25", {Outside, {}, {}, {}, {}}},
      {"10.10.0.5", "224.0.0.18", Udp, 112, "2026-11-25", {Outside, {}, {}, {}, {}}},
      {"10.42.1.2", "224.0.0.18", Other, 112, "2026-11-25", {Outside, {}, {}, {}, {}}},
      {"fe80::1", "ff02::12", Other, 112, "2026-11-25", {InsideDeclared, {}, {}, {}, {}}},
      {"fe80::1", "224.0.0.18", Other, 112, "2026-11-25", {Outside, {}, {}, {}, {}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.source, row.destination, to_string(row.protocol), row.selector, row.on);
    const std::optional<Date> on = *row.on == '\0' ? std::nullopt : std::optional<Date>(date_of(row.on));
    const Judgement got = decide(policy, ip_of(row.source), ip_of(row.destination), row.protocol, row.selector, on);
    CHECK(to_string(got.decision) == to_string(row.expected.decision));
    CHECK(got == row.expected);
  }
}

TEST_CASE("a label comes from the longest prefix, denied catalogues first") {
  Policy policy = sample_policy();
  const auto add = [&](std::size_t catalogue, const char* prefix, const char* label) {
    policy.catalogues[catalogue].entries.push_back({CatalogueEntry::Match::Address, prefix, label, "docs", "", ""});
  };
  add(3, "9.9.9.0/24", "telemetry /24");  // the catalogue that is not denied
  add(1, "9.9.9.0/24", "doh /24");
  const auto label = [&](const char* destination) {
    return std::string(decide(policy, ip_of("10.42.1.2"), ip_of(destination), Protocol::Tcp, 443, {}).label);
  };
  CHECK(label("9.9.9.9") == "doh /24");
  add(3, "9.9.9.9/32", "telemetry /32");
  CHECK(label("9.9.9.9") == "telemetry /32");
  CHECK(label("9.9.8.9") == "");
}

TEST_CASE("diagnostics of every shape are in the fixture that their schema is held to") {
  Sources sources;
  Diagnostics diagnostics;
  const std::uint32_t source = sources.add("isolation.yaml", "mode: open\nmode: shut\n");
  diagnostics.error(Code::UnknownValue, Span{source, 6, 10}, "unknown mode 'open'")
      .expect("one of airgapped, private-vpc")
      .help("write airgapped")
      .note(Span{source, 11, 15}, "given again here")
      .note(Span{}, "without a place");
  diagnostics.error(Code::CannotRead, "rules/missing.yaml", "no such file");
  diagnostics.warning(Code::NothingToEnforce, Span{source, 0, 4}, "nothing to enforce");
  check_fixture("diagnostics.json", render_json(diagnostics, sources));
}

// Not part of a run: `policy_tests "[.speed]"` prints how long 10,000 prefixes and 1,600 catalogue entries take.
TEST_CASE("speed", "[.speed]") {
  std::mt19937_64 engine(5);
  RandomPolicyShape shape;
  shape.internal = 10000;
  shape.workloads = 200;
  shape.endpoints = 200;
  shape.flows = 400;
  Policy policy = random_policy(engine, shape);
  for (int i = 0; i < 1600; ++i) {
    policy.catalogues[0].entries.push_back({CatalogueEntry::Match::Suffix, "n" + std::to_string(i) + ".vendor.example",
                                            "vendor name", "docs", "2026-11-25", ""});
  }
  const auto milliseconds = [](auto work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  };
  std::string text;
  for (int round = 0; round < 3; ++round) {
    const double writing = milliseconds([&] { text = serialise(policy); });
    const double reading = milliseconds([&] { REQUIRE(read(text).policy); });
    std::printf("%zu bytes, %zu prefixes, %zu name nodes: serialise %.1f ms, parse %.1f ms\n", text.size(),
                policy.inside.prefixes().size(), policy.inside_names.nodes().size(), writing, reading);
  }
}

}  // namespace airtight
