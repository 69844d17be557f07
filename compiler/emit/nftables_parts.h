// What the files of the nftables target share; nobody else includes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/emit/packet_filter.h"
#include "compiler/policy/policy.h"

namespace airtight::nftables {

inline constexpr std::string_view kInetTable = "airtight";
inline constexpr std::string_view kEgressTable = "airtight_egress";
// What stands below this line of airtight-egress.nft is one block an uplink; apply.sh writes those for the devices that
// it finds, from the template.
inline constexpr std::string_view kUplinksMarker = "# uplinks: one base chain a device";

// The artifact's header, every line of it a comment whatever the spec's name holds.
std::string header_text(const Policy&, std::string_view purpose);

// `comment "…"` with a space before it: at most 120 octets, no quotes and controls.
std::string rule_comment(const std::vector<std::string>& why);

// The whole transaction of one table, without the artifact's header; and the statements that turn it into the form that
// counts and holds nothing, to be loaded in the same transaction behind it.
struct TableText {
  std::string enforcing;
  std::string counting;
};
TableText inet_table(const Policy&);

struct EgressText {
  TableText table;              // sets and the chain of refusals, without any base chain
  std::string uplink_block;     // template: %DEVICE% name, %NAME% name in identifiers, %LONGEST% octets of a full frame
  std::string uplink_counting;  // template, as TableText::counting
  unsigned mac_header = 14;     // octets of a MAC header, with a tag where vlan is declared
  std::string literal_uplinks;  // the blocks of the uplinks that are no patterns, for an MTU of 1,500
};
EgressText egress_table(const Policy&);

// Those uplinks that are literal names, and those that are patterns, in the order of the spec.
std::vector<std::string> literal_uplinks(const Policy&);
std::vector<std::string> uplink_patterns(const Policy&);

std::string remove_text();  // the statements of remove.nft
std::string apply_script(const Policy&, const TableText& inet, const EgressText& egress);
std::string remove_script(const Policy&);

}  // namespace airtight::nftables
