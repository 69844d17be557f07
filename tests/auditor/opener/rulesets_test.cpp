// What the opener reads of nftables and iptables, in namespaces of the tests' own. Root only.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <sstream>

#include "auditor/opener/opener.h"
#include "auditor/opener/rulesets.h"
#include "tests/auditor/opener/apart.h"

namespace airtight::audit {
namespace {

std::string read_all(const Fd& stream) {
  std::string bytes;
  std::array<char, 64 * 1024> buffer;
  for (ssize_t size; (size = read(stream.get(), buffer.data(), buffer.size())) > 0;)
    bytes.append(buffer.data(), static_cast<std::size_t>(size));
  return bytes;
}

std::vector<RulesetDump> read_dumps(Opener& opener) {
  Fd stream;
  std::vector<RulesetDump> dumps;
  std::string why;
  if (const std::error_code error = opener.read_rulesets(stream)) return {{"", "", error.message(), true}};
  if (!decode_dumps(read_all(stream), dumps, why)) return {{"", "", why, true}};
  return dumps;
}

std::string tools(const std::vector<RulesetDump>& dumps) {
  std::string text;
  for (const RulesetDump& dump : dumps)
    text += (text.empty() ? "" : ", ") + dump.tool + (dump.failed ? " failed: " + dump.error : "");
  return text;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

const char* const kOurTables =
    "nft -f - <<'END'\n"
    "table inet airtight { counter held {} \n counter passed { packets 3 bytes 300 } \n set s { type ipv4_addr; }\n"
    " chain output { type filter hook output priority 0; ip daddr 203.0.113.0/24 counter name held drop; }; }\n"
    "table inet other { counter held { packets 7 bytes 8 }; }\n"
    "table ip airtight { counter held { packets 9 bytes 9 } \n quota q { over 5 bytes }; }\n"
    "END\n";

TEST_CASE("the generation changes with a transaction, not with counters, traffic or questions") {
  if (!has_root("generation")) return;
  CHECK(apart([] {
          RootShell root;
          std::string text = root.run(kOurTables) + root.run("ip link set lo up; ip route add 203.0.113.0/24 dev lo");
          const auto opener = start_opener({});
          std::uint32_t last = 0;
          const auto changed = [&] {
            std::uint32_t now = 0;
            if (const auto error = opener->ruleset_generation(now)) return error.message() + " ";
            return std::exchange(last, now) != now ? std::string("changed ") : std::string("same ");
          };
          text += changed();
          text += changed();
          root.run("ping -c 1 -W 1 203.0.113.9");
          std::string json;
          if (opener->counters("inet", "airtight", json)) return std::string("no counters");
          text += has(json, R"("held", "table": "airtight", "handle": 1, "packets": 0)") ? "idle " : "counted ";
          text += changed();
          text += tools(read_dumps(*opener)) + ' ';
          text += changed();
          for (const char* command :
               {"nft add element inet airtight s { 192.0.2.1 }", "nft add table inet late", "true",
                "nft delete table inet late", "nft reset counters table inet airtight > /dev/null"}) {
            text += root.run(command);
            text += changed();
          }
          return text;
        }) == "changed same counted same nft -j list ruleset same changed changed same changed same ");
}

// Behind the metainfo, which names a version.
std::string objects(const std::string& json) { return json.substr(std::min(json.find("}}"), json.size())); }

TEST_CASE("counters are those of one table, as nft itself writes them") {
  if (!has_root("counters")) return;
  CHECK(apart([] {
          RootShell root;
          std::string text = root.run(kOurTables);
          const auto opener = start_opener({});
          std::string json;
          for (const char* family : {"inet", "ip"}) {
            if (const auto error = opener->counters(family, "airtight", json)) return error.message();
            const std::string nft = root.run(std::string("nft -j list counters table ") + family + " airtight");
            text += objects(json) == objects(nft) ? "equal\n" : "ours " + json + " nft " + nft;
          }
          return text + json;
        }) ==
        "equal\nequal\n{\"nftables\": [{\"metainfo\": {\"json_schema_version\": 1}}, {\"counter\": {\"family\": "
        "\"ip\", \"name\": \"held\", \"table\": \"airtight\", \"handle\": 1, \"packets\": 9, \"bytes\": 9}}]}");
}

TEST_CASE("a table that is not there is told apart from one without counters") {
  if (!has_root("missing tables")) return;
  CHECK(apart([] {
          RootShell root;
          root.run("nft add table inet empty");
          const auto opener = start_opener({});
          std::ostringstream text;
          std::string json = "old";
          text << (opener->counters("inet", "missing", json) == std::errc::no_such_file_or_directory) << json;
          text << (opener->counters("ip", "empty", json) == std::errc::no_such_file_or_directory) << json;
          text << opener->counters("inet", "empty", json).value() << json << '\n';
          text << opener->counters("inet", "x; flush ruleset", json).message() << '\n';
          text << opener->counters("none", "empty", json).message() << '\n';
          text << root.run("nft list tables");
          return text.str();
        }) ==
        "1old1old0{\"nftables\": [{\"metainfo\": {\"json_schema_version\": 1}}]}\nInvalid argument\nInvalid "
        "argument\ntable inet empty");
}

TEST_CASE("more counters than one answer holds are an error, and the next question is answered") {
  if (!has_root("many counters")) return;
  CHECK(
      apart([] {
        RootShell root;
        std::string text = root.run(
            "(echo 'table inet many {'; for i in $(seq 5000); do echo \"counter c$i {}\"; done; echo '}') | nft -f -");
        text += root.run(
            "(echo 'table inet some {'; for i in $(seq 1000); do echo \"counter c$i {}\"; done; echo '}') "
            "| nft -f -");
        const auto opener = start_opener({});
        std::string json;
        for (int i = 0; i < 3; ++i) {
          text += opener->counters("inet", "many", json).message() + '\n';
          text += opener->counters("inet", "some", json).message() + '\n';
          text += has(json, "\"c1\"") && has(json, "\"c1000\"") ? "all\n" : "some missing\n";
        }
        return text;
      }) == "Message too long\nSuccess\nall\nMessage too long\nSuccess\nall\nMessage too long\nSuccess\nall\n");
}

TEST_CASE("an empty node is read as such") {
  if (!has_root("empty rulesets")) return;
  CHECK(apart([] {
          const auto opener = start_opener({});
          const std::vector<RulesetDump> dumps = read_dumps(*opener);
          return tools(dumps) + ": " + objects(dumps[0].text);
        }) == "nft -j list ruleset: }}]}\n");
}

TEST_CASE("both backends and both families are read as far as they are in use") {
  if (!has_root("backends")) return;
  const struct {
    const char* rules;
    const char* tools;
  } rows[] = {
      {"nft add table inet airtight; nft add table ip mine", "nft -j list ruleset"},
      {"iptables-nft -A FORWARD -j DROP", "nft -j list ruleset, iptables-nft-save"},
      {"ip6tables-nft -t raw -A OUTPUT -j DROP", "nft -j list ruleset, ip6tables-nft-save"},
      {"iptables-legacy -A FORWARD -j DROP", "nft -j list ruleset, iptables-legacy-save"},
      {"ip6tables-legacy -t nat -L", "nft -j list ruleset, ip6tables-legacy-save"},
      {"iptables-nft -A INPUT -j DROP; ip6tables-nft -A INPUT -j DROP; iptables-legacy -A INPUT -j DROP; "
       "ip6tables-legacy -A INPUT -j DROP",
       "nft -j list ruleset, iptables-nft-save, iptables-legacy-save, ip6tables-nft-save, ip6tables-legacy-save"},
  };
  for (const auto& row : rows) {
    INFO(row.rules);
    CHECK(apart([&row] {
            RootShell root;
            root.run(row.rules);
            const auto opener = start_opener({});
            return tools(read_dumps(*opener));
          }) == row.tools);
  }
}

TEST_CASE("what the tools of iptables print comes through, of the backend that it stands in") {
  if (!has_root("texts of iptables")) return;
  CHECK(apart([] {
          RootShell root;
          root.run(
              "iptables-nft -A FORWARD -d 203.0.113.1 -m string --string abc --algo bm -j DROP; "
              "iptables-legacy -A OUTPUT -d 203.0.113.2 -j DROP; ip6tables-legacy -A OUTPUT -d 2001:db8::3 -j DROP");
          std::string printed;
          for (const char* tool : {"iptables-nft-save", "iptables-legacy-save", "ip6tables-legacy-save"})
            printed += root.run(std::string(tool) + " 2> /dev/null | grep -v '^#'") + '\n';
          const auto opener = start_opener({});
          const std::vector<RulesetDump> dumps = read_dumps(*opener);
          if (dumps.size() != 4) return tools(dumps);
          std::string lines;
          for (std::size_t i = 1; i < dumps.size(); ++i) {
            std::istringstream text(dumps[i].text);
            for (std::string line; std::getline(text, line);)
              if (line[0] != '#') lines += line + '\n';
          }
          if (lines != printed) return lines + " is not " + printed;
          if (!has(dumps[0].text, R"("xt")")) return dumps[0].text;
          if (!has(lines, "-A FORWARD -d 203.0.113.1/32 -m string --string") ||
              !has(lines, "-A OUTPUT -d 2001:db8::3/128"))
            return lines;
          return dumps[1].error;
        }) == "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them");
}

TEST_CASE("what waits to be printed in the agent does not get into the rulesets") {
  if (!has_root("buffered output")) return;
  CHECK(apart([] {
          std::printf("waits in the buffer");
          const auto opener = start_opener({});
          return read_dumps(*opener)[0].text.substr(0, 12);
        }) == "{\"nftables\":");
}

TEST_CASE("a large ruleset comes whole, and rulesets that nobody reads do not pile up") {
  if (!has_root("large rulesets")) return;
  CHECK(apart([] {
          RootShell root;
          std::string text = root.run(
              "(echo 'table inet big { set s { type ipv4_addr; elements = { 192.0.2.1'; for i in $(seq 20000); do echo "
              "\",10.0.$((i / 256)).$((i % 256))\"; done; echo '}; }; }') | nft -f -");
          const auto opener = start_opener({});
          Fd first, second, third;
          for (Fd* stream : {&first, &second, &third}) text += opener->read_rulesets(*stream).message() + ", ";
          std::vector<RulesetDump> dumps;
          std::string why;
          text += decode_dumps(read_all(first), dumps, why) && has(dumps[0].text, "\"10.0.78.32\"") ? "whole" : why;
          second.reset();
          // Both readers end now, one with its work and one because nobody listens; then there is room again.
          std::error_code error;
          for (int i = 0; i < 1000; ++i) {
            if (error = opener->read_rulesets(third); !error) break;
            usleep(10'000);
          }
          text += ", " + error.message();
          text += decode_dumps(read_all(third), dumps, why) ? ", whole" : why;
          return text;
        }) == "Success, Success, Device or resource busy, whole, Success, whole");
}

TEST_CASE("the name of a program that the kernel does not tell is empty, and no error") {
  if (!has_root("names of programs")) return;
  CHECK(apart([] {
          const auto opener = start_opener({});
          std::string name = "old";
          const auto error = opener->program_name(0xffffffff, name);
          return error.message() + " '" + name + "'";
        }) == "Success ''");
}

TEST_CASE("the programs of a device are asked of the opener, which may") {
  if (!has_root("programs of devices")) return;
  CHECK(apart([] {
          const auto opener = start_opener({});
          std::ostringstream text;
          for (const std::uint32_t index : {1u, 0x7fffffffu}) {
            std::vector<std::uint32_t> ids{9};
            text << opener->device_programs(index, ids).message() << ' ' << ids.size() << '\n';
          }
          return text.str();
        }) == "Success 0\nSuccess 0\n");
}

}  // namespace
}  // namespace airtight::audit
