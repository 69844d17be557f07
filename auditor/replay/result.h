// What a replay found, for every renderer; nothing in it views anything else.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/capture/capture_file.h"
#include "auditor/classify/classifier.h"
#include "auditor/finding.h"

namespace airtight::audit {

enum class Verdict : std::uint8_t { Clean, Violated, Inconclusive };
std::string_view to_string(Verdict);

struct ReplayedInterface {
  std::string name;  // empty if the file has none
  Role role = Role::Uplink;
  std::string why;  // "matches uplinks", "--pod-side", "no name: taken for an uplink" …
  LinkType link = LinkType::Ethernet;
  std::uint64_t packets = 0;
};

struct ReplayedFile {
  std::string path;
  std::string sha256;  // hexadecimal
  std::string format;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  // on the wire
  std::vector<ReplayedInterface> interfaces;
  std::vector<CaptureProblem> problems;
};

// What could be seen of names and what not.
struct Visibility {
  std::uint64_t dns_questions = 0;
  std::uint64_t dns_answers = 0;
  std::uint64_t tls_hellos = 0;  // with or without a name; DTLS included
  std::uint64_t quic_hellos = 0;
  std::uint64_t http_requests = 0;  // HTTP/1 and HTTP/2
  std::uint64_t socks_requests = 0;
  std::uint64_t encrypted_flows = 0;  // TLS, DTLS, QUIC, SSH: payload not seen
  std::uint64_t opaque_packets = 0;   // ESP, WireGuard, OpenVPN, MACsec …
  std::uint64_t midway_flows = 0;     // TCP connections whose beginning is not in the files: no name seen
  std::uint64_t unknown_flows = 0;    // TCP connections of protocols that name nobody as far as we can read them
  std::uint64_t unread_streams = 0;   // no room to look at them
  std::uint64_t fragments = 0;
  std::uint64_t fragments_given_up = 0;  // datagrams that were never whole
};

struct SeenName {
  std::uint64_t times = 0;
  bool inside = false;
};

struct ReplayResult {
  Verdict verdict = Verdict::Clean;
  std::vector<std::string> reasons;  // why not clean, one clause each, most important first; empty if clean
  std::vector<std::string> assumptions;
  std::vector<std::string> notes;   // about the options that were given, for standard error: no renderer shows them
  std::vector<std::string> limits;  // what a replay cannot see (DESIGN §8 and Visibility), in words
  std::string policy_digest;        // "sha256:…"
  std::string policy_name;          // metadata.name
  std::vector<ReplayedFile> files;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;       // on the wire
  std::uint64_t undecoded = 0;   // packets with Outcome Truncated, Malformed, Unsupported or TooDeep
  std::int64_t first = kNoTime;  // time span
  std::int64_t last = kNoTime;
  std::uint64_t ipv4 = 0, ipv6 = 0, arp = 0, other = 0;  // packets by family of the outermost level
  std::uint64_t flows = 0;                               // made in the table
  std::uint64_t flows_evicted = 0;
  std::uint64_t untracked = 0;  // packets without a place in the table: a gap
  std::array<ClassCount, kClassCount> classes{};
  std::vector<Finding>
      findings;  // violated first, then inconclusive, then listed; within, by rule, then by first packet
  std::uint64_t findings_left_out = 0;    // packets of findings beyond kMaxFindings of an effect
  std::uint64_t exceptions_used = 0;      // different exceptions that packets used: "clean with N exceptions"
  std::map<std::string, SeenName> names;  // at most 10,000
  std::uint64_t names_left_out = 0;
  Visibility visibility;
};

// Text for people; `colour` only where the caller knows a terminal. The first line answers: "clean", "violated: …",
// "inconclusive: …", "clean with 2 exceptions". Findings are grouped by rule with its title, five examples each.
std::string render_text(const ReplayResult&, bool colour);
// By replay.schema.json.
std::string render_json(const ReplayResult&);

// RFC 3339 in UTC, as many digits of the second as are not zero, up to nine: "2026-11-25T13:00:00.5Z".
std::string format_time(std::int64_t time);

}  // namespace airtight::audit
