// How every format names places, amounts and services. All text that comes back is safe to print.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/net/traffic_set.h"
#include "compiler/policy/source.h"
#include "compiler/verify/finding.h"

namespace airtight::verify {

// ANSI sequences, or nothing.
struct Ink {
  std::string_view bold, red, yellow, green, off;
};
const Ink& ink(bool colour);
// The verdict in its colour.
std::string inked(Verdict, const Ink&);

// "1 workload", "5 workloads".
std::string counted(std::size_t number, std::string_view noun);
// The first `most`, then "and N more".
std::string listed(const std::vector<std::string>& names, std::size_t most);

// Of a known span.
struct Place {
  std::string file;
  Position begin, end;
};
Place place_of(const Sources&, Span);
std::string place_text(const Sources&, Span);  // "file:line:column"
// The line with a caret under the token, as diagnostics show it; two lines, each ended.
std::string line_with_caret(const Sources&, Span, bool colour);

// "violated: …", "proven with 2 exceptions", "inconclusive: …".
std::string heading(const Report&);
// The finding's packet, its ends named where no address is fixed; empty where there is none.
std::string packet_text(const Finding&);
// "violated" "inconclusive" "incomplete" "excess" "finding".
std::string_view outcome(const Finding&);

// "TCP 80,443; UDP 53"; "All Connections" for all of TCP, UDP and SCTP, port 0 apart; "No Connections".
std::string services_text(const ServiceSet&);
// [{"protocol":"tcp","ports":[[first,last],…]}]; of ICMP "messages" (type * 256 + code), of others "numbers".
std::string services_json(const ServiceSet&);

}  // namespace airtight::verify
